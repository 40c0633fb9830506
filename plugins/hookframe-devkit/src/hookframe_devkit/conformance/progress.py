"""The progress of the child process, which its parent can read even after a crash."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from typing import Any, Final

_HEAD: Final = struct.Struct("<QI")


class Progress:
    """A file that the child writes and the parent reads.

    Args:
        descriptor: an open file.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._count = 0

    def note(
        self,
        doing: str,
        attempt: Mapping[str, Any] | None = None,
        decision: Mapping[str, Any] | None = None,
    ) -> None:
        """Record the next step.

        Args:
            doing: a hook, or another phase of the plugin's life.
            attempt: the attempt.
            decision: the accumulated decision.
        """
        self._count += 1
        page = [doing, attempt, None if decision is None else dict(decision)]
        text = json.dumps(page).encode("ascii")
        os.pwrite(self._descriptor, _HEAD.pack(self._count, len(text)) + text, 0)

    @property
    def count(self) -> int:
        """How many steps were recorded."""
        head = os.pread(self._descriptor, _HEAD.size, 0)
        return int(_HEAD.unpack(head)[0]) if head else 0

    def last(self) -> tuple[str, dict[str, Any] | None, dict[str, Any] | None]:
        """Read the last step, once the child has ended.

        Returns:
            The phase, the attempt and the accumulated decision.
        """
        head = os.pread(self._descriptor, _HEAD.size, 0)
        if not head:
            return "start", None, None
        text = os.pread(self._descriptor, _HEAD.unpack(head)[1], _HEAD.size)
        doing, attempt, decision = json.loads(text)
        return doing, attempt, decision
