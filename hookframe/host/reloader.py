"""Notices that the configuration or the hook file has changed, and has it loaded once settled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic, sleep
from typing import TYPE_CHECKING, Final

from hookframe.bell import Bell
from hookframe.files.filesystems import is_local
from hookframe.files.snapshot import FORGOTTEN, QUIET, Writers
from hookframe.files.watcher import POLL, Watch
from hookframe.host.rehearsal import Advice, Rehearsal

if TYPE_CHECKING:
    from hookframe.host.source import Material, Source
    from hookframe.log.log import Log

RETRY: Final = 1.0
"""Seconds after which a broken chain is built again: what it lacked may be back."""
SETTLING: Final = 0.01
"""Seconds between two looks at a file that somebody is writing."""
UNTROUBLED: Final = 3 * POLL
"""Seconds between two looks where the system tells of every change."""
TOLD: Final = 30.0
"""The same where another process looks as well, and tells of what it sees."""
REHEARSED: Final = 0.0002
"""Seconds between two questions, at first, whether another process has loaded a change."""
AT_ONCE: Final = 0.1
"""Seconds in which it is asked so often; after that the files are looked at again in between."""
STILL: Final = 0.5
"""The same where every lease is refused, as if there were always a writer (NFS)."""


class Settling:
    """Judges whether a file that has changed is whole.

    Args:
        watch: knows what the file system's events tell of writers.
        loaded: what is in use already.
    """

    def __init__(self, watch: Watch, loaded: Material) -> None:
        self._watch = watch
        self._leases = loaded.leased
        self._candidate: tuple[object, ...] = ()
        self._since = 0.0

    def settled(self, material: Material) -> bool:
        """Say whether what was read may be loaded.

        Where the system grants a lease nobody is writing, and that is the end of it. Elsewhere
        events tell of an unfinished writer, or the files have to stay the same for a while. So has
        a file that is missing: some editors move the old one away before they write the new one.
        """
        now = monotonic()
        if material.fingerprint != self._candidate:
            self._candidate, self._since = material.fingerprint, now
        still = now - self._since
        self._leases = self._leases or material.leased
        if material.writers is Writers.NONE:
            return material.readable or still >= QUIET
        told = {self._watch.unclosed(file.path) for file in material.files}
        if material.writers is Writers.SOME:
            believed = self._leases or not self._watch.works
            return True not in told and still >= (FORGOTTEN if believed else STILL)
        if True in told:
            return still >= FORGOTTEN
        return False in told or still >= QUIET


class Reloader:
    """A thread that looks at a policy's files and reports what has to be loaded.

    Args:
        source: where the policy comes from.
        load: takes what was read, whenever a generation must be built from it, and gives it back
            with the code files of that generation's plugins.
        refuse: is called where it must not be.
        broken: says whether the chain could not be built.
        remind: is called about four times a second while it is broken.
        log: takes what prevents watching.
        loaded: what the first generation was built from.
        rehearsal: says whether another process loads a change first.
    """

    def __init__(
        self,
        source: Source,
        load: Callable[[Material], Material],
        refuse: Callable[[], None],
        broken: Callable[[], bool],
        remind: Callable[[], None],
        log: Log,
        loaded: Material,
        rehearsal: Rehearsal,
    ) -> None:
        self._source = source
        self._load = load
        self._refuse = refuse
        self._rehearsal = rehearsal
        self._broken = broken
        self._remind = remind
        self._log = log
        self._loaded = self._seen = loaded
        self._stamps: object = None
        self._trusted = False
        """whether a `stat` of the files that were seen last tells for certain if one changes"""
        self._loaded_at = monotonic()
        self._forced = threading.Event()
        self._stopping = threading.Event()
        self._bell = Bell()
        self._watch = Watch(self._bell, log.warning)
        self._settling = Settling(self._watch, loaded)
        self._waiting_since = 0.0
        self._looking = False
        self._thread = threading.Thread(target=self._run, name="hookframe-reload", daemon=True)
        self._watch.cover(file.path for file in loaded.files)
        self._bell.ring()
        self._thread.start()

    def force(self) -> None:
        """Build a generation anew, changed or not."""
        self._forced.set()
        self._bell.ring()

    def look(self) -> None:
        """Look now whether something has changed."""
        self._bell.ring()

    def behind(self) -> bool:
        """Say whether something has been noticed that has yet to be loaded."""
        return self._looking or self._bell.rung

    def stop(self) -> None:
        """Stop looking, and wait until a load in progress has ended."""
        self._stopping.set()
        self._bell.ring()
        if self._thread is not threading.current_thread():
            self._thread.join()
        self._watch.stop()

    def _run(self) -> None:
        patience = POLL
        while not self._stopping.is_set():
            if self._bell.wait(patience):
                self._looking = True
            elif not (self._looking or self._broken()) and self._is_unchanged():
                patience = self._leisure()
                continue
            self._bell.hush()
            if self._stopping.is_set():
                return
            try:
                self._looking = self._look()
            except BaseException as error:  # noqa: BLE001  (this thread must live as long as the host)
                self._log.error(f"looking for changes failed: {error!r}")
                self._looking = False
            patience = SETTLING if self._looking else POLL
            if self._broken():
                self._remind()

    def _leisure(self) -> float:
        """Say for how long nobody has to look, as nothing has changed."""
        if not self._watch.works:
            return POLL
        return TOLD if self._rehearsal.stands_by() else UNTROUBLED

    def _is_unchanged(self) -> bool:
        """Say whether a `stat` is enough to see that no file has changed since the last look.

        It is not on a network file system, where only an open asks the server.
        """
        return self._trusted and all(file.is_unchanged() for file in self._seen.files)

    def _look(self) -> bool:
        """Look once; say whether a change has yet to settle."""
        material = self._source.look(file.path for file in self._loaded.code_files)
        waits = self._take(material)
        stamps = [(file.path, file.stamp) for file in material.files]
        if stamps != self._stamps:
            self._trusted = all(is_local(file.path) for file in material.files)
        self._seen, self._stamps = material, stamps
        files = (*material.files, *self._loaded.code_files)
        if self._watch.cover(dict.fromkeys(file.path for file in files)):
            self._bell.ring()
        return waits

    def _take(self, material: Material) -> bool:
        """Load what was read if it has changed and settled; say whether it has yet to settle."""
        changed = material.fingerprint != self._loaded.fingerprint
        due = self._broken() and monotonic() - self._loaded_at >= RETRY
        if not (changed or due or self._forced.is_set()):
            self._waiting_since = 0.0
            return False
        if not self._settling.settled(material):
            self._say_that_it_waits(material)
            return True
        self._waiting_since = 0.0
        advice = self._advised(material)
        if advice is Advice.WAIT:
            self._bell.ring()  # it may be loaded any moment: look, and ask on
            return True
        self._forced.clear()
        self._loaded = material
        if advice is Advice.LOAD:
            self._loaded = self._load(material)
        else:
            self._refuse()
        self._watch.forget_closed()
        self._loaded_at = monotonic()
        return False

    def _advised(self, material: Material) -> Advice:
        """Ask whether to load what was read, for a moment again and again: mostly it is enough."""
        policy, until, patience = material.numbers, monotonic() + AT_ONCE, REHEARSED
        while True:
            advice = self._rehearsal.advice(policy)
            if advice is not Advice.WAIT or monotonic() > until or self._stopping.is_set():
                return advice
            sleep(patience)
            patience = min(patience * 1.1, 10 * REHEARSED)

    def _say_that_it_waits(self, material: Material) -> None:
        """Say once that a change is not live because its writer has not finished."""
        now = monotonic()
        if self._waiting_since == 0.0:
            self._waiting_since = now
        elif self._waiting_since > 0 and now - self._waiting_since > 1.0:
            paths = ", ".join(file.path for file in material.files)
            self._log.warning(f"a change waits until its writer closes the file: {paths}")
            self._waiting_since = -1.0
