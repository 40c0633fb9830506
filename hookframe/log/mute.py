"""A `write` that drops everything, until the plugin or the second ends."""

from __future__ import annotations

from collections.abc import Callable
from threading import get_ident
from time import monotonic

Mark = Callable[[], object]
"""A function whose value changes when another plugin runs."""


class Mute:
    """The `write` of a stream while a plugin is over its limit; it costs one call.

    Args:
        plugin: the plugin's name.
        write: the stream's own `write`, for what is not dropped.
        mark: returns another value when another plugin runs.
        until: when the plugin may print again, by the monotonic clock.
    """

    def __init__(self, plugin: str, write: Callable[[str], int], mark: Mark, until: float) -> None:
        thread, here = get_ident(), mark()
        lines, last = 0, ""

        def leave_out(text: str) -> int:
            nonlocal lines, last
            if get_ident() != thread:
                return write(text)
            # The end of a line is dropped with its beginning; print() writes it separately.
            if text != "\n" and (mark() != here or monotonic() >= until):
                return write(text)
            lines += text.count("\n")
            last = text or last
            return len(text)

        def end() -> tuple[str, int, bool] | None:
            nonlocal thread
            thread = 0  # a plugin may have kept the function
            return (plugin, lines, not last.endswith("\n")) if last else None

        self.write: Callable[[str], int] = leave_out
        """replaces the stream's `write`"""
        self.end: Callable[[], tuple[str, int, bool] | None] = end
        """stops dropping; returns the plugin, the number of dropped lines, and whether the last
        one is unfinished; None if nothing was dropped"""
