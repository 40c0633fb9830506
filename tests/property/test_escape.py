"""Escaping: no two values look the same in a log, and none leaves its place (CONTRACT 5)."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from hookframe.escape import escape, one_line

from ..helpers.attempts import attempt
from ..helpers.log import Lines

ANY = st.text(st.characters(), max_size=30)
TRICKY = st.text(st.sampled_from("\\]x0aA\n\x0a\u000a[nu\U0001f54a\udc80\u202e"), max_size=12)
ONE = st.one_of(ANY, TRICKY)


def unescape(text):
    """Read an escaped text back: the inverse that shows that nothing is lost."""

    def plain(match):
        code = match[1]
        return code if code in ("\\", "]") else chr(int(code[1:], 16))

    return re.sub(r"\\(\\|\]|x..|u....|U........)", plain, text)


@given(ONE)
@example("\\x0a")
@example("\\\n")
def test_what_is_escaped_can_be_read_back(text):
    assert unescape(escape(text)) == text


@given(ONE, ONE)
def test_two_texts_never_look_the_same(one, other):
    assert (escape(one) == escape(other)) == (one == other)


@given(ONE)
def test_an_escaped_text_is_one_printable_line_that_is_valid_utf_8(text):
    for escaped in (escape(text), one_line(text)):
        assert escaped.isprintable()
        assert len(escaped.splitlines()) <= 1
        escaped.encode()


@given(ONE, ONE)
def test_an_escaped_text_can_not_end_the_brackets_it_stands_in(msguid, recipient):
    line = f"msguid=[{escape(msguid)}], recipient=[{escape(recipient)}], error: x]"
    value = r"((?:[^\]\\]|\\.)*)"
    match = re.fullmatch(rf"msguid=\[{value}\], recipient=\[{value}\], error: x\]", line)
    assert (unescape(match[1]), unescape(match[2])) == (msguid, recipient)


@given(st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="\\]")))
def test_what_is_harmless_stays_as_it_is(text):
    assert escape(text) == one_line(text) == text


@given(ONE, ONE, ONE)
def test_a_log_line_is_one_printable_line_whatever_it_is_about(msguid, recipient, text):
    from loguru import logger

    from hookframe.log import Log

    lines = Lines()
    handler = logger.add(lines.take, format="{message}", catch=False)
    try:
        asked = attempt(msguid=msguid, recipient=recipient)
        Log(logger).malformed(asked, text)
        Log(logger).loading(text)
        Log(logger).output("file", text)
    finally:
        logger.remove(handler)
    assert len(lines.all) == 3
    assert all(line.isprintable() for line in lines.all)
