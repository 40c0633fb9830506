"""Text from outside, made safe for a log line: no recipient can forge one."""

from __future__ import annotations


def escape(text: str) -> str:
    r"""Escape what could break out of its place in a log line.

    Control characters, line separators, bidirectional marks, lone surrogates and all else that
    does not print become `\xNN`, `\uNNNN` or `\UNNNNNNNN`; a backslash is doubled, and a closing
    bracket, which ends a value in `msguid=[…]`, gets a backslash. So no two texts look the same.

    Args:
        text: any string.

    Returns:
        One printable line; the text itself where there is nothing to escape.
    """
    if text.isprintable() and "\\" not in text and "]" not in text:
        return text
    return "".join(map(_escaped, text))


def one_line(text: str) -> str:
    """Escape only what does not print: for a text of our own that quotes one from outside."""
    return (
        text
        if text.isprintable()
        else "".join(letter if letter.isprintable() else _escaped(letter) for letter in text)
    )


def _escaped(letter: str) -> str:
    if letter in "\\]":
        return f"\\{letter}"
    if letter.isprintable():
        return letter
    code = ord(letter)
    if code <= 0xFF:  # noqa: PLR2004  (the largest code of two hexadecimal digits)
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004
