"""How large a list may be, and up to which size an attempt reads it itself."""

from __future__ import annotations

from typing import Final

LARGEST: Final = 1 << 30
"""The largest list that is read, in bytes: some thirty million addresses."""
SMALL: Final = 1 << 18
"""The largest list that an attempt reads itself, in bytes: that takes a few milliseconds."""
