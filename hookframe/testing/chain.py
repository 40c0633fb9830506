"""A chain under test: built from plugins, asked about attempts, compared with what is expected."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from hookframe._text import describe_decision, one_line
from hookframe.api.decision import make_temporary_failure
from hookframe.host.host import Host
from hookframe.log.log import Log
from hookframe.testing.clock import Clock, find_modules
from hookframe.testing.members import Member, build_policy, member
from hookframe.testing.samples import ATTEMPT, make_attempt

if TYPE_CHECKING:
    from datetime import datetime

    from loguru import Logger

    from hookframe.api.decision import Decision
    from hookframe.api.hookspecs import State, Vote
    from hookframe.chain.trace import Explanation

TEMPFAIL: Final[Mapping[str, Any]] = make_temporary_failure()
"""The decision after any error (CONTRACT 5)."""


class PolicyUnderTest:
    """A chain that a test asks about attempts, made by `open_chain` or the fixture `chain`."""

    def __init__(self, host: Host, clock: Clock, lines: _Lines) -> None:
        self._host = host
        self._clock = clock
        self._lines = lines

    @property
    def problem(self) -> str:
        """Why the chain can't be built; empty where it can."""
        return self._host.problem

    @property
    def log(self) -> list[str]:
        """The lines of the log so far: errors, and what plugins printed."""
        self._host.report_dropped_output(force=True)
        return self._lines.all

    @property
    def state(self) -> State:
        """The dict that the plugins share.

        Raises:
            AssertionError: the chain can't be built.
        """
        generation = self._host.generation
        if generation is None:
            raise AssertionError(f"the chain can't be built: {self.problem}")
        return generation.state

    def decide(self, attempt: Mapping[str, Any] | None = None, /, **overrides: Any) -> Decision:
        """Decide about one attempt, as `Host.decide` does.

        Args:
            attempt: the attempt; None for `make_attempt(**overrides)`.
            **overrides: keys of the attempt to set.
        """
        with self._use_clock():
            return self._host.decide(_build_attempt(attempt, overrides))

    def explain(self, attempt: Mapping[str, Any] | None = None, /, **overrides: Any) -> Explanation:
        """Decide as `decide` does; return each plugin's vote as well."""
        with self._use_clock():
            return self._host.explain(_build_attempt(attempt, overrides))

    def assert_decision(
        self,
        expected: Mapping[str, Any],
        attempt: Mapping[str, Any] | None = None,
        /,
        **overrides: Any,
    ) -> None:
        """Decide about one attempt, and fail if the decision is not the expected one.

        Args:
            expected: the whole decision; `TEMPFAIL` after an error.
            attempt: the attempt; None for `make_attempt(**overrides)`.
            **overrides: keys of the attempt to set.

        Raises:
            AssertionError: the decision differs; the text has each plugin's vote, and the log.
        """
        before = len(self.log)
        asked = _build_attempt(attempt, overrides)
        explanation = self.explain(asked)
        if explanation.decision != expected:
            raise AssertionError(
                _describe_difference(expected, asked, explanation, self.log[before:])
            )

    def set_time(self, when: datetime | float) -> None:
        """Set the time that plugins see; the test itself keeps real time.

        It stands still until it is set again or advanced.

        Args:
            when: a datetime with its time zone, or UNIX seconds.

        Raises:
            ValueError: a datetime has no time zone.
        """
        self._clock.set(when)

    def advance(self, seconds: float) -> None:
        """Advance the time that plugins see."""
        self._clock.advance(seconds)

    def reload(self) -> None:
        """Build the chain again, as after a change of the configuration or the hook file."""
        with self._use_clock():
            self._host.reload()

    def _use_clock(self) -> AbstractContextManager[None]:
        self._host.report_dropped_output()  # pytest replaces the streams between fixture and test
        return self._clock.patch_into(self._find_modules)

    def _find_modules(self) -> Any:
        generation = self._host.generation
        plugins = generation.plugins if generation is not None else ()
        return find_modules(plugin.subject for plugin in plugins)


