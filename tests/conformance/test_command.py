"""`hookframe verify`: what it takes, what it says, and how it ends."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys

import pytest

from hookframe.testing import conformance, make_attempt

QUIET = "def pre_delivery_attempt(attempt):\n    return None\n"
CARELESS = """\
def pre_delivery_attempt(attempt):
    return {"action": "pause", "message": attempt["recipient"].split("@")[1] * 0}
"""
NEEDS_A_NAME = """\
NAMES = set()


def configure(settings):
    NAMES.add(settings["name"])


def pre_delivery_attempt(attempt):
    return {"action": "pause"} if attempt["sendid"] in NAMES else None
"""
NEEDS_BYTES = """\
def pre_delivery_attempt(attempt):
    assert "\\n" not in attempt["recipient"]
"""
FORGES = """\
def pre_delivery_attempt(attempt):
    raise ValueError("x\\nok: file: keeps the rules\\x1b[2J")
"""
WITH_A_RELATIVE_ENTRY = """\
import sys

sys.path.insert(0, "lib")
from hookframe.__main__ import main

sys.exit(main())
"""
WITH_A_MARK = """\
import sys
from importlib.machinery import FileFinder, SourceFileLoader

MARK = "__editable__.elsewhere.finder.__path_hook__"


def hook(path):
    if path != MARK:
        raise ImportError
    return FileFinder({far!r}, (SourceFileLoader, [".py"]))


