"""`hookframe init`."""

from __future__ import annotations

import shlex
import stat
import sys
import zipfile
from pathlib import Path

import pytest

from ..helpers.shell import PROGRAM

FILES = ("hook.py", "hookframe.toml")


def written(shell, folder="."):
    return sorted(path.name for path in (shell.directory / folder).iterdir())


def test_it_writes_a_commented_configuration_and_hook_file(shell):
    done = shell.run("init")
    assert (done.status, done.err) == (0, "")
    assert written(shell) == list(FILES)
    for name in FILES:
        assert name in done.out
    assert (shell.directory / "hookframe.toml").read_text().startswith("# ")
    assert '"""' in (shell.directory / "hook.py").read_text()


def test_what_it_wrote_passes_check(shell):
    shell.run("init")
    done = shell.run("check")
    assert (done.status, done.err) == (0, "")
    assert "hook.py" in done.out


@pytest.mark.parametrize("folder", [".", "new", "a/deep er/one"])
def test_the_two_commands_that_it_names_work_as_they_stand(shell, folder):
    done = shell.run("init", folder)
    commands = [line.strip() for line in done.out.splitlines() if line.startswith("  ")]
    assert [command.split()[1] for command in commands] == ["check", "decide"]
    check, decide = (shell.run(*shlex.split(command)[1:]) for command in commands)
    assert (check.status, check.err) == (0, "")
    assert decide.status == 0
    assert decide.lines[0]["decision"]["action"] == "dump"


def test_it_makes_the_directory(shell):
    assert shell.run("init", "a/b").status == 0
    assert written(shell, "a/b") == list(FILES)


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o077])
def test_the_hook_file_has_mode_0644_whatever_the_umask(shell, umask):
    shell.run("init", umask=umask)
    assert stat.S_IMODE((shell.directory / "hook.py").stat().st_mode) == 0o644
    assert shell.run("check").status == 0


@pytest.mark.parametrize("there", FILES)
def test_it_never_overwrites_and_says_which_file_is_there(shell, there):
    shell.write(there, "mine\n")
    done = shell.run("init")
    assert (done.status, done.out) == (1, "")
    assert there in done.err
    assert written(shell) == [there]
    assert (shell.directory / there).read_text() == "mine\n"


def test_one_file_or_both_are_named_in_the_right_number(shell):
    shell.write("hook.py", "")
    assert "hook.py already exists; move it away" in shell.run("init").err
    shell.write("hookframe.toml", "")
    assert "hook.py already exist; move them away" in shell.run("init").err


def test_a_dangling_link_is_not_written_through(shell):
    (shell.directory / "hook.py").symlink_to("/tmp/somewhere-else.py")
    assert shell.run("init").status == 1
    assert written(shell) == ["hook.py"]


def test_a_file_in_the_place_of_the_directory_is_one_sentence(shell):
    shell.write("taken", "")
    done = shell.run("init", "taken")
    assert done.status == 1
    assert "taken" in done.err
    assert "Traceback" not in done.err


def test_the_hook_file_does_what_its_comments_say(shell):
    shell.run("init")
    decided = [
        shell.run("decide", pair).lines[0]
        for pair in ("recipient=Nobody@Example.com", "sendid=transactional", "sendid=other")
    ]
    assert [decision["action"] for decision in decided] == ["dump", "new_mtaid", "normal"]


def test_the_wheel_has_the_starter_files(shell, tmp_path_factory):
    root = str(Path(__file__).parents[2])
    program = (sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation")
    target = tmp_path_factory.mktemp("wheel")
    done = shell.run("--quiet", "--wheel-dir", str(target), root, program=program)
    assert done.status == 0, done.err
    (wheel,) = target.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for name in ("hookframe.toml", "hook.py.txt", "demo/hook.py.txt", "demo/attempts.json"):
        assert f"hookframe/cli/templates/{name}" in names


def test_the_module_and_the_console_script_are_the_same_command(shell):
    assert PROGRAM[-2:] == ("-m", "hookframe")
    script = Path(sys.executable).with_name("hookframe")
    by_script = shell.run("--help", program=(str(script),))
    assert by_script.out == shell.run("--help").out
