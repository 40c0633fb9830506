"""Deliveries by a real Exim: with no hook, with hookframe, with the Perl that is built into it.

Every message is one delivery process of Exim's and one connection to a sink, which has the other
processor. The policy is the same in both languages: GreenArrow's two examples.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from benchmarks.lab import Lab
from benchmarks.measure import Bar, Comparison, Measurement, Several

MESSAGES, ROUNDS = 50, 10
"""Each Exim delivers 500 messages, fifty in a round."""
BARS: Final = (
    Bar("hookframe", "no hook", at_most=1.15),
    Bar("hookframe", "embedded Perl", at_most=1),
)


def comparisons(lab: Lab) -> Iterator[Comparison]:
    """Compare the time of one delivery, and the processor time of the same deliveries."""
    from tests.e2e.needed import what_is_missing  # noqa: PLC0415  (pytest only where it is used)

    if lacking := what_is_missing():
        lab.lacking["way to run an Exim of our own"] = f"its deliveries ({lacking})"
        return
    from benchmarks.mail import deliveries  # noqa: PLC0415

    with deliveries(lab) as made:
        count = 5 if lab.quick else MESSAGES
        figures = {
            name: Several(lambda deliver=deliver: deliver(count)._asdict())
            for name, deliver in made.items()
        }
        for name, what in (("wall", "time"), ("processor", "processor time")):
            variants = {asked: each.figure(name) for asked, each in figures.items()}
            yield _comparison(name, what, variants)


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
