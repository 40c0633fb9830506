"""Deliveries by a real Exim: with no hook, with hookframe, with the Perl that is built into it.

Every message is one delivery process of Exim's and one connection to a sink, which has the other
processor. The policy is the same in both languages: GreenArrow's two examples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from benchmarks.lab import Lab
from benchmarks.measure import Bar, Comparison, Measurement

if TYPE_CHECKING:
    from benchmarks.mail import Delivery

MESSAGES, ROUNDS = 50, 10
"""Each Exim delivers 500 messages, fifty in a round."""
BARS: Final = (
    Bar("hookframe", "no hook", at_most=1.15),
    Bar("hookframe", "embedded Perl", at_most=1),
)


def comparisons(lab: Lab) -> Iterator[Comparison]:
    """Compare the time of one delivery, and the processor time of the same deliveries."""
    from tests.e2e.lab import what_is_missing  # noqa: PLC0415  (pytest only where it is used)

    if lacking := what_is_missing():
        lab.lacking["way to run an Exim of our own"] = f"its deliveries ({lacking})"
        return
    from benchmarks.mail import deliveries  # noqa: PLC0415

    with deliveries(lab) as made:
        deliver = {name: Twice(each, 5 if lab.quick else MESSAGES) for name, each in made.items()}
        yield _comparison("wall", "time", {name: each.wall for name, each in deliver.items()})
        yield _comparison(
            "processor", "processor time", {name: each.processor for name, each in deliver.items()}
        )


class Twice:
    """Gives two figures of each delivery, one now and one when it is asked for later.

    Args:
        deliver: delivers so many messages.
        count: their number.
    """

    def __init__(self, deliver: Callable[[int], Delivery], count: int) -> None:
        self._deliver = deliver
        self._count = count
        self._earlier: list[Delivery] = []

    def wall(self) -> float:
        """Deliver."""
        delivery = self._deliver(self._count)
        self._earlier.append(delivery)
        return delivery.wall

    def processor(self) -> float:
        """Give the other figure of what was delivered earlier, or deliver if nothing was."""
        earlier = self._earlier.pop(0) if self._earlier else self._deliver(self._count)
        return earlier.processor


def _comparison(name: str, what: str, variants: dict[str, Measurement]) -> Comparison:
    return Comparison(
        f"exim-{name}",
        f"Exim delivers {MESSAGES * ROUNDS} messages: {what}",
        "ms a message",
        more_is_better=False,
        variants=variants,
        bars=BARS,
        rounds=ROUNDS,
        reference="no hook",
    )
