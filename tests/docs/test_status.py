"""docs/status.md names every key of the status and every kind of failure, and no other."""

from __future__ import annotations

import re

from hookframe.api.events import KINDS
from hookframe.chain.stats import Microseconds
from hookframe.daemon.status import ChainMember, Document, PluginStatus, WorkerStatus
from hookframe.daemon.supervisor.child import Role

from .pages import ROOT, rows_of, section_of

TEXT = (ROOT / "docs" / "status.md").read_text("utf-8")
INNER = {
    "workers": WorkerStatus,
    "chain": ChainMember,
    "plugins": PluginStatus,
}


def documented():
    """Give what the table says of each key."""
    return {key.strip("`"): meaning for key, meaning in rows_of(section_of(TEXT, "As JSON"))}


def names_in(text):
    """Give what stands in backticks."""
    return set(re.findall(r"`([^`]*)`", text))


def test_the_page_names_the_keys_of_the_document_in_their_order():
    assert list(documented()) == list(Document.__annotations__)


def test_the_page_names_the_keys_of_what_is_inside():
    for key, inner in INNER.items():
        assert set(inner.__annotations__) <= names_in(documented()[key]), key
    assert set(Microseconds.__annotations__) <= names_in(documented()["plugins"])
    answering = set(Role) - {Role.LOADING, Role.OBSERVER}
    assert answering <= names_in(documented()["workers"])


def test_the_page_names_every_kind_of_temporary_failure():
    assert set(KINDS) <= names_in(section_of(TEXT, "What the figures mean"))
