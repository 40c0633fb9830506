"""The demonstration on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from hookframe.cli.commands.demo.view import who_and_what
from hookframe.cli.render import styled

_DIFF: Final = {"+": "green", "-": "red"}


class Colours:
    """A screen that is a terminal."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)

    def say(self, text: str) -> None:
        """Say what happens next."""
        self._console.print(Text(text, "bold"), soft_wrap=True)

    def decided(self, attempt: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        """Show one decision, and who decided."""
        line = Text.assemble(who_and_what(attempt), styled(answer["decision"]))
        if answer["decided_by"]:
            line.append(f"  (by {', '.join(answer['decided_by'])})", "dim")
        self._console.print(line, soft_wrap=True)

    def diff(self, lines: list[str]) -> None:
        """Show a change of the hook file."""
        for line in lines:
            self._console.print(Text(f"  {line}", _DIFF.get(line[:1], "dim")), soft_wrap=True)
