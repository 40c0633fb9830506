"""Fixtures: one daemon for the tests of a module, fresh ones for those that start or stop it."""

from __future__ import annotations

from time import sleep

import pytest

from ..helpers.daemons import daemons


@pytest.fixture(scope="module")
def daemon():
    """A running daemon that does what the attempt says; it must still be whole at the end."""
    with daemons() as make:
        running = make()
        running.write()
        yield running.start()


@pytest.fixture
def fresh():
    """Make daemons that are not started yet, one for each call."""
    with daemons() as make:
        yield make


@pytest.fixture(scope="module")
def _quiet(daemon):
    sleep(1.1)


@pytest.fixture
def paced(_quiet):
    """Send a daemon so few bad requests that its log has all: ten a second are written."""
    yield
    sleep(0.12)
