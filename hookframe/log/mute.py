"""A `write` that leaves everything out, and still knows when it must no longer do so."""

from __future__ import annotations

from collections.abc import Callable
from threading import get_ident
from time import monotonic

Mark = Callable[[], object]
"""Gives the same value for as long as the same plugin runs."""


class Mute:
    """Takes the place of a stream's `write` while a plugin has printed too much.

    A plugin that prints without end does so in a tight loop. Here that costs one call of Python a
    write, and nothing else that can be avoided.

    Args:
        plugin: the plugin's name.
        write: the stream's own `write`, for whatever is not to be left out.
        mark: tells whether the same plugin still runs.
        until: when it may print again, by the monotonic clock.
    """

    def __init__(self, plugin: str, write: Callable[[str], int], mark: Mark, until: float) -> None:
        thread, here = get_ident(), mark()
        lines, last = 0, ""

        def leave_out(text: str) -> int:
            nonlocal lines, last
            if get_ident() != thread:
                return write(text)
            # The end of a line goes where its beginning went; print() writes it by itself.
            if text != "\n" and (mark() != here or monotonic() >= until):
                return write(text)
            lines += text.count("\n")
            last = text or last
            return len(text)

        def end() -> tuple[str, int, bool] | None:
            nonlocal thread
            thread = 0  # somebody may have kept the function
            return (plugin, lines, not last.endswith("\n")) if last else None

        self.write: Callable[[str], int] = leave_out
        """takes what is printed"""
        self.end: Callable[[], tuple[str, int, bool] | None] = end
        """ends it, and gives the plugin, how many of its lines were left out, and whether the last
        one has no end yet; None where nothing was left out"""
