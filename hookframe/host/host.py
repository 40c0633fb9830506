"""The host: holds and swaps the generation in use, and turns every error into a temp-fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic, sleep
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from hookframe.api.errors import DeadlineExceeded
from hookframe.chain.trace import Explanation
from hookframe.config.model import Config
from hookframe.host.attempts import Attempts
from hookframe.host.generation import Generation
from hookframe.host.loader import PolicyLoader, read_when_stable
from hookframe.host.rehearsal import Rehearsal
from hookframe.host.source import ConfigFile, GivenConfig, Source
from hookframe.log.log import Log

if TYPE_CHECKING:
    from hookframe.api.decision import Decision
    from hookframe.host.reloader import Reloader


class Host:
    """Decides about delivery attempts with the chain of a policy, one attempt at a time.

    Args:
        source: the source of the policy; see `Host.from_config` and `Host.of`.
        watch: whether changes of the files take effect automatically, within a second.
        log: receives errors; None for loguru's global logger.
        interrupt: whether an overdue hook is ended by an exception, which works only for attempts
            that the main thread asks about. Without `cells` this uses SIGALRM and its timer.
        cells: doubles that receive the times of the running attempt, at the indices `STARTED` and
            `DUE` of `hookframe.chain.deadline`. Another process reads them, and sends that module's
            `SIGNAL` to the main thread while a hook is overdue.
        rehearsal: returns whether another process loads a change first; None without one.

    Raises:
        ValueError: with `interrupt`, outside the main thread.
    """

    def __init__(
        self,
        source: Source,
        *,
        watch: bool = True,
        log: Log | None = None,
        interrupt: bool = False,
        cells: memoryview[float] | None = None,
        rehearsal: Rehearsal | None = None,
    ) -> None:
        self._source = source
        log = log or Log()
        self._attempts = attempts = Attempts(log, interrupt=interrupt, cells=cells)
        self._acquire, self._release = attempts.lock.acquire, attempts.lock.release
        self.statistics = attempts.statistics
        """its counts, over all generations"""
        self._loader = loader = PolicyLoader(attempts, log, rehearsal or Rehearsal())
        policy_files = loader.load(read_when_stable(source))
        self._reloader: Reloader | None = None
        if watch:
            from hookframe.host.reloader import Reloader  # noqa: PLC0415  (watchdog only where it is used)

            self._reloader = Reloader(
                source,
                loader.load,
                loader.refuse,
                loader.is_broken,
                loader.remind,
                log,
                policy_files,
                rehearsal or Rehearsal(),
            )

    @classmethod
    def from_config(
        cls,
        path: str | Path,
        *,
        watch: bool = True,
        log: Log | None = None,
        interrupt: bool = False,
    ) -> Self:
        """Build a host from a `hookframe.toml`.

        Args:
            path: the configuration file.
            watch: whether changes of the policy's files take effect automatically.
            log: receives errors; None for loguru's global logger.
            interrupt: whether an overdue hook is ended by an exception.

        Returns:
            The host. Errors of the policy don't raise: `problem` describes them, and every attempt
            temp-fails until they are fixed.
        """
        return cls(ConfigFile(path), watch=watch, log=log, interrupt=interrupt)

    @classmethod
    def of(
        cls,
        config: Config,
        *,
        watch: bool = True,
        log: Log | None = None,
        interrupt: bool = False,
    ) -> Self:
        """Build a host from a program's own configuration."""
        return cls(GivenConfig(config), watch=watch, log=log, interrupt=interrupt)

    @property
    def problem(self) -> str:
        """The error of the policy; empty without one."""
        return self._loader.problem

    @property
    def generation(self) -> Generation | None:
        """The generation in use; None if every attempt temp-fails."""
        return self._attempts.generation

    @property
    def last_load_error(self) -> tuple[str, float] | None:
        """The last load error and its UNIX time, even if it is fixed; None if there was none."""
        return self._loader.last_error

    @property
    def config(self) -> Config | None:
        """The last valid configuration; None if there was none."""
        return self._loader.config

    @property
    def loading_since(self) -> float:
        """The monotonic time since which a generation is built or closed; 0 while none is."""
        return self._loader.loading_since

    @property
    def internal_errors(self) -> int:
        """The number of attempts that failed by an error of hookframe's own.

        After one, nothing is known of the state of this process; a daemon replaces it.
        """
        return self._attempts.internal_errors

    def call_when_changing(self, function: Callable[[], object]) -> None:
        """Call a function at the beginning and the end of a load, and when the chain is swapped."""
        self._loader.changing = function

    def decide(self, attempt: Mapping[str, Any]) -> Decision:
        """Decide about one delivery attempt (CONTRACT 9).

        Args:
            attempt: the nine keys of an attempt, and any others.

        Returns:
            The decision, a new dict. After any error of a plugin, the policy or the attempt it is
            the temp-fail with `"error": True`. It never raises.
        """
        self._acquire()  # the two calls cost half of a `with`
        try:
            return self._attempts.decide(attempt)
        except (Exception, DeadlineExceeded) as error:  # noqa: BLE001  (it never raises)
            return self._attempts.fail(error, attempt)
        finally:
            self._release()

    def explain(self, attempt: Mapping[str, Any]) -> Explanation:
        """Decide as `decide` does, and return what each plugin did.

        Args:
            attempt: the nine keys of an attempt, and any others.

        Returns:
            The decision with its trace; the trace is empty if no plugin was called.
        """
        with self._attempts.lock:
            try:
                return self._attempts.explain(attempt)
            except (Exception, DeadlineExceeded) as error:  # noqa: BLE001  (it never raises)
                return Explanation(self._attempts.fail(error, attempt), ())

    def sample_next(self) -> None:
        """Record the time of each plugin in the next attempt."""
        self._attempts.sample_next()

    def refuse(self, problem: str, given: object = None) -> Decision:
        """Temp-fail an invalid attempt, and log why.

        Args:
            problem: its error.
            given: its readable part, for the log's msguid and recipient.
        """
        return self._attempts.refuse(problem, given)

    def look(self) -> None:
        """Check the files now, if this host watches them."""
        if self._reloader is not None:
            self._reloader.look()

    def reload(self) -> None:
        """Build the chain again, even if no file has changed.

        A host that watches does this in its own thread, and returns at once.
        """
        self._loader.forget_installed()
        if self._reloader is not None:
            self._reloader.force()
        else:
            self._loader.load(read_when_stable(self._source))

    def catch_up(self, patience: float) -> None:
        """Wait until every noticed change is loaded.

        Args:
            patience: the longest wait, in seconds.
        """
        until = monotonic() + patience
        while self._reloader is not None and self._reloader.is_behind() and monotonic() < until:
            sleep(0.001)

    def announce(self) -> None:
        """Log the chain in use, or the error of the policy."""
        self._loader.announce()

    def report_dropped_output(self) -> None:
        """Log how many lines of plugins' output were dropped, if that is not logged yet.

        A daemon calls this regularly; without it, the next output of the plugin logs it.
        """
        self._attempts.report_left_out()

    def abandon(self) -> None:
        """In a child that a hook has forked: call no further plugin in the running attempt."""
        self._attempts.abandon()

    def close(self) -> None:
        """Stop watching, and close every plugin."""
        if self._reloader is not None:
            self._reloader.stop()
            self._reloader = None
        self._attempts.report_left_out(force=True)
        with self._attempts.reload_lock:
            self._attempts.use(None)
            self._loader.problem = self._loader.problem or "the host is closed"
        self._attempts.stop()
        self._loader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