class ChainFactory(Protocol):
    """The type of the fixture `chain`, which closes its chains when the test ends."""

    def __call__(
        self,
        *members: object,
        settings: Mapping[str, Any] | None = None,
        deadline: float | None = None,
        now: datetime | float | None = None,
        broken: bool = False,
    ) -> PolicyUnderTest:
        """Make a chain; see `open_chain`."""


@contextmanager
def open_chain(
    *members: object,
    settings: Mapping[str, Any] | None = None,
    deadline: float | None = None,
    now: datetime | float | None = None,
    broken: bool = False,
) -> Iterator[PolicyUnderTest]:
    """Make a chain under test, and close it at the end.

    Args:
        *members: the plugins in order. A `pathlib.Path` is a hook file, a string the name of an
            installed plugin; anything else is what an entry point would name: a module, an object,
            a class or a factory. A `member(…)` adds a plugin's policy.
        settings: the settings of the only plugin.
        deadline: the longest time of one attempt, in seconds; None for no limit.
        now: the time that the plugins see at first; None for the real one.
        broken: expect a chain that can't be built.

    Yields:
        The chain.

    Raises:
        AssertionError: it can't be built, and the text says why; or it can, and `broken` is set.
        TypeError: there are settings and not exactly one plugin.
    """
    lines, clock = _Lines(), Clock()
    if now is not None:
        clock.set(now)
    source = build_policy(_build_members(members, settings), deadline)
    with clock.patch_into(tuple):
        host = Host(source, watch=False, log=_CapturedLog(cast("Logger", lines)))
    with host:
        if host.problem and not broken:
            raise AssertionError(f"the chain can't be built: {host.problem}")
        if broken and not host.problem:
            raise AssertionError("the chain can be built, and this test expects that it can't")
        yield PolicyUnderTest(host, clock, lines)


class _Lines:
    """Replaces a loguru logger: keeps the lines."""

    def __init__(self) -> None:
        self.all: list[str] = []

    def error(self, template: str, *values: object) -> None:
        self.all.append(template.format(*values))

    debug = info = warning = error


class _CapturedLog(Log):
    """A log without a limit of lines."""

    limited = False


def _build_members(given: tuple[object, ...], settings: Mapping[str, Any] | None) -> list[Member]:
    if settings is None:
        return [each if isinstance(each, Member) else member(each) for each in given]
    if len(given) != 1 or isinstance(given[0], Member):
        raise TypeError(
            "settings= is for a chain of one plugin; use member(PLUGIN, settings={…}) for each"
        )
    return [member(given[0], settings=settings)]


def _build_attempt(
    given: Mapping[str, Any] | None, overrides: Mapping[str, Any]
) -> Mapping[str, Any]:
    return make_attempt(**overrides) if given is None else {**given, **overrides}


def _describe_difference(
    expected: Mapping[str, Any],
    asked: Mapping[str, Any],
    explanation: Explanation,
    log: list[str],
) -> str:
    """Describe the difference: the decision, each vote, the log."""
    special = {key: value for key, value in asked.items() if ATTEMPT.get(key) != value}
    return "\n".join(
        [
            f"the decision is  {_format_decision(explanation.decision)}",
            f"and not          {_format_decision(expected)}",
            f"  for an attempt with {one_line(json.dumps(special, default=ascii))}",
            *(f"  {_format_vote(vote)}" for vote in explanation.trace),
            *(f"  log: {line}" for line in log),
        ]
    )


def _format_decision(decision: Mapping[str, Any]) -> str:
    marked = " (after an error)" if decision.get("error") else ""
    return describe_decision(decision) + marked if "action" in decision else repr(dict(decision))


def _format_vote(vote: Vote) -> str:
    shadow = ", in shadow mode" if vote["mode"] == "shadow" else ""
    said = (
        describe_decision(vote["vote"])
        if vote["error"] is None
        else f"error: {one_line(vote['error'])}"
    )
    return f"{vote['plugin']}{shadow}: {said}"
