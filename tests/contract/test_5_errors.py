"""CONTRACT 5: errors are temporary failures, and every one of them is logged."""

from __future__ import annotations

import re
import sys
from time import monotonic

import pytest
from loguru import logger

from hookframe import TEMPFAIL_MESSAGE, Host
from hookframe.api.events import INTERNAL
from hookframe.config.model import Config
from hookframe.log import rate
from hookframe.testing import eventually

from ..helpers.attempts import ATTEMPT, MESSAGE, NORMAL, TEMPFAIL, attempt
from ..helpers.site import hook, policy
from ..helpers.wait import for_a_while

PREFIX = (
    f"error in pre_delivery_attempt_hook: msguid=[{ATTEMPT['msguid']}], "
    f"recipient=[{ATTEMPT['recipient']}], error: "
)
LOADING = "error loading pre_delivery_attempt_hook: "


def test_the_status_message_is_always_exactly_this():
    assert TEMPFAIL_MESSAGE == "Error in pre_delivery_attempt_hook (see logfile)"


# In one attempt


class FullDisk:
    """A sink of the log that fails as often as it is told to."""

    def __init__(self):
        self.lines, self.failures = [], 0

    def write(self, line):
        if self.failures:
            self.failures -= 1
            raise OSError("no space left on device")
        self.lines.append(str(line))


@pytest.fixture
def disk():
    """What loguru's global logger gets; its errors reach the caller."""
    sink = FullDisk()
    handler = logger.add(sink.write, format="{message}", catch=False)
    yield sink
    logger.remove(handler)


@pytest.mark.parametrize("ask", ["decide", "explain"])
def test_an_error_of_hookframes_own_is_a_temp_fail_of_its_own_kind(ask, site, disk):
    host = site.file_host(hook("if attempt['sendid'] == 'fail': raise ValueError"))
    assert host.decide(ATTEMPT) == NORMAL
    assert host.internal_errors == 0
    disk.failures = 1  # the line about the plugin's error can't be written
    answer = getattr(host, ask)(attempt(sendid="fail"))
    assert (answer if ask == "decide" else answer.decision) == TEMPFAIL
    assert host.internal_errors == 1
    assert host.statistics.snapshot()["temporary_failures"] == {INTERNAL: 1}
    line = disk.lines[-1].rstrip()
    form = re.escape(PREFIX) + (
        r"Internal error of hookframe: OSError: no space left on device at \S+ line \d+"
    )
    assert re.fullmatch(form, line), line
    assert host.decide(ATTEMPT) == NORMAL
    assert host.internal_errors == 1


def test_an_error_of_hookframes_own_that_can_not_be_logged_is_a_temp_fail(site, disk):
    host = site.file_host(hook("raise ValueError"))
    disk.failures = 1000
    assert host.decide(ATTEMPT) == TEMPFAIL
    assert host.internal_errors == 1
    disk.failures = 0


def test_a_hook_that_deletes_the_standard_streams_leaves_a_host_that_answers(site, monkeypatch):
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    host = site.file_host(hook("import sys\ndel sys.stdout\ndel sys.stderr"))
    for number in range(3):
        answer = host.decide(ATTEMPT)
        assert answer == (TEMPFAIL if "error" in answer else NORMAL), number
    monkeypatch.undo()


def test_an_exception_is_logged_in_the_exact_form(site, log):
    host = site.file_host(hook("quota = 0\nreturn 5 / quota"))
    assert host.decide(ATTEMPT) == TEMPFAIL
    with pytest.raises(ZeroDivisionError) as divided:
        _ = 5 / 0
    assert log.errors == [
        f"{PREFIX}Exception running pre_delivery_attempt_hook: "
        f"ZeroDivisionError: {divided.value} at {site.file} line 3 (plugin file)"
    ]


def test_an_exception_of_an_installed_plugin_is_logged_in_the_exact_form(site, install, log):
    install("stack")
    host = site.host(policy(["guard"]))
    assert host.decide(attempt(sendid="crash")) == TEMPFAIL
    import acme_guard

    assert log.errors == [
        f"{PREFIX}Exception running pre_delivery_attempt_hook: "
        f"LookupError: no such campaign: crash at {acme_guard.__file__} line 24 (plugin guard)"
    ]


