"""One attempt: its path through the chain in use, its log lines, and its counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import RLock
from time import monotonic
from typing import TYPE_CHECKING, Any

from hookframe.api.attempt import Attempt
from hookframe.api.decision import NORMAL, TEMPFAIL, Decision, make_temporary_failure
from hookframe.api.errors import InvalidAttempt
from hookframe.api.events import (
    EXCEPTION,
    INTERNAL,
    INVALID_RETURN,
    LOAD_ERROR,
    MALFORMED,
    Failure,
)
from hookframe.api.plugin_code import calls_plugins
from hookframe.chain.deadline import SIGNAL, check_deadline
from hookframe.chain.interrupter import ALARM, Interrupter
from hookframe.chain.member import make_error
from hookframe.chain.stats import Statistics
from hookframe.chain.trace import Calls, Explanation, Trace
from hookframe.host.generation import Generation
from hookframe.host.path import Path, build_path
from hookframe.log.capture.output import Output

if TYPE_CHECKING:
    from hookframe.api.events import ShadowVote
    from hookframe.log.log import Log

Decide = Callable[[Mapping[str, Any]], Decision]


class Attempts:
    """Takes attempts through the generation in use.

    Args:
        log: receives errors.
        host: the host; frames of its methods are on the stack of what a plugin prints.
        interrupt: whether an overdue hook is ended by an exception.
        cells: receives the times of the running attempt, for another process that judges.

    Raises:
        ValueError: with `interrupt`, outside the main thread.
    """

    def __init__(
        self,
        log: Log,
        host: object,
        *,
        interrupt: bool,
        cells: memoryview[float] | None = None,
    ) -> None:
        self._log = log
        self.lock = RLock()
        """held by the thread that decides or loads: one attempt or one load at a time"""
        self._cells = cells
        number = ALARM if cells is None else SIGNAL
        self._interrupter = Interrupter(self.lock, number) if interrupt else None
        self.statistics = Statistics()
        self.internal_errors = 0
        """the number of attempts that failed by an error of hookframe's own"""
        self._output = Output(log, host)
        self._output.install()
        self.limit = self._output.limit
        self.generation: Generation | None = None
        self._path: Path = self._fail_without_chain
        self.decide: Decide = self._decide_sampled
        """decides an attempt; its caller holds the lock"""
        self._decide_next: Decide = self._decide_sampled
        """decides after a sample"""
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
        calls = Calls()
        decision = self._path(attempt, calls)
        for name, microseconds in calls.list_times():
            self.statistics.record_time(name, microseconds)
        return Explanation(decision, calls.list_votes())

    def fail(self, error: BaseException, given: object) -> Decision:
        """Temp-fail an attempt after an error of hookframe's own, and log it.

        Args:
            error: the error.
            given: the attempt, for the log's msguid and recipient.
        """
        self.internal_errors += 1
        self.statistics.count_temporary_failure(INTERNAL)
        if self.generation is not None:
            self.generation.chain.run.events = []
        with suppress(Exception):  # what failed may be the log
            self._output.install()
            self._log.internal(given, error)
        return make_temporary_failure()

    def refuse(self, problem: str, given: object) -> Decision:
        """Temp-fail an invalid attempt, and log why.

        Args:
            problem: its error.
            given: its readable part, for the log's msguid and recipient.
        """
        self.statistics.count_temporary_failure(MALFORMED)
        self._log.malformed(given, problem)
        return make_temporary_failure()

    def refuse_decision(
        self, problem: str, given: Mapping[str, Any], decision: Decision
    ) -> Decision:
        """Temp-fail a decided attempt after all; arguments as for `Host.refuse_decision`."""
        self.statistics.count_decision(decision["action"], -1)
        self.statistics.count_temporary_failure(INVALID_RETURN)
        self._log.unusable(given, problem)
        return make_temporary_failure()

    def use(self, generation: Generation | None) -> None:
        """Use another generation, or none, from the next attempt on; the caller holds the lock."""
        self.generation = generation
        if generation is None:
            self._path = self._fail_without_chain
        else:
            run = generation.chain.run
            run.statistics, run.limit, run.cells = self.statistics, self.limit, self._cells
            run.publish()
            self._path = build_path(
                generation, self._output, self.statistics, self._reject, self._finish
            )
            if self._interrupter is not None:
                self._interrupter.watch(run, generation.chain.shortest)
        observed = generation is not None and generation.observers
        self.decide = self._decide_next = self._decide_observed if observed else self._path

    def name_files(self, files: dict[str, str]) -> None:
        """Take the names of plugins by the file of their hook, to recognise their threads."""
        self._output.files = files

    def sample_next(self) -> None:
        """Record the time of each plugin in the next attempt."""
        self.decide = self._decide_sampled

    def report_left_out(self, *, force: bool = False) -> None:
        """Log how many lines were left out.

        Args:
            force: whether to report lines of a second that is not over, too.
        """
        if self.generation is not None:
            self.generation.chain.report_left_out()
        self._output.install()
        self._output.settle(force=force)

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

    def _decide_observed(self, attempt: Mapping[str, Any]) -> Decision:
        return self._path(attempt, Calls())

    def _decide_sampled(self, attempt: Mapping[str, Any]) -> Decision:
        self.decide = self._decide_next
        if self._prepare is not None:  # set meanwhile, and just overwritten
            self.decide = self._decide_prepared
        return self.explain(attempt).decision

    def _fail_without_chain(
        self,
        attempt: object,  # noqa: ARG002
        calls: object = None,  # noqa: ARG002
    ) -> Decision:
        self.statistics.count_temporary_failure(LOAD_ERROR)
        self.remind()
        return make_temporary_failure()

    @calls_plugins
    def _observe(
        self, generation: Generation, attempt: Attempt, decision: Decision, calls: Calls
    ) -> None:
        """Call the plugins that implement `decided`, each within an attempt's deadline."""
        run, trace = generation.chain.run, Trace(calls)
        for plugin, decided in generation.observers:
            outer = run.started
            run.started = started = monotonic()
            run.publish()
            failed = None
            try:
                decided(attempt, decision, trace)
                check_deadline(monotonic() - started, run.deadline, whole=True)
            except BaseException as error:  # noqa: BLE001  (it may raise anything)
                failed = make_error(plugin.origin, error, plugin.file, hook="decided")
            run.started, run.unresponsive = outer, None
            run.publish()
            if failed is not None:
                self.statistics.count_error(plugin.name, failed.text)
                self._log.observer(attempt, failed)

    def _reject(self, error: InvalidAttempt, given: object) -> Decision:
        return self.refuse(str(error), given)

    def _finish(
        self, generation: Generation, attempt: Attempt, decision: Decision, calls: Calls | None
    ) -> Decision:
        """Count a decision, log its attempt's events, show it to observers; return a copy."""
        run = generation.chain.run
        events = run.events
        if events:
            run.events = []
            self._log.events(attempt, events)
        if decision is TEMPFAIL:
            self.statistics.count_temporary_failure(_find_kind(events))
        else:
            self.statistics.count_decision(decision["action"])
        if calls is not None and generation.observers:
            self._observe(generation, attempt, decision, calls)
        if decision is NORMAL:
            return {"action": "normal"}
        return make_temporary_failure() if decision is TEMPFAIL else decision.copy()


def _do_nothing() -> None:
    """Do nothing."""


def _find_kind(events: list[Failure | ShadowVote]) -> str:
    """Return the kind of the error that made an attempt a temp-fail."""
    failures = (event for event in events if isinstance(event, Failure) and not event.skipped)
    return next((failure.kind for failure in failures), EXCEPTION)
