"""Tools for authors of plugins and hook files: `hookframe new` and `hookframe verify`."""

from __future__ import annotations

import os
from typing import Final

# As code objects and tracebacks carry it, as hookframe knows its own package.
PACKAGE: Final = os.path.dirname(__file__) + os.sep  # noqa: PTH120
