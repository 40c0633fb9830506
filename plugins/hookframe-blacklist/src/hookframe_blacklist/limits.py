"""How large a list may be, up to which size an attempt reads it itself, what reading takes."""

from __future__ import annotations

from typing import Final

LARGEST: Final = 1 << 30
"""The largest list that is read, in bytes: some thirty million addresses."""
SMALL: Final = 1 << 18
"""The largest list that an attempt reads itself, in bytes: that takes a few milliseconds."""
NEEDED: Final = 8
"""How many times as much memory as it is large, unpacked, it takes to read a large list, at most.

That is for entries of ten bytes; for the usual ones, of thirty, it is six. What the readers have
before they read anything, some 6 MB, comes to it. benchmarks/million.py measures it.
"""
