"""Fixtures: what the targets need."""

from __future__ import annotations

from contextlib import suppress

import pytest
from loguru import logger

from .bench import Bench
from .child import Child


@pytest.fixture(scope="package", autouse=True)
def quiet():
    """Let loguru's own handler not tell a thousand failures on standard error."""
    with suppress(ValueError):  # somebody else has removed it
        logger.remove(0)


@pytest.fixture(scope="module")
def bench():
    """A host with an obedient hook, and clients that speak to it."""
    with Bench() as bench:
        yield bench


@pytest.fixture(scope="module")
def child():
    """A process that loads hook files; what they crash is not this one."""
    child = Child()
    yield child
    child.close()
