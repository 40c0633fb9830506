"""`hookframe.log.capture`: streams of several threads that come and go in any order."""

from __future__ import annotations

import io
import itertools
import subprocess
import sys
import threading

import pytest

from hookframe.log import mute as silence
from hookframe.log import rate
from hookframe.log.capture import Output, is_capturing, make_capture
from hookframe.log.rate import LineLimit

Lines = list[tuple[str, str]]


class Worker:
    """A thread that captures, prints and ends when it is told to."""

    def __init__(self, name, lines):
        self.name = name
        self._capture = make_capture(lambda plugin, line: lines.append((plugin, line)))(name)
        self._orders = []
        self._given, self._done = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def _work(self):
        while True:
            self._given.acquire()
            order = self._orders.pop()
            if order is None:
                return
            order()
            self._done.release()

    def _do(self, order):
        self._orders.append(order)
        self._given.release()
        self._done.acquire()

    def begin(self):
        self._do(self._capture.__enter__)

    def say(self):
        self._do(lambda: print(self.name))

    def end(self):
        self._do(lambda: self._capture.__exit__(None, None, None))

    def stop(self):
        self._orders.append(None)
        self._given.release()
        self._thread.join()


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_each_line_reaches_its_own_sink_and_the_streams_are_given_back(order, monkeypatch):
    outside = io.StringIO()
    monkeypatch.setattr(sys, "stdout", outside)
    lines: Lines = []
    workers = [Worker(name, lines) for name in "abc"]
    for begun, worker in enumerate(workers, start=1):
        worker.begin()
        for each in workers[:begun]:
            each.say()
    print("program")
    for ended, number in enumerate(order, start=1):
        workers[number].end()
        for left in order[ended:]:
            workers[left].say()
    assert sys.stdout is outside
    assert outside.getvalue() == "program\n"
    said = [name for name, _ in lines]
    expected = {name: 3 - n + order.index(n) for n, name in enumerate("abc")}
    assert {name: said.count(name) for name in "abc"} == expected
    assert all(name == line for name, line in lines)
    for worker in workers:
        worker.stop()


def test_the_streams_are_given_back_after_an_exception():
    before = sys.stdout, sys.stderr

    def failing():
        with make_capture(lambda *_: None)("a"):
            raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        failing()
    assert (sys.stdout, sys.stderr) == before


def captured(print_something, limit=None):
    """Run a function as a plugin; return the lines that it printed, and what was left out."""
    lines, said = [], []
    line_limit = LineLimit(lambda *left_out: said.append(left_out), limit)
    with make_capture(lambda _, line: lines.append(line), line_limit)("a"):
        print_something()
    line_limit.report_dropped(force=True)
    return lines, said


@pytest.mark.parametrize("cut", [65535, 65536, 65537])
def test_bytes_are_decoded_whole_however_many_there_are(cut):
    text = "x" * cut + "\u20ac\U0001f54a\n"
    lines, _ = captured(lambda: sys.stdout.buffer.write(text.encode() * 3))
    assert "".join(lines) == text.replace("\n", "") * 3


def test_bytes_that_are_no_text_are_shown():
    assert captured(lambda: sys.stderr.buffer.write(b"a\xffb\n")) == (["a\\xffb"], [])


def test_bytes_over_the_limit_are_counted():
    lines, said = captured(lambda: sys.stdout.buffer.write(b"\xff\n" * 200_000), 3)
    assert lines == ["\\xff"] * 3
    assert said == [("a", 199_997, 3)]


def test_a_string_of_another_class_is_printed_as_what_it_holds():
    class Odd(str):
        __slots__ = ()

        def find(self, *_):
            return 0

    assert captured(lambda: sys.stdout.write(Odd("one\ntwo\n")))[0] == ["one", "two"]


def test_what_is_no_string_is_refused_as_by_any_stream():
    def print_bytes():
        with pytest.raises(TypeError, match="must be str, not bytes"):
            sys.stdout.write(b"x")

    assert captured(print_bytes) == ([], [])


def test_a_line_limit_holds_for_both_streams_together():
    def print_to_both():
        for number in range(4):
            print("out", number)
            print("err", number, file=sys.stderr)

    assert captured(print_to_both, 3) == (["out 0", "err 0", "out 1"], [("a", 5, 3)])


