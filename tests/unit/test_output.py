"""What plugins print, log and warn, by any of the ways of Python."""

from __future__ import annotations

import _thread
import io
import logging
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from types import SimpleNamespace

import pytest
from loguru import logger

from hookframe import Host, hookimpl
from hookframe.api.plugin_code import calls_plugins
from hookframe.config.model import Config
from hookframe.log import rate
from hookframe.log.capture import lines as printed_lines
from hookframe.log.capture.output import Output
from hookframe.testing import member, open_chain
from hookframe.testing.members import build_policy

from ..helpers.attempts import ATTEMPT
from ..helpers.site import hook

EVIL = "a@b.example\n2026-11-30 19:00:00.000 ERROR   forged\x1b[31m"


class Written:
    """A log that keeps what it takes."""

    def __init__(self):
        self.all = []
        self.left = []

    def output(self, plugin, line, level="INFO"):
        """Keep a line, with its level where that is another one than INFO."""
        self.all.append((plugin, line) if level == "INFO" else (plugin, line, level))

    def left_out(self, *counts):
        """Keep how many lines were left out."""
        self.left.append(counts)


@calls_plugins
def run_as(plugin, function):
    """Call a function as one of a plugin."""
    return function()


class Opened(Output):
    """The output of an open host."""

    def run(self, name, function):
        """Call a function as one of the plugin of this name."""
        self.install()  # pytest replaces the streams between fixture and test
        return run_as(SimpleNamespace(name=name), function)


@pytest.fixture
def written():
    """What has reached the log."""
    return Written()


@pytest.fixture
def output(written):
    """The output of an open host."""
    output = Opened(written)
    yield output
    output.uninstall()


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets."""
    now = [100.0]
    for module in (rate, printed_lines):
        monkeypatch.setattr(module, "monotonic", lambda: now[0])
    return now


def in_thread(function):
    """Run a function in a thread of its own."""
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


# Who prints


def test_what_a_plugin_prints_reaches_the_log_and_what_the_program_prints_does_not(
    output, written, capsys
):
    output.run("a", lambda: print("of the plugin"))
    print("of the program")
    sys.stdout.buffer.write(b"bytes\n")
    sys.stdout.flush()
    assert written.all == [("a", "of the plugin")]
    assert capsys.readouterr().out == "of the program\nbytes\n"


def test_the_innermost_plugin_prints(output, written):
    def outer():
        print("one")
        output.run("b", lambda: print("two"))
        print("three")

    output.run("a", outer)
    assert written.all == [("a", "one"), ("b", "two"), ("a", "three")]


def test_a_thread_prints_for_the_plugin_that_has_started_it(output, written, capsys):
    go = threading.Event()

    def late():
        go.wait()
        print("later")
        in_thread(lambda: print("from its own thread"))

    thread = output.run("a", lambda: threading.Thread(target=late))
    output.run("b", thread.start)
    go.set()
    thread.join()
    in_thread(lambda: print("of the program"))
    assert written.all == [("b", "later"), ("b", "from its own thread")]
    assert capsys.readouterr().out == "of the program\n"


def test_a_pool_of_threads_prints_for_its_plugin(output, written):
    with ThreadPoolExecutor(1) as pool:
        output.run("a", lambda: pool.submit(print, "one").result())
        pool.submit(print, "two").result()
    assert written.all == [("a", "one"), ("a", "two")]


def test_an_exception_that_ends_a_thread_is_shown_with_the_plugins_name(
    output, written, monkeypatch
):
    monkeypatch.setattr(threading, "excepthook", threading.__excepthook__)  # not pytest's

    def fail():
        raise ValueError(EVIL)

    output.run("a", lambda: in_thread(fail))
    assert {name for name, *_ in written.all} == {"a"}
    assert any("ValueError: a@b.example" in line for _, line in written.all)


DOING = """
import _thread, signal, sys, threading

class Dying:
    def __del__(self):
        print("dying")

def started_without_threading():
    print("started")
    done.set()

