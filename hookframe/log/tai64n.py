"""TAI64N time stamps as in daemontools, which `tai64nlocal` reads.

Source: D. J. Bernstein, "TAI64, TAI64N, and TAI64NA", https://cr.yp.to/libtai/tai64.html. Like
multilog, which counts no leap seconds, we take TAI to be ten seconds ahead of UNIX time.
"""

from __future__ import annotations

import re
from time import localtime, strftime, time_ns
from typing import Final

_EPOCH: Final = (1 << 62) + 10
"""The TAI64 label of UNIX time 0."""
_SECOND: Final = 1_000_000_000
_LABEL: Final = re.compile("@([0-9a-f]{16})([0-9a-f]{8})")


def tai64n(nanoseconds: int) -> str:
    """Format a time as multilog does.

    Args:
        nanoseconds: UNIX time in nanoseconds, as from `time.time_ns`.

    Returns:
        `@` and 24 hexadecimal digits: the second, and the nanosecond in it. Such labels sort as
        the times do.
    """
    return f"@{(_EPOCH + nanoseconds // _SECOND << 32) + nanoseconds % _SECOND:024x}"


def parse_tai64n(label: str) -> int | None:
    """Parse a label of `tai64n`.

    Returns:
        UNIX time in nanoseconds; None if the text is not such a label.
    """
    match = _LABEL.fullmatch(label)
    if match is None:
        return None
    return (int(match[1], 16) - _EPOCH) * _SECOND + int(match[2], 16)


def stamp(text: str) -> str:
    """Put the present time before a line."""
    return f"{tai64n(time_ns())} {text}"


def localize(line: str) -> str:
    """Replace the label before a line by the local time, as on a terminal."""
    label, _, text = line.partition(" ")
    moment = parse_tai64n(label)
    return line if moment is None else f"{format_local(moment)} {text}"


def format_local(nanoseconds: int) -> str:
    """Format a UNIX time in nanoseconds as local time with milliseconds."""
    seconds = strftime("%Y-%m-%d %H:%M:%S", localtime(nanoseconds // _SECOND))
    return f"{seconds}.{nanoseconds % _SECOND // 1_000_000:03}"
