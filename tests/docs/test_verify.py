"""docs/plugins/verify.md has every rule, every option, and every key of the report."""

from __future__ import annotations

import re

import msgspec
from hookframe_devkit.conformance.report import format_json
from hookframe_devkit.conformance.result import Result, Violation
from hookframe_devkit.conformance.rules import RULES
from hookframe_devkit.verify import command

from .pages import ROOT, rows_of, section_of

PAGE = (ROOT / "docs" / "plugins" / "verify.md").read_text("utf-8")
NAME = re.compile(r"`([\w-]+)[^`]*`")


def names_in(section, position=0):
    """Give the names in one column of a section's tables."""
    return [
        name for row in rows_of(section_of(PAGE, section)) for name in NAME.findall(row[position])
    ]


def test_every_rule_stands_on_the_page_in_the_order_of_a_report():
    assert names_in("The rules") == list(RULES)


def test_every_option_stands_on_the_page():
    options = {option for each in command.params for option in each.opts if option.startswith("--")}
    assert {name for name in names_in("What can be verified") if name.startswith("--")} == options


def test_every_key_of_the_report_stands_on_the_page():
    violation = Violation(rule="slow", seen="")
    report = format_json([Result(plugin="x", violations=[violation])], seed=0)
    (plugin,) = report["plugins"]
    documented = names_in("The report as JSON")
    assert sorted(documented) == sorted([*plugin, *plugin["violations"][0]])
    top, *_ = section_of(PAGE, "The report as JSON").split(":")
    assert set(NAME.findall(top)) == set(report)


def test_what_was_tried_stands_on_the_page():
    (row,) = [row for row in rows_of(section_of(PAGE, "The report as JSON")) if row[0] == "`tried`"]
    assert NAME.findall(row[1]) == [
        field.name for field in msgspec.structs.fields(type(Result(plugin="x").tried))
    ]
