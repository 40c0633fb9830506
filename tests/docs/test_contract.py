"""The tables of docs/contract.md are those of the code."""

from __future__ import annotations

import json
import re

from hookframe import TEMPFAIL_MESSAGE
from hookframe.api.attempt import ATTEMPT_TYPES
from hookframe.api.decision import ACTIONS, check_decision
from hookframe.api.hookspecs import HOOKS, Vote
from hookframe.chain.fold import fold
from hookframe.cli.main import BY_DEVKIT, COMMANDS
from hookframe.config.address import PROTOCOLS, parse_address
from hookframe.daemon.protocols.base import LONGEST_REQUEST

from .pages import ROOT, rows_of, section_of

TEXT = (ROOT / "docs" / "contract.md").read_text("utf-8")


def names_in(cell):
    """Give what stands in backticks in a cell."""
    return re.findall(r"`([^`]*)`", cell)


def test_the_attempt_has_the_keys_of_the_page_in_their_order():
    rows = rows_of(section_of(TEXT, "1.1 The attempt"))
    assert {key.strip("`"): kind for key, kind, _ in rows} == {
        key: kind.__name__ for key, kind in ATTEMPT_TYPES.items()
    }


def test_each_action_carries_the_keys_of_the_page():
    rows = rows_of(section_of(TEXT, "1.2 The decision"))
    assert {action.strip("`"): names_in(keys) for action, _, keys in rows} == {
        name: list(action.keys) for name, action in ACTIONS.items()
    }
    required = {action.strip("`") for action, _, keys in rows if "(required)" in keys}
    assert required == {name for name, action in ACTIONS.items() if action.required}


def test_decisions_add_up_as_the_table_says():
    rows = [row for row in rows_of(section_of(TEXT, "2. The chain")) if row[0].startswith("`{")]
    assert rows
    for row in rows:
        before, vote, after = (json.loads(cell.strip("`")) for cell in row)
        assert fold(before, check_decision(vote)) == after


def test_the_temporary_failure_is_quoted_exactly():
    section = section_of(TEXT, "5. Errors are temporary failures")
    shown = json.loads(re.search(r"(?m)^    (\{.*\})$", section)[1])
    assert shown == {"action": "pause", "message": TEMPFAIL_MESSAGE, "error": True}


def test_every_command_is_described():
    rows = rows_of(section_of(TEXT, "7. The command line"))
    assert [names_in(command)[0].split()[1] for command, _ in rows] == [
        *COMMANDS,
        *BY_DEVKIT,
    ]


def test_every_hook_and_every_key_of_the_trace_is_named():
    assert all(f"`{hook}" in TEXT for hook in HOOKS)
    rows = rows_of(section_of(TEXT, "9. In a program"))
    documented = {name for key, _ in rows for name in names_in(key)}
    assert set(Vote.__annotations__) <= documented


def test_the_wire_is_what_the_page_says():
    section = section_of(TEXT, "8. The wire")
    for row in rows_of(section):
        for address in names_in(row[0]):
            assert parse_address(address)
    assert set(re.findall(r"(?m)^- \*\*(\w+)\*\*[:,]", section)) == set(PROTOCOLS)
    assert f"{LONGEST_REQUEST // 1024} KiB" in section
