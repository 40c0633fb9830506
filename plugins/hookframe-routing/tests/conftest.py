"""What the tests share: an attempt with its nine keys, and a plugin with rules in place."""

from __future__ import annotations

import tomllib

import pytest
from hookframe_routing import Routing

from hookframe.testing import make_attempt


class Silent(Routing):
    """The plugin, without the reasons of its decisions, which have tests of their own."""

    def pre_delivery_attempt(self, attempt):
        decision = super().pre_delivery_attempt(attempt)
        if decision is not None:
            assert decision.pop("reason")
        return decision


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
        plugin = Silent()
        plugin.configure({"rule": tomllib.loads(rules)["rule"], **settings})
        return plugin

    return make
