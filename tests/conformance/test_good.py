"""Plugins that keep the rules pass, however much they look like others that don't."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import EXAMPLES, FIXTURES, LONGEST_RUN

pytestmark = pytest.mark.timeout(LONGEST_RUN)
ROOT = Path(__file__).parents[2]
GOOD = sorted((FIXTURES / "good").glob("*.py"))
COLLECTION = ROOT / "contrib" / "hooks"


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_hook_file_that_keeps_the_rules_passes(path, author):
    assert author.report(path)["violations"] == []


@pytest.mark.parametrize("name", ["patient", "diligent"])
def test_an_installed_plugin_that_keeps_the_rules_passes(name, author):
    assert author.report(name)["violations"] == []


@pytest.mark.every_python
@pytest.mark.parametrize("name", ["blacklist", "perl", "routing"])
def test_the_plugins_that_come_with_hookframe_pass(name, author):
    done = author.verify(ROOT / "plugins" / f"hookframe-{name}", "--examples", "300")
    assert (done.status, done.err) == (0, ""), done.out
    assert done.out.startswith(f"ok: {name} (hookframe-{name} ")


def test_the_collected_hooks_pass(author):
    verified = author.verify(COLLECTION, "--examples", EXAMPLES)
    assert (verified.status, verified.err) == (0, ""), verified.out
