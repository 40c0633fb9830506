from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from hookframe_blacklist import Blacklist

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def attempt():
    """Makes an attempt to user@example.org from sender@example.net, but for what is given."""

    def make(**changes: object) -> dict[str, object]:
        return {
            "mtaid": "smtp1",
            "sendid": "trans170101",
            "listid": "",
            "msguid": "1483391740.41125123",
            "injtime": 1483391740,
            "sender": "sender@example.net",
            "recipient": "user@example.org",
            "is_first_attempt": True,
            "mtaid_exists": True,
        } | changes

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
def eventually():
    """Waits until a condition holds; the time limit is there for when it never will."""

    def wait(condition: Callable[[], bool]) -> None:
        give_up = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < give_up, "it never came true"
            time.sleep(0.005)

    return wait


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
