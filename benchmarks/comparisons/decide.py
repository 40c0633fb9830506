"""`Host.decide` in process, against other ways to call the same plugins.

The host does what it always does: it checks the attempt and makes it read-only, keeps other
threads out, takes what the plugins print, watches the deadline, checks and folds what they return.
The loop, pluggy and stevedore call the plugins and do nothing with what comes back; the Perl host
checks and folds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, Final

import pluggy

from benchmarks.lab import ATTEMPT, Lab
from benchmarks.measure import Bar, Comparison, Measurement, along, at, nanoseconds
from benchmarks.perl_host import DECIDES, NOTHING, PERL_HOST, perl_files, perl_host
from benchmarks.policies import deciding, install
from hookframe.config.model import Config, PluginTable
from hookframe.config.plugin_policy import Policy

COUNTS: Final = (1, 3, 10, 30)
CALLS: Final = 40_000
LOOP, PLUGGY, STEVEDORE, OURS = "a bare loop", "a raw pluggy call", "stevedore", "Host.decide"
BARE_CALL, PLUGIN_MORE = 30, 80
"""What a plugin more may cost where a bare call costs 30 ns, in nanoseconds."""


def comparisons(lab: Lab) -> Iterator[Comparison]:
    """Compare for chains that say nothing, of which one decides, and of which all do."""
    plugins = install(lab)
    bars = {3: 0.60, 10: 0.38}
    chains = (
        ("nothing", "plugins that return nothing", lambda _: (), bars),
        ("one", "the last plugin decides", lambda count: {count - 1}, {}),
        ("all", "every plugin decides", range, {10: 0.9}),
    )
    for name, title, deciding_of, promised in chains:
        with ExitStack() as stack:
            yield _chains(lab, stack, plugins, name, title, deciding_of, promised)
    yield _plugin_more(lab, plugins)
    yield _with_more(lab, plugins)


def _chain(count: int, deciding: Sequence[int] | set[int]) -> tuple[str, ...]:
    """Name so many plugins, of which these decide."""
    return tuple(f"{'decides' if each in deciding else 'nothing'}{each}" for each in range(count))


def _chains(
    lab: Lab,
    stack: ExitStack,
    plugins: Any,
    name: str,
    title: str,
    deciding_of: Callable[[int], Any],
    bars: dict[int, float],
) -> Comparison:
    """Compare chains of 1 to 30 plugins."""
    grid: dict[str, dict[float, Measurement]]
    grid = {LOOP: {}, PLUGGY: {}, STEVEDORE: {}, PERL_HOST: {}, OURS: {}}
    perl = lab.has("perl", "a Perl host of the same hooks")
    for count in COUNTS:
        names, calls = _chain(count, deciding_of(count)), _calls(lab, count)
        objects = _objects(plugins, names)
        grid[LOOP][count] = _loop(objects, calls)
        grid[PLUGGY][count] = _pluggy(objects, calls)
        if (measurement := _stevedore(lab, objects, calls)) is not None:
            grid[STEVEDORE][count] = measurement
        if perl:
            hooks = perl_files(lab, [_in_perl(each) for each in names])
            grid[PERL_HOST][count] = stack.enter_context(perl_host(lab, hooks, calls))
        grid[OURS][count] = deciding(Config(chain=names), calls)
    variants, points = along({series: row for series, row in grid.items() if row})
    return Comparison(
        f"decide-{name}",
        f"One attempt: {title}",
        "ns",
        more_is_better=False,
        variants=variants,
        bars=tuple(Bar(at(OURS, n), at(PLUGGY, n), at_most=most) for n, most in bars.items()),
        reference=PLUGGY,
        axis="plugins",
        points=points,
    )


def _in_perl(name: str) -> str:
    return DECIDES if name.startswith("decides") else NOTHING


def _plugin_more(lab: Lab, plugins: Any) -> Comparison:
    """Compare what one plugin more costs, from the difference between 10 and 30."""
    few, many = 10, 30

    def one_more(of: Callable[[int], Measurement]) -> Measurement:
        of_few, of_many = of(few), of(many)
        return lambda: (of_many() - of_few()) / (many - few)

    def loop(count: int) -> Measurement:
        return _loop(_objects(plugins, _chain(count, ())), _calls(lab, count))

    def pluggy_call(count: int) -> Measurement:
        return _pluggy(_objects(plugins, _chain(count, ())), _calls(lab, count))

    def ours(count: int) -> Measurement:
        return deciding(Config(chain=_chain(count, ())), _calls(lab, count))

    return Comparison(
        "decide-more",
        "A plugin more that returns nothing",
        "ns",
        more_is_better=False,
        variants={LOOP: one_more(loop), PLUGGY: one_more(pluggy_call), OURS: one_more(ours)},
        bars=(Bar(OURS, LOOP, at_most=PLUGIN_MORE / BARE_CALL),),
        reference=LOOP,
    )


def _with_more(lab: Lab, plugins: Any) -> Comparison:
    """Compare three plugins that return nothing with such a chain and something beside them."""
    three, calls = _chain(3, ()), _calls(lab, 10)

    def measure(*more: str, **policies: Policy) -> Measurement:
        tables = {name: PluginTable(policy) for name, policy in policies.items()}
        return deciding(Config(chain=(*three, *more), plugins=tables), calls)

    alone = "Host.decide, three plugins"
    wrapper, shadow = "with a wrapper", "with a plugin in shadow mode that decides"
    observer, adds = "with an observer of decisions", "what the observer adds"
    return Comparison(
        "decide-with",
        "One attempt: three plugins that return nothing, and",
        "ns",
        more_is_better=False,
        variants={
            alone: measure(),
            wrapper: measure("wraps0"),
            shadow: measure("decides0", decides0=Policy(mode="shadow")),
            "with a deadline of each plugin": measure(
                **{name: Policy(deadline=0.5) for name in three}
            ),
            observer: measure("observes0"),
            adds: lambda: measure("observes0")() - measure()(),
            PLUGGY: _pluggy(_objects(plugins, three), calls),
            f"{PLUGGY}, with a wrapper": _pluggy(
                [*_objects(plugins, three), plugins.Wraps()], calls
            ),
        },
        bars=(
            Bar(wrapper, alone, at_most=2),
            Bar(shadow, alone, at_most=1.5),
            Bar(adds, at_most=3000),
        ),
        reference=alone,
    )


def _calls(lab: Lab, count: int) -> int:
    return max(100, CALLS // (count + 10) // (20 if lab.quick else 1))


def _objects(plugins: Any, names: Sequence[str]) -> list[Any]:
    """Make the plugins of these names, as entry points would."""
    return [getattr(plugins, name.rstrip("0123456789").capitalize())() for name in names]


def _loop(objects: Sequence[Any], calls: int) -> Measurement:
    """Call each, and do nothing else: the floor."""
    functions = tuple(each.pre_delivery_attempt for each in objects)

    def loop(attempt: Any, decision: Any, state: Any) -> None:
        for function in functions:
            function(attempt, decision, state)

    return nanoseconds("call(attempt, decision, state)", calls, call=loop, **_arguments())


def _pluggy(objects: Sequence[Any], calls: int) -> Measurement:
    """Call pluggy's hook, which gives a list of what they return."""
    hookspec = pluggy.HookspecMarker("hookframe")

    class Specification:
        @hookspec
        def pre_delivery_attempt(self, attempt: Any, decision: Any, state: Any) -> Any: ...

    manager = pluggy.PluginManager("hookframe")
    manager.add_hookspecs(Specification)
    for number, each in enumerate(objects):
        manager.register(each, name=f"plugin{number}")
    return nanoseconds(
        "hook.pre_delivery_attempt(attempt=attempt, decision=decision, state=state)",
        calls,
        hook=manager.hook,
        **_arguments(),
    )


def _stevedore(lab: Lab, objects: Sequence[Any], calls: int) -> Measurement | None:
    """Call a method of all extensions by stevedore, which gives such a list too."""
    try:
        from stevedore.extension import Extension, ExtensionManager  # noqa: PLC0415
    except ImportError:
        lab.lacking["stevedore"] = "its calls of the same plugins"
        return None
    extensions = [Extension(f"plugin{n}", None, type(o), o) for n, o in enumerate(objects)]
    manager = ExtensionManager.make_test_instance(extensions)
    return nanoseconds(
        "call('pre_delivery_attempt', attempt, decision, state)",
        calls,
        call=manager.map_method,
        **_arguments(),
    )


def _arguments() -> dict[str, Any]:
    return {"attempt": {**ATTEMPT}, "decision": {"action": "normal"}, "state": {}}
