"""What arrives at standard output, however it was written there."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Final

_STANDARD_OUTPUT: Final = 1
_LONGEST: Final = 200


class CapturedStdout:
    """Looks at standard output, which is a file in the child process.

    So it sees what `print` writes as well as what a library of C or another process does.
    """

    def size(self) -> int:
        """Say how many bytes there are by now."""
        with suppress(OSError, ValueError, AttributeError):
            sys.stdout.flush()
        with suppress(OSError):
            return os.fstat(_STANDARD_OUTPUT).st_size
        return 0

    def since(self, size: int) -> str:
        """Give what was written after there were so many bytes, or the beginning of it."""
        with suppress(OSError):
            return os.pread(_STANDARD_OUTPUT, _LONGEST, size).decode("utf-8", "backslashreplace")
        return ""
