"""Plugins that keep the rules pass, however much they look like others that don't."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import FIXTURES, LONGEST_RUN

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


@pytest.mark.parametrize("name", ["blacklist", "perl", "routing"])
def test_the_plugins_that_come_with_hookframe_pass(name, author):
    done = author.verify(ROOT / "plugins" / f"hookframe-{name}")
    assert (done.status, done.err) == (0, ""), done.out
    assert done.out.startswith(f"ok: {name} (hookframe-{name} ")


@pytest.mark.parametrize("name", ["change_virtualmta", "do_nothing"])
def test_the_examples_of_the_documentation_pass(name, author):
    assert author.report(ROOT / "docs" / "examples" / f"{name}.py")["violations"] == []


def test_an_example_that_reads_a_list_passes_with_it(author):
    listed = author.write("listed.txt", "someone@example.net\n")
    config = f'hook_file = "x.py"\n[plugins.file.settings]\nlist = "{listed}"\n'
    author.write("hookframe.toml", config)
    example = ROOT / "docs" / "examples" / "recipient_blacklist.py"
    assert author.report(example, "--config", "hookframe.toml")["violations"] == []


@pytest.mark.skipif(not COLLECTION.is_dir(), reason="there is no contrib/hooks")
def test_the_collected_hooks_pass(author):
    verified = author.verify(COLLECTION, "--examples", "200")
    assert (verified.status, verified.err) == (0, ""), verified.out
