"""What the tests share: an attempt with its nine keys, and a plugin with rules in place."""

from __future__ import annotations

import tomllib

import pytest
from hookframe_routing import Routing

from hookframe.testing import make_attempt

ATTEMPT = make_attempt(
    mtaid="vmta1",
    sendid="shop",
    listid="newsletter",
    msguid="1700000000.1.example",
    injtime=1_700_000_000,
    sender="bounces@brand.example",
    recipient="joe@example.com",
)


@pytest.fixture(scope="session")
def attempt():
    """An attempt, with some of its keys changed or added."""

    def make(**changes):
        return {**ATTEMPT, **changes}

    return make


@pytest.fixture(scope="session")
def routing():
    """A plugin whose rules are the given TOML, as in its settings."""

    def make(rules, **settings):
        plugin = Routing()
        plugin.configure({"rule": tomllib.loads(rules)["rule"], **settings})
        return plugin

    return make