def test_an_invalid_return_is_logged_in_the_exact_form(site, log):
    host = site.file_host(hook("return {'action': 'dump', 'new_mtaid': 'p'}"))
    assert host.decide(ATTEMPT) == TEMPFAIL
    [line] = log.errors
    form = re.escape(PREFIX) + (
        r"Invalid return from pre_delivery_attempt_hook: .*\bnew_mtaid\b.* \(plugin file\)"
    )
    assert re.fullmatch(form, line)


@pytest.mark.parametrize(
    "statement",
    [
        "raise ValueError('x')",
        "raise SystemExit",
        "raise SystemExit('bye')",
        "import sys; sys.exit(0)",
        "exit()",
        "raise GeneratorExit",
        "raise BaseException('base')",
        "raise StopIteration",
        "raise ExceptionGroup('several', [ValueError(1), KeyError(2)])",
        "raise Odd",
        "def deeper(): deeper()\ndeeper()",
        "assert False",
        "attempt['no such key']",
        "undefined_name",
        "raise UnicodeEncodeError('utf-8', 'a\\udcff', 1, 2, 'surrogates')",
        "compile('x =', 'generated', 'exec')",
    ],
)
def test_whatever_a_hook_raises_that_attempt_temp_fails_and_one_line_is_logged(
    statement, site, log
):
    head = (
        "class Odd(Exception):\n"
        "    def __str__(self):\n        raise RuntimeError('no text')\n"
        "    __repr__ = __str__\n"
    )
    body = f"if attempt['sendid'] != 'bad': return None\n{statement}"
    host = site.file_host(hook(body, head))
    assert host.decide(attempt(sendid="bad")) == TEMPFAIL
    [line] = log.errors
    assert line.startswith(f"{PREFIX}Exception running pre_delivery_attempt_hook: ")
    assert line.endswith("(plugin file)")
    assert line.isprintable()
    assert host.decide(ATTEMPT) == NORMAL


def test_the_innermost_line_of_the_plugins_own_file_is_named(site, log):
    head = "import json\n\ndef parsed(text):\n    return json.loads(text)"
    site.file_host(hook("return parsed('{')", head)).decide(ATTEMPT)
    assert f"at {site.file} line 4 (plugin file)" in log.errors[0]


def test_an_exception_of_several_lines_is_one_line_in_the_log(site, log):
    site.file_host(hook("raise ValueError('first\\nsecond\\r\\n\\x1b[2Jthird')")).decide(ATTEMPT)
    [line] = log.errors
    assert line.isprintable()
    assert "first\\x0asecond\\x0d\\x0a\\x1b[2Jthird" in line


def test_braces_and_markup_in_an_error_text_are_logged_as_they_are(site, log):
    site.file_host(hook("raise ValueError('{} {0} {name} <red>')")).decide(ATTEMPT)
    assert "ValueError: {} {0} {name} <red> at " in log.errors[0]


def test_an_endless_error_text_is_cut(site, log):
    site.file_host(hook("raise ValueError('x' * 10_000_000)")).decide(ATTEMPT)
    assert len(log.errors[0]) < 10_000


def test_the_chain_stops_at_an_error(site, fake_plugins):
    plugins = {"a": {"code": "raise ValueError"}, "b": {"code": "state['b'] = 1"}}
    host = site.host(policy(["a", "b"], plugins=plugins))
    assert host.decide(ATTEMPT) == TEMPFAIL
    assert host.generation.state == {}


def test_an_error_after_a_dump_is_a_temp_fail(site, fake_plugins):
    plugins = {"a": {"code": "return {'action': 'dump'}"}, "b": {"code": "raise ValueError"}}
    assert site.host(policy(["a", "b"], plugins=plugins)).decide(ATTEMPT) == TEMPFAIL


def test_an_error_does_not_stick_to_the_next_attempt(site, log):
    host = site.file_host(hook("return 1 / attempt['injtime'] and None"))
    answers = [host.decide(attempt(injtime=when)) for when in (0, 1, 0, 1)]
    assert answers == [TEMPFAIL, NORMAL, TEMPFAIL, NORMAL]
    assert len(log.errors) == 2


