"""Notices that the configuration or the hook file has changed, and has it loaded once settled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic, sleep
from typing import TYPE_CHECKING, Final

from hookframe.files.watcher import POLL, Watch
from hookframe.host.rehearsal import Advice, Rehearsal
from hookframe.host.settling import StabilityCheck

if TYPE_CHECKING:
    from hookframe.host.source import PolicyFiles, Source
    from hookframe.log.log import Log

RETRY: Final = 1.0
"""Seconds after which a broken chain is built again: what it lacked may be back."""
SETTLING: Final = 0.01
"""Seconds between two looks at a file that somebody is writing."""
REHEARSED: Final = 0.0002
"""Seconds between two questions, at first, whether another process has loaded a change."""
AT_ONCE: Final = 0.1
"""Seconds in which it is asked so often; after that the files are looked at again in between."""
UNTROUBLED: Final = 0.75
"""Seconds between two looks at files on a local file system, all of whose changes but a few, as a
directory that is renamed, the system reports."""


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
        load: Callable[[PolicyFiles], PolicyFiles],
        refuse: Callable[[], None],
        broken: Callable[[], bool],
        remind: Callable[[], None],
        log: Log,
        loaded: PolicyFiles,
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
        self._loaded_at = monotonic()
        self._forced = threading.Event()
        self._stopping = threading.Event()
        self._noticed = threading.Event()
        self._watch = Watch(self._noticed, log.warning)
        self._stability = StabilityCheck(loaded)
        self._waiting_since = 0.0
        self._looking = False
        self._thread = threading.Thread(target=self._run, name="hookframe-reload", daemon=True)
        self._watch.watch_files(file.path for file in loaded.files)
        self._noticed.set()
        self._thread.start()

    def force(self) -> None:
        """Build a generation anew, changed or not."""
        self._forced.set()
        self._noticed.set()

    def look(self) -> None:
        """Look now whether something has changed."""
        self._noticed.set()

    def is_behind(self) -> bool:
        """Say whether something has been noticed that has yet to be loaded."""
        return self._looking or self._noticed.is_set()

    def stop(self) -> None:
        """Stop looking, and wait until a load in progress has ended."""
        self._stopping.set()
        self._noticed.set()
        if self._thread is not threading.current_thread():
            self._thread.join()
        self._watch.stop()

    def _run(self) -> None:
        while not self._stopping.is_set():
            if self._noticed.wait(self._patience()):
                self._looking = True
            elif not (self._looking or self._broken()) and self._is_unchanged():
                continue
            self._noticed.clear()
            if self._stopping.is_set():
                return
            try:
                self._looking = self._look()
            except BaseException as error:  # noqa: BLE001  (this thread must live as long as the host)
                self._log.error(f"looking for changes failed: {error!r}")
                self._looking = False
            if self._broken():
                self._remind()

    def _patience(self) -> float:
        """Return the seconds until the next look, should nothing be noticed before."""
        if self._looking:
            return SETTLING
        # A network file system grants no leases, and does not report changes made elsewhere.
        local = self._watch.works and self._seen.leased
        return UNTROUBLED if local and not self._broken() else POLL

    def _is_unchanged(self) -> bool:
        """Return whether every file is as at the last look, at less cost than another one."""
        return all(file.still_matches() for file in self._seen.files)

    def _look(self) -> bool:
        """Look once; say whether a change has yet to settle."""
        policy_files = self._source.read(file.path for file in self._loaded.code_files)
        waits = self._take(policy_files)
        files = (*policy_files.files, *self._loaded.code_files)
        self._seen = policy_files
        if self._watch.watch_files(dict.fromkeys(file.path for file in files)):
            self._noticed.set()
        return waits

    def _take(self, policy_files: PolicyFiles) -> bool:
        """Load what was read if it has changed and settled; say whether it has yet to settle."""
        changed = policy_files.fingerprint != self._loaded.fingerprint
        due = self._broken() and monotonic() - self._loaded_at >= RETRY
        if not (changed or due or self._forced.is_set()):
            self._waiting_since = 0.0
            return False
        if not self._stability.is_stable(policy_files):
            self._warn_unfinished(policy_files)
            return True
        self._waiting_since = 0.0
        advice = self._ask_advice(policy_files)
        if advice is Advice.WAIT:
            self._noticed.set()  # it may be loaded any moment: look, and ask on
            return True
        self._forced.clear()
        self._loaded = policy_files
        if advice is Advice.LOAD:
            self._loaded = self._load(policy_files)
        else:
            self._refuse()
        self._loaded_at = monotonic()
        return False

    def _ask_advice(self, policy_files: PolicyFiles) -> Advice:
        """Ask whether to load what was read, for a moment again and again: mostly it is enough."""
        policy, until, patience = policy_files.numbers, monotonic() + AT_ONCE, REHEARSED
        while True:
            advice = self._rehearsal.advice(policy)
            if advice is not Advice.WAIT or monotonic() > until or self._stopping.is_set():
                return advice
            sleep(patience)
            patience = min(patience * 1.1, 10 * REHEARSED)

    def _warn_unfinished(self, policy_files: PolicyFiles) -> None:
        """Say once that a change is not live because its writer has not finished."""
        now = monotonic()
        if self._waiting_since == 0.0:
            self._waiting_since = now
        elif self._waiting_since > 0 and now - self._waiting_since > 1.0:
            paths = ", ".join(file.path for file in policy_files.files)
            self._log.warning(f"a change waits until its writer closes the file: {paths}")
            self._waiting_since = -1.0
