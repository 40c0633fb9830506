"""What every protocol consists of, and what it asks for a decision."""

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
    """What answering needs: a host, or who stands in for it."""

    @property
    def config(self) -> Config | None:
        """The configuration that holds."""
        ...

    def decide(self, attempt: Mapping[str, Any]) -> Decision:
        """Decide about an attempt."""
        ...

    def explain(self, attempt: Mapping[str, Any]) -> Explanation:
        """Decide about an attempt, with the trace."""
        ...

    def refuse(self, problem: str, given: object = None) -> Decision:
        """Temp-fail a request that is no attempt."""
        ...

    def sample_next(self) -> None:
        """Have the next attempt tell the statistics how long each plugin took."""
        ...

    @property
    def statistics(self) -> Statistics:
        """What it has counted."""
        ...

    @property
    def generation(self) -> Generation | None:
        """The generation in use; None where every attempt temp-fails."""
        ...

    @property
    def problem(self) -> str:
        """Why every attempt temp-fails, or what is wrong with a policy that is not in use."""
        ...

    @property
    def last_load_error(self) -> tuple[str, float] | None:
        """Why the policy could not be loaded, and when: UNIX seconds."""
        ...


@dataclass(frozen=True, slots=True)
class WireProtocol:
    """One protocol.

    Args:
        cut: takes all bytes that are there and gives the whole requests, then the beginning of
            the next one; the end of the connection makes that one whole too.
        once: whether a connection carries one request only, which then may be empty.
        answer: answers a request.
        refusal: answers what can't be a request, and says why to the host.
    """

    split: Callable[[bytes], list[bytes]]
    one_shot: bool
    answer: Callable[[Decider, bytes], bytes]
    refusal: Callable[[Decider, str], bytes]