def test_a_pause_with_the_same_message_is_no_error(site):
    decision = {"action": "pause", "message": MESSAGE}
    assert site.file_host(hook(f"return {decision!r}")).decide(ATTEMPT) == decision


# A malformed attempt


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({key: value for key, value in ATTEMPT.items() if key != "sendid"}, "sendid"),
        (attempt(injtime="now"), "injtime"),
        (attempt(mtaid_exists="yes"), "mtaid_exists"),
    ],
)
def test_a_malformed_attempt_temp_fails_with_a_line_that_names_the_key(given, key, site, log):
    host = site.file_host(hook("return None"))
    assert host.decide(given) == TEMPFAIL
    [line] = log.errors
    assert line.startswith(PREFIX)
    assert key in line.removeprefix(PREFIX)
    assert host.explain(given).decision == TEMPFAIL


def test_a_malformed_attempt_harms_no_other_and_no_hook_sees_it(site):
    host = site.file_host(hook("state['n'] = state.get('n', 0) + 1\nreturn None"))
    host.decide(ATTEMPT)
    host.decide({"recipient": "x"})
    assert host.decide(ATTEMPT) == NORMAL
    assert host.generation.state == {"n": 2}


# A hook that runs too long

SLOW = hook("sleep(0.1)\nreturn {'action': 'dump'}", "from time import sleep")


def test_a_hook_that_runs_longer_than_the_chains_deadline_temp_fails(site, log):
    host = site.file_host(SLOW, deadline="20ms")
    assert host.decide(ATTEMPT) == TEMPFAIL
    [line] = log.errors
    assert line.startswith(f"{PREFIX}Exception running pre_delivery_attempt_hook: ")
    assert "deadline is 0.02 s" in line


def test_a_plugin_that_runs_longer_than_its_own_deadline_temp_fails_and_is_named(site, log):
    toml = policy(hook_file="hook.py", plugins={"file": {"deadline": "20ms"}})
    host = site.host(toml, SLOW)
    assert host.decide(ATTEMPT) == TEMPFAIL
    [line] = log.errors
    assert "deadline is 0.02 s" in line
    assert line.endswith("(plugin file)")


def test_a_deadline_exceeded_is_an_error_that_may_be_skipped(site, fake_plugins):
    code = "import time; time.sleep(0.1); return {'action': 'dump'}"
    plugins = {"a": {"code": code, "deadline": "20ms", "on_error": "skip"}}
    assert site.host(policy(["a"], plugins=plugins)).decide(ATTEMPT) == NORMAL


@pytest.mark.slow
def test_the_time_of_the_chain_inside_is_not_charged_to_a_wrapper(site, fake_plugins):
    code = "import time; time.sleep(0.6); return {'action': 'dump'}"
    plugins = {"outer": {"deadline": "500ms"}, "a": {"code": code}}
    toml = policy(["outer", "a"], plugins=plugins, deadline="30s")
    assert site.host(toml).decide(ATTEMPT) == {"action": "dump"}


def test_a_slow_wrapper_exceeds_its_own_deadline(site, fake_plugins, log):
    code = "import time\ndef around():\n    got = yield\n    time.sleep(0.1)\n    return got\n"
    plugins = {"outer": {"code": code + "return around()", "deadline": "20ms"}}
    assert site.host(policy(["outer"], plugins=plugins)).decide(ATTEMPT) == TEMPFAIL
    assert log.errors[0].endswith("(plugin outer)")


def test_a_hook_in_time_keeps_its_decision(site):
    assert site.file_host(SLOW, deadline="30s").decide(ATTEMPT) == {"action": "dump"}


def test_a_host_that_interrupts_ends_a_hook_at_its_deadline_and_names_the_line(site, log):
    site.configure(policy(hook_file="hook.py", deadline="50ms"), hook("while True:\n    pass"))
    with Host.from_config(site.config, watch=False, interrupt=True) as host:
        assert host.decide(ATTEMPT) == TEMPFAIL
    [line] = log.errors
    form = re.escape(PREFIX) + (
        r"Exception running pre_delivery_attempt_hook: DeadlineExceeded: interrupted after \S+ s; "
        r"the whole chain's deadline is 0\.05 s "
        rf"at {re.escape(str(site.file))} line [23] \(plugin file\)"
    )
    assert re.fullmatch(form, line)