done = threading.Event()
signal.signal(signal.SIGUSR1, lambda *_: print("signalled"))
kept = [Dying()]
"""


def test_code_of_a_hook_file_that_runs_outside_its_hooks_is_the_plugins(site, log, capsys):
    host = site.file_host(hook("state['globals'] = globals()", DOING))
    host.decide(ATTEMPT)
    names = host.generation.state["globals"]
    names["kept"].clear()
    names["signal"].raise_signal(names["signal"].SIGUSR1)
    _thread.start_new_thread(names["started_without_threading"], ())
    assert names["done"].wait(10)
    assert log.printed == [
        "plugin file: dying",
        "plugin file: signalled",
        "plugin file: started",
    ]
    assert capsys.readouterr().out == ""


def test_two_hosts_in_one_program_have_each_a_log_of_their_own():
    def plugin(text):
        return member(make_hook(text), name="same")

    with open_chain(plugin("one")) as one, open_chain(plugin("two")) as two:
        one.decide()
        two.decide()
        one.decide()
        assert [line for line in one.log if "plugin" in line] == ["plugin same: one"] * 2
        assert [line for line in two.log if "plugin" in line] == ["plugin same: two"]


def make_hook(text):
    """Make a plugin that prints."""

    class Prints:
        @hookimpl
        def pre_delivery_attempt(self):
            print(text)

    return Prints()


# By which way


def ways(kept):
    """Every way to write a line, by name, with the level that it gets."""
    own = logging.getLogger("test-of-output")
    return {
        "print": (lambda: print("said"), None),
        "stderr": (lambda: print("said", file=sys.stderr), None),
        "the stream of the start": (lambda: print("said", file=sys.__stderr__), None),
        "bytes": (lambda: sys.stdout.buffer.write(b"said\n"), None),
        "a stream that was kept": (lambda: kept.write("said\n"), None),
        "logging": (lambda: own.warning("sa%s", "id"), "WARNING"),
        "logging of an error": (lambda: own.critical("said"), "ERROR"),
        "logging for debugging": (lambda: own.debug("said"), "DEBUG"),
        "loguru": (lambda: logger.success("said"), None),
        "loguru of an error": (lambda: logger.error("said"), "ERROR"),
    }


@pytest.fixture
def configured(output):
    """`logging` and loguru as a plugin configures them: own handlers to standard error."""
    output.install()
    own = logging.getLogger("test-of-output")
    handler = logging.StreamHandler()
    own.addHandler(handler)
    own.setLevel("DEBUG")
    own.propagate = False
    sink = logger.add(sys.stderr, format="<red>{time} {message}</red>")
    yield
    logger.remove(sink)
    own.removeHandler(handler)


@pytest.mark.parametrize("way", ways(None))
@pytest.mark.parametrize("where", ["in a hook", "in a thread"])
def test_every_way_leads_to_one_line_with_level_and_plugin(
    output, configured, written, capsys, way, where
):
    output.install()
    call, level = ways(sys.stderr)[way]
    output.run("a", call if where == "in a hook" else lambda: in_thread(call))
    assert written.all == [("a", "said") if level is None else ("a", "said", level)]
    assert capsys.readouterr() == ("", "")


def test_what_is_logged_is_one_line_whatever_is_in_it(output, configured, written):
    def log_all():
        logging.getLogger("test-of-output").info(EVIL)
        logger.info(EVIL)

    output.run("a", log_all)
    assert written.all == [("a", EVIL)] * 2  # escaped by the log


def test_an_exception_that_is_logged_is_named_with_its_place(output, configured, written):
    def log_it():
        try:
            raise ValueError("x")
        except ValueError:
            logging.getLogger("test-of-output").exception("failed")
            logger.exception("failed")

    output.run("a", log_it)
    assert len(written.all) == 2
    for name, line, level in written.all:
        assert (name, level) == ("a", "ERROR")
        assert line.startswith(f"failed: ValueError: x at {__file__} line ")


def test_lines_of_hookframe_itself_are_not_the_plugins_whose_errors_they_are(capsys):
    # The program's sink is the stream that is in place while a host is open.
    class Observes:
        @hookimpl
        def pre_delivery_attempt(self):
            print("printed")

        @hookimpl
        def decided(self, decision):
            raise ValueError("x")

    with Host(build_policy([member(Observes(), name="a")], None), watch=False) as host:
        sink = logger.add(sys.stderr, format="{message}")
        try:
            host.decide(ATTEMPT)
        finally:
            logger.remove(sink)
    printed, observer = capsys.readouterr().err.splitlines()
    assert printed == "plugin a: printed"
    assert observer.startswith("error in pre_delivery_attempt_hook: ")


# Lines and limits


@pytest.mark.parametrize("cut", [65535, 65536, 65537])
def test_bytes_are_decoded_whole_however_many_there_are(output, written, cut):
    text = "x" * cut + "\u20ac\U0001f54a\n"
    output.run("a", lambda: sys.stdout.buffer.write(text.encode() * 3))
    assert "".join(line for _, line in written.all) == text.replace("\n", "") * 3


def test_bytes_that_are_no_text_are_shown(output, written):
    output.run("a", lambda: sys.stderr.buffer.write(b"a\xffb\n"))
    assert written.all == [("a", "a\\xffb")]


def test_bytes_over_the_limit_are_counted(output, written):
    output.limit.lines = 3
    output.run("a", lambda: sys.stdout.buffer.write(b"\xff\n" * 200_000))
    output.settle(force=True)
    assert written.all == [("a", "\\xff")] * 3
    assert written.left == [("a", 199_997, 3)]


def test_a_string_of_another_class_is_printed_as_what_it_holds(output, written):
    class Odd(str):
        __slots__ = ()

        def find(self, *_):
            return 0

    output.run("a", lambda: sys.stdout.write(Odd("one\ntwo\n")))
    assert written.all == [("a", "one"), ("a", "two")]


def test_what_is_no_string_is_refused_as_by_any_stream(output, written):
    with pytest.raises(TypeError, match="must be str, not bytes"):
        output.run("a", lambda: sys.stdout.write(b"x"))
    assert written.all == []


def test_the_limit_holds_for_all_ways_and_threads_together(output, configured, written, clock):
    output.limit.lines = 4

    def write():
        for call, _ in ways(sys.stderr).values():
            call()
        in_thread(lambda: print("from a thread"))

    output.run("a", write)
    output.run("b", lambda: print("heard"))
    clock[0] += 1
    output.settle()
    assert len(written.all) == 5
    assert written.all[-1] == ("b", "heard")
    assert written.left == [("a", len(ways(None)) + 1 - 4, 4)]


def test_a_line_is_finished_by_the_next_plugin_a_flush_a_second_or_the_close(
    output, written, clock
):
    def begin(text):
        return lambda: print(text, end="")

    output.run("a", begin("one"))
    output.run("b", begin("two"))
    assert written.all == [("a", "one")]
    output.run("b", sys.stdout.flush)
    assert written.all.pop() == ("b", "two")
    output.run("b", begin("three"))
    output.settle()
    assert written.all == [("a", "one")]
    clock[0] += 1
    output.settle()
    assert written.all.pop() == ("b", "three")
    output.run("b", begin("four"))
    in_thread(lambda: output.run("b", begin("five")))
    clock[0] += 1
    output.run("b", lambda: print("six", file=sys.stderr))
    assert written.all == [("a", "one"), ("b", "four"), ("b", "five"), ("b", "six")]
    output.run("b", begin("seven"))
    output.uninstall()
    assert written.all.pop() == ("b", "seven")


def test_threads_do_not_mix_their_lines(output, written):
    barrier = threading.Barrier(2, timeout=10)

    def write(text):
        print(text, end="")
        barrier.wait()
        print(text)

    def both():
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(write, ["x", "y"]))

    output.run("a", both)
    assert sorted(written.all) == [("a", "xx"), ("a", "yy")]


GIGABYTE = """
import resource, sys
from types import SimpleNamespace
from hookframe.api.plugin_code import calls_plugins
from hookframe.log.capture.output import Output
from hookframe.testing import member, open_chain
from hookframe.testing.members import build_policy

