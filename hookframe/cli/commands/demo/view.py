"""The output of the demonstration: in colour on a terminal, plain elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import unified_diff
from typing import Any, Final, Protocol

from rich.console import Console
from rich.text import Text

from hookframe._text import describe_decision
from hookframe.cli.render import style_decision

_RECIPIENT: Final = 22
_SENDID: Final = 12
_DIFF: Final = {"+": "green", "-": "red"}


class Screen(Protocol):
    """Prints lines as they come."""

    def show_text(self, text: str) -> None:
        """Print what happens next."""

    def show_decision(self, attempt: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        """Print one decision, and the plugins that made it."""

    def diff(self, lines: list[str]) -> None:
        """Print a change of the hook file."""


class Plain:
    """A screen that is a file or a pipe."""

    def show_text(self, text: str) -> None:
        """Print what happens next."""
        print(text, flush=True)  # noqa: T201

    def show_decision(self, attempt: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        """Print one decision, and the plugins that made it."""
        decision = describe_decision(answer["decision"])
        print(f"{format_attempt(attempt)}{decision}{_format_deciders(answer)}", flush=True)  # noqa: T201

    def diff(self, lines: list[str]) -> None:
        """Print a change of the hook file."""
        for line in lines:
            print(f"  {line}", flush=True)  # noqa: T201


class Colours:
    """A screen that is a terminal."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)

    def show_text(self, text: str) -> None:
        """Print what happens next."""
        self._console.print(Text(text, "bold"), soft_wrap=True)

    def show_decision(self, attempt: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        """Print one decision, and the plugins that made it."""
        line = Text.assemble(format_attempt(attempt), style_decision(answer["decision"]))
        if answer["decided_by"]:
            line.append(f"  (by {', '.join(answer['decided_by'])})", "dim")
        self._console.print(line, soft_wrap=True)

    def diff(self, lines: list[str]) -> None:
        """Print a change of the hook file."""
        for line in lines:
            self._console.print(Text(f"  {line}", _DIFF.get(line[:1], "dim")), soft_wrap=True)


def format_attempt(attempt: Mapping[str, Any]) -> str:
    """Format an attempt in columns."""
    return f"  {attempt['recipient']:<{_RECIPIENT}}{attempt['sendid']:<{_SENDID}}"


def _format_deciders(answer: Mapping[str, Any]) -> str:
    who = ", ".join(answer["decided_by"])
    return f"  (by {who})" if who else ""


def list_changed_lines(before: str, after: str) -> list[str]:
    """Return the lines of a diff, without its head."""
    lines = unified_diff(before.splitlines(), after.splitlines(), n=1, lineterm="")
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]
