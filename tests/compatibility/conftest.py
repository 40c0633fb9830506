"""Fixtures: the policy whose chain is the corpus."""

from __future__ import annotations

import pytest

from .corpus import write_policy


@pytest.fixture
def directory(tmp_path):
    """A directory with the policy of the corpus."""
    place = tmp_path / "site"
    place.mkdir()
    return write_policy(place)
