"""Tools for authors of plugins and hook files: `hookframe new` and `hookframe verify`."""

from __future__ import annotations

import os
from typing import Final

# The path in code objects and tracebacks, as `PACKAGE` of hookframe.api.plugin_code.
PACKAGE: Final = os.path.dirname(__file__) + os.sep  # noqa: PTH120
