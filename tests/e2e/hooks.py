"""The hook file of the tests: it writes down what it got, and answers what the test decided."""

from __future__ import annotations

import json
from typing import Any

TEXT = """\
import json

def pre_delivery_attempt(attempt):
    with open({seen!r}, "a") as seen:
        seen.write(json.dumps(dict(attempt)) + "\\n")
    with open({decisions!r}) as decisions:
        return json.load(decisions).get(attempt["recipient"])
"""


class Policy:
    """Decisions by recipient, and the attempts that the hook was asked about."""

    def __init__(self, directory) -> None:
        self._seen = directory / "seen.jsonl"
        self._decisions = directory / "decisions.json"
        self._seen.touch()
        self._by_recipient: dict[str, Any] = {}
        self.decide({})
        self.hook = TEXT.format(seen=str(self._seen), decisions=str(self._decisions))

    def decide(self, by_recipient: dict[str, Any]) -> None:
        """Add decisions; a recipient without one gets None, so normal."""
        self._by_recipient |= by_recipient
        self._decisions.write_text(json.dumps(self._by_recipient))

    def asked(self, msguid: str) -> list[dict[str, Any]]:
        """The attempts of one message, oldest first, as the hook got them."""
        attempts = [json.loads(line) for line in self._seen.read_text().splitlines()]
        return [attempt for attempt in attempts if attempt["msguid"] == msguid]
