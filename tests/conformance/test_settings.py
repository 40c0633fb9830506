"""Where `hookframe verify` takes a plugin's settings from: one rule, however it is called."""

from __future__ import annotations

import pytest

from hookframe.testing import conformance

PLUGIN = """\
from hookframe import hookimpl


@hookimpl
def configure(settings):
    print(f"by {settings['by']}", file=__import__("sys").stderr)
    if settings["by"] == "nobody":
        raise ValueError("by whom?")


@hookimpl
def pre_delivery_attempt():
    return None
"""
HOOK_FILE = (
    "def configure(settings):\n    settings['by']\ndef pre_delivery_attempt():\n    return None\n"
)
PROJECT = """\
[project]
name = "strict"
version = "1.0"
[project.entry-points.hookframe]
strict = "strict"
"""
TABLE = '[tool.hookframe.verify.strict]\nsettings = { by = "project" }\n'
CONFIGURATION = 'chain = ["strict"]\n[plugins.strict.settings]\nby = "configuration"\n'
NAMED = CONFIGURATION.replace("configuration", "named")
TARGETS = [("strict",), (".",), ()]
FEW = ("--examples", "5")


@pytest.fixture
def project(shell):
    """The directory of a plugin that needs settings, and is installed."""
    shell.write("lib/strict.py", PLUGIN)
    shell.write(
        "lib/strict-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: strict\nVersion: 1.0\n"
    )
    shell.write("lib/strict-1.0.dist-info/entry_points.txt", "[hookframe]\nstrict = strict\n")
    shell.install(shell.directory / "lib")
    shell.write("pyproject.toml", PROJECT)
    shell.write("named.toml", NAMED)
    return shell


def settings_of(project, *arguments):
    """Verify with settings that the plugin takes; give what is printed about where they are."""
    done = project.run("verify", *arguments, *FEW)
    assert done.status == 0, done.out + done.err
    (line,) = [line for line in done.out.splitlines() if line.startswith("  settings: ")]
    return line.removeprefix("  settings: ").replace(f"{project.directory}/", "")


@pytest.mark.parametrize("target", TARGETS)
def test_without_a_table_in_the_project_they_are_those_of_the_default_configuration(
    project, target
):
    project.write("hookframe.toml", CONFIGURATION)
    assert settings_of(project, *target) == "hookframe.toml [plugins.strict.settings]"


@pytest.mark.parametrize("target", TARGETS)
def test_the_table_of_the_project_goes_before_the_default_configuration(project, target):
    project.write("hookframe.toml", CONFIGURATION)
    project.write("pyproject.toml", PROJECT + TABLE)
    assert settings_of(project, *target) == "pyproject.toml [tool.hookframe.verify.strict]"


@pytest.mark.parametrize("target", TARGETS)
def test_a_configuration_that_is_named_goes_before_both(project, target):
    project.write("hookframe.toml", CONFIGURATION)
    project.write("pyproject.toml", PROJECT + TABLE)
    found = settings_of(project, *target, "--config", "named.toml")
    assert found == "named.toml [plugins.strict.settings]"


def test_a_table_without_settings_sets_the_threshold_and_leaves_them_to_the_configuration(project):
    project.write("hookframe.toml", CONFIGURATION)
    project.write("pyproject.toml", f"{PROJECT}[tool.hookframe.verify.strict]\nslow = 5000\n")
    done = project.run("verify", "strict", "--json", *FEW)
    (plugin,) = done.json["plugins"]
    assert plugin["ok"]
    assert plugin["tried"]["slow"] == 5000
    assert plugin["settings_from"].endswith("hookframe.toml [plugins.strict.settings]")


def test_where_there_are_none_it_prints_where_it_has_looked(project):
    project.write("hookframe.toml", "chain = []\n")
    done = project.run("verify", "strict", *FEW)
    assert done.status == 1
    here = project.directory
    assert (
        f"  settings: none: {here}/pyproject.toml has no [tool.hookframe.verify.strict], and "
        f"{here}/hookframe.toml has no [plugins.strict.settings]\n"
    ) in done.out


def test_a_chain_of_the_command_line_has_no_default_configuration(project):
    project.write("hookframe.toml", CONFIGURATION)
    assert project.run("verify", "--plugin", "strict", *FEW).status == 1
    project.write("pyproject.toml", PROJECT + TABLE)
    found = settings_of(project, "--plugin", "strict")
    assert found == "pyproject.toml [tool.hookframe.verify.strict]"


def test_the_default_configuration_has_settings_for_the_hook_file_that_it_names_only(project):
    project.write("hook.py", HOOK_FILE)
    project.write("other.py", HOOK_FILE)
    text = 'hook_file = "hook.py"\n[plugins.file.settings]\nby = "x"\n'
    project.write("hookframe.toml", text)
    assert settings_of(project, "hook.py") == "hookframe.toml [plugins.file.settings]"
    assert project.run("verify", "other.py", *FEW).status == 1
    found = settings_of(project, "other.py", "--config", "hookframe.toml")
    assert found == "hookframe.toml [plugins.file.settings]"


def test_a_default_configuration_with_a_mistake_is_wrong_use_where_it_is_needed(project):
    project.write("hookframe.toml", "chian = []\n")
    done = project.run("verify", "strict", *FEW)
    assert (done.status, done.out) == (2, "")
    assert "chian" in done.err
    project.write("pyproject.toml", PROJECT + TABLE)
    assert project.run("verify", "strict", *FEW).status == 0


def test_a_fault_is_repeated_with_the_configuration_that_the_settings_are_from(project):
    project.write("lib/strict.py", PLUGIN.replace("return None", "raise ValueError"))
    project.write("hookframe.toml", CONFIGURATION)
    done = project.run("verify", "strict", *FEW)
    assert f"    again: hookframe decide --config {project.directory}/hookframe.toml" in done.out


def test_no_command_repeats_a_fault_with_the_settings_of_a_project(project):
    project.write("lib/strict.py", PLUGIN.replace("return None", "raise ValueError"))
    project.write("pyproject.toml", PROJECT + TABLE)
    done = project.run("verify", "strict", "--json", *FEW)
    (violation,) = done.json["plugins"][0]["violations"]
    assert (violation["rule"], violation["command"]) == ("exception", None)


def test_in_a_test_they_are_those_that_it_passes_or_those_of_the_project(project, monkeypatch):
    monkeypatch.chdir(project.directory)
    monkeypatch.syspath_prepend(project.directory / "lib")
    conformance("strict", settings={"by": "x"}, examples=5)
    with pytest.raises(AssertionError, match="settings: passed by the test"):
        conformance("strict", settings={"by": "nobody"}, examples=5)
    project.write("pyproject.toml", PROJECT + TABLE)
    conformance("strict", examples=5)
