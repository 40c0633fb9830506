"""Fixtures: daemons that something goes wrong with."""

from __future__ import annotations

import pytest

from ..helpers.daemons import daemons
from .daemons import Daemon


@pytest.fixture
def fresh():
    """Make daemons that are not started yet, one for each call."""
    with daemons(Daemon) as make:
        yield make


@pytest.fixture(scope="module")
def lasting():
    """The same, for daemons that live until the end of the module."""
    with daemons(Daemon) as make:
        yield make
