"""TAI64N: the time stamps of daemontools, which `tai64nlocal` reads.

Source: D. J. Bernstein, "TAI64, TAI64N, and TAI64NA", https://cr.yp.to/libtai/tai64.html. Like
multilog, which counts no leap seconds, we take TAI to be ten seconds ahead of UNIX time.
"""

from __future__ import annotations

import re
from typing import Final

_EPOCH: Final = (1 << 62) + 10
"""The label of the second in which UNIX time begins."""
_SECOND: Final = 1_000_000_000
_LABEL: Final = re.compile("@([0-9a-f]{16})([0-9a-f]{8})")


def tai64n(nanoseconds: int) -> str:
    """Write a moment as multilog does.

    Args:
        nanoseconds: UNIX time in nanoseconds, as `time.time_ns` gives it.

    Returns:
        `@` and 24 hexadecimal digits: the second, and the nanosecond in it. In the order of such
        labels, as texts, stands the order of the moments.
    """
    return f"@{(_EPOCH + nanoseconds // _SECOND << 32) + nanoseconds % _SECOND:024x}"


def parse_tai64n(label: str) -> int | None:
    """Read a label that `tai64n` has written.

    Returns:
        UNIX time in nanoseconds; None where the text is no such label.
    """
    match = _LABEL.fullmatch(label)
    if match is None:
        return None
    return (int(match[1], 16) - _EPOCH) * _SECOND + int(match[2], 16)
