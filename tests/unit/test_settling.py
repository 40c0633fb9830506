"""`hookframe.host.settling`: when a file that has changed may be loaded."""

from __future__ import annotations

import pytest

from hookframe.config.model import Config
from hookframe.files.snapshot import QUIET_TIME, WRITER_TIMEOUT, Snapshot, Writers
from hookframe.host import settling as settling_module
from hookframe.host.settling import STILL, StabilityCheck
from hookframe.host.source import PolicyFiles

LOCAL, REMOTE = 1, 2
"""Two devices."""
MISSING = Snapshot("hook.py", error="hook.py does not exist")


def read(content, writers, device=LOCAL):
    """What one look at a hook file finds."""
    return Snapshot("hook.py", content, writers=writers, stamp=(0, 0, len(content), 7, device))


def waited(file, loaded, monkeypatch, config=None, *, written=False):
    """Look at a file every hundredth of a second; return after how many seconds it is settled."""
    now = 1000.0
    monkeypatch.setattr(settling_module, "monotonic", lambda: now)
    check = StabilityCheck(PolicyFiles(Config(), (loaded,), config).files, lambda _: written)
    while not check.is_stable(PolicyFiles(Config(), (file,), config)):
        now += 0.01
    return now - 1000.0


@pytest.mark.parametrize(
    ("file", "seconds"),
    [
        (read(b"new", Writers.NONE), 0),
        (read(b"new", Writers.UNKNOWN), QUIET_TIME),
        (read(b"new", Writers.SOME), WRITER_TIMEOUT),
        (MISSING, QUIET_TIME),
    ],
)
def test_where_leases_are_granted_a_writer_is_waited_for(file, seconds, monkeypatch):
    loaded = read(b"old", Writers.NONE)
    assert waited(file, loaded, monkeypatch) == pytest.approx(seconds, abs=0.011)


@pytest.mark.parametrize("config", [None, read(b"", Writers.NONE, LOCAL)])
def test_where_every_lease_is_refused_a_file_has_to_lie_still(config, monkeypatch):
    loaded, file = (read(text, Writers.SOME, REMOTE) for text in (b"old", b"new"))
    assert waited(file, loaded, monkeypatch, config) == pytest.approx(STILL, abs=0.011)


def test_a_lease_on_one_file_shows_that_a_refusal_on_its_device_means_a_writer(monkeypatch):
    loaded, file = (read(text, Writers.SOME) for text in (b"old", b"new"))
    config = read(b"", Writers.NONE)
    assert waited(file, loaded, monkeypatch, config) == pytest.approx(WRITER_TIMEOUT, abs=0.011)


def test_each_change_has_to_lie_still_for_itself(monkeypatch):
    now = 1000.0
    monkeypatch.setattr(settling_module, "monotonic", lambda: now)
    check = StabilityCheck(
        PolicyFiles(Config(), (read(b"old", Writers.UNKNOWN),)).files, lambda _: False
    )
    for number in range(20):
        assert not check.is_stable(PolicyFiles(Config(), (read(b"%d" % number, Writers.UNKNOWN),)))
        now += 0.1


@pytest.mark.parametrize("writers", [Writers.UNKNOWN, Writers.SOME])
def test_a_file_whose_writer_has_not_closed_it_is_waited_for(writers, monkeypatch):
    file = read(b"new", writers)
    seconds = waited(file, read(b"old", Writers.UNKNOWN), monkeypatch, written=True)
    assert seconds == pytest.approx(WRITER_TIMEOUT, abs=0.011)


def test_a_lease_counts_more_than_what_events_have_shown(monkeypatch):
    file = read(b"new", Writers.NONE)
    assert waited(file, read(b"old", Writers.NONE), monkeypatch, written=True) == 0
