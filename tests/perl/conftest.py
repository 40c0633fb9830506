"""Fixtures: a site whose policy is a Perl file."""

from __future__ import annotations

import os
from importlib.metadata import entry_points

import pytest
from watchdog.observers.api import EventEmitter

from ..helpers.site import Site, policy


class PerlSite(Site):
    """A site with a Perl file where others have their hook file."""

    def __init__(self, directory):
        super().__init__(directory)
        self.file = directory / "hook.pl"

    def policy(self, file=None, **top):
        """Write a configuration with no deadline that a slow machine could meet."""
        settings = {"file": str(file or self.file), "deadline": "50s"}
        return policy(["perl"], plugins={"perl": settings}, **{"deadline": "50s"} | top)

    def perl_host(self, code, *, watch=True, **top):
        """Start a host whose chain is the Perl file."""
        return self.host(self.policy(**top), code, watch=watch)


@pytest.fixture
def site(tmp_path):
    """A directory with a configuration and a Perl file."""
    if "perl" not in {point.name for point in entry_points(group="hookframe")}:
        lacking = "needs the plugins of this repository installed: perl"
        if os.environ.get("NOTHING_SKIPPED") == "1":
            pytest.fail(lacking)
        pytest.skip(lacking)
    directory = tmp_path / "site"
    directory.mkdir()
    site = PerlSite(directory)
    yield site
    site.close()


@pytest.fixture
def no_events(monkeypatch):
    """A file system that tells of no change, as NFS does not."""
    monkeypatch.setattr(EventEmitter, "queue_event", lambda emitter, event: None)
