"""`hookframe.log.capture.lines`: what plugins print, cut into lines."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from hookframe.log import rate
from hookframe.log.capture import lines as printed_lines
from hookframe.log.capture.lines import LONGEST_LINE, Lines
from hookframe.log.rate import LineLimit

TEXTS = st.lists(st.text(st.sampled_from("ab\n"), max_size=12), max_size=8)


class Printer:
    """Lines with a limit, and what has become of them."""

    def __init__(self, limit=None):
        self.passed = []
        self.said = []
        self._limit = LineLimit(lambda *left_out: self.said.append(left_out), limit)
        self._lines = Lines(lambda plugin, line: self.passed.append((plugin, line)), self._limit)

    def print(self, text, plugin="a", stream="out"):
        self._lines.take(plugin, stream, text)

    def settle(self):
        self._lines.settle(force=True)
        self._limit.report_dropped()

    @property
    def lines(self):
        return [line for _, line in self.passed]


@given(TEXTS)
def test_however_a_text_comes_its_lines_are_the_same(texts):
    printer = Printer()
    for text in texts:
        printer.print(text)
    printer.settle()
    whole = "".join(texts)
    assert printer.lines == whole.split("\n")[: None if whole and whole[-1] != "\n" else -1]


@given(TEXTS, st.integers(1, 4))
@example(["a", "\n", "a\nb", "\n"], 1)
@example(["a\nb\na", "b"], 1)
def test_of_the_lines_of_one_second_the_first_are_passed_on_and_the_others_counted(texts, allowed):
    free, limited = Printer(), Printer(allowed)
    clock = [100.0]
    original = rate.monotonic
    rate.monotonic = printed_lines.monotonic = lambda: clock[0]
    try:
        for printer in (free, limited):
            for text in texts:
                printer.print(text)
            printer.settle()
        clock[0] += 1
        limited.settle()
    finally:
        rate.monotonic = printed_lines.monotonic = original
    assert limited.lines == free.lines[:allowed]
    left_out = len(free.lines) - allowed
    assert limited.said == ([("a", left_out, allowed)] if left_out > 0 else [])


def test_a_line_that_is_left_out_is_left_out_to_its_end(monkeypatch):
    clock = [100.0]
    for module in (rate, printed_lines):
        monkeypatch.setattr(module, "monotonic", lambda: clock[0])
    printer = Printer(1)
    printer.print("one\n")
    clock[0] += 0.5
    printer.print("tw")
    clock[0] += 0.5
    printer.print("o")
    printer.print("!\nthree\n")
    assert printer.lines == ["one", "three"]
    assert printer.said == [("a", 1, 1)]


def test_a_line_without_an_end_is_passed_on_in_pieces():
    printer = Printer()
    for _ in range(10):
        printer.print("x" * 2000)
    printer.print("\n" + "y" * LONGEST_LINE + "\nz")
    printer.settle()
    assert [len(line) for line in printer.lines] == [8192, 8192, 3616, 8192, 1]


def test_each_stream_has_its_own_unfinished_line():
    printer = Printer()
    printer.print("on", stream="out")
    printer.print("two\n", stream="err")
    printer.print("e\n", stream="out")
    assert printer.lines == ["two", "one"]


def test_a_line_that_another_plugin_began_ends_where_the_next_one_prints():
    printer = Printer()
    printer.print("a was here", plugin="a")
    printer.print("b too\n", plugin="b")
    assert printer.passed == [("a", "a was here"), ("b", "b too")]


def test_another_plugin_is_not_silenced_by_one_that_prints_too_much():
    printer = Printer(1)
    printer.print("1\n2\n3", plugin="a")
    printer.print("b\n", plugin="b")
    assert printer.passed == [("a", "1"), ("b", "b")]
