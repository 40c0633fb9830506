"""The status of a daemon as text: in 80 columns, in colour on a terminal only."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from hookframe._text import one_line
from hookframe.cli.commands.status.client import NoStatus
from hookframe.cli.render import STYLES

if TYPE_CHECKING:
    from rich.console import RenderableType

    from hookframe.chain.stats import LastError
    from hookframe.daemon.status import (
        ChainMember,
        Document,
        PluginStatus,
        WorkerStatus,
    )

_ROUTED: Final = "cyan"
_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_MEBIBYTE: Final = 1 << 20
_EXACT: Final = 1000
"""Microseconds from here on are shown without tenths."""


class _Console(Console):
    """Standard output; `cli.main` handles a broken pipe."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def make_console() -> Console:
    """Open the console of standard output."""
    return _Console(highlight=False)


def build_screen(document: Document, where: str, before: Document | None = None) -> RenderableType:
    """Lay out a status.

    Args:
        document: the status.
        where: the daemon's address.
        before: an earlier status, for the rate of attempts.
    """
    parts: list[RenderableType] = [*_format_head(document, where), Text()]
    parts += [_build_attempts(document, _format_rate(document, before)), Text()]
    if document["plugins"]:
        parts += [_build_plugins(document), *_list_comparisons(document)]
        parts += [*_list_errors(document), Text()]
    return Group(*parts, _build_workers(document))


def watch(
    observed: Iterable[Document | NoStatus], where: str, print_error: Callable[[str], None]
) -> None:
    """Show each status; on a terminal it replaces the one before.

    Args:
        observed: each status, or why there is none.
        where: the daemon's address.
        print_error: prints why there is none, if the output is not a terminal.
    """
    output, before = make_console(), None
    if output.is_terminal and not output.is_dumb_terminal:
        with Live(console=output, auto_refresh=False) as live:
            for each in observed:
                if isinstance(each, NoStatus):
                    live.update(Text(_format_problem(each), "red"), refresh=True)
                else:
                    live.update(build_screen(each, where, before), refresh=True)
                    before = each
        return
    for each in observed:
        if isinstance(each, NoStatus):
            print_error(_format_problem(each))
        else:
            output.print(build_screen(each, where, before), "")
            before = each


def _format_problem(problem: NoStatus) -> str:
    return one_line(f"{problem}; trying again")


def _format_head(document: Document, where: str) -> Iterable[Text]:
    version, uptime = one_line(document["hookframe"]), _format_duration(document["uptime"])
    yield Text.assemble(
        (f"hookframe {version}", "bold"),
        f" (pid {document['pid']}), up {uptime}, at {one_line(where)}",
    )
    if document["generation"] is not None:
        chain = (
            ", ".join(map(_format_member, document["chain"])) or "empty, every attempt is normal"
        )
        yield Text(f"generation {document['generation']}: {chain}")
    if document["problem"]:
        yield Text(f"problem: {one_line(document['problem'])}", "bold red")
    for note in document["notes"]:
        yield Text(f"note: {one_line(note)}", "yellow")
    failed = document["last_load_error"]
    if failed is not None and failed["text"] != document["problem"]:
        yield Text(f"last load error, {_format_time(failed)}: {one_line(failed['text'])}", "yellow")


def _format_member(member: ChainMember) -> str:
    more = " ".join(filter(None, (member["distribution"], member["version"])))
    shadow = _format_mode(member)
    inside = ", ".join(filter(None, (more, shadow)))
    return one_line(f"{member['plugin']} ({inside})" if inside else member["plugin"])


