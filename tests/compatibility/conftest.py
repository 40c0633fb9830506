"""Fixtures: the policy whose chain is the corpus, and a maker of hookframes of tomorrow."""

from __future__ import annotations

import pytest

from .corpus import write_policy
from .releases import release


@pytest.fixture
def directory(tmp_path):
    """A directory with the policy of the corpus."""
    place = tmp_path / "site"
    place.mkdir()
    return write_policy(place)


@pytest.fixture
def installed(tmp_path):
    """A directory on the path of every hookframe of tomorrow, for distributions of a test's own."""
    place = tmp_path / "installed"
    place.mkdir()
    return place


@pytest.fixture
def tomorrow(tmp_path, distributions, installed):
    """Make a hookframe of tomorrow of edits; the corpus is installed beside it."""
    made = []

    def make(*edits):
        made.append(tmp_path / f"tomorrow-{len(made)}")
        return release(made[-1], *edits, beside=(installed, distributions["today"]))

    return make
