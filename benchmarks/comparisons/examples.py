"""The three examples of the original contract: Perl subs in a Perl host, and Python hooks.

Both sides look at the clock at each attempt, as the blacklist says when it wants to be read again;
the interval is set so long that it is read once, and reading is compared by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.lab import ATTEMPT, ROOT, Lab
from benchmarks.measure import Bar, Comparison, Measurement, nanoseconds
from benchmarks.perl_host import PERL_HOST, perl_host
from benchmarks.policies import host, install_distribution
from hookframe.config.model import Config, PluginTable

PERL: Final = ROOT / "tests" / "perl" / "hooks"
PYTHON: Final = ROOT / "contrib" / "hooks"
NAMES: Final = ("do_nothing", "change_virtualmta", "recipient_blacklist")
OURS: Final = "Host.decide"
CYCLE: Final = 65_536
"""So many recipients in turn, of which half are listed: a cache of the processor holds few."""
NANOSECONDS_PER_MILLISECOND: Final = 1_000_000
READING: Final = "reading_blacklist"
NEVER: Final = "1_000_000_000"
MARKED: Final = """
import hookframe
pre_delivery_attempt = hookframe.hookimpl(pre_delivery_attempt)
if "configure" in globals():
    configure = hookframe.hookimpl(configure)
"""


def comparisons(lab: Lab) -> Iterator[Comparison]:
    """Compare each example by itself, and the chain of all three."""
    if not lab.has("perl", "the examples in Perl"):
        return
    _install(lab)
    few, many = _list(lab, 10), _list(lab, 10_000 if lab.quick else 1_000_000)
    one = _recipients(lab, few, 2)
    yield from _compared(lab, "nothing", "do nothing", ("do_nothing",), few, one)
    yield from _compared(lab, "virtualmta", "change VirtualMTA", ("change_virtualmta",), few, one)
    blacklist = ("recipient_blacklist",)
    cycled = _recipients(lab, many, CYCLE)
    yield from _compared(lab, "few", "a blacklist of 10 addresses", blacklist, few, one)
    yield from _compared(lab, "many", "a blacklist of 1,000,000 addresses", blacklist, many, cycled)
    title = "all three in a chain, with 1,000,000 addresses"
    yield from _compared(lab, "chain", title, NAMES, many, cycled, at_most=0.7)
    yield from _reading(lab, many, one)


def _reading(lab: Lab, listed: Path, recipients: Path) -> Iterator[Comparison]:
    """Compare attempts that read the list."""
    hooks = [_perl(lab, "recipient_blacklist", listed, seconds="0")]
    with (
        perl_host(lab, hooks, 1, recipients) as perl,
        _ours((READING,), listed, recipients, 1) as ours,
    ):
        yield Comparison(
            "examples-reading",
            "The original's examples: reading 1,000,000 addresses",
            "ms",
            more_is_better=False,
            variants={
                PERL_HOST: lambda: perl() / NANOSECONDS_PER_MILLISECOND,
                OURS: lambda: ours() / NANOSECONDS_PER_MILLISECOND,
            },
            rounds=7,
            reference=PERL_HOST,
        )


def _compared(
    lab: Lab,
    name: str,
    title: str,
    examples: Sequence[str],
    listed: Path,
    recipients: Path,
    at_most: float | None = None,
) -> Iterator[Comparison]:
    calls = CYCLE // (16 if lab.quick else 1)
    hooks = [_perl(lab, example, listed) for example in examples]
    with (
        perl_host(lab, hooks, calls, recipients) as perl,
        _ours(examples, listed, recipients, calls) as ours,
    ):
        yield Comparison(
            f"examples-{name}",
            f"The original's examples: {title}",
            "ns",
            more_is_better=False,
            variants={PERL_HOST: perl, OURS: ours},
            bars=() if at_most is None else (Bar(OURS, PERL_HOST, at_most=at_most),),
            reference=PERL_HOST,
        )


@contextmanager
def _ours(
    examples: Sequence[str], listed: Path, recipients: Path, calls: int
) -> Iterator[Measurement]:
    """Open a host of the examples, and measure so many attempts in turn."""
    addresses = recipients.read_text().splitlines()[:calls]
    attempts = [{**ATTEMPT, "recipient": each} for each in addresses]
    times = max(1, calls // len(attempts))
    listing = [name for name in examples if "blacklist" in name]
    tables = {name: PluginTable(settings={"list": str(listed)}) for name in listing}
    with host(Config(chain=tuple(examples), plugins=tables)) as opened:
        yield nanoseconds(
            "for attempt in attempts: decide(attempt)",
            times,
            loops=len(attempts),
            attempts=attempts,
            decide=opened.decide,
        )


def _install(lab: Lab) -> None:
    """Install the examples as plugins, each a distribution of its own."""
    for name in (*NAMES, READING):
        example, seconds = ("recipient_blacklist", "0") if name == READING else (name, NEVER)
        source = (PYTHON / f"{example}.py").read_text()
        source = source.replace("SECONDS = 3\n", f"SECONDS = {seconds}\n")
        install_distribution(lab.fresh(), name, source + MARKED, {name: name})


def _perl(lab: Lab, name: str, listed: Path, seconds: str = NEVER) -> Path:
    """Copy a Perl example, with another list and another interval."""
    source = (PERL / f"{name}.pl").read_text()
    source = source.replace("= 3;", f"= {seconds};")
    source = source.replace("/etc/hookframe/recipient_blacklist.txt", str(listed))
    copy = lab.fresh() / f"{name}.pl"
    copy.write_text(source)
    return copy


def _list(lab: Lab, entries: int) -> Path:
    """Write a blacklist."""
    path = lab.fresh() / "list.txt"
    path.write_text(
        "".join(f"listed{number}@domain{number % 977}.example\n" for number in range(entries))
    )
    return path


def _recipients(lab: Lab, listed: Path, count: int) -> Path:
    """Write recipients, of which every other one is listed, from all over the list."""
    addresses = listed.read_text().splitlines()
    stride = max(1, len(addresses) // count)
    path = lab.fresh() / "recipients.txt"
    lines = [
        addresses[number * stride % len(addresses)] if number % 2 else f"joe{number}@example.org"
        for number in range(count)
    ]
    path.write_text("".join(f"{line}\n" for line in lines))
    return path
