"""`hookframe schema`."""

from __future__ import annotations

import jsonschema
import pytest

from hookframe.api.schema import SCHEMAS


@pytest.mark.parametrize("name", ["attempt", "decision"])
def test_it_prints_the_schema_indented(shell, name):
    done = shell.run("schema", name)
    assert (done.status, done.err) == (0, "")
    assert done.json == SCHEMAS[name]()
    assert done.out.startswith('{\n  "$schema"')
    jsonschema.Draft202012Validator.check_schema(done.json)


def test_another_name_is_wrong_use_and_says_which_there_are(shell):
    done = shell.run("schema", "decisions")
    assert (done.status, done.out) == (2, "")
    assert "attempt" in done.err
    assert "decision" in done.err


def test_no_name_is_wrong_use(shell):
    assert shell.run("schema").status == 2


def test_it_works_whatever_the_policy_is(shell):
    shell.write("hookframe.toml", "this is not TOML")
    assert shell.run("schema", "attempt").status == 0
