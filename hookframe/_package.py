"""The directory of hookframe's package, by which its code is told from a plugin's."""

from __future__ import annotations

import os
from typing import Final

# As code objects and tracebacks carry it: a string, with a separator at its end.
PACKAGE: Final = os.path.dirname(__file__) + os.sep  # noqa: PTH120
