"""`hookframe check`: loads the policy, tries it, and reports every problem."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from contextlib import suppress

import pytest

CONFIG = """\
chain = ["guard", "routes", "file"]
hook_file = "hook.py"
[plugins.routes]
mode = "shadow"
"""
QUIET = "def pre_delivery_attempt(attempt):\n    return None\n"
RECORDS = """\
import json
def pre_delivery_attempt(attempt):
    with open("seen", "a") as file:
        file.write(json.dumps(dict(attempt)) + "\\n")
"""
PICKY = """\
def pre_delivery_attempt(attempt):
    if not attempt["sender"]:
        raise LookupError("no sender")
    if not attempt["is_first_attempt"]:
        return {"action": "delay"}
    if len(attempt["recipient"]) > 250:
        return {"action": "dump", "message": attempt["recipient"] * 2}
"""


@pytest.fixture
def stacked(shell, distributions):
    """A shell with two foreign plugins and a hook file in one chain."""
    shell.install(distributions["stack"])
    shell.write("hookframe.toml", CONFIG)
    shell.write("hook.py", QUIET)
    return shell


def test_where_all_is_well_one_line_says_the_chain_in_order(stacked):
    done = stacked.run("check")
    assert (done.status, done.err) == (0, "")
    assert done.out.count("\n") == 1
    names = ["guard (acme-guard 1.4.0)", "routes (zenith-routes ", f"file ({stacked.directory}"]
    places = [done.out.index(name) for name in names]
    assert places == sorted(places)


def test_one_file_alone_is_checked_without_any_configuration(shell):
    shell.write("hookframe.toml", "this is not TOML")
    shell.environment["HOOKFRAME_CONFIG"] = "/does/not/exist"
    shell.write("hook.py", QUIET)
    done = shell.run("check", "hook.py")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("ok: file (")


def test_it_is_tried_on_every_kind_of_attempt(shell):
    shell.write("hook.py", RECORDS)
    assert shell.run("check", "hook.py").status == 0
    seen = [json.loads(line) for line in (shell.directory / "seen").read_text().splitlines()]
    assert any(each["sender"] == "" for each in seen)
    assert any(not each["is_first_attempt"] for each in seen)
    assert any(not each["mtaid_exists"] for each in seen)
    recipients = [each["recipient"] for each in seen]
    assert any(len(recipient) == 254 for recipient in recipients)
    assert any('"' in recipient and "%" in recipient for recipient in recipients)
    assert any(not recipient.isascii() and recipient.isprintable() for recipient in recipients)
    assert any("\udcf6" in recipient for recipient in recipients)
    assert len({each["msguid"] for each in seen}) == len(seen)


def test_every_exception_and_invalid_return_is_said_with_the_sample_that_caused_it(shell):
    shell.write("hook.py", PICKY)
    done = shell.run("check", "hook.py")
    assert (done.status, done.out) == (1, "")
    bounce, long, later = sorted(
        done.err.splitlines(), key=lambda line: "254" in line or 2 * ("later" in line)
    )
    assert "LookupError: no sender at " in bounce
    assert "hook.py line 3" in bounce
    assert "a bounce" in bounce
    assert "message has 508 characters" in long
    assert "254 characters]" in long
    assert "unknown action 'delay'" in later
    assert "a later attempt" in later


def test_the_errors_of_later_plugins_show_although_the_first_would_end_the_chain(
    shell, distributions
):
    shell.install(distributions["fake"])
    shell.write(
        "hookframe.toml",
        'chain = ["a", "b"]\n'
        "[plugins.a.settings]\ncode = 'raise ValueError(\"from a\")'\n"
        "[plugins.b.settings]\ncode = 'raise ValueError(\"from b\")'\n",
    )
    done = shell.run("check")
    assert done.status == 1
    lines = done.err.splitlines()
    assert len(lines) == 2
    for name, line in zip("ab", lines, strict=True):
        assert f"plugin {name}, fake-plugins" in line
        assert f"ValueError: from {name}" in line
        assert "an ordinary attempt; a bounce" in line


def test_an_error_that_the_operator_lets_pass_is_reported_too(stacked):
    stacked.write("hookframe.toml", CONFIG + '[plugins.file]\non_error = "skip"\n')
    stacked.write("hook.py", "def pre_delivery_attempt():\n    1/0\n")
    done = stacked.run("check")
    assert done.status == 1
    assert "ZeroDivisionError" in done.err


def test_every_load_error_is_said_with_plugin_distribution_and_version(shell, distributions):
    shell.install(distributions["broken"], distributions["twins"], distributions["stack"])
    shell.write("hook.py", "def pre_delivery_attempt(atempt):\n    pass\n")
    shell.write(
        "hookframe.toml",
        'chain = ["unmarked", "twin", "missing", "guard", "file"]\nhook_file = "hook.py"\n'
        "[plugins.guard.settings]\nblokced = []\n",
    )
    done = shell.run("check")
    assert (done.status, done.out) == (1, "")
    unmarked, twin, missing, guard, file = done.err.splitlines()
    assert "plugin unmarked, broken-hooks " in unmarked
    assert "not marked" in unmarked
    assert "twin-one" in twin
    assert "twin-two" in twin
    assert "no installed plugin is named 'missing'" in missing
    assert "plugin guard, acme-guard 1.4.0: rejects its settings: unknown option blokced" in guard
    assert f"plugin file, {shell.directory / 'hook.py'}" in file
    assert "did you mean attempt?" in file


def test_a_syntax_error_is_said_with_its_line(shell):
    shell.write("hook.py", "x = 1\ndef pre_delivery_attempt(attempt)\n    return None\n")
    done = shell.run("check", "hook.py")
    assert done.status == 1
    assert "error compiling: SyntaxError" in done.err
    assert "hook.py line 2" in done.err
    assert "Traceback" not in done.err


def test_a_file_that_others_may_write_is_said(shell):
    shell.write("hook.py", QUIET).chmod(0o666)
    done = shell.run("check", "hook.py")
    assert done.status == 1
    assert "chmod go-w" in done.err


def test_a_hook_that_takes_too_long_is_interrupted_and_said(shell):
    shell.write("hookframe.toml", 'hook_file = "hook.py"\ndeadline = "50ms"\n')
    shell.write("hook.py", "import time\ndef pre_delivery_attempt():\n    time.sleep(3600)\n")
    done = shell.run("check")
    assert done.status == 1
    assert "DeadlineExceeded: interrupted after" in done.err
    assert "the whole chain's deadline is 0.05 s" in done.err
    assert "hook.py line 3" in done.err


@pytest.mark.parametrize(("hook", "kind"), [("decided", "observe"), ("close", "close")])
def test_an_error_of_a_hook_beside_the_main_one_is_said(shell, distributions, hook, kind):
    shell.install(distributions["fake"])
    shell.write(
        "hookframe.toml",
        f'chain = ["a"]\n[plugins.a.settings]\n{hook} = \'raise ValueError("from it")\'\n',
    )
    done = shell.run("check", "--json")
    assert done.status == 1
    (problem,) = done.json["problems"]
    assert problem["kind"] == kind
    assert "ValueError: from it" in problem["text"]
    assert "fake-plugins 0.3" in shell.run("check").err


def test_all_mistakes_of_a_configuration_are_said(shell):
    shell.write("hookframe.toml", 'chian = []\nhook_file = 3\ndeadline = "soon"\n')
    done = shell.run("check")
    assert (done.status, done.out) == (1, "")
    assert [line.split(": ")[3:5] for line in done.err.splitlines()] == [
        ["line 1", "chian"],
        ["line 2", "hook_file"],
        ["line 3", "deadline"],
    ]


def test_what_is_configured_and_not_in_the_chain_is_a_note(stacked):
    stacked.write("hookframe.toml", 'chain = ["guard"]\nhook_file = "hook.py"\n[plugins.routes]\n')
    done = stacked.run("check")
    assert done.status == 0
    assert "note: routes is configured, but not in the chain" in done.err
    assert "note: file is configured, but not in the chain" in done.err


def test_an_empty_chain_is_fine_and_says_so(shell):
    shell.write("hookframe.toml", "chain = []\n")
    done = shell.run("check")
    assert done.status == 0
    assert "ok: the chain is empty" in done.out


def test_without_a_policy_there_is_nothing_to_check(shell):
    done = shell.run("check")
    assert (done.status, done.out) == (2, "")
    assert "there is no policy to check: $HOOKFRAME_CONFIG is not set" in done.err


def test_json_says_that_all_is_well(stacked):
    done = stacked.run("check", "--json")
    assert (done.status, done.err) == (0, "")
    report = done.json
    assert report["ok"] is True
    assert report["problems"] == []
    assert report["notes"] == []
    told = [(each["position"], each["name"], each["distribution"]) for each in report["chain"]]
    assert told[:2] == [(1, "guard", "acme-guard"), (2, "routes", "zenith-routes")]
    assert [each["mode"] for each in report["chain"]] == ["enforce", "shadow", "enforce"]
    assert report["chain"][0]["version"] == "1.4.0"


def test_json_says_all_that_is_wrong(shell):
    shell.write("hook.py", PICKY)
    done = shell.run("check", "hook.py", "--json")
    assert (done.status, done.err) == (1, "")
    assert done.json["ok"] is False
    assert {problem["kind"] for problem in done.json["problems"]} == {"attempt"}
    assert {problem["plugin"] for problem in done.json["problems"]} == {"file"}
    assert all(problem["samples"] for problem in done.json["problems"])
    shell.write("hookframe.toml", "\nchian = 1\n")
    (problem,) = shell.run("check", "--json").json["problems"]
    assert (problem["kind"], problem["line"], problem["key"]) == ("config", 2, "chian")
    assert problem["file"] == str(shell.directory / "hookframe.toml")


def test_what_plugins_print_does_not_mix_with_the_report(shell):
    shell.write(
        "hook.py",
        "import os\nprint('loading')\n"
        "def pre_delivery_attempt():\n    print('asked')\n    os.system('echo child')\n",
    )
    done = shell.run("check", "hook.py", "--json")
    assert done.json["ok"] is True
    assert "plugin file: loading" in done.err
    assert "plugin file: asked" in done.err


@pytest.mark.parametrize("options", [["--hook-file", "hook.py"], ["--plugin", "guard"]])
def test_a_file_alone_and_a_policy_exclude_each_other(shell, options):
    shell.write("hook.py", QUIET)
    done = shell.run("check", "hook.py", *options)
    assert (done.status, done.out) == (2, "")
    assert "check one file alone" in done.err


def test_a_file_that_does_not_exist_is_wrong_use(shell):
    done = shell.run("check", "hok.py")
    assert (done.status, done.out) == (2, "")
    assert "hok.py does not exist" in done.err


def test_a_configuration_in_the_place_of_the_file_is_wrong_use_and_says_what_is_meant(shell):
    shell.write("hookframe.toml", "")
    done = shell.run("check", "hookframe.toml")
    assert done.status == 2
    assert "hookframe check --config hookframe.toml" in done.err


# A Perl file, and what plugins remark

NORMAL = "return { action => 'normal' }"
PERL = f"return sub {{ my ($attempt, $state) = @_; $state->{{seen}}++; {NORMAL} }};\n"


def test_a_perl_file_alone_is_compiled_and_tried(shell):
    path = shell.write("hook.pl", PERL)
    done = shell.run("check", "--perl", "hook.pl")
    assert (done.status, done.out) == (0, "ok: perl (hookframe-perl 0.1.0)\n")
    version = subprocess.check_output(["perl", "-e", 'printf "%vd", $^V'], text=True)
    assert f"note: perl: {path} runs on Perl {version} (" in done.err
    assert "note: perl: its state holds seen;" in done.err


def test_what_is_wrong_with_a_perl_file_is_said_in_perls_words(shell):
    path = shell.write("hook.pl", "return sub {\n    foo bar baz;\n};\n")
    done = shell.run("check", "--perl", "hook.pl")
    assert done.status == 1
    assert "hookframe: error: plugin perl, hookframe-perl 0.1.0: error compiling: " in done.err
    assert "at (eval 1) line 2" in done.err
    assert f"({path})" in done.err
    assert "Traceback" not in done.err


def test_errors_of_a_perl_file_are_said_with_the_samples_that_caused_them(shell):
    check = "die qq{no sender\\n} if $_[0]{sender} eq '';"
    shell.write("hook.pl", f"return sub {{ {check} {NORMAL} }};\n")
    done = shell.run("check", "--perl", "hook.pl", "--json")
    assert done.status == 1
    [problem] = json.loads(done.out)["problems"]
    assert "Exception running pre_delivery_attempt_hook: no sender (" in problem["text"]
    assert problem["samples"] == ["a bounce, with an empty sender"]
    shown = shell.run("check", "--perl", "hook.pl").err
    assert "[fails on: a bounce, with an empty sender]" in shown


def test_warnings_that_perl_would_give_are_notes(shell):
    shell.write("hook.pl", f"my $x = 1;\nmy $x = 2;\nreturn sub {{ {NORMAL} }};\n")
    done = shell.run("check", "--perl", "hook.pl")
    assert done.status == 0
    warning = subprocess.run(
        ["perl", "-we", "my $x = 1; my $x = 2"], capture_output=True, text=True, check=True
    ).stderr.partition(" at -e")[0]
    assert "$x" in warning
    assert f"`use warnings` Perl says: {warning} at (eval " in done.err


@pytest.mark.parametrize("others", [["hook.py"], ["--hook-file", "hook.py"], ["--plugin", "perl"]])
def test_a_perl_file_is_checked_alone(shell, others):
    shell.write("hook.py", QUIET)
    shell.write("hook.pl", PERL)
    done = shell.run("check", "--perl", "hook.pl", *others)
    assert done.status == 2
    assert "check one file alone" in done.err


def test_a_perl_file_that_does_not_exist_is_wrong_use(shell):
    done = shell.run("check", "--perl", "missing.pl")
    assert done.status == 2
    assert "--perl: missing.pl does not exist" in done.err


def test_a_perl_file_in_the_place_of_the_python_one_is_wrong_use_and_says_what_is_meant(shell):
    shell.write("hook.pl", PERL)
    done = shell.run("check", "hook.pl")
    assert done.status == 2
    assert "hookframe check --perl hook.pl" in done.err


def test_what_a_plugin_remarks_is_a_note_and_no_problem(shell, distributions):
    shell.install(distributions["scripted"])
    path = shell.write("code.txt", "say hello\n")
    config = f'chain = ["scripted"]\n[plugins.scripted.settings]\nnamed = ["{path}"]\n'
    shell.write("hookframe.toml", config)
    done = shell.run("check", "--json")
    assert done.status == 0
    assert json.loads(done.out)["notes"] == ["scripted: it has 1 lines"]


def test_a_plugin_that_fails_at_its_remarks_is_a_problem(shell, distributions):
    shell.install(distributions["scripted"])
    path = shell.write("code.txt", "say nothing\n")
    config = f'chain = ["scripted"]\n[plugins.scripted.settings]\nnamed = ["{path}"]\n'
    shell.write("hookframe.toml", config)
    done = shell.run("check")
    assert done.status == 1
    assert "plugin scripted, scripted 0.7: error in its remarks: OSError: no remark at " in done.err


def test_problems_are_coloured_on_a_terminal_only(shell):
    shell.write("hook.py", "x = 1\n")
    assert "\x1b[31m" in shell.on_terminal("check", "hook.py").raw
    assert "\x1b" not in shell.run("check", "hook.py").err


@pytest.fixture
def daemon(shell):
    """Answers each request at the configured address with a status; it runs these versions."""
    path = shell.directory / "hookframe.sock"
    shell.write("hookframe.toml", f'hook_file = "hook.py"\nlisten = "unix:{path}"\n')
    shell.write("hook.py", QUIET)
    answer = {"hookframe": "0.1.0", "versions": {}}
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve():
            with suppress(OSError):
                while True:
                    with listener.accept()[0] as client:
                        client.recv(1 << 16)
                        client.sendall(json.dumps(answer).encode() + b"\n")

        thread = threading.Thread(target=serve)
        thread.start()
        yield answer
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_what_pip_has_installed_since_the_daemon_started_is_noted(shell, distributions, daemon):
    shell.install(distributions["stack"])
    daemon["versions"] = {"acme-guard": "1.3.9", "zenith-routes": "0", "no-such-thing": "1"}
    done = shell.run("check")
    assert done.status == 0
    assert "note: acme-guard 1.4.0 is installed, 1.3.9 runs\n" in done.err
    assert "no-such-thing" not in done.err
    notes = json.loads(shell.run("check", "--json").out)["notes"]
    assert notes[0] == "acme-guard 1.4.0 is installed, 1.3.9 runs"
    assert notes[1].startswith("zenith-routes ")


def test_nothing_is_noted_where_the_daemon_runs_what_is_installed(shell, distributions, daemon):
    shell.install(distributions["stack"])
    daemon["versions"] = {"acme-guard": "1.4.0"}
    done = shell.run("check")
    assert (done.status, done.err) == (0, "")


@pytest.mark.parametrize("versions", [None, [], "1", {"acme-guard": None}])
def test_a_daemon_that_does_not_tell_its_versions_is_no_problem(shell, daemon, versions):
    daemon["versions"] = versions
    done = shell.run("check")
    assert (done.status, done.err) == (0, "")


def test_check_needs_no_daemon(shell):
    shell.write("hookframe.toml", 'hook_file = "hook.py"\nlisten = "unix:/no/such/socket"\n')
    shell.write("hook.py", QUIET)
    done = shell.run("check")
    assert (done.status, done.err) == (0, "")
