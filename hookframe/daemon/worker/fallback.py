"""The fallback while no worker serves: answers every attempt with a temporary failure."""

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
    """A host without plugins.

    Args:
        config: the configuration at the start.
        log: takes the number of answered attempts, once a second.
    """

    def __init__(self, config: Config, log: Log) -> None:
        self.config: Config | None = config
        self._log = log
        self._answered = 0
        self._warning = OncePerSecond()
        self.statistics = Statistics()
        self.generation: Generation | None = None
        self.problem = "no worker is ready: every attempt is answered with a temporary failure"
        self.last_load_error: tuple[str, float] | None = None

    def decide(self, attempt: Mapping[str, Any]) -> Decision:  # noqa: ARG002
        """Temp-fail an attempt."""
        self._answered += 1
        self.statistics.count_temporary_failure(NO_WORKER)
        if self._warning.due():
            self._log.error(
                "no worker is ready: attempts are answered with a temporary failure "
                f"({self._answered} so far)"
            )
        return make_temporary_failure()

    def explain(self, attempt: Mapping[str, Any]) -> Explanation:
        """Temp-fail an attempt, with an empty trace."""
        return Explanation(self.decide(attempt), ())

    def refuse(self, problem: str, given: object = None) -> Decision:
        """Temp-fail a request that is no attempt, and log why."""
        self.statistics.count_temporary_failure(MALFORMED)
        self._log.malformed(given, problem)
        return make_temporary_failure()

    def sample_next(self) -> None:
        """Do nothing, without plugins to time."""