pieces = {"lines": ("x" * 99 + "\\n") * 10_000, "line": "x" * 1_000_000}
piece = pieces[sys.argv[1]]
lines, said = [], []
log = SimpleNamespace(
    output=lambda plugin, line, level="INFO": lines.append(line),
    left_out=lambda *left_out: said.append(left_out[1]),
)
output = Output(log)
output.limit.lines = 100

@calls_plugins
def run(plugin):
    for _ in range(500):
        print(piece, end="")
        sys.stdout.buffer.write(piece.encode())

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
output.install()
run(SimpleNamespace(name="a"))
output.uninstall()
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(len(lines), sum(map(len, lines)), sum(said), (after - before) // 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["lines", "line"])
def test_a_plugin_that_prints_a_gigabyte_costs_no_memory(kind):
    done = subprocess.run(
        [sys.executable, "-c", GIGABYTE, kind], capture_output=True, text=True, check=True
    )
    lines, characters, left_out, mebibytes = map(int, done.stdout.split())
    assert characters < 20_000_000
    assert lines + left_out == (10_000_000 if kind == "lines" else lines + 1)
    assert mebibytes < 32


# The program's streams


def streams():
    """All standard streams of this process."""
    return sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__


def test_the_streams_are_given_back_in_whatever_order_hosts_are_closed(capsys):
    before, start = streams(), threading.Thread.start
    one, two = Host.of(Config(chain=()), watch=False), Host.of(Config(chain=()), watch=False)
    assert not set(map(id, before)) & set(map(id, streams()))
    one.close()
    print("through")
    two.close()
    assert streams() == before
    assert threading.Thread.start is start
    assert capsys.readouterr().out == "through\n"


def test_a_redirection_of_the_program_holds_and_ends_as_always(output, written, capsys):
    output.install()
    text = io.StringIO()
    with redirect_stdout(text):
        print("redirected")
        with Host.of(Config(chain=()), watch=False):
            print("within")
    print("after")
    output.run("a", lambda: print("of the plugin"))
    assert text.getvalue() == "redirected\nwithin\n"
    assert capsys.readouterr().out == "after\n"
    assert written.all == [("a", "of the plugin")]


def test_a_program_without_standard_streams_gets_none(monkeypatch, written):
    for name in ("stdout", "stderr", "__stdout__", "__stderr__"):
        monkeypatch.setattr(sys, name, None)
    output = Opened(written)
    output.install()
    print("nowhere")
    output.run("a", lambda: print("of the plugin"))
    output.uninstall()
    assert written.all == [("a", "of the plugin")]
    assert streams() == (None,) * 4


def test_a_plugin_that_deletes_a_stream_does_not_silence_the_next_one(output, written):
    def mischief():
        del sys.stdout
        sys.stderr = io.StringIO()

    output.run("a", mischief)
    output.install()
    output.run("b", lambda: print("still heard"))
    output.run("b", lambda: print("still heard", file=sys.stderr))
    assert written.all == [("b", "still heard")] * 2
