"""Commands that other distributions bring along."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

NO_SITE = (sys.executable, "-W", "error", "-S", "-m", "hookframe")
IMPORTED = "acme_commands is imported"


@pytest.fixture
def extended(shell, distributions):
    """A shell in which a distribution with commands is installed."""
    shell.install(distributions["commands"])
    return shell


def test_a_command_of_a_plugin_runs_like_one_of_hookframes_own(extended):
    done = extended.run("greet", "Bob")
    assert (done.status, done.out) == (0, "Good day, Bob.\n")


def test_the_status_that_it_returns_is_the_exit_status(extended):
    assert extended.run("greet", "Bob", "--status", "1").status == 1


def test_its_wrong_use_is_wrong_use_of_hookframe(extended):
    done = extended.run("greet", "--nonsense")
    assert done.status == 2
    assert "hookframe greet" in done.err
    assert "--nonsense" in done.err


def test_the_help_lists_it_with_its_distribution_and_imports_nothing(extended):
    done = extended.run("--help")
    own, theirs = done.out.split("Commands of plugins:")
    assert "greet" not in own
    assert [line.split() for line in theirs.splitlines() if "greet" in line] == [
        ["greet", "acme-commands", "2.5"]
    ]
    assert IMPORTED not in done.err


def test_it_cannot_replace_a_command_of_hookframes_and_that_is_said(extended):
    done = extended.run("check", "--help")
    assert IMPORTED not in done.err
    assert "Load the policy" in done.out
    assert "acme-commands 2.5 defines the command 'check'" in extended.run("--help").err


def test_another_command_imports_none_of_it(extended):
    assert IMPORTED not in extended.run("schema", "decision").err


def test_a_misspelt_one_is_hinted_at(extended):
    done = extended.run("gret", "Bob")
    assert done.status == 2
    assert "Did you mean greet?" in done.err


def test_two_distributions_that_claim_one_name_are_both_named(shell, distributions):
    shell.install(distributions["commands"], distributions["rival"])
    done = shell.run("shared", "Bob")
    assert (done.status, done.out) == (1, "")
    assert "acme-commands 2.5 and rival-commands 0.1" in done.err
    assert "uninstall all but one" in done.err


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("absent", "can't be imported from 'acme_commands_absent:command': ModuleNotFoundError"),
        ("number", "'acme_commands:NUMBER' is a int, where a click.Command"),
    ],
)
def test_one_that_is_broken_is_a_sentence_with_its_distribution(extended, name, says):
    done = extended.run(name)
    assert done.status == 1
    assert "acme-commands 2.5" in done.err
    assert says in done.err
    assert "Traceback" not in done.err


def test_ctrl_c_ends_it_quietly_with_130(extended):
    process = extended.start("greet", "for ever")
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=50)
    assert process.returncode == 130
    assert b"Traceback" not in err


def test_a_reader_that_goes_away_ends_it_quietly(extended):
    process = extended.start("greet", "many", stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(50) == 141


@pytest.mark.parametrize("arguments", [("verify",), ("verify", "--help"), ("new", "hold")])
def test_without_the_devkit_its_commands_are_a_sentence_that_says_what_to_install(
    mail_server, arguments
):
    done = mail_server.run(*arguments, program=NO_SITE)
    assert (done.status, done.out) == (2, "")
    assert done.err == (
        f"Error: 'hookframe {arguments[0]}' is part of hookframe-devkit: "
        "pip install hookframe-devkit\n"
    )


def test_without_the_devkit_the_help_lists_none_of_its_commands_and_a_misspelt_one_is_hinted_at(
    mail_server,
):
    listed = mail_server.run("--help", program=NO_SITE).out
    assert "\n  check " in listed
    assert "verify" not in listed
    assert "Did you mean verify?" in mail_server.run("verfy", program=NO_SITE).err


def test_without_the_devkit_importing_conformance_says_what_to_install(mail_server):
    program = (sys.executable, "-S", "-c", "from hookframe.testing import conformance")
    last = mail_server.run(program=program).err.splitlines()[-1]
    assert last == (
        "ModuleNotFoundError: conformance is part of hookframe-devkit: pip install hookframe-devkit"
    )


def test_without_the_devkit_the_rest_of_hookframe_testing_works(mail_server):
    code = "from hookframe.testing import make_attempt; print(make_attempt()['mtaid'])"
    assert mail_server.run(program=(sys.executable, "-S", "-c", code)).out == "mta1\n"


def test_no_other_distribution_defines_a_command_of_the_devkit(mail_server):
    mail_server.write("plugins/rival.py", "raise SystemExit('imported')\n")
    mail_server.write(
        "plugins/rival-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: rival\nVersion: 1.0\n"
    )
    mail_server.write(
        "plugins/rival-1.0.dist-info/entry_points.txt",
        "[hookframe.commands]\nverify = rival:command\n",
    )
    mail_server.environment["PYTHONPATH"] += ":plugins"
    done = mail_server.run("verify", program=NO_SITE)
    assert done.status == 2
    assert "pip install hookframe-devkit" in done.err
    noted = mail_server.run("--help", program=NO_SITE)
    assert "rival 1.0 defines the command 'verify'" in noted.err
    assert "rival" not in noted.out