def test_it_is_known_whether_what_is_printed_is_a_plugins():
    seen = []

    def ask():
        seen.append(is_capturing())
        other = threading.Thread(target=lambda: seen.append(is_capturing()))
        other.start()
        other.join()

    captured(ask)
    assert seen == [True, False]
    assert not is_capturing()


GIGABYTE = """
import resource, sys
from hookframe.log.capture import make_capture
from hookframe.log.rate import LineLimit

pieces = {"lines": ("x" * 99 + "\\n") * 10_000, "line": "x" * 1_000_000}
piece = pieces[sys.argv[1]]
lines, said = [], []
limit = LineLimit(lambda *left_out: said.append(left_out[1]), 100)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with make_capture(lambda _, line: lines.append(line), limit)("a"):
    for _ in range(500):
        print(piece, end="")
        sys.stdout.buffer.write(piece.encode())
limit.report_dropped(force=True)
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


class Chain:
    """Hooks that run one after the other, as the plugins of a chain do."""

    def __init__(self, monkeypatch, limit=2):
        self.clock = [100.0]
        monkeypatch.setattr(rate, "monotonic", lambda: self.clock[0])
        monkeypatch.setattr(silence, "monotonic", lambda: self.clock[0])
        self.lines = []
        self.said = []
        self._name = ""
        self._output = Output(
            lambda plugin, line: self.lines.append((plugin, line)),
            lambda: self._name,
            LineLimit(lambda *left_out: self.said.append(left_out), limit),
            lambda: lambda: self._name,
        )

    def run(self, **hooks):
        self._output.begin()
        for self._name, hook in hooks.items():
            hook()
        self._output.end()

    def a_second_later(self):
        self.clock[0] += 1

    def of(self, plugin):
        return [line for name, line in self.lines if name == plugin]


@pytest.fixture
def chain(monkeypatch):
    """A chain in which each plugin may print two lines a second."""
    return Chain(monkeypatch)


def loop(count=20, text="line"):
    """Make a hook that prints so many lines."""

    def hook():
        for number in range(count):
            print(text, number)

    return hook


def test_the_next_plugin_of_a_chain_is_heard_after_one_that_printed_too_much(chain):
    chain.run(a=loop(), b=loop(1), c=loop())
    chain.a_second_later()
    chain.run(b=loop(1))
    assert [chain.of(name) for name in "abc"] == [
        ["line 0", "line 1"],
        ["line 0", "line 0"],
        ["line 0", "line 1"],
    ]
    assert chain.said == [("a", 18, 2), ("c", 18, 2)]


def test_a_plugin_is_heard_again_in_the_next_second_of_the_same_run(chain):
    def hook():
        loop()()
        print("never seen", end="")
        chain.a_second_later()
        print(" to its end")
        loop(1, "later")()

    chain.run(a=hook)
    assert chain.of("a") == ["line 0", "line 1", "later 0"]
    assert chain.said == [("a", 19, 2)]


def test_what_another_thread_prints_is_never_left_out(chain, capsys):
    def hook():
        loop()()
        other = threading.Thread(target=lambda: print("from a thread"))
        other.start()
        other.join()
        loop()()

    chain.run(a=hook)
    print("from the program")
    assert capsys.readouterr().out == "from a thread\nfrom the program\n"
    chain.a_second_later()
    chain.run(a=lambda: None)
    assert chain.said == [("a", 38, 2)]


def test_a_function_that_a_plugin_has_kept_prints_as_any_other(chain, capsys):
    kept = []

    def keep():
        loop(5)()
        kept.append(sys.stdout.write)
        loop(5)()

    chain.run(a=keep)
    kept[0]("outside\n")
    assert capsys.readouterr().out == "outside\n"
    chain.a_second_later()
    chain.run(b=lambda: kept[0]("one\ntwo\n"))
    assert chain.of("b") == ["one", "two"]
    assert chain.said == [("a", 8, 2)]


def test_every_way_of_printing_is_counted_while_a_plugin_is_left_out(chain):
    def hook():
        loop(4)()
        sys.stdout.write("")
        sys.stdout.write("one\ntwo\nthr")
        sys.stdout.buffer.write(b"ee\nfour\nfi")
        sys.stdout.writelines(["ve\n", "six\n"])
        print()
        print("no end", end="")

    chain.run(a=hook)
    chain.a_second_later()
    chain.run(a=lambda: None)
    assert chain.of("a") == ["line 0", "line 1"]
    assert chain.said == [("a", 2 + 6 + 1 + 1, 2)]
