"""A decision in words, for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hookframe._text import one_line


def in_words(decision: Mapping[str, Any] | None) -> str:
    """Say a decision on one line: its action, then the keys that it carries.

    Args:
        decision: a decision, or None for a plugin that returned nothing.
    """
    if decision is None:
        return "-"
    keys = [
        f"{key}={json.dumps(value, ensure_ascii=False)}"
        for key, value in decision.items()
        if key not in ("action", "error")
    ]
    return one_line(" ".join([str(decision["action"]), *keys]))
