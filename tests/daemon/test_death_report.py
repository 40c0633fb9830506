"""What is said of a worker that has died."""

from __future__ import annotations

import faulthandler
import json
import tempfile
from functools import partial

import pytest

import hookframe
from hookframe.daemon.supervisor.death_report import describe_exit, identify_request, locate

from ..helpers.attempts import attempt
from ..helpers.requests import fields, line


def traced(source: str, file: str) -> str:
    """Run code as if it stood in a file, as a plugin's hook; give faulthandler's traceback."""
    with tempfile.TemporaryFile() as trace:
        code = compile(source, file, "exec")
        exec(code, {"dump": partial(faulthandler.dump_traceback, trace, all_threads=False)})
        trace.seek(0)
        return trace.read().decode()


HOOK = "def hook():\n    inner()\ndef inner():\n    dump()\nhook()\n"


IDS = {"msguid": "m-1", "recipient": "somebody@recipient.test"}


@pytest.mark.parametrize("request_", [line(attempt(**IDS))[:-1], fields(**IDS)])
def test_a_request_of_either_protocol_is_identified(request_):
    assert identify_request(request_)["msguid"] == "m-1"
    assert identify_request(request_)["recipient"] == "somebody@recipient.test"


@pytest.mark.parametrize("request_", [b"", b"garbage", b"\xff\0", b"[1]", b'{"msguid"', b"{}"])
def test_a_request_that_is_none_is_not_identified(request_):
    assert dict(identify_request(request_)) == {}


def test_the_plugin_and_the_line_are_named():
    trace = traced(HOOK, "/etc/hookframe/hook.py")
    files = {"other": "/other.py", "file": "/etc/hookframe/hook.py"}
    assert locate(trace, files).startswith(" at /etc/hookframe/hook.py line 4 (plugin file")


def test_the_innermost_line_is_named_where_a_plugin_calls_a_library():
    trace = traced(f"exec(compile({HOOK!r}, '/lib/library.py', 'exec'))\n", "/plugin.py")
    assert locate(trace, {"one": "/plugin.py"}) == " at /lib/library.py line 4 (plugin one)"


def test_frames_outside_of_the_host_are_not_the_plugins():
    host = hookframe.__file__
    frames = "".join(f'  File "{file}", line 1 in f\n' for file in ("/a.py", host, "/b.py"))
    assert locate(frames, {"a": "/a.py", "b": "/b.py"}) == " at /a.py line 1 (plugin a)"


def test_two_plugins_in_one_file_are_both_named():
    files = {"b": "/plugin.py", "a": "/plugin.py"}
    assert "(plugin a or b)" in locate(traced(HOOK, "/plugin.py"), files)


@pytest.mark.parametrize("trace", ["", "no traceback", 'File "'])
def test_without_a_traceback_the_candidates_are_named(trace):
    files = {"blacklist": "/b.py", "file": "/h.py"}
    assert locate(trace, files) == " (plugin unknown, one of blacklist, file)"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "exited with status 0"),
        (3, "exited with status 3"),
        (-11, "SIGSEGV"),
        (-9, "SIGKILL"),
        (-36, "36"),
    ],
)
def test_a_death_is_put_into_words(status, words):
    assert words in describe_exit(status)


def test_a_request_is_identified_however_long_it_is():
    assert identify_request(json.dumps(attempt(more="x" * 60_000)).encode())["msguid"]
