from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from hookframe_blacklist import Blacklist

from hookframe.testing import make_attempt

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def attempt():
    """Makes an attempt to user@example.org from sender@example.net, but for what is given."""

    def make(**changes: object) -> dict[str, object]:
        ids = {"sender": "sender@example.net", "recipient": "user@example.org"}
        return {**make_attempt(**ids), **changes}

    return make


@pytest.fixture
def configured():
    """Makes a configured plugin that looks at its files in every attempt."""

    def make(**settings: object) -> Blacklist:
        plugin = Blacklist()
        plugin.configure({"check_every": "0s"} | settings)
        return plugin

    return make


@pytest.fixture
def as_nobody():
    """Root may do everything: gives that up for a while."""

    @contextmanager
    def give_up() -> Iterator[None]:
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(user)

    return give_up
