"""Notice changes of the policy's files, and deliver them once they are complete.

It only reads: it runs no code of a policy.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from time import monotonic
from typing import TYPE_CHECKING, Final

from hookframe.files.watcher import POLL, Watch
from hookframe.host.settling import StabilityCheck
from hookframe.host.source import read_when_stable
from hookframe.log.rate import OncePerSecond

if TYPE_CHECKING:
    from hookframe.files.snapshot import Snapshot
    from hookframe.host.source import PolicyFiles, Source
    from hookframe.log.log import Log

_SETTLING: Final = 0.01
"""Seconds between two checks of a file that a process is writing."""
_UNTROUBLED: Final = 0.75
"""Seconds between two checks of files on a local file system, which reports nearly all changes."""


class PolicyWatcher:
    """Watches the files of a policy, in a thread of its own (`start`) or in the caller's (`run`).

    Each reading that is complete and not equal to the last one is delivered. Its receiver compares
    it with what it has loaded: a reading may tell of nothing new, never of less.

    Args:
        source: the source of the policy.
        deliver: receives each reading, in the watcher's thread.
        log: receives errors of watching.
        seen: the files that the receiver has loaded; None if it has none, and then the first
            reading is delivered at once, or after a second if a process is writing a file.
    """

    def __init__(
        self,
        source: Source,
        deliver: Callable[[PolicyFiles], None],
        log: Log,
        seen: PolicyFiles | None = None,
    ) -> None:
        self._source = source
        self._deliver = deliver
        self._log = log
        self.beat: Callable[[], None] = _do_nothing
        """called after every check, at least every 0.75 s while nothing blocks or fails"""
        self.hurried = False
        """whether to check, and to call `beat`, every 0.25 s"""
        self._delivered = "" if seen is None else seen.digest
        self._seen: tuple[Snapshot, ...] = () if seen is None else seen.files
        self._code_files = () if seen is None else tuple(file.path for file in seen.code_files)
        self._told = 0
        """how often other code files were named"""
        self._delivering = threading.Lock()
        self._forced = seen is None
        self._stopping = threading.Event()
        self._noticed = threading.Event()
        self._watch = Watch(self._noticed, log.warning)
        self._stability = StabilityCheck(self._seen, self._watch.is_being_written)
        self._waiting_since = 0.0
        self._unsettled = False
        self._error_limit = OncePerSecond()
        self._thread: threading.Thread | None = None
        self._watch.watch_files(file.path for file in self._seen)
        self._noticed.set()

    def start(self) -> None:
        """Watch in a thread."""
        self._thread = threading.Thread(target=self.run, name="hookframe-watch", daemon=True)
        self._thread.start()

    def run(self) -> None:
        """Watch in this thread until `stop` is called in another one, or by a signal handler."""
        while not self._stopping.is_set():
            try:
                self._check()
                self.beat()
            except Exception as error:  # noqa: BLE001  (watching must outlive errors)
                if self._error_limit.due():
                    self._log.error(f"checking for changes failed: {error!r}")
                self._stopping.wait(POLL)
        self._watch.stop()

    def look(self) -> None:
        """Check the files now."""
        self._noticed.set()

    def force(self) -> None:
        """Deliver the next complete reading, even if it is equal to the last one."""
        with self._delivering:
            self._forced = True
        self._noticed.set()

    def watch_also(self, code_files: Iterable[str]) -> None:
        """Watch the code files that the last load has read or looked for, instead of others.

        The next complete reading is delivered, as one of them may have changed since. No earlier
        one is delivered after this call.

        Args:
            code_files: their paths.
        """
        with self._delivering:
            self._code_files = tuple(code_files)
            self._told += 1
            self._forced = True
        self._noticed.set()

    def stop(self) -> None:
        """Stop watching, and wait for the thread."""
        self._stopping.set()
        self._noticed.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _check(self) -> None:
        """Wait for a sign of a change, or for the time of the next check; then check once."""
        noticed = self._noticed.wait(self._find_patience())
        if not (noticed or self._unsettled) and all(file.still_matches() for file in self._seen):
            return  # cheaper than reading them as a whole
        self._noticed.clear()
        if not self._stopping.is_set():
            self._unsettled = True  # also if this raises
            self._unsettled = self._take_look()

    def _find_patience(self) -> float:
        """Return the seconds until the next check if nothing is noticed before."""
        if self._unsettled:
            return _SETTLING
        # A network file system grants no leases, and does not report changes made elsewhere.
        local = self._watch.works and all(file.leased for file in self._seen)
        return _UNTROUBLED if local and not self.hurried else POLL

    def _take_look(self) -> bool:
        """Read the files, and deliver them if due; return whether they are not complete yet."""
        told = self._told
        first = not (self._delivered or self._seen)
        files = read_when_stable(self._source) if first else self._source.read(self._code_files)
        self._seen = files.files
        if self._watch.watch_files(file.path for file in files.files):
            self._noticed.set()
        if files.digest == self._delivered and not self._forced:
            self._waiting_since = 0.0
            return False
        stable = self._stability.is_stable(files)
        if not (first or stable):
            self._warn_unfinished(files)
            return True
        self._waiting_since = 0.0
        with self._delivering:
            if told != self._told:
                return True
            self._deliver(files)
            self._delivered, self._forced = files.digest, False
        return False

    def _warn_unfinished(self, policy_files: PolicyFiles) -> None:
        """Log once that a change waits for its writer to finish."""
        now = monotonic()
        if self._waiting_since == 0.0:
            self._waiting_since = now
        elif self._waiting_since > 0 and now - self._waiting_since > 1.0:
            written = self._stability.find_written(policy_files)
            paths = ", ".join(written or (file.path for file in policy_files.files))
            self._log.warning(f"a change waits until its writer closes the file: {paths}")
            self._waiting_since = -1.0


def _do_nothing() -> None:
    """Do nothing."""
