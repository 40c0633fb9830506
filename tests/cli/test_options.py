"""The options of every command: which policy it is about."""

from __future__ import annotations

import errno
import os

import pytest

DUMP = 'def pre_delivery_attempt():\n    return {{"action": "dump", "message": "{}"}}\n'
CONFIG = 'hook_file = "{}"\n'
MISTAKES = 'chian = []\ndeadline = 5\n[plugins.x]\nmode = "on"\n'


def policy(shell, folder, says):
    """Write a configuration whose hook file says where it is from."""
    shell.write(f"{folder}/{says}.py", DUMP.format(says))
    return shell.write(f"{folder}/hookframe.toml", CONFIG.format(f"{says}.py"))


def said(shell, *options):
    done = shell.run("decide", *options, "sendid=x")
    assert done.status == 0, done.err
    return done.lines[0].get("message", "nothing")


def test_the_configuration_that_is_named_is_used(shell):
    policy(shell, ".", "here")
    named = policy(shell, "elsewhere", "named")
    assert said(shell, "--config", str(named)) == "named"


def test_without_one_the_variable_names_it(shell):
    policy(shell, ".", "here")
    shell.environment["HOOKFRAME_CONFIG"] = str(policy(shell, "elsewhere", "variable"))
    assert said(shell) == "variable"


def test_a_named_configuration_outranks_the_variable(shell):
    shell.environment["HOOKFRAME_CONFIG"] = str(policy(shell, "a", "variable"))
    assert said(shell, "--config", str(policy(shell, "b", "named"))) == "named"


@pytest.mark.parametrize("variable", [None, ""])
def test_without_either_it_is_the_one_in_this_directory(shell, variable):
    policy(shell, ".", "here")
    if variable is not None:
        shell.environment["HOOKFRAME_CONFIG"] = variable
    assert said(shell) == "here"


def test_without_any_the_chain_is_empty_and_it_says_so_and_where_it_looked(shell):
    done = shell.run("decide", "sendid=x")
    assert (done.status, done.lines) == (0, [{"action": "normal"}])
    for words in ("chain is empty", "HOOKFRAME_CONFIG", "./hookframe.toml", "/etc/hookframe"):
        assert words in done.err


def test_an_empty_chain_of_a_configuration_says_so_too(shell):
    shell.write("hookframe.toml", "")
    done = shell.run("decide", "sendid=x")
    assert (done.status, done.lines) == (0, [{"action": "normal"}])
    assert "hookframe.toml: the chain is empty" in done.err


def test_with_a_hook_file_no_configuration_is_looked_for(shell):
    shell.write("hookframe.toml", "this is not TOML")
    shell.environment["HOOKFRAME_CONFIG"] = "/does/not/exist"
    shell.write("hook.py", DUMP.format("alone"))
    assert said(shell, "--hook-file", "hook.py") == "alone"


def test_with_a_plugin_no_configuration_is_looked_for(shell, distributions):
    shell.install(distributions["stack"])
    shell.write("hookframe.toml", "this is not TOML")
    done = shell.run("decide", "--plugin", "guard", "recipient=a@blocked.example")
    assert done.lines == [{"action": "dump", "message": "guard: blocked"}]


def test_plugins_come_in_the_given_order_and_then_the_file(shell, distributions):
    shell.install(distributions["stack"])
    shell.write("hook.py", DUMP.format("last"))
    for plugins in (["guard", "routes"], ["routes", "guard"]):
        options = [word for name in plugins for word in ("--plugin", name)]
        done = shell.run("plugins", "--hook-file", "hook.py", *options, "--json")
        assert [member["name"] for member in done.json["chain"]] == [*plugins, "file"]


@pytest.mark.parametrize("command", [["decide", "sendid=x"], ["check"], ["plugins"], ["serve"]])
@pytest.mark.parametrize("other", [["--hook-file", "hook.py"], ["--plugin", "guard"]])
def test_a_configuration_and_a_run_without_one_exclude_each_other(shell, command, other):
    shell.write("hookframe.toml", "")
    done = shell.run(*command, "--config", "hookframe.toml", *other)
    assert (done.status, done.out) == (2, "")
    assert "one or the other" in done.err


@pytest.mark.parametrize("command", [["decide", "sendid=x"], ["check"], ["plugins"], ["serve"]])
@pytest.mark.parametrize("option", ["--config", "--hook-file"])
def test_a_file_that_does_not_exist_is_wrong_use(shell, command, option):
    done = shell.run(*command, option, "missing")
    assert (done.status, done.out) == (2, "")
    assert f"{option}: missing does not exist" in done.err


def test_a_variable_that_names_no_file_is_wrong_use_and_nothing_else_is_looked_for(shell):
    policy(shell, ".", "here")
    shell.environment["HOOKFRAME_CONFIG"] = "/does/not/exist.toml"
    done = shell.run("decide", "sendid=x")
    assert (done.status, done.out) == (2, "")
    assert "$HOOKFRAME_CONFIG: /does/not/exist.toml does not exist" in done.err


def test_a_directory_for_a_configuration_is_wrong_use_and_the_file_in_it_is_named(shell):
    policy(shell, "folder", "named")
    done = shell.run("decide", "--config", "folder", "sendid=x")
    assert done.status == 2
    assert "folder is a directory; do you mean folder/hookframe.toml?" in done.err


def test_a_configuration_that_is_a_dangling_link_is_no_empty_policy(shell):
    (shell.directory / "hookframe.toml").symlink_to("gone.toml")
    done = shell.run("decide", "sendid=x")
    assert done.status == 1
    assert done.lines[0]["error"] is True
    assert "hookframe.toml does not exist" in done.err


def test_a_configuration_that_can_not_be_read_is_no_empty_policy(shell):
    (shell.directory / "hookframe.toml").symlink_to("hookframe.toml")
    done = shell.run("decide", "sendid=x")
    assert done.status == 1
    assert f"hookframe.toml: {os.strerror(errno.ELOOP)}" in done.err


@pytest.mark.parametrize("command", [["decide", "sendid=x"], ["check"], ["plugins"], ["serve"]])
def test_every_mistake_of_a_configuration_is_listed_with_file_line_and_key(shell, command):
    shell.write("wrong.toml", MISTAKES)
    done = shell.run(*command, "--config", "wrong.toml")
    assert done.status == 1
    for line, key in ((1, "chian"), (2, "deadline"), (4, "plugins.x.mode")):
        assert f"wrong.toml: line {line}: {key}: " in done.err
    assert "Traceback" not in done.err


def test_the_name_file_is_no_plugin(shell):
    done = shell.run("decide", "--plugin", "file", "sendid=x")
    assert done.status == 2
    assert "--hook-file" in done.err


def test_a_plugin_that_is_named_twice_is_wrong_use(shell):
    done = shell.run("decide", "--plugin", "guard", "--plugin", "guard", "sendid=x")
    assert done.status == 2
    assert "guard more than once" in done.err


def test_a_path_in_the_arguments_reaches_no_terminal_unescaped(shell):
    shell.write("hook\x1b[31m.py", "def (")
    done = shell.run("check", "hook\x1b[31m.py")
    assert done.status == 1
    assert "\x1b" not in done.err