def _build_attempts(document: Document, rate: str) -> Table:
    """Build the table of attempts, by outcome."""
    total, failures = document["attempts"], document["temporary_failures"]
    table = Table.grid(padding=(0, 3, 0, 0))
    table.add_column()
    table.add_column(justify="right", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row(Text("attempts", "bold"), Text(f"{total:,}", "bold"), "", Text(rate, "dim"))
    for action, number in document["decisions"].items():
        if number or action == "normal":
            style = STYLES.get(action, _ROUTED)
            table.add_row(Text(f"  {one_line(action)}", style), *_format_share(number, total))
    failed = sum(failures.values())
    kinds = Text(_format_counts(failures), "dim")
    table.add_row(
        Text("  temporary failure", "red" if failed else ""), *_format_share(failed, total), kinds
    )
    if document["unaccounted"]:
        died = Text("their workers died before reporting", "dim")
        table.add_row("  not known", *_format_share(document["unaccounted"], total), died)
    return table


def _format_share(number: int, total: int) -> tuple[str, str]:
    return f"{number:,}", f"{100 * number / total:.2f} %" if total else ""


def _format_rate(document: Document, before: Document | None) -> str:
    """Format the rate of attempts between two documents of one daemon."""
    if before is None or before["pid"] != document["pid"]:
        return ""
    seconds = document["uptime"] - before["uptime"]
    attempts = document["attempts"] - before["attempts"]
    return f"{attempts / seconds:,.0f} a second" if seconds > 0 and attempts >= 0 else ""


def _build_plugins(document: Document) -> Table:
    table = _make_table("plugin", "votes")
    for heading in ("errors", "p50 µs", "p90 µs", "p99 µs", "max µs"):
        table.add_column(heading, justify="right", no_wrap=True)
    modes = {member["plugin"]: member["mode"] for member in document["chain"]}
    gone = " (no longer in the chain)" if document["generation"] is not None else ""
    for name, plugin in document["plugins"].items():
        table.add_row(_format_name(name, modes.get(name), gone), *_format_plugin(plugin))
    return table


def _format_mode(member: ChainMember) -> str:
    """Return how a member stands in the chain without deciding; empty for the others."""
    if member["mode"] != "shadow":
        return ""
    of = member.get("shadow_of")
    return f"shadow of {of}" if of else "shadow"


def _list_comparisons(document: Document) -> Iterable[Text]:
    """List the shadows that are compared with another member."""
    for member in document["chain"]:
        of = member.get("shadow_of")
        if of is not None:
            plugin = document["plugins"][member["plugin"]]
            agree, differ = plugin.get("agreements", 0), plugin.get("differences", 0)
            text = f"{member['plugin']} and {of}: {agree:,} votes agree, "
            yield Text(one_line(f"{text}{differ:,} differ"), "magenta" if differ else "")


def _list_errors(document: Document) -> Iterable[Text]:
    """List the last error of each plugin."""
    for name, plugin in document["plugins"].items():
        error = plugin.get("last_error")
        if error is not None:
            when = _format_time(error)
            yield Text(one_line(f"last error of {name}, {when}: {error['text']}"), "yellow")


def _format_name(name: str, mode: str | None, gone: str) -> Text:
    """Format a plugin's name, marked if it does not decide.

    Args:
        name: the name.
        mode: its mode; None if it is in no chain.
        gone: the mark in that case.
    """
    if mode is None:
        return Text(f"{one_line(name)}{gone}", "dim")
    return Text(f"{one_line(name)} (shadow)" if mode == "shadow" else one_line(name))


def _format_plugin(plugin: PluginStatus) -> Iterable[Text]:
    yield Text(_format_counts(plugin["votes"]) or "-")
    yield Text(f"{plugin['errors']:,}", "red" if plugin["errors"] else "")
    times = plugin["microseconds"]
    if times is None:
        yield from (Text("-", "dim") for _ in range(4))
        return
    for value in (times["p50"], times["p90"], times["p99"], times["max"]):
        yield Text(f"{value:,.0f}" if value >= _EXACT else f"{value:.1f}")


def _build_workers(document: Document) -> Table:
    table = _make_table("process", "pid")
    for heading in ("up", "generation", "clients", "MiB"):
        table.add_column(heading, justify="right", no_wrap=True)
    for worker in document["workers"]:
        table.add_row(*_format_worker(worker))
    restarts = _format_counts(document["restarts"])
    if restarts:
        table.caption = Text(f"replaced workers: {restarts}", "yellow")
        table.caption_justify = "left"
    return table


def _format_worker(worker: WorkerStatus) -> Iterable[Text]:
    yield Text(one_line(worker["role"]), "red" if worker["problem"] else "")
    yield Text(str(worker["pid"]))
    yield Text(_format_duration(worker["uptime"]))
    yield Text("-" if worker["generation"] is None else str(worker["generation"]))
    yield Text(f"{worker['connections']:,}")
    yield Text(f"{worker['memory'] / _MEBIBYTE:,.0f}")


def _make_table(*headings: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="dim")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _format_counts(counts: Mapping[str, int]) -> str:
    """Format counts, without zeros."""
    return one_line(", ".join(f"{name} {count:,}" for name, count in counts.items() if count))


def _format_duration(seconds: float) -> str:
    """Format a duration in its two largest units."""
    parts: list[str] = []
    rest = int(seconds)
    for size, unit in _UNITS:
        if rest >= size or (unit == "s" and not parts):
            parts.append(f"{rest // size} {unit}")
            rest %= size
    return " ".join(parts[:2])


def _format_time(problem: LastError) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(problem["at"]))
    except (OverflowError, OSError, ValueError):
        return f"at {problem['at']:g}"