sys.path_hooks.insert(0, hook)
sys.path.append(MARK)
"""
FEW = ("--examples", "20")
PROJECT = """\
[project]
name = "hookframe-far"
version = "1.0"
[project.entry-points.hookframe]
far = "far"
"""


def test_a_plugin_that_keeps_the_rules_takes_three_lines_and_exit_status_0(shell):
    shell.write("hook.py", QUIET)
    done = shell.run("verify", "hook.py", *FEW)
    assert (done.status, done.err) == (0, "")
    first, second, third = done.out.splitlines()
    assert first.startswith("ok: file (")
    assert first.endswith("hook.py): keeps the rules")
    assert second.startswith("  settings: none: ")
    assert third.startswith("  tried: ")


def test_a_fault_is_said_with_line_attempt_and_the_command_that_repeats_it(shell):
    path = shell.write("hook.py", CARELESS)
    done = shell.run("verify", "hook.py", *FEW)
    assert (done.status, done.err) == (1, "")
    said = [line.strip() for line in done.out.splitlines()]
    assert said[1] == f"exception: IndexError: list index out of range at {path} line 2"
    assert 'attempt: recipient=""' in said
    (again,) = [line.removeprefix("again: ") for line in said if line.startswith("again: ")]
    _, *arguments = shlex.split(again)
    repeated = shell.run(*arguments)
    assert "IndexError" in repeated.err
    assert repeated.lines == [
        {
            "action": "pause",
            "message": "Error in pre_delivery_attempt_hook (see logfile)",
            "error": True,
        }
    ]


def test_an_attempt_that_no_arguments_can_spell_is_repeated_as_json(shell):
    shell.write("hook.py", NEEDS_BYTES)
    done = shell.run("verify", "hook.py", *FEW)
    (again,) = [line.strip() for line in done.out.splitlines() if line.startswith("    again: ")]
    command = again.removeprefix("again: ")
    assert command.startswith("printf ")
    repeated = subprocess.run(
        ["bash", "-c", command],
        cwd=shell.directory,
        env=shell.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert "AssertionError" in repeated.stderr


def test_what_comes_from_a_plugin_can_forge_no_line(shell):
    shell.write("hook.py", FORGES)
    done = shell.run("verify", "hook.py", *FEW)
    assert done.status == 1
    assert "\x1b" not in done.out
    assert not [line for line in done.out.splitlines() if line.startswith("ok")]


def test_the_report_has_the_seed_and_the_whole_attempt(shell):
    shell.write("hook.py", CARELESS)
    done = shell.run("verify", "hook.py", "--seed", "7", "--json", *FEW)
    (plugin,) = done.json["plugins"]
    (violation,) = plugin["violations"]
    assert (done.json["ok"], done.json["seed"], plugin["ok"]) == (False, 7, False)
    assert violation["attempt"] == make_attempt(recipient="")


def test_the_same_seed_tries_the_same(shell):
    shell.write("hook.py", CARELESS)
    first, second = (shell.run("verify", "hook.py", "--json", *FEW).json for _ in range(2))
    assert first["plugins"][0]["violations"] == second["plugins"][0]["violations"]
    assert first["plugins"][0]["tried"]["attempts"] == second["plugins"][0]["tried"]["attempts"]


def test_settings_come_from_a_configuration(shell):
    shell.write("hook.py", NEEDS_A_NAME)
    assert shell.run("verify", "hook.py", *FEW).status == 1
    shell.write("hookframe.toml", '[plugins.file.settings]\nname = "x"\n')
    assert shell.run("verify", "hook.py", "--config", "hookframe.toml", *FEW).status == 0


def test_without_a_target_every_plugin_of_the_chain_is_tried_with_its_settings(
    shell, distributions
):
    shell.install(distributions["stack"])
    shell.write("hook.py", NEEDS_A_NAME)
    shell.write(
        "hookframe.toml",
        'chain = ["routes", "file"]\nhook_file = "hook.py"\n[plugins.file.settings]\nname = "x"\n',
    )
    routes, file = shell.run("verify", "--json", *FEW).json["plugins"]
    assert (routes["plugin"], file["plugin"]) == ("routes", "file")
    assert file["ok"], "it would not be without its settings"


def test_the_chain_may_be_named_by_the_command_line(shell, distributions):
    shell.install(distributions["stack"])
    shell.write("hook.py", CARELESS)
    done = shell.run("verify", "--plugin", "routes", "--hook-file", "hook.py", "--json", *FEW)
    assert done.status == 1
    assert [each["plugin"] for each in done.json["plugins"]] == ["routes", "file"]
    assert "IndexError" in done.json["plugins"][1]["violations"][0]["seen"]


def test_a_configuration_with_a_mistake_is_said_as_such(shell):
    shell.write("hookframe.toml", "chian = []\n")
    done = shell.run("verify")
    assert (done.status, done.out) == (1, "")
    assert "chian" in done.err


def test_settings_come_from_the_project_of_a_directory(shell):
    shell.write("hooks/named.py", NEEDS_A_NAME)
    shell.write("hooks/quiet.py", QUIET)
    shell.write("hooks/test_named.py", "raise SystemExit\n")
    shell.write("hooks/conftest.py", "raise SystemExit\n")
    shell.write(
        "hooks/pyproject.toml",
        '[tool.hookframe.verify.named]\nslow = 5000\nsettings = { name = "{directory}" }\n',
    )
    done = shell.run("verify", "hooks", "--json", *FEW)
    assert done.status == 0
    found = [(each["distribution"], each["tried"]["slow"]) for each in done.json["plugins"]]
    assert found == [
        (str(shell.directory / "hooks" / "named.py"), 5000),
        (str(shell.directory / "hooks" / "quiet.py"), 1000),
    ]


def test_a_threshold_can_be_given_and_is_said(shell):
    shell.write("hook.py", QUIET)
    done = shell.run("verify", "hook.py", "--slow", "0.0001", *FEW)
    assert done.status == 1
    assert "  slow: a call takes " in done.out
    assert "it may take 0.0001 times" in done.out


def test_an_installed_plugin_is_named_by_its_name(shell, distributions):
    shell.install(distributions["stack"])
    done = shell.run("verify", "routes", "--json", *FEW)
    (plugin,) = done.json["plugins"]
    assert (plugin["plugin"], plugin["distribution"]) == ("routes", "zenith-routes")


def test_a_plugin_is_found_by_a_relative_entry_of_the_search_path(shell):
    shell.write("lib/near.py", f"from hookframe import hookimpl\n\n\n@hookimpl\n{QUIET}")
    shell.write(
        "lib/near-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: near\nVersion: 1.0\n"
    )
    shell.write("lib/near-1.0.dist-info/entry_points.txt", "[hookframe]\nnear = near\n")
    done = shell.run("verify", "near", *FEW, program=(sys.executable, "-c", WITH_A_RELATIVE_ENTRY))
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("ok: near (near 1.0")


def test_a_mark_of_an_import_hook_on_the_search_path_is_left_as_it_is(shell):
    """setuptools puts one there for a namespace package that is installed editable."""
    shell.write("far/elsewhere.py", "")
    shell.write("lib/sitecustomize.py", WITH_A_MARK.format(far=str(shell.directory / "far")))
    shell.environment["PYTHONPATH"] = str(shell.directory / "lib")
    shell.write("hook.py", f"import elsewhere\n\n{QUIET}")
    done = shell.run("verify", "hook.py", *FEW)
    assert (done.status, done.err) == (0, "")


def test_what_hypothesis_keeps_may_be_named_from_where_the_command_is_started(shell):
    shell.environment["HYPOTHESIS_STORAGE_DIRECTORY"] = "kept"
    shell.write("hook.py", QUIET)
    assert shell.run("verify", "hook.py", *FEW).status == 0
    assert list((shell.directory / "kept").iterdir())


def test_settings_that_a_plugin_refuses_are_a_violation_not_a_wrong_use(shell):
    shell.write("hook.py", 'def configure(settings):\n    raise ValueError("set name")\n' + QUIET)
    done = shell.run("verify", "hook.py", *FEW)
    assert done.status == 1
    assert "  load-error (while loading): rejects its settings: set name\n" in done.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nothing",), "no installed plugin is named 'nothing'"),
        (("nothing.py",), "nothing.py does not exist; expected a hook file, or a directory"),
        (("empty",), "has nothing to check"),
        (("hookframe.toml",), "is a configuration: name a plugin of it"),
        (("far",), "is not installed in this environment: pip install --editable"),
        (("typo",), "unknown key 'setings' (did you mean settings?)"),
        (("stranger",), "is for no plugin of the project (did you mean far?)"),
        (("hook.py", "--config", "wrong.toml"), "wrong.toml: is not valid TOML"),
        (("hook.py", "--plugin", "far"), "can't be combined with hook.py"),
        (("--config", "hookframe.toml"), "the chain is empty"),
    ],
)
def test_what_can_not_be_checked_is_a_wrong_use(arguments, said, shell):
    shell.write("hook.py", QUIET)
    shell.write("hookframe.toml", "")
    shell.write("wrong.toml", "[")
    (shell.directory / "empty").mkdir()
    shell.write("far/pyproject.toml", PROJECT)
    shell.write("typo/hook.py", QUIET)
    shell.write("typo/pyproject.toml", "[tool.hookframe.verify.hook]\nsetings = {}\n")
    shell.write("stranger/pyproject.toml", f"{PROJECT}[tool.hookframe.verify.fat]\n")
    done = shell.run("verify", *arguments)
    assert (done.status, done.out) == (2, "")
    assert said in done.err
    assert "Traceback" not in done.err


def test_as_a_test_it_says_nothing_where_all_is_well(shell):
    conformance(shell.write("hook.py", NEEDS_A_NAME), settings={"name": "x"}, examples=20)


def test_as_a_test_it_fails_with_what_the_command_says(shell):
    path = shell.write("hook.py", CARELESS)
    said = shell.run("verify", str(path), *FEW).out
    with pytest.raises(AssertionError) as failure:
        conformance(path, examples=20)
    assert str(failure.value).splitlines()[:5] == said.splitlines()[:5]


def test_a_report_with_any_text_in_it_is_json(shell):
    shell.write("hook.py", "def pre_delivery_attempt(attempt):\n    attempt['sender'].encode()\n")
    done = shell.run("verify", "hook.py", "--json", *FEW)
    (plugin,) = json.loads(done.out)["plugins"]
    (violation,) = plugin["violations"]
    assert any("\ud800" <= letter <= "\udfff" for letter in violation["attempt"]["sender"])
