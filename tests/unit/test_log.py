"""`hookframe.log`: once per second."""

from __future__ import annotations

import time

from hookframe import log as module
from hookframe.log import OncePerSecond


def test_something_is_due_at_once_and_then_once_a_second(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    complaint = OncePerSecond()
    due = []
    for _ in range(40):
        due.append(complaint.due())
        now[0] += 0.25
    assert sum(due) == 10
    assert due[0]
    assert time.monotonic() != now[0]
