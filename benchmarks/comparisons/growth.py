"""How the cost of an attempt grows with the policy and with the attempt, in a program.

Where something costs the same however much of it there is, the exponent is near 0; where each one
more costs as much as the one before, it is 1. With `Host.decide` stands what the host costs alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from importlib.metadata import entry_points
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any, Final

from loguru import logger

from benchmarks.lab import ATTEMPT, Lab
from benchmarks.measure import Bar, Comparison, Measurement, along, at, nanoseconds
from benchmarks.policies import host, install
from hookframe.config.model import Config, PluginTable

OURS: Final = "Host.decide"
PLUGINS: Final = (1, 3, 10, 30, 100)
RULES: Final = (10, 100, 1_000, 10_000, 100_000)
ENTRIES: Final = (10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)
KEYS: Final = (0, 1, 3, 10, 30, 50)
BYTES_OF_AN_ENTRY: Final = 400
"""So much memory there must be for an entry while the list is read; a third of it is enough."""
CONSTANT: Final = 2.0
"""At most so many times the cost with the fewest: a larger table lies in a farther cache."""
ASKED: Final = 8192
"""So many different recipients are asked about in turn."""


def comparisons(lab: Lab) -> Iterator[Comparison]:
    """Compare along the number of plugins, of rules, of entries and of keys."""
    plugins = install(lab)
    installed = entry_points(group="hookframe").names
    subjects: dict[str, Callable[[ExitStack], Comparison]] = {
        "": lambda stack: _plugins(lab, stack, plugins),
        "routing": lambda stack: _rules(lab, stack),
        "blacklist": lambda stack: _entries(lab, stack),
    }
    for needed, make in subjects.items():
        if needed and needed not in installed:
            lab.lacking[f"plugin {needed}"] = "how its cost grows"
            continue
        with ExitStack() as stack:
            yield make(stack)
    with ExitStack() as stack:
        yield _keys(lab, stack)


def _plugins(lab: Lab, stack: ExitStack, plugins: Any) -> Comparison:
    """Compare chains of plugins that return nothing with bare calls of the same ones."""

    def bare(number: int) -> Measurement:
        functions = tuple(plugins.Nothing().pre_delivery_attempt for _ in range(number))
        return nanoseconds(
            "for function in functions: function(attempt, decision, state)",
            _calls(lab, number),
            functions=functions,
            attempt={**ATTEMPT},
            decision={"action": "normal"},
            state={},
        )

    def ours(number: int) -> Measurement:
        chain = tuple(f"nothing{each}" for each in range(number))
        return Elsewhere(stack, Config(chain=chain), [{**ATTEMPT}], _calls(lab, number)).measure

    grid = {"a bare loop": {n: bare(n) for n in PLUGINS}, OURS: {n: ours(n) for n in PLUGINS}}
    return _comparison("plugins", "More plugins that return nothing", "plugins", grid, ())


def _rules(lab: Lab, stack: ExitStack) -> Comparison:
    """Compare rules that each match one domain, of which every second attempt has one."""
    numbers = RULES[:3] if lab.quick else RULES
    grid: dict[str, dict[float, Measurement]] = {OURS: {}}
    for number in numbers:
        file = lab.fresh() / "routing.toml"
        file.write_text(
            "".join(
                f'[[rule]]\nmatch.recipient_domain = "domain{each}.example"\nnew_mtaid = "smtp2"\n'
                for each in range(number)
            )
        )
        config = _config("routing", file=str(file))
        domains = [f"domain{each}.example" for each in _some(number)]
        grid[OURS][number] = Elsewhere(stack, config, _attempts(domains), _calls(lab, 10)).measure
    bars = _constant(OURS, numbers)
    return _comparison("rules", "More routing rules, each for one domain", "rules", grid, bars)


def _entries(lab: Lab, stack: ExitStack) -> Comparison:
    """Compare lists of addresses, of which every second attempt has one."""
    affordable = [number for number in ENTRIES if number * BYTES_OF_AN_ENTRY < _free_memory()]
    if len(affordable) < len(ENTRIES):
        lab.lacking["memory"] = f"a blacklist of {max(ENTRIES):,} entries"
    numbers = affordable[:4] if lab.quick else affordable
    grid: dict[str, dict[float, Measurement]] = {OURS: {}}
    for number in numbers:
        file = lab.fresh() / "blacklist.txt"
        with file.open("w") as out:
            out.writelines(f"somebody{each}@domain{each % 997}.example\n" for each in range(number))
        config = _config("blacklist", recipients=str(file))
        listed = [f"somebody{each}@domain{each % 997}.example" for each in _some(number)]
        grid[OURS][number] = Elsewhere(stack, config, _attempts(listed), _calls(lab, 10)).measure
    bars = _constant(OURS, numbers)
    return _comparison("entries", "More entries of the blacklist", "entries", grid, bars)


def _keys(lab: Lab, stack: ExitStack) -> Comparison:
    """Compare attempts with more keys than the nine."""
    config = Config(chain=("nothing0", "nothing1", "nothing2"))
    grid: dict[str, dict[float, Measurement]] = {OURS: {}}
    for number in KEYS:
        attempt = {**ATTEMPT, **{f"header_{each}": f"value {each}" for each in range(number)}}
        grid[OURS][len(attempt)] = Elsewhere(stack, config, [attempt], _calls(lab, 10)).measure
    return _comparison("keys", "More keys in an attempt", "keys", grid, ())


def _comparison(
    name: str,
    title: str,
    axis: str,
    grid: dict[str, dict[float, Measurement]],
    bars: tuple[Bar, ...],
) -> Comparison:
    variants, points = along(grid)
    return Comparison(
        f"growth-{name}",
        f"{title}: one attempt",
        "ns",
        more_is_better=False,
        variants=variants,
        bars=bars,
        rounds=7,
        axis=axis,
        points=points,
    )


def _constant(series: str, numbers: Sequence[int]) -> tuple[Bar, ...]:
    """Promise that the most costs about as much as the fewest."""
    return (Bar(at(series, numbers[-1]), at(series, numbers[0]), at_most=CONSTANT),)


def _config(plugin: str, **settings: str) -> Config:
    return Config(chain=(plugin,), plugins={plugin: PluginTable(settings=settings)})


def _some(number: int) -> list[int]:
    """Choose among so many, the same ones each time."""
    chosen = Random(number)
    return [chosen.randrange(number) for _ in range(ASKED // 2)]


def _attempts(known: Sequence[str]) -> list[dict[str, Any]]:
    """Make attempts to these addresses, and between them to others that nobody knows."""
    recipients = (address for each in known for address in (each, f"{each}.invalid"))
    return [{**ATTEMPT, "recipient": recipient} for recipient in recipients]


class Elsewhere:
    """A host in a process of its own, so that many can be there and be measured in turns.

    Args:
        stack: ends it.
        config: its policy.
        attempts: what it decides about, one after another.
        calls: how many decisions one measurement takes.
    """

    def __init__(
        self, stack: ExitStack, config: Config, attempts: Sequence[dict[str, Any]], calls: int
    ) -> None:
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        arguments = (theirs, config, attempts, calls)
        process = context.Process(target=_measure_when_asked, args=arguments, daemon=True)
        process.start()
        theirs.close()
        stack.callback(process.join)
        stack.callback(self._pipe.close)

    def measure(self) -> float:
        """Measure once: nanoseconds for one attempt."""
        self._pipe.send(None)
        return float(self._pipe.recv())


def _measure_when_asked(
    pipe: Connection, config: Config, attempts: Sequence[dict[str, Any]], calls: int
) -> None:
    logger.remove()
    with host(config) as opened, suppress(EOFError):
        measure = nanoseconds(
            "for attempt in attempts: decide(attempt)",
            max(1, calls // len(attempts)),
            len(attempts),
            decide=opened.decide,
            attempts=attempts,
        )
        while True:
            pipe.recv()
            pipe.send(measure())


def _calls(lab: Lab, plugins: int) -> int:
    return max(ASKED, 200_000 // (plugins + 10) // (20 if lab.quick else 1))


def _free_memory() -> int:
    """Give the bytes of memory that are to be had."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    (available,) = (line for line in lines if line.startswith("MemAvailable"))
    return int(available.split()[1]) * 1024
