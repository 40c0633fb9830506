"""Answers in place of a host while no worker can: every attempt is a temporary failure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hookframe.api.decision import make_temporary_failure
from hookframe.api.events import MALFORMED, NO_WORKER
from hookframe.chain.stats import Statistics
from hookframe.chain.trace import Explanation
from hookframe.log.rate import OncePerSecond

if TYPE_CHECKING:
    from hookframe.api.decision import Decision
    from hookframe.config.model import Config
    from hookframe.host.generation import Generation
    from hookframe.log.log import Log


class FallbackHost:
    """What a connection needs of a host, and no plugin.

    Args:
        config: what the daemon was started with.
        log: is told how many attempts it has answered, once a second.
    """

    def __init__(self, config: Config, log: Log) -> None:
        self.config: Config | None = config
        self._log = log
        self._answered = 0
        self._complaint = OncePerSecond()
        self.statistics = Statistics()
        self.generation: Generation | None = None
        self.problem = "no worker is ready: every attempt is answered with a temporary failure"
        self.last_load_error: tuple[str, float] | None = None

    def decide(self, attempt: Mapping[str, Any]) -> Decision:  # noqa: ARG002
        """Temp-fail an attempt."""
        self._answered += 1
        self.statistics.count_temporary_failure(NO_WORKER)
        if self._complaint.due():
            self._log.error(
                "no worker is ready: attempts are answered with a temporary failure "
                f"({self._answered} so far)"
            )
        return make_temporary_failure()

    def explain(self, attempt: Mapping[str, Any]) -> Explanation:
        """Temp-fail an attempt; there is no plugin to tell of."""
        return Explanation(self.decide(attempt), ())

    def refuse(self, problem: str, given: object = None) -> Decision:
        """Temp-fail a request that is no attempt, and log why."""
        self.statistics.count_temporary_failure(MALFORMED)
        self._log.malformed(given, problem)
        return make_temporary_failure()

    def sample_next(self) -> None:
        """Do nothing: there is no plugin to time."""
