"""Notice changes of the policy's files, and load them once they are stable."""

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
"""Seconds after which a broken chain is built again: what it lacked may be available."""
SETTLING: Final = 0.01
"""Seconds between two checks of a file that a process is writing."""
REHEARSED: Final = 0.0002
"""First seconds between two questions whether another process has loaded a change."""
AT_ONCE: Final = 0.1
"""Seconds of asking so often; then the files are checked again in between."""
UNTROUBLED: Final = 0.75
"""Seconds between two checks of files on a local file system, which reports nearly all changes."""


class Reloader:
    """A thread that checks a policy's files and loads changes.

    Args:
        source: the source of the policy.
        load: builds a generation from the files, and returns them with its plugins' code files.
        refuse: called for files that must not be loaded.
        broken: returns whether the chain could not be built.
        remind: called about four times a second while the chain is broken.
        log: receives errors of watching.
        loaded: the files of the first generation.
        rehearsal: returns whether another process loads a change first.
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
        self._loaded = loaded
        self._seen = loaded.files
        """each file as it was at the last check, code files of a new generation included"""
        self._loaded_at = monotonic()
        self._forced = threading.Event()
        self._stopping = threading.Event()
        self._noticed = threading.Event()
        self._watch = Watch(self._noticed, log.warning)
        self._stability = StabilityCheck(loaded, self._watch.is_being_written)
        self._waiting_since = 0.0
        self._looking = False
        self._thread = threading.Thread(target=self._run, name="hookframe-reload", daemon=True)
        self._watch.watch_files(file.path for file in loaded.files)
        self._noticed.set()
        self._thread.start()

    def force(self) -> None:
        """Build a generation even if nothing has changed."""
        self._forced.set()
        self._noticed.set()

    def look(self) -> None:
        """Check for changes now."""
        self._noticed.set()

    def is_behind(self) -> bool:
        """Return whether a noticed change is not loaded yet."""
        return self._looking or self._noticed.is_set()

    def stop(self) -> None:
        """Stop checking, and wait for a load in progress."""
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
            except BaseException as error:  # noqa: BLE001  (this thread must outlive errors)
                self._log.error(f"checking for changes failed: {error!r}")
                self._looking = False
            if self._broken():
                self._remind()

    def _patience(self) -> float:
        """Return the seconds until the next check if nothing is noticed before."""
        if self._looking:
            return SETTLING
        # A network file system grants no leases, and does not report changes made elsewhere.
        local = self._watch.works and all(file.leased for file in self._seen)
        return UNTROUBLED if local and not self._broken() else POLL

    def _is_unchanged(self) -> bool:
        """Return whether every file is unchanged; cheaper than reading them."""
        return all(file.still_matches() for file in self._seen)

    def _look(self) -> bool:
        """Check once; return whether a change is not stable yet."""
        policy_files = self._source.read(file.path for file in self._loaded.code_files)
        waits = self._take(policy_files)
        known = {file.path for file in policy_files.files}
        new = [file for file in self._loaded.code_files if file.path not in known]
        self._seen = (*policy_files.files, *new)
        if self._watch.watch_files(file.path for file in self._seen):
            self._noticed.set()
        return waits

    def _take(self, policy_files: PolicyFiles) -> bool:
        """Load the files if changed and stable; return whether they are not stable yet."""
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
            self._noticed.set()  # it may be loaded any moment: check and ask again
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
        """Ask for a moment whether to load the files; that is mostly enough."""
        policy, until, patience = policy_files.numbers, monotonic() + AT_ONCE, REHEARSED
        while True:
            advice = self._rehearsal.advice(policy)
            if advice is not Advice.WAIT or monotonic() > until or self._stopping.is_set():
                return advice
            sleep(patience)
            patience = min(patience * 1.1, 10 * REHEARSED)

    def _warn_unfinished(self, policy_files: PolicyFiles) -> None:
        """Log once that a change waits for its writer to finish."""
        now = monotonic()
        if self._waiting_since == 0.0:
            self._waiting_since = now
        elif self._waiting_since > 0 and now - self._waiting_since > 1.0:
            paths = ", ".join(file.path for file in policy_files.files)
            self._log.warning(f"a change waits until its writer closes the file: {paths}")
            self._waiting_since = -1.0
