"""Tables and decisions on a terminal, in colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hookframe._text import describe_decision, one_line

if TYPE_CHECKING:
    from hookframe.chain.trace import Explanation

STYLES: Final = {"dump": "red", "pause": "yellow", "normal": "green"}
_ROUTED: Final = "cyan"
_STATUS_STYLES: Final = {
    "ok": "green",
    "shadow": "magenta",
    "missing": "bold red",
    "conflict": "bold red",
    "unusable": "bold red",
}


def open_terminal(output: BinaryIO) -> Console:
    """Open a console that writes to a terminal."""
    return Console(file=open(output.fileno(), "w", closefd=False, errors="backslashreplace"))


def style_decision(decision: Mapping[str, Any] | None) -> Text:
    """Format a decision in its colour; markup in it has no effect."""
    if decision is None:
        return Text("-", "dim")
    return Text(
        describe_decision(decision), STYLES.get(decision["action"], _ROUTED), overflow="fold"
    )


def render(console: Console, attempt: Any, explanation: Explanation) -> None:
    """Print one decision with its trace.

    Args:
        console: the terminal.
        attempt: the attempt as it came, valid or not.
        explanation: the decision with its trace.
    """
    who = ", ".join(explanation.decided_by)
    line = Text.assemble(
        (_format_recipient(attempt), "bold"), ": ", style_decision(explanation.decision)
    )
    if who:
        line.append(f"  (decided by {who})", "dim")
    console.print(line, soft_wrap=True)
    if not explanation.trace:
        console.print(Text("  no plugin was called", "dim"))
        return
    console.print(_build_table(explanation))
    for vote in explanation.trace:
        if vote["reason"] is not None:
            text = f"  reason of {vote['plugin']}: {vote['reason']}"
            console.print(Text(one_line(text)), soft_wrap=True)
        if vote["error"] is not None:
            text = f"  error in {vote['plugin']}: {one_line(vote['error'])}"
            console.print(Text(text, "red"), soft_wrap=True)


def _format_recipient(attempt: Any) -> str:
    recipient = attempt.get("recipient") if isinstance(attempt, Mapping) else None
    return one_line(recipient) if isinstance(recipient, str) else "(no attempt)"


def _build_table(explanation: Explanation) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim")
    for heading in ("plugin", "mode", "vote", "changed the decision to"):
        table.add_column(heading, overflow="fold")
    table.add_column("µs", justify="right", no_wrap=True)
    for vote in explanation.trace:
        failed = vote["error"] is not None
        table.add_row(
            Text(one_line(vote["plugin"])),
            Text(vote["mode"], "magenta" if vote["mode"] == "shadow" else ""),
            Text("error", "bold red") if failed else style_decision(vote["vote"]),
            style_decision(vote["decision"]) if vote["changed"] else Text("-", "dim"),
            Text(f"{vote['microseconds']:.1f}"),
        )
    return table


def draw(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on standard output.

    Args:
        title: its title.
        headings: one for each column.
        rows: the cells; markup in them has no effect.
    """
    console = Console()
    console.print(Text(title, "bold"))
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell, _STATUS_STYLES.get(cell, "")) for cell in row))
    console.print(table)
