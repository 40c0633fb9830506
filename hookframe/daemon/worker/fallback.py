"""The fallback while no worker serves: answers every attempt with a temporary failure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hookframe.api.decision import make_temporary_failure
from hookframe.api.events import LOAD_ERROR, MALFORMED, NO_WORKER
from hookframe.chain.stats import Statistics
from hookframe.chain.trace import Explanation
from hookframe.daemon.loop import Loop
from hookframe.daemon.process import name_process
from hookframe.daemon.scoreboard import RequestMarker
from hookframe.daemon.worker.worker import Worker
from hookframe.log.exceptions import describe
from hookframe.log.rate import OncePerSecond

if TYPE_CHECKING:
    from hookframe.api.decision import Decision
    from hookframe.config.model import Config
    from hookframe.daemon.channel import Post
    from hookframe.daemon.sockets.listener import Listener
    from hookframe.host.generation import Generation
    from hookframe.log.log import Log


def run_fallback(
    config: Config,
    listeners: Sequence[Listener],
    log: Log,
    number: int,
    problem: str,
    post: Post,
) -> int:
    """Serve as the fallback until the command to leave.

    Args:
        config: the configuration at the start.
        listeners: the open sockets.
        log: takes all lines.
        number: the policy in use; with another one this process accepts no more clients.
        problem: why the policy can't be loaded; empty if its workers are only not there.
        post: the connections to the other processes.

    Returns:
        The exit status.
    """
    name_process("hookframe-stand")
    loop = Loop(lambda error: log.error(f"an error in the fallback: {describe(error)}"))
    host, marker = FallbackHost(config, log, problem), RequestMarker(post.slot)
    worker = Worker(host, config, listeners, log, post, marker, loop, number)
    worker.explain_failures = host.explain_failures
    worker.run(serve=True)
    return 0


class FallbackHost:
    """A host without plugins.

    Args:
        config: the configuration at the start.
        log: takes the number of answered attempts, once a second.
        problem: why the policy can't be loaded; empty if its workers are only not there.
    """

    def __init__(self, config: Config, log: Log, problem: str = "") -> None:
        self.config: Config | None = config
        self._log = log
        self._answered = 0
        self._warning = OncePerSecond()
        self.statistics = Statistics()
        self.generation: Generation | None = None
        self.last_load_error: tuple[str, float] | None = None
        self.explain_failures(problem)

    def explain_failures(self, problem: str) -> None:
        """Take why attempts fail from now on.

        Args:
            problem: as for the constructor.
        """
        self._kind = LOAD_ERROR if problem else NO_WORKER
        self.problem = problem or (
            "no worker is ready: every attempt is answered with a temporary failure"
        )

    def decide(self, attempt: Mapping[str, Any]) -> Decision:  # noqa: ARG002
        """Temp-fail an attempt."""
        self._answered += 1
        self.statistics.count_temporary_failure(self._kind)
        if self._kind == NO_WORKER and self._warning.due():
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

    def refuse_decision(
        self, problem: str, given: Mapping[str, Any], decision: Decision
    ) -> Decision:
        """Temp-fail an attempt; it never decides anything else."""
        del problem, given, decision
        return make_temporary_failure()

    def sample_next(self) -> None:
        """Do nothing, without plugins to time."""