def test_an_interrupted_hook_can_not_take_the_interruption_for_an_error_of_its_own(site):
    body = "import time\ntry: time.sleep(3600)\nexcept Exception: return {'action': 'dump'}"
    site.configure(policy(hook_file="hook.py", deadline="50ms"), hook(body))
    with Host.from_config(site.config, watch=False, interrupt=True) as host:
        assert host.decide(ATTEMPT) == TEMPFAIL


# A chain that can't be built


def test_a_file_that_does_not_compile_is_logged_in_the_exact_form(site, log):
    host = site.file_host("x = 1\ny = = 2\n")
    assert host.decide(ATTEMPT) == TEMPFAIL
    [line] = log.errors
    form = rf"{LOADING}error compiling: .*{re.escape(str(site.file))} line 2\b.*plugin file.*"
    assert re.fullmatch(form, line)


BROKEN = ["def pre_delivery_attempt(attempt)\n", "", "import no_such_library\n", "1/0\n"]


@pytest.mark.parametrize("code", BROKEN)
def test_while_a_chain_can_not_be_built_every_attempt_temp_fails(code, site):
    host = site.file_host(code)
    assert [host.decide(ATTEMPT) for _ in range(3)] == [TEMPFAIL] * 3
    assert host.explain(ATTEMPT).decision == TEMPFAIL


@pytest.mark.slow
def test_three_and_a_half_seconds_of_a_broken_file_give_3_to_5_lines_and_only_temp_fails(site, log):
    host = site.file_host(hook("return None"), watch=True)
    log.clear()
    site.save("def broken(:\n")
    eventually(lambda: host.decide(ATTEMPT) == TEMPFAIL)
    answers = for_a_while(3.5, lambda: host.decide(ATTEMPT))
    assert all(answer == TEMPFAIL for answer in answers)
    assert 3 <= len(log.errors) <= 5
    assert set(log.errors) == {log.errors[0]}
    assert log.errors[0].startswith(f"{LOADING}error compiling: ")
    site.save(hook("return {'action': 'dump'}"))
    eventually(lambda: host.decide(ATTEMPT) == {"action": "dump"}, 1.0)
    log.clear()
    for_a_while(1.5, lambda: host.decide(ATTEMPT))
    assert log.errors == []


@pytest.mark.slow
def test_a_broken_chain_is_logged_each_second_without_a_single_attempt(site, log):
    since = monotonic()
    site.file_host("def broken(:\n", watch=True)
    eventually(lambda: len(log.errors) >= 3)
    assert monotonic() - since > 1.5


def test_a_broken_chain_in_a_host_that_does_not_watch_is_logged_once_a_second_at_most(
    site, log, monkeypatch
):
    clock = [100.0]
    monkeypatch.setattr(rate, "monotonic", lambda: clock[0])
    host = site.file_host("def broken(:\n")
    for second in (1, 2, 3):
        assert [host.decide(ATTEMPT) for _ in range(10)] == [TEMPFAIL] * 10
        assert len(log.errors) == second
        clock[0] += 1.0


@pytest.mark.slow
def test_what_a_broken_chain_lacked_may_come_back_without_a_save(site):
    data = site.directory / "list.txt"
    host = site.file_host(hook("return None", f"open({str(data)!r}).close()"), watch=True)
    assert host.decide(ATTEMPT) == TEMPFAIL
    data.touch()
    eventually(lambda: host.decide(ATTEMPT) == NORMAL)


@pytest.mark.slow
def test_the_operator_may_keep_the_last_good_generation_after_a_bad_reload(site, log):
    code = hook("state['n'] = state.get('n', 0) + 1\nreturn None")
    host = site.file_host(code, watch=True, on_load_error="keep")
    host.decide(ATTEMPT)
    state = host.generation.state
    site.save("def broken(:\n")
    eventually(lambda: host.decide(ATTEMPT) == NORMAL and len(log.loading) >= 2)
    assert host.generation.state is state
    assert state["n"] >= 2
    site.save(hook("return {'action': 'dump'}"))
    eventually(lambda: host.decide(ATTEMPT) == {"action": "dump"}, 1.0)
    assert host.problem == ""


