"""The bytes on standard output, from Python, C libraries and other processes."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Final

_STANDARD_OUTPUT: Final = 1
_LONGEST: Final = 200


class CapturedStdout:
    """Reads standard output, which is a file in the child process."""

    def size(self) -> int:
        """Return the number of bytes so far."""
        with suppress(OSError, ValueError, AttributeError):
            sys.stdout.flush()
        with suppress(OSError):
            return os.fstat(_STANDARD_OUTPUT).st_size
        return 0

    def since(self, size: int) -> str:
        """Return the output after this many bytes, or the start of it."""
        with suppress(OSError):
            return os.pread(_STANDARD_OUTPUT, _LONGEST, size).decode("utf-8", "backslashreplace")
        return ""
