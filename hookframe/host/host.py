"""The host: holds and swaps the generation in use, and turns every error into a temp-fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from hookframe.api.errors import DeadlineExceeded
from hookframe.chain.trace import Explanation
from hookframe.config.model import Config
from hookframe.host.attempts import Attempts
from hookframe.host.generation import Generation
from hookframe.host.loader import PolicyLoader, format_chain
from hookframe.host.source import ConfigFile, GivenConfig, PolicyFiles, Source, read_when_stable
from hookframe.log.log import Log
from hookframe.plugins.hook_file import compile_aside

if TYPE_CHECKING:
    from hookframe.api.decision import Decision
    from hookframe.host.watcher import PolicyWatcher


class Host:
    """Decides about delivery attempts with the chain of a policy, one attempt at a time.

    A change of the policy is read by a thread that runs none of its code, and loaded by the next
    `decide` or `explain`, in the thread that calls it, before its attempt.

    Args:
        source: the source of the policy; see `Host.from_config` and `Host.of`.
        watch: whether changes of the files take effect automatically, within a second.
        log: receives errors; None for loguru's global logger.
        interrupt: whether an overdue hook is ended by an exception, which works only for attempts
            that the main thread asks about. Without `cells` this uses SIGALRM and its timer.
        cells: doubles that receive the times of the running attempt, at the indices `STARTED` and
            `DUE` of `hookframe.chain.deadline`. Another process reads them, and sends that module's
            `SIGNAL` to the main thread while a hook is overdue.
        files: the policy's files if they were read before; None to read them from the source.
        phase: called during a load with what is being done: "importing NAME", "running PATH",
            "configuring NAME", "closing NAME", and an empty text after each.
        logs_loads: whether to log which chain comes into use, and load errors; not where another
            process does.

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
        files: PolicyFiles | None = None,
        phase: Callable[[str], None] | None = None,
        logs_loads: bool = True,
    ) -> None:
        self._source = source
        self._log = log = log or Log()
        self._attempts = attempts = Attempts(log, self, interrupt=interrupt, cells=cells)
        self._acquire, self._release = attempts.lock.acquire, attempts.lock.release
        self.statistics = attempts.statistics
        """its counts, over all generations"""
        self._loader = PolicyLoader(attempts, log, phase, logs_loads=logs_loads)
        self._waiting: PolicyFiles | None = None
        """a change that the next attempt loads"""
        self._loading = False
        self._watcher: PolicyWatcher | None = None
        self._load(files or read_when_stable(source))
        if watch:
            from hookframe.host.watcher import PolicyWatcher  # noqa: PLC0415  (watchdog only where it is used)

            self._watcher = PolicyWatcher(source, self._take, log, self._loader.files)
            self._watcher.beat = self._keep_up
            self._watcher.start()

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
    def files(self) -> PolicyFiles:
        """The files of the last load, failed or not, with the code files that it looked for."""
        if self._loader.files is None:  # it is set by the load of the constructor
            raise RuntimeError("nothing was loaded")
        return self._loader.files

    @property
    def digest(self) -> str:
        """The digest of all that was loaded: the files, and the versions of the plugins."""
        text = f"{self.files.digest} {sorted(self.versions.items())}"
        return blake2b(text.encode(), digest_size=16).hexdigest()

    @property
    def announcement(self) -> str:
        """The chain in use as one line for the log; empty without one."""
        generation = self._attempts.generation
        return "" if generation is None else format_chain(generation)

    @property
    def internal_errors(self) -> int:
        """The number of attempts that failed by an error of hookframe's own."""
        return self._attempts.internal_errors

    @property
    def versions(self) -> dict[str, str]:
        """The version of each distribution that has a plugin in the chain in use."""
        generation = self._attempts.generation
        origins = [plugin.origin for plugin in generation.plugins] if generation else []
        return {each.distribution: each.version for each in origins if each.version}

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

    def refuse_decision(
        self, problem: str, given: Mapping[str, Any], decision: Decision
    ) -> Decision:
        """Temp-fail an attempt whose decision the mail server can't carry out, and log why.

        Args:
            problem: what can't be carried out.
            given: the attempt.
            decision: what `decide` has returned for it.
        """
        return self._attempts.refuse_decision(problem, given, decision)

    def look(self) -> None:
        """Check the files now, if this host watches them."""
        if self._watcher is not None:
            self._watcher.look()

    def apply_change(self) -> None:
        """Load now what the next attempt would load, if there is anything."""
        with self._attempts.lock:
            if not self._attempts.running:
                self._load_waiting()

    def reload(self) -> None:
        """Load the policy again in this thread, even if no file has changed.

        Called within an attempt, it leaves that to the next one.
        """
        with self._attempts.lock:
            if self._attempts.running:
                self._attempts.prepare_next(self.reload)
            else:
                self._load(read_when_stable(self._source))

    def announce(self) -> None:
        """Log the chain in use, or the error of the policy."""
        self._loader.announce()

    def report_dropped_output(self, *, force: bool = False) -> None:
        """Log lines that plugins have not finished, and how many lines were left out.

        A daemon calls this regularly; without it, the next output of a plugin logs both. It also
        puts the host's streams back where a plugin or the program has replaced them.

        Args:
            force: whether not to wait until a second is over.
        """
        self._attempts.report_left_out(force=force)

    def abandon(self) -> None:
        """In a child that a hook has forked: call no further plugin in the running attempt."""
        self._attempts.abandon()

    def close(self) -> None:
        """Stop watching, and close every plugin."""
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher = None
        with self._attempts.lock:
            self._waiting = None
            self._attempts.report_left_out(force=True)
            self._loader.close()
            self._attempts.stop()
        self._log.run_upkeep(force=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _load(self, files: PolicyFiles) -> None:
        """Load a policy, unless a plugin asks for it within a load; the caller holds the lock."""
        if self._loading:
            return
        self._loading = True
        try:
            self._loader.load(files)
        finally:
            self._loading = False
        if self._watcher is not None:
            # From here on it delivers nothing that was read before, so what waits is outdated.
            self._watcher.watch_also(file.path for file in self.files.code_files)
            self._waiting = None
            self._watcher.hurried = bool(self.problem)

    def _load_waiting(self) -> None:
        """Load a change, or a broken policy again if it is time."""
        if self._waiting is not None:
            self._load(self._waiting)
        elif self._loader.retry_due:
            self._load(self.files)

    def _take(self, files: PolicyFiles) -> None:
        """Keep a change of the files for the next attempt; called in the watcher's thread."""
        if files.agrees_with(self.files):
            self._waiting = None
            return
        for hook_file in files.hook_files:
            compile_aside(hook_file)
        self._waiting = files
        self._keep_up()

    def _keep_up(self) -> None:
        """Let the next attempt load what is to be loaded; called in the watcher's thread."""
        self._loader.remind()
        if self._waiting is not None or self._loader.retry_due:
            self._attempts.prepare_next(self._load_waiting)
