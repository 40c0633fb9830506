"""The host: holds the generation in use, swaps it, and turns every error into a temp-fail."""

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
from hookframe.log.capture import Output, make_capture
from hookframe.log.exceptions import describe
from hookframe.log.log import Log
from hookframe.log.rate import LineLimit, OncePerSecond

if TYPE_CHECKING:
    from hookframe.api.errors import PluginError
    from hookframe.api.events import ShadowVote
    from hookframe.api.hookspecs import Vote
    from hookframe.host.reloader import Reloader
    from hookframe.log.mute import Mark

_FIRST_READ_TIMEOUT: Final = 1.0
"""Seconds to wait at the start for somebody who is just writing one of the files."""
_YIELD_TIME: Final = 0.0003
"""Seconds that a thread which has changed the chain does nothing, so that attempts are decided that
have waited for it: a thread that goes on has the interpreter again before one that waits for it."""


class Host:
    """Decides about delivery attempts with the chain that a policy describes.

    A host decides about one attempt at a time, whatever the number of threads that ask it.

    Args:
        source: where the policy comes from; see `Host.from_config` and `Host.of`.
        watch: whether a change of the files takes effect by itself, within a second.
        log: where errors go; None for loguru's global logger.
        interrupt: whether a hook whose deadline is over is ended by an exception. It takes two
            signals for that (`SIGNAL` and `BACKUP` of `hookframe.chain.interrupter`), and the main
            thread must be the one that asks the host; what another thread asks never is.
        rehearsal: says whether another process loads a change first; None where there is none.

    Raises:
        ValueError: with `interrupt`, if it is not made in the main thread.
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
        """what it has counted, over all generations"""
        self._limit = LineLimit(self._log.left_out)
        self._output = Output(
            self._log.output,
            self._find_running,
            self._limit,
            self._find_mark,
            lock=self._lock,
            permanent=True,
        )
        self._capture = make_capture(self._log.output, self._limit)
        self._builder = Builder(self._capture, self._reload_lock, self._report)
        self._reminder_limit = OncePerSecond()
        self._built_count = 0
        self._generation: Generation | None = None
        self._acquire, self._release = self._lock.acquire, self._lock.release
        self._decide: Decide = self._decide_traced
        """the way of most attempts, or the longer one where somebody wants a trace"""
        self._decide_next: Decide = self._decide_traced
        """the same, when only the next attempt is to be traced"""
        self._last_load_error: tuple[str, float] | None = None
        self._problem = ""
        self._config: Config | None = None
        self.loading_since = 0.0
        """since when a generation is being built, or the last one closed, by the monotonic clock; 0
        while none is"""
        self.changing: Callable[[], object] = _do_nothing
        """is called by the thread that does so: at its begin and end, and before the first attempt
        is decided by another generation"""
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
        """Make a host from a `hookframe.toml`.

        Args:
            path: the configuration file.
            watch: whether a change of it, or of its hook file, takes effect by itself.
            log: where errors go; None for loguru's global logger.
            interrupt: whether a hook whose deadline is over is ended by an exception.

        Returns:
            The host. It never raises for what is wrong with the policy: `problem` says it, and
            every attempt temp-fails until it is mended.
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
        """Make a host from a configuration that the program has made itself."""
        return cls(GivenConfig(config), watch=watch, log=log, interrupt=interrupt)

    @property
    def problem(self) -> str:
        """What is wrong with the policy; empty where nothing is."""
        return self._problem

    @property
    def generation(self) -> Generation | None:
        """The generation in use; None where every attempt temp-fails."""
        return self._generation

    @property
    def last_load_error(self) -> tuple[str, float] | None:
        """Why the policy could not be loaded, and when: UNIX seconds; None where it always could.

        It is remembered when the policy has been mended.
        """
        return self._last_load_error

    @property
    def config(self) -> Config | None:
        """The last configuration that could be read; None where there never was one."""
        return self._config

    def decide(self, attempt: Mapping[str, Any]) -> Decision:
        """Decide about one delivery attempt (CONTRACT 9).

        Args:
            attempt: the nine keys of an attempt, and any others.

        Returns:
            The decision, a dict of the caller's own. After any error, in a plugin, in the policy
            or in the attempt, it is the temp-fail with `"error": True`. It never raises.
        """
        self._acquire()  # the two calls cost half of what `with` does, in every attempt
        try:
            return self._decide(attempt)
        finally:
            self._release()

    def explain(self, attempt: Mapping[str, Any]) -> Explanation:
        """Decide as `decide` does, and say what each plugin did.

        Args:
            attempt: the nine keys of an attempt, and any others.

        Returns:
            The decision with its trace; the trace is empty where no plugin was called.
        """
        with self._lock:
            return self._explain(attempt)

    def sample_next(self) -> None:
        """Have the next attempt tell the statistics how long each plugin took.

        It takes the longer way of an attempt that is explained; the others cost no more for it.
        """
        self._use_traced_path()

    def refuse(self, problem: str, given: object = None) -> Decision:
        """Temp-fail a request that is no attempt, and log why.

        Args:
            problem: what is wrong with it.
            given: what could be read of it, for the log's msguid and recipient.
        """
        self.statistics.count_temporary_failure(MALFORMED)
        self._log.malformed(given, problem)
        return make_temporary_failure()

    def look(self) -> None:
        """Look now whether a file has changed, as a host that watches does of its own accord."""
        if self._reloader is not None:
            self._reloader.look()

    def reload(self) -> None:
        """Build the chain anew, whether or not a file has changed.

        A host that watches does so in its own thread, and this returns at once.
        """
        self._builder.forget_installed()
        if self._reloader is not None:
            self._reloader.force()
        else:
            self._load(_read_when_stable(self._source))

    def catch_up(self, patience: float) -> None:
        """Wait until every change that has been noticed is loaded.

        Args:
            patience: seconds after which it waits no longer.
        """
        until = monotonic() + patience
        while self._reloader is not None and self._reloader.is_behind() and monotonic() < until:
            sleep(0.001)

    def announce(self) -> None:
        """Log which chain is in use, or what is wrong with it."""
        if self._generation is not None:
            self._log.info(_format_announcement(self._generation))
        self._remind()

    def report_dropped_output(self) -> None:
        """Log how much of what plugins printed was left out, where that is still to be said.

        Otherwise it is said when the plugin prints again; a daemon calls this from time to time.
        """
        self._limit.report_dropped()

    def abandon(self) -> None:
        """In a child that a hook has forked: call no further plugin in the attempt that runs."""
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
        self._output.uninstall()
        self.loading_since = monotonic()
        self.changing()
        self._builder.retain(())
        self.loading_since = 0.0
        self.changing()
        self._limit.report_dropped(force=True)

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
        """Have the next attempt take the longer way, which looks at what else there is to do."""
        self._decide = self._decide_traced

    def _yield_to_changes(self) -> None:
        """Give way to a change of the chain, unless this is an attempt within an attempt."""
        generation = self._generation
        if self._reload_lock.waiting and not (generation and generation.chain.run.started):
            self._reload_lock.give_way()

    def _decide_traced(self, attempt: Mapping[str, Any]) -> Decision:
        """Decide where there is no chain, or somebody wants a trace."""
        return self._explain(attempt).decision

    def _explain(self, attempt: Mapping[str, Any]) -> Explanation:
        self._yield_to_changes()
        self._decide, generation = self._decide_next, self._generation
        if self._reload_lock.waiting:  # one more since: it has been overwritten just now
            self._use_traced_path()
        if generation is None:
            self.statistics.count_temporary_failure(LOAD_ERROR)
            self._remind()
            return Explanation(make_temporary_failure(), ())
        try:
            checked = read_only_attempt(attempt)
        except InvalidAttempt as error:
            return Explanation(self._reject(error, attempt), ())
        self._output.begin()
        try:
            decision, trace = generation.chain.explain(checked, generation.state)
        finally:
            self._output.end()
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
        """Show the decision to the plugins that implement `decided`; each has an attempt's time."""
        run = generation.chain.run
        for plugin, decided in generation.observers:
            with self._capture(plugin.name):
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
        """Count a decision, log what happened in its attempt beside it, and give the caller's."""
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

    def _find_mark(self) -> Mark | None:
        """Give what tells whether the same plugin is still being called."""
        generation = self._generation
        return generation.chain.mark if generation is not None else None

    def _find_running(self) -> str:
        """Name the plugin that is being called."""
        generation = self._generation
        member = generation.chain.run.member if generation is not None else None
        return member.plugin.name if member is not None else ""

    def _report(self, error: PluginError) -> None:
        self._log.error(str(error))

    def _is_broken(self) -> bool:
        return bool(self._problem)

    def _remind(self) -> None:
        """Log what is wrong with the policy, once a second."""
        if self._problem and self._reminder_limit.due():
            self._log.loading(self._problem)

    def _load(self, policy_files: PolicyFiles) -> PolicyFiles:
        """Build a generation aside and swap it in, or fall back to what the operator chose.

        Returns:
            The material with the code files that the generation's plugins have named.
        """
        current = self._generation
        if isinstance(policy_files.config, Config):
            self._config = policy_files.config
            lines = policy_files.config.limits.output_lines
            self._limit.lines = lines if self._log.limited else None
        self._rehearsal.begin(policy_files.numbers)
        self.loading_since = monotonic()
        self.changing()
        try:
            with _exit_forked_children():  # before the lock is wanted, which the parent may hold
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
        """Take note that a policy has proved to be one that no process survives."""
        self._handle_load_error(HookframeError(REFUSED), self._generation)

    def _activate(self, new: Generation) -> None:
        """Swap a generation in, and close what the one before has left behind."""
        self._built_count += 1
        old = self._generation
        self._swap(new, "")
        self._builder.retain(new.plugins)
        self._log.info(_format_announcement(new))
        for plugin in new.plugins:
            if old is None or not old.uses(plugin):  # its author and operator are told once a load
                for notice in plugin.deprecations:
                    self._log.deprecated(plugin.origin, notice)

    def _handle_load_error(self, error: HookframeError, current: Generation | None) -> None:
        self._last_load_error = (_format_error(error), time())
        keep = self._config is not None and self._config.on_load_error == "keep"
        kept = current if keep and getattr(error, "keepable", True) else None
        self._swap(kept, _format_error(error))
        self._remind()

    def _swap(self, generation: Generation | None, problem: str) -> None:
        """Take a generation into use, between two attempts."""
        with self._reload_lock:
            self._generation = generation
            self._problem = problem
            if generation is None or generation.observers:
                self._decide_next = self._decide_traced
            else:
                self._decide_next = build_fast_path(
                    generation, self._output, self._reject, self._record
                )
            self._decide = self._decide_next
            if generation is not None:
                generation.chain.run.statistics = self.statistics
            if self._interrupter is not None and generation is not None:
                self._interrupter.watch(generation.chain.run, generation.chain.shortest)
            self.changing()
        if self._rehearsal.serving:
            sleep(_YIELD_TIME)


