"""The parts of a protocol, and the interface of the host that decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from hookframe.api.decision import Decision
    from hookframe.chain.stats import Statistics
    from hookframe.chain.trace import Explanation
    from hookframe.config.model import Config
    from hookframe.host.generation import Generation

LONGEST_REQUEST: Final = 64 * 1024
"""The longest request in bytes (CONTRACT 8)."""


class Decider(Protocol):
    """The interface of a host, and of the fallback."""

    @property
    def config(self) -> Config | None:
        """The current configuration."""
        ...

    def decide(self, attempt: Mapping[str, Any]) -> Decision:
        """Decide about an attempt."""
        ...

    def explain(self, attempt: Mapping[str, Any]) -> Explanation:
        """Decide about an attempt, with the trace."""
        ...

    def refuse(self, problem: str, given: object = None) -> Decision:
        """Return the temporary failure for a request that is no attempt."""
        ...

    def refuse_decision(
        self, problem: str, given: Mapping[str, Any], decision: Decision
    ) -> Decision:
        """Temp-fail an attempt whose decision the mail server can't carry out, and log why."""
        ...

    def sample_next(self) -> None:
        """Time each plugin in the next attempt, for the statistics."""
        ...

    @property
    def statistics(self) -> Statistics:
        """Its counts."""
        ...

    @property
    def generation(self) -> Generation | None:
        """The generation in use; None where every attempt temp-fails."""
        ...

    @property
    def problem(self) -> str:
        """Why every attempt temp-fails, or why a changed policy is not in use."""
        ...

    @property
    def last_load_error(self) -> tuple[str, float] | None:
        """Why loading the policy failed last, and when, in UNIX seconds."""
        ...


@dataclass(frozen=True, slots=True)
class WireProtocol:
    """One protocol.

    Args:
        split: splits the received bytes into the complete requests, then the beginning of the
            next one, which the end of the connection completes.
        one_shot: whether a connection carries one request only.
        answer: answers a request.
        refusal: answers an invalid request, and passes the reason to the host.
        failure: the answer after an error of hookframe's own.
    """

    split: Callable[[bytes], list[bytes]]
    one_shot: bool
    answer: Callable[[Decider, bytes], bytes]
    refusal: Callable[[Decider, str], bytes]
    failure: bytes
