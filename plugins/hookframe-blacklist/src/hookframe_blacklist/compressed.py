"""Lists that gzip has compressed: whole or not at all, and never larger than a list may be."""

from __future__ import annotations

import zlib
from typing import Final

from hookframe_blacklist.errors import BlacklistError, TooLarge

SUFFIX: Final = ".gz"
_MAGIC: Final = b"\x1f\x8b"
"""How each file starts that gzip has made (RFC 1952, section 2.3.1)."""
_GZIP: Final = 16 + zlib.MAX_WBITS
"""What zlib calls that format."""


def is_compressed(content: bytes, path: str) -> bool:
    """Say whether this is a compressed list, by its first bytes or by its name.

    Neither is enough alone: a compressed list need not say so in its name, and one that was cut
    down to nothing would else be taken for an empty list.
    """
    return content.startswith(_MAGIC) or path.endswith(SUFFIX)


def unpack(content: bytes, path: str, largest: int) -> bytes:
    """Unpack a list, if it is compressed.

    Args:
        content: the whole file.
        path: its name.
        largest: how many bytes it may unpack to.

    Returns:
        The text of the list.

    Raises:
        TooLarge: it unpacks to more than that.
        BlacklistError: it is damaged, or not whole.
    """
    if not is_compressed(content, path):
        return content
    pieces, rest, room = [], content, largest
    while rest:
        stream = zlib.decompressobj(_GZIP)
        try:
            piece = stream.decompress(rest, room + 1)
        except zlib.error as error:
            raise BlacklistError(_damaged(path, f"it can't be unpacked ({error})")) from None
        room -= len(piece)
        if room < 0:
            raise TooLarge(
                f"{path} unpacks to more than {largest} bytes, and at most so many are read: take "
                "out what is no address, or divide the list"
            )
        if not stream.eof:
            break
        pieces.append(piece)
        rest = stream.unused_data.lstrip(b"\0")  # what a tape's blocks are filled up with
    else:
        if pieces:
            return b"".join(pieces)
    raise BlacklistError(_damaged(path, "its end is missing"))


def _damaged(path: str, how: str) -> str:
    return (
        f"{path} is no whole gzip file: {how}. Part of a list is not taken for all of it: compress "
        f"it again beside this one, and rename it to {path}"
    )
