"""What the plugin raises on purpose, and how its texts quote what others wrote."""

from __future__ import annotations

from typing import Final

_LONGEST_QUOTE: Final = 80


class BlacklistError(ValueError):
    """A setting, a list file or an entry that can't be used; the text says what to do about it.

    Raised by `configure` it is the plugin's load error; raised during an attempt it makes that
    attempt a temporary failure.
    """


class TooLarge(BlacklistError):
    """A list that is larger than whoever wanted to read it may read."""


def quoted(value: object) -> str:
    """Show a value in an error text: in ASCII, on one line, and never longer than is readable."""
    text = ascii(value)
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}..."
