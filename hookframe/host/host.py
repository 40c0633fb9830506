"""The host: holds and swaps the generation in use, and turns every error into a temp-fail."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep, time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from hookframe.api.attempt import Attempt, read_only_attempt
from hookframe.api.decision import NORMAL, TEMPFAIL, Decision, make_temporary_failure
from hookframe.api.errors import ConfigError, HookframeError, InvalidAttempt
from hookframe.api.events import EXCEPTION, LOAD_ERROR, MALFORMED, Failure
from hookframe.api.plugin_code import calls_plugins
from hookframe.api.readonly import freeze
from hookframe.chain.deadline import check_deadline
from hookframe.chain.interrupter import Interrupter
from hookframe.chain.member import make_error
from hookframe.chain.stats import Statistics
from hookframe.chain.trace import Explanation
from hookframe.config.model import Config
from hookframe.files.snapshot import Writers
from hookframe.host.builder import Builder
from hookframe.host.fast_path import Decide, build_fast_path
from hookframe.host.generation import Generation
from hookframe.host.lock import ReloadLock
from hookframe.host.rehearsal import REFUSED, Rehearsal
from hookframe.host.source import ConfigFile, GivenConfig, PolicyFiles, Source
from hookframe.log.exceptions import describe
from hookframe.log.log import Log
from hookframe.log.output import Output
from hookframe.log.rate import OncePerSecond

if TYPE_CHECKING:
    from hookframe.api.errors import PluginError
    from hookframe.api.events import ShadowVote
    from hookframe.api.hookspecs import Vote
    from hookframe.host.reloader import Reloader

_FIRST_READ_TIMEOUT: Final = 1.0
"""Seconds to wait at the start for a process that is writing one of the files."""
_YIELD_TIME: Final = 0.0003
"""Seconds that a thread sleeps after a change of the chain, as waiting attempts would not get the
interpreter before a thread that goes on."""


class Host:
    """Decides about delivery attempts with the chain of a policy, one attempt at a time.

    Args:
        source: the source of the policy; see `Host.from_config` and `Host.of`.
        watch: whether changes of the files take effect automatically, within a second.
        log: receives errors; None for loguru's global logger.
        interrupt: whether an overdue hook is ended by an exception. This uses two signals
            (`SIGNAL` and `BACKUP` of `hookframe.chain.interrupter`), and works only for attempts
            that the main thread asks about.
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
        rehearsal: Rehearsal | None = None,
    ) -> None:
        self._source = source
        self._rehearsal = rehearsal or Rehearsal()
        self._log = log or Log()
        self._reload_lock = ReloadLock(self._use_traced_path)
        self._lock = self._reload_lock.lock
        self._interrupter = Interrupter(self._lock) if interrupt else None
        self.statistics = Statistics()
        """its counts, over all generations"""
        self._output = Output(self._log, self)
        self._output.install()
        self._builder = Builder(self._reload_lock, self._report)
        self._reminder_limit = OncePerSecond()
        self._built_count = 0
        self._generation: Generation | None = None
        self._acquire, self._release = self._lock.acquire, self._lock.release
        self._decide: Decide = self._decide_traced
        """the fast path, or the traced one"""
        self._decide_next: Decide = self._decide_traced
        """the path after the next attempt"""
        self._last_load_error: tuple[str, float] | None = None
        self._problem = ""
        self._config: Config | None = None
        self.loading_since = 0.0
        """the monotonic time since which a generation is being built or closed; 0 while none is"""
        self.changing: Callable[[], object] = _do_nothing
        """called by that thread at the beginning and the end, and when a generation is swapped"""
        policy_files = self._load(_read_when_stable(source))
        self._reloader: Reloader | None = None
        if watch:
            from hookframe.host.reloader import Reloader  # noqa: PLC0415  (watchdog only where it is used)

            self._reloader = Reloader(
                source,
                self._load,
                self._refuse,
                self._is_broken,
                self._remind,
                self._log,
                policy_files,
                self._rehearsal,
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
        return self._problem

    @property
    def generation(self) -> Generation | None:
        """The generation in use; None if every attempt temp-fails."""
        return self._generation

    @property
    def last_load_error(self) -> tuple[str, float] | None:
        """The last load error and its UNIX time, even if it is fixed; None if there was none."""
        return self._last_load_error

    @property
    def config(self) -> Config | None:
        """The last valid configuration; None if there was none."""
        return self._config

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
            return self._decide(attempt)
        finally:
            self._release()

    def explain(self, attempt: Mapping[str, Any]) -> Explanation:
        """Decide as `decide` does, and return what each plugin did.

        Args:
            attempt: the nine keys of an attempt, and any others.

        Returns:
            The decision with its trace; the trace is empty if no plugin was called.
        """
        with self._lock:
            return self._explain(attempt)

    def sample_next(self) -> None:
        """Record the time of each plugin in the next attempt, which takes the traced path."""
        self._use_traced_path()

    def refuse(self, problem: str, given: object = None) -> Decision:
        """Temp-fail an invalid attempt, and log why.

        Args:
            problem: its error.
            given: its readable part, for the log's msguid and recipient.
        """
        self.statistics.count_temporary_failure(MALFORMED)
        self._log.malformed(given, problem)
        return make_temporary_failure()

    def look(self) -> None:
        """Check the files now, if this host watches them."""
        if self._reloader is not None:
            self._reloader.look()

    def reload(self) -> None:
        """Build the chain again, even if no file has changed.

        A host that watches does this in its own thread, and returns at once.
        """
        self._builder.forget_installed()
        if self._reloader is not None:
            self._reloader.force()
        else:
            self._load(_read_when_stable(self._source))

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
        if self._generation is not None:
            self._log.info(_format_announcement(self._generation))
        self._remind()

    def report_dropped_output(self, *, force: bool = False) -> None:
        """Log lines that plugins have not finished, and how many lines were left out.

        A daemon calls this regularly; without it, the next output of a plugin logs both. It also
        puts the host's streams back where a plugin or the program has replaced them.

        Args:
            force: whether not to wait until a second is over.
        """
        self._output.install()
        self._output.settle(force=force)

    def abandon(self) -> None:
        """In a child that a hook has forked: call no further plugin in the running attempt."""
        if self._generation is not None:
            self._generation.chain.abandon()

    def close(self) -> None:
        """Stop watching, and close every plugin."""
        if self._reloader is not None:
            self._reloader.stop()
            self._reloader = None
        with self._reload_lock:
            self._generation = None
            self._decide = self._decide_next = self._decide_traced
            self._problem = self._problem or "the host is closed"
        if self._interrupter is not None:
            self._interrupter.stop()
            self._interrupter = None
        self.loading_since = monotonic()
        self.changing()
        self._builder.retain(())
        self.loading_since = 0.0
        self.changing()
        self._output.uninstall()
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

    def _use_traced_path(self) -> None:
        """Send the next attempt through the traced path."""
        self._decide = self._decide_traced

    def _yield_to_changes(self) -> None:
        """Let a waiting change of the chain go first, except in an attempt within an attempt."""
        generation = self._generation
        if self._reload_lock.waiting and not (generation and generation.chain.run.started):
            self._reload_lock.give_way()

    def _decide_traced(self, attempt: Mapping[str, Any]) -> Decision:
        """Decide with a trace, or without a chain."""
        return self._explain(attempt).decision

    def _explain(self, attempt: Mapping[str, Any]) -> Explanation:
        self._yield_to_changes()
        self._decide, generation = self._decide_next, self._generation
        if self._reload_lock.waiting:  # a new change, whose path was just overwritten
            self._use_traced_path()
        if generation is None:
            self.statistics.count_temporary_failure(LOAD_ERROR)
            self._remind()
            return Explanation(make_temporary_failure(), ())
        try:
            checked = read_only_attempt(attempt)
        except InvalidAttempt as error:
            return Explanation(self._reject(error, attempt), ())
        decision, trace = generation.chain.explain(checked, generation.state)
        decision_for_caller = self._record(generation, checked, decision)
        for vote in trace:
            self.statistics.record_time(vote["plugin"], vote["microseconds"])
        if generation.observers:
            self._observe(generation, checked, decision, freeze(trace))
        return Explanation(decision_for_caller, trace)

    @calls_plugins
    def _observe(
        self,
        generation: Generation,
        attempt: Attempt,
        decision: Decision,
        trace: tuple[Vote, ...],
    ) -> None:
        """Call the plugins that implement `decided`, each within an attempt's deadline."""
        run = generation.chain.run
        for plugin, decided in generation.observers:
            run.started = started = monotonic()
            try:
                decided(attempt, decision, trace)
                check_deadline(monotonic() - started, run.deadline, whole=True)
            except BaseException as error:  # noqa: BLE001  (it may raise anything)
                self.statistics.count_error(plugin.name)
                error_record = make_error(plugin.origin, error, plugin.file, hook="decided")
                self._log.observer(attempt, error_record)
            finally:
                run.started, run.unresponsive = 0.0, None

    def _reject(self, error: InvalidAttempt, given: object) -> Decision:
        return self.refuse(str(error), given)

    def _record(self, generation: Generation, attempt: Attempt, decision: Decision) -> Decision:
        """Count a decision, log its attempt's events, and return the caller's copy."""
        run = generation.chain.run
        events = run.events
        if events:
            run.events = []
            self._log.events(attempt, events)
        if decision is TEMPFAIL:
            self.statistics.count_temporary_failure(_find_kind(events))
            return make_temporary_failure()
        if decision is not NORMAL:
            self.statistics.count_decision(decision["action"])
        return decision.copy()

    def _report(self, error: PluginError) -> None:
        self._log.error(str(error))

    def _is_broken(self) -> bool:
        return bool(self._problem)

    def _remind(self) -> None:
        """Log the error of the policy, at most once a second."""
        if self._problem and self._reminder_limit.due():
            self._log.loading(self._problem)

    def _load(self, policy_files: PolicyFiles) -> PolicyFiles:
        """Build a generation and swap it in, or fall back as `on_load_error` is configured.

        Returns:
            The files with the code files of the generation's plugins.
        """
        current = self._generation
        if isinstance(policy_files.config, Config):
            self._config = policy_files.config
            lines = policy_files.config.limits.output_lines
            self._output.limit.lines = lines if self._log.limited else None
        self._rehearsal.begin(policy_files.numbers)
        self.loading_since = monotonic()
        self.changing()
        try:
            with _exit_forked_children():  # before taking the lock, which the parent may hold
                new = self._builder.build(policy_files, self._built_count + 1, current)
            with _exit_forked_children():
                self._activate(new)
        except HookframeError as error:
            self._handle_load_error(error, current)
        except (Exception, SystemExit) as error:  # noqa: BLE001  (no policy may end the host)
            self._handle_load_error(
                HookframeError(f"can't build the chain: {describe(error)}"), current
            )
        finally:
            self.loading_since = 0.0
            self.changing()
            loaded = replace(policy_files, code_files=self._builder.code_files)
            self._rehearsal.survived(policy_files.numbers, loaded.numbers)
        return loaded

    def _refuse(self) -> None:
        """Record that every process that loaded the policy crashed."""
        self._handle_load_error(HookframeError(REFUSED), self._generation)

    def _activate(self, new: Generation) -> None:
        """Swap a generation in, and close the plugins that it no longer uses."""
        self._built_count += 1
        old = self._generation
        self._swap(new, "")
        self._output.files = {
            plugin.file: plugin.name for plugin in new.plugins if plugin.origin.distribution
        }
        self._builder.retain(new.plugins)
        self._log.info(_format_announcement(new))
        for plugin in new.plugins:
            if old is None or not old.uses(plugin):  # log its deprecations once per load
                for notice in plugin.deprecations:
                    self._log.deprecated(plugin.origin, notice)

    def _handle_load_error(self, error: HookframeError, current: Generation | None) -> None:
        self._last_load_error = (_format_error(error), time())
        keep = self._config is not None and self._config.on_load_error == "keep"
        kept = current if keep and getattr(error, "keepable", True) else None
        self._swap(kept, _format_error(error))
        self._remind()

    def _swap(self, generation: Generation | None, problem: str) -> None:
        """Replace the generation in use, between two attempts."""
        with self._reload_lock:
            self._generation = generation
            self._problem = problem
            if generation is None or generation.observers:
                self._decide_next = self._decide_traced
            else:
                self._decide_next = build_fast_path(generation, self._reject, self._record)
            self._decide = self._decide_next
            if generation is not None:
                generation.chain.run.statistics = self.statistics
            if self._interrupter is not None and generation is not None:
                self._interrupter.watch(generation.chain.run, generation.chain.shortest)
            self.changing()
        if self._rehearsal.serving:
            sleep(_YIELD_TIME)


def _do_nothing() -> None:
    """Do nothing."""


@contextmanager
def _exit_forked_children() -> Iterator[None]:
    """Exit in a child that a plugin has forked while it was loaded."""
    process = os.getpid()
    try:
        yield
    finally:
        if os.getpid() != process:
            os._exit(0)


def _read_when_stable(source: Source) -> PolicyFiles:
    """Read a policy; wait up to a second for a writer to finish."""
    until = monotonic() + _FIRST_READ_TIMEOUT
    while (policy_files := source.read()).writers is Writers.SOME and monotonic() < until:
        sleep(0.01)
    return policy_files


def _find_kind(events: list[Failure | ShadowVote]) -> str:
    """Return the kind of the error that made an attempt a temp-fail."""
    failures = (event for event in events if isinstance(event, Failure) and not event.skipped)
    return next((failure.kind for failure in failures), EXCEPTION)


def _format_error(error: HookframeError) -> str:
    """Format a load error for the log."""
    if isinstance(error, ConfigError):
        return "; ".join(f"{error.path}: {problem}" for problem in error.problems)
    return str(error)


def _format_announcement(generation: Generation) -> str:
    """Format the log line of a new chain."""
    names = ", ".join(str(plugin.origin).removeprefix("plugin ") for plugin in generation.plugins)
    unused = "".join(f"; {name} is configured but not in it" for name in generation.config.unused)
    chain = names or "empty, every attempt is normal"
    return f"generation {generation.number}: chain: {chain}{unused}"
