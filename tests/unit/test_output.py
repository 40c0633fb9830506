"""`hookframe.output`: streams of several threads that come and go in any order."""

from __future__ import annotations

import io
import itertools
import sys
import threading

import pytest

from hookframe.output import LONGEST_LINE, capturing

Lines = list[tuple[str, str]]


class Worker:
    """A thread that captures, prints and ends when it is told to."""

    def __init__(self, name, lines):
        self.name = name
        self._capture = capturing(lambda plugin, line: lines.append((plugin, line)))(name)
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


def test_a_line_without_an_end_is_passed_on_in_pieces():
    lines: Lines = []
    with capturing(lambda plugin, line: lines.append((plugin, line)))("a"):
        print("x" * (LONGEST_LINE * 2 + 5), end="")
    assert [len(line) for _, line in lines] == [LONGEST_LINE, LONGEST_LINE, 5]


def test_the_streams_are_given_back_after_an_exception():
    before = sys.stdout, sys.stderr

    def failing():
        with capturing(lambda *_: None)("a"):
            raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        failing()
    assert (sys.stdout, sys.stderr) == before
