"""One attempt: its path through the chain in use, its log lines, and its counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import RLock
from time import monotonic
from typing import TYPE_CHECKING, Any

from hookframe.api.attempt import Attempt, read_only_attempt
from hookframe.api.decision import NORMAL, TEMPFAIL, Decision, make_temporary_failure
from hookframe.api.errors import InvalidAttempt
from hookframe.api.events import EXCEPTION, LOAD_ERROR, MALFORMED, Failure
from hookframe.api.plugin_code import calls_plugins
from hookframe.api.readonly import freeze
from hookframe.chain.deadline import check_deadline
from hookframe.chain.interrupter import Interrupter
from hookframe.chain.member import make_error
from hookframe.chain.stats import Statistics
from hookframe.chain.trace import Explanation
from hookframe.host.fast_path import Decide, build_fast_path
from hookframe.host.generation import Generation
from hookframe.log.capture import Output, make_capture
from hookframe.log.rate import LineLimit

if TYPE_CHECKING:
    from hookframe.api.events import ShadowVote
    from hookframe.api.hookspecs import Vote
    from hookframe.log.log import Log
    from hookframe.log.mute import Mark


class Attempts:
    """Takes attempts through the generation in use.

    Args:
        log: receives errors.
        interrupt: whether an overdue hook is ended by an exception.

    Raises:
        ValueError: with `interrupt`, outside the main thread.
    """

    def __init__(self, log: Log, *, interrupt: bool) -> None:
        self._log = log
        self.lock = RLock()
        """held by the thread that decides or loads: one attempt or one load at a time"""
        self._interrupter = Interrupter(self.lock) if interrupt else None
        self.statistics = Statistics()
        self.limit = LineLimit(log.left_out)
        self._output = Output(
            log.output,
            self._find_running,
            self.limit,
            self._find_mark,
            lock=self.lock,
            permanent=True,
        )
        self.capture = make_capture(log.output, self.limit)
        self.generation: Generation | None = None
        self.decide: Decide = self._decide_traced
        """the fast path, or the traced one; its caller holds the lock"""
        self._decide_next: Decide = self._decide_traced
        """the path after the next attempt"""
        self.remind: Callable[[], None] = _do_nothing
        """called for an attempt without a chain, to log why"""
        self._prepare: Callable[[], None] | None = None
        """called once before the next attempt, to load a change"""

    def explain(self, attempt: Mapping[str, Any]) -> Explanation:
        """Decide with a record of what each plugin did; the caller holds the lock.

        Args:
            attempt: the nine keys of an attempt, and any others.
        """
        self._prepare_next()
        self.decide, generation = self._decide_next, self.generation
        if self._prepare is not None:  # set meanwhile, and its path was just overwritten
            self.decide = self._decide_prepared
        if generation is None:
            self.statistics.count_temporary_failure(LOAD_ERROR)
            self.remind()
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

    def refuse(self, problem: str, given: object) -> Decision:
        """Temp-fail an invalid attempt, and log why.

        Args:
            problem: its error.
            given: its readable part, for the log's msguid and recipient.
        """
        self.statistics.count_temporary_failure(MALFORMED)
        self._log.malformed(given, problem)
        return make_temporary_failure()

    def use(self, generation: Generation | None) -> None:
        """Use another generation, or none, from the next attempt on; the caller holds the lock."""
        self.generation = generation
        if generation is None or generation.observers:
            self._decide_next = self._decide_traced
        else:
            self._decide_next = build_fast_path(
                generation, self._output, self._reject, self._record
            )
        self.decide = self._decide_next
        if generation is not None:
            generation.chain.run.statistics = self.statistics
        if self._interrupter is not None and generation is not None:
            self._interrupter.watch(generation.chain.run, generation.chain.shortest)

    def use_traced_path(self) -> None:
        """Send the next attempt through the traced path."""
        self.decide = self._decide_traced

    def abandon(self) -> None:
        """In a child that a hook has forked: call no further plugin in the running attempt."""
        if self.generation is not None:
            self.generation.chain.abandon()

    def stop(self) -> None:
        """Stop interrupting hooks and capturing output."""
        if self._interrupter is not None:
            self._interrupter.stop()
            self._interrupter = None
        self._output.uninstall()

    def prepare_next(self, function: Callable[[], None]) -> None:
        """Call a function once before the next attempt, in its thread; any thread may ask for it.

        An attempt within an attempt leaves it to the next one. This costs other attempts nothing.
        """
        self._prepare = function
        self.decide = self._decide_prepared

    @property
    def running(self) -> bool:
        """Whether an attempt is in progress."""
        return self.generation is not None and self.generation.chain.run.started != 0.0

    def _prepare_next(self) -> None:
        function = self._prepare
        if function is not None and not self.running:
            self._prepare, self.decide = None, self._decide_next
            function()

    def _decide_prepared(self, attempt: Mapping[str, Any]) -> Decision:
        """Decide with the chain that is ready after what is to be done before."""
        self._prepare_next()
        return self._decide_next(attempt)

    def _decide_traced(self, attempt: Mapping[str, Any]) -> Decision:
        """Decide with a trace, or without a chain."""
        return self.explain(attempt).decision

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
            with self.capture(plugin.name):
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

    def _find_mark(self) -> Mark | None:
        """Return a callable whose value changes when another plugin is called."""
        generation = self.generation
        return generation.chain.mark if generation is not None else None

    def _find_running(self) -> str:
        """Return the name of the plugin being called; empty while none is."""
        generation = self.generation
        member = generation.chain.run.member if generation is not None else None
        return member.plugin.name if member is not None else ""


def _do_nothing() -> None:
    """Do nothing."""


def _find_kind(events: list[Failure | ShadowVote]) -> str:
    """Return the kind of the error that made an attempt a temp-fail."""
    failures = (event for event in events if isinstance(event, Failure) and not event.skipped)
    return next((failure.kind for failure in failures), EXCEPTION)