def test_keep_holds_when_the_configuration_itself_is_broken(site, log):
    host = site.file_host(hook("return None"), watch=True, on_load_error="keep")
    site.config.write_text("chain = [\n")
    eventually(lambda: host.decide(ATTEMPT) and log.loading)
    assert host.decide(ATTEMPT) == NORMAL


def test_keep_holds_when_the_file_is_removed(site, log):
    host = site.file_host(hook("return None"), watch=True, on_load_error="keep")
    site.file.unlink()
    eventually(lambda: host.decide(ATTEMPT) and log.loading)
    assert host.decide(ATTEMPT) == NORMAL


def test_keep_does_not_help_a_chain_that_was_never_good(site):
    host = site.file_host("def broken(:\n", on_load_error="keep")
    assert host.decide(ATTEMPT) == TEMPFAIL


# A broken configuration


def test_a_missing_configuration_temp_fails_and_says_so(tmp_path, log):
    with Host.from_config(tmp_path / "nowhere.toml", watch=False) as host:
        assert host.decide(ATTEMPT) == TEMPFAIL
    assert log.loading[0] == f"{LOADING}{host.problem}" or "nowhere.toml" in log.loading[0]


@pytest.mark.parametrize(
    "toml",
    [
        "chain = [",
        "chain = 5",
        "= 5",
        "x = 1\nx = 2",
        "\xff",
        "deadline = " + "1" * 5000,
        "deadline = 0x" + "f" * 9000,
        ".".join(["a"] * 1500) + " = 1",
        "a = " + "[" * 2000 + "]" * 2000,
        "[plugins]\nguard = 5",
        "plugins = []",
        "limits = 1",
    ],
    ids=range(12),
)
def test_a_broken_configuration_temp_fails_and_the_problem_is_logged(toml, site, log):
    host = site.host("")
    site.config.write_bytes(toml.encode("latin-1"))
    host = site.start()
    assert host.decide(ATTEMPT) == TEMPFAIL
    assert log.loading[-1].startswith(f"{LOADING}{site.config}: ")


def test_several_mistakes_are_reported_at_once_each_with_line_and_key(site, log):
    host = site.host(
        "hook_flie = 'hook.py'\n"
        "deadline = 5\n"
        "on_load_error = 'ignore'\n"
        "\n"
        "[plugins.a]\n"
        "mode = 'shadwo'\n"
        "may = [\n"
        "  'pause',\n"
        "  'drop',\n"
        "]\n"
        "settigns = {}\n"
        "[limits]\n"
        "connections = 0\n"
        "[pluginz.b]\n"
        "mode = 'shadow'\n"
    )
    assert host.decide(ATTEMPT) == TEMPFAIL
    assert len(log.loading) == 1
    found = re.findall(r"line (\d+): ([\w.]+): ", log.loading[0])
    assert [(int(line), key) for line, key in found] == [
        (1, "hook_flie"),
        (2, "deadline"),
        (3, "on_load_error"),
        (6, "plugins.a.mode"),
        (7, "plugins.a.may"),
        (11, "plugins.a.settigns"),
        (13, "limits.connections"),
        (14, "pluginz"),
    ]
    for hint in ("did you mean hook_file?", "did you mean settings?", "'shadwo'", "'drop'"):
        assert hint in log.loading[0]


def test_a_mistake_in_toml_itself_is_reported_with_its_line(site):
    host = site.host("deadline = '1s'\nchain = [\n  'a'\n  'b'\n]\n")
    assert re.search(r"line 4\b", host.problem)


def test_a_list_of_ten_thousand_lines_costs_no_more_than_it_takes_to_read(site, fake_plugins):
    lines = "".join(f"  'user{n}@remote.example',\n" for n in range(10_000))
    toml = policy(["a"]) + f"[plugins.a.settings]\nlisted = [\n{lines}]\n"
    assert site.host(toml).problem == ""
    host = site.host(toml + "[plugins.b]\nmode = 'x'\n")
    assert "line 10006: plugins.b.mode" in host.problem


# Nothing from outside can forge a line

