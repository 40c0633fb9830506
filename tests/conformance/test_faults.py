"""Deliberately bad plugins: each fault is named, with the smallest attempt and the line."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from typing import Any

import pytest

from hookframe.testing import make_attempt

from .conftest import FIXTURES, LONGEST_RUN

pytestmark = pytest.mark.timeout(LONGEST_RUN)
NORMAL = {"action": "normal"}
LONG = object()
"""stands for a value that has to be long"""

GOES_AT_LOAD = """\
import os

os.chdir(os.path.dirname(__file__))


def pre_delivery_attempt(attempt):
    return None
"""
READS_BESIDE_NOBODY = """\
with open("names.txt") as file:
    NAMES = set(file.read().split())


def pre_delivery_attempt(attempt):
    return {"action": "pause"} if attempt["sendid"] in NAMES else None
"""


@dataclass(frozen=True)
class Fault:
    """What is to be said of a bad plugin.

    Args:
        name: the hook file, or the installed plugin.
        rule: the one rule that it breaks.
        line: a piece of the line that does; empty where no line can be named.
        attempt: what of the smallest attempt is not the usual; None where no attempt matters.
        decision: what others have decided in it.
        seen: a piece of what was seen.
        doing: the hook that ran.
    """

    name: str
    rule: str
    line: str = "def pre_delivery_attempt"
    attempt: dict[str, Any] | None = field(default_factory=dict)
    decision: dict[str, Any] | None = field(default_factory=lambda: NORMAL)
    seen: str = ""
    doing: str = "pre_delivery_attempt"


FILES = [
    Fault("invalid_return", "invalid-return", '"mesage"', {"sender": ""}, seen="unknown key"),
    Fault("invalid_return_long", "invalid-return", "* 2}", {"recipient": LONG}, seen="at most 500"),
    Fault("exception", "exception", 'split("@")', {"recipient": ""}, seen="IndexError"),
    Fault(
        "exception_after_sender",
        "exception",
        'decision["new_mtaid"]',
        decision={"action": "new_config", "new_sender": ""},
        seen="KeyError: 'new_mtaid'",
    ),
    Fault("changes_input", "changes-input", 'attempt["recipient"] =', seen="attempt[…] = …"),
    Fault(
        "changes_input_nested",
        "changes-input",
        "tags.append",
        {"headers": {"X-Tags": ["a", "b"], "nested": {"list": [[1], {}]}}},
        seen="attempt['headers']['X-Tags'].append()",
    ),
    Fault("changes_decision", "changes-input", "decision.update", seen="decision.update()"),
    Fault("needs_state", "needs-state", "+= 1", seen="KeyError: 'needs_state.calls'"),
    Fault("needs_old_state", "needs-state", seen="another generation"),
    Fault("needs_own_memory", "needs-state", "+= 1", seen="KeyError"),
    Fault("impure", "impure", seen="equal input"),
    Fault("impure_late", "impure", seen="equal input"),
    Fault("impure_by_the_clock", "impure", seen="at another time"),
    Fault("slow", "slow", attempt={"recipient": LONG}, seen="times the reference"),
    Fault("leak", "leak", "SEEN.append", None, None, "8 bytes of memory"),
    Fault("leak_files", "leak", attempt=None, decision=None, seen="open files"),
    Fault("prints", "prints", "print(", {"is_first_attempt": False}, seen="'again: "),
    Fault("blocks_network", "blocks", "getaddrinfo", seen="'example.net' (socket.getaddrinfo)"),
    Fault("blocks_subprocess", "blocks", "subprocess.run", seen="starts a process: 'true'"),
    Fault("blocks_sleep", "blocks", "sleep(5)", {"is_first_attempt": False}, seen="5 seconds"),
    Fault("blocks_lock", "blocks", "fcntl.flock", seen="a lock on a file"),
    Fault("changes_signals", "changes-globals", "signal.signal", seen="handlers: SIGALRM"),
    Fault("changes_directory", "changes-globals", "os.chdir", {"listid": ""}, seen="directory"),
    Fault("changes_locale", "changes-globals", "locale.setlocale", seen="LC_NUMERIC=C.UTF-8"),
    Fault("changes_environment", "changes-globals", "os.environ[", None, seen="LAST_RECIPIENT"),
    Fault("changes_root_logger", "changes-globals", "", None, None, "the root logger", "load"),
    Fault("load_error", "load-error", "", None, None, "did you mean attempt?", "load"),
    Fault("crash", "crash", "ctypes.string_at", {"recipient": ""}, seen="SIGSEGV"),
    Fault("exits", "crash", "", {"sender": ""}, seen="exit status 3"),
]
OBJECTS = [
    Fault("strict", "exception", 'decision["message"]', {}, {"action": "pause"}, "KeyError"),
    Fault("meddler", "changes-input", 'decision["action"] =', seen="decision[…] = …"),
    Fault("observer", "exception", "[0]", seen="IndexError", doing="decided"),
    Fault("talker", "exception", "", None, None, "AttributeError", "remarks"),
    Fault("clumsy", "exception", "", None, None, "AttributeError", "close"),
    Fault("watcher", "leak", "", None, None, "the thread 'watcher' keeps running", "close"),
    Fault("only-once", "reconfigure", "", None, None, "configured already", "configure"),
    Fault("not-again", "reconfigure", "", None, None, "after close and configure", "configure"),
    Fault("forgetful", "reconfigure", "pre_delivery_attempt", seen="it returns None, not"),
]


def named(fault):
    return fault.name


@pytest.mark.parametrize("fault", FILES, ids=named)
def test_the_fault_of_a_hook_file_is_named(fault, author):
    path = FIXTURES / "bad" / f"{fault.name}.py"
    assert_named(fault, author.report(path), path)


@pytest.mark.parametrize("fault", OBJECTS, ids=named)
def test_the_fault_of_an_installed_plugin_is_named(fault, author):
    report = author.report(fault.name)
    assert_named(fault, report, FIXTURES / "installed" / "wonky.py")


def test_a_hook_that_goes_to_where_the_check_was_started_is_seen_to_go(author):
    fault = next(each for each in FILES if each.name == "changes_directory")
    text = (FIXTURES / "bad" / "changes_directory.py").read_text()
    path = author.write("changes_directory.py", text)
    report = author.report("changes_directory.py")
    assert_named(fault, report, path)
    assert f"goes to '{path.parent}'" in report["violations"][0]["seen"]


def test_a_hook_that_goes_there_when_it_is_loaded_is_seen_to_go(author):
    path = author.write("hook.py", GOES_AT_LOAD)
    (violation,) = author.report("hook.py")["violations"]
    assert (violation["rule"], violation["doing"]) == ("changes-globals", "load")
    assert f"goes to '{path.parent}'" in violation["seen"]


def test_a_file_that_is_found_from_one_directory_only_is_missed(author):
    author.write("names.txt", "newsletter\n")
    author.write("hook.py", READS_BESIDE_NOBODY)
    (violation,) = author.report("hook.py")["violations"]
    assert violation["rule"] == "load-error"
    why = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "names.txt")
    assert str(why) in violation["seen"]


def test_a_hook_that_never_ends_is_killed_and_named(author):
    path = FIXTURES / "bad" / "hangs.py"
    fault = Fault("hangs", "hangs", "recipient", {"recipient": ""}, seen="killed after 8 s")
    assert_named(fault, author.report(path, "--patience", "8"), path)


def test_every_bad_hook_file_has_a_test():
    tested = {fault.name for fault in FILES} | {"hangs"}
    assert tested == {path.stem for path in (FIXTURES / "bad").glob("*.py")}


def assert_named(fault, report, path):
    """Compare a report with what is to be said."""
    assert [each["rule"] for each in report["violations"]] == [fault.rule], report["violations"]
    (violation,) = report["violations"]
    assert violation["doing"] == fault.doing
    assert fault.seen in violation["seen"]
    assert "hookframe_devkit" not in violation["seen"], "the check's own frames are no one's fault"
    if fault.line:
        assert violation["file"] == str(path)
        assert fault.line in path.read_text().splitlines()[violation["line"] - 1]
    if fault.attempt is not None:
        assert_differs(violation["attempt"], fault.attempt)
    if fault.decision is not None:
        assert violation["decision"] == fault.decision


def assert_differs(attempt, different):
    """Compare an attempt with the usual one."""
    usual = make_attempt()
    seen = {key: each for key, each in attempt.items() if usual.get(key, LONG) != each}
    assert seen.keys() == different.keys()
    for key, value in different.items():
        if value is LONG:
            assert len(seen[key]) >= 100
        else:
            assert seen[key] == value