def _do_nothing() -> None:
    """Nobody wants to know."""


@contextmanager
def _exit_forked_children() -> Iterator[None]:
    """End the child of a plugin that forks while it is loaded, once it comes back to us."""
    process = os.getpid()
    try:
        yield
    finally:
        if os.getpid() != process:
            os._exit(0)


def _read_when_stable(source: Source) -> PolicyFiles:
    """Look at a policy, and wait a little for somebody who is just writing it."""
    until = monotonic() + _FIRST_READ_TIMEOUT
    while (policy_files := source.read()).writers is Writers.SOME and monotonic() < until:
        sleep(0.01)
    return policy_files


def _find_kind(events: list[Failure | ShadowVote]) -> str:
    """Say what kind of error has made an attempt a temp-fail."""
    failures = (event for event in events if isinstance(event, Failure) and not event.skipped)
    return next((failure.kind for failure in failures), EXCEPTION)


def _format_error(error: HookframeError) -> str:
    """Say a load error as the log does."""
    if isinstance(error, ConfigError):
        return "; ".join(f"{error.path}: {problem}" for problem in error.problems)
    return str(error)


def _format_announcement(generation: Generation) -> str:
    """Say which chain has come into use, and from what it was made."""
    names = ", ".join(str(plugin.origin).removeprefix("plugin ") for plugin in generation.plugins)
    unused = "".join(f"; {name} is configured but not in it" for name in generation.config.unused)
    chain = names or "empty, every attempt is normal"
    return f"generation {generation.number}: chain: {chain}{unused}"