FORGED = "x@y]\n2026-11-22 error in pre_delivery_attempt_hook: msguid=[forged"


@pytest.mark.parametrize("key", ["recipient", "msguid"])
@pytest.mark.parametrize(
    "text", [FORGED, "a\rb", "a\x1b[1Ab", "a\u2028b", "a\x85b", "\u202egnp.exe", "\x00", "\udcff\n"]
)
@pytest.mark.parametrize("body", ["raise ValueError('x')", "return 'dump'"])
def test_no_recipient_can_forge_a_log_line(key, text, body, site, log):
    assert site.file_host(hook(body)).decide(attempt(**{key: text})) == TEMPFAIL
    [line] = log.errors
    assert line.isprintable()
    assert line.count("msguid=[") - line.count("hook: msguid=[forged") == 1


def test_a_bracket_in_a_recipient_can_not_end_its_place_in_the_line(site, log):
    host = site.file_host(hook("raise ValueError('real')"))
    host.decide(attempt(recipient="a@b], error: Exception running x: forged (plugin other)"))
    [line] = log.errors
    outside = re.sub(r"\[(?:[^\]\\]|\\.)*\]", "[]", line)
    assert outside.startswith(
        "error in pre_delivery_attempt_hook: msguid=[], recipient=[], error: "
        "Exception running pre_delivery_attempt_hook: ValueError: real"
    )


@pytest.mark.parametrize(
    "body",
    [
        "raise ValueError(attempt['recipient'])",
        "return {'action': 'dump', 'message': attempt['recipient']}",
        "return {'action': attempt['recipient']}",
        "return {'action': 'dump', attempt['recipient']: 'x'}",
        "print(attempt['recipient'])\nraise ValueError",
    ],
)
def test_a_recipient_that_comes_back_through_a_hook_can_not_forge_a_line_either(body, site, log):
    assert site.file_host(hook(body)).decide(attempt(recipient=FORGED)) == TEMPFAIL
    assert all(line.isprintable() for line in log.all)
    assert len(log.errors) == 1


def test_a_forged_attempt_that_is_malformed_can_not_forge_a_line_either(site, log):
    host = site.file_host(hook("return None"))
    host.decide(attempt(recipient=[FORGED], msguid={FORGED: FORGED}, sender=FORGED))
    host.decide(attempt(injtime=FORGED, recipient=FORGED))
    assert all(line.isprintable() for line in log.all)
    assert len(log.errors) == 2


def test_what_a_shadow_would_have_done_can_not_forge_a_line(site, log):
    toml = policy(hook_file="hook.py", plugins={"file": {"mode": "shadow"}})
    host = site.host(toml, hook("return {'action': 'dump', 'message': attempt['sendid']}"))
    host.decide(attempt(sendid="ok \u2028 \u202e", recipient=FORGED))
    [line] = log.starting("shadow")
    assert line.isprintable()


def test_the_error_mark_stands_beside_the_temp_fail_of_every_kind(site):
    assert site.file_host(hook("raise ValueError")).decide(ATTEMPT) == TEMPFAIL
    assert site.file_host("syntax error").decide(ATTEMPT) == TEMPFAIL
    assert site.start().decide({}) == TEMPFAIL
    with Host.of(Config(chain=("nowhere",)), watch=False) as host:
        assert host.decide(ATTEMPT) == TEMPFAIL
    assert host.decide(ATTEMPT) == TEMPFAIL


# Many errors


def test_of_equal_errors_ten_a_second_are_logged_and_the_others_counted(site, log):
    with site.file_host(hook("raise ValueError(attempt['recipient'])")) as host:
        for number in range(500):
            assert host.decide(attempt(recipient=f"{number}@example.net")) == TEMPFAIL
            assert host.decide({"recipient": f"{number}@example.net"}) == TEMPFAIL
    for what in ("ValueError: 499@example.net", "Invalid attempt: mtaid is missing"):
        lines = [line for line in log.errors if what.replace("499@example.net", "") in line]
        counted = re.search(r" … and ([0-9]+) more like this in [0-9]+ s$", lines[-1])
        assert what in lines[-1]
        assert len(lines) - 1 + int(counted[1]) == 500
        assert len(lines) < 200
