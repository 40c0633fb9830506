"""`hookframe.log.exceptions`: exceptions in words."""

from __future__ import annotations

import json

import pytest

from hookframe.log.exceptions import describe


def raised(function):
    try:
        function()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def test_type_text_and_place_are_told():
    error = raised(lambda: 1 / 0)
    line = error.__traceback__.tb_next.tb_lineno
    assert describe(error) == f"ZeroDivisionError: {error} at {__file__} line {line}"


def test_the_line_of_the_authors_own_file_is_preferred():
    error = raised(lambda: json.loads("{"))
    assert f" at {__file__} line " in describe(error, __file__)
    assert "decoder.py line " in describe(error)


def test_an_exception_without_a_traceback_has_no_place():
    assert describe(ValueError("x")) == "ValueError: x"


def test_an_exception_without_a_text_is_told_by_its_type():
    assert describe(KeyboardInterrupt()) == "KeyboardInterrupt"


def test_a_syntax_error_is_told_with_its_own_place_and_line():
    error = raised(lambda: compile("x = 1\ny = = 2\n", "/etc/hook.py", "exec"))
    assert describe(error) == f'SyntaxError: {error.msg} at /etc/hook.py line 2, near "y = = 2"'


@pytest.mark.parametrize("text", ["x" * 5000, "\n" * 5000])
def test_a_long_text_is_cut(text):
    assert len(describe(ValueError(text))) < 1100
