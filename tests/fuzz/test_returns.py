"""What a hook returns or raises: it is the decision or the temp-fail, with one line in the log."""

from __future__ import annotations

from hypothesis import given

from .amount import examples
from .odd import RAISED, RETURNED, made


@given(RETURNED)
@examples(300)
def test_whatever_a_hook_returns_is_a_decision_or_temp_fails_that_one_attempt(bench, expression):
    bench.returned(made(expression))


@given(RAISED)
@examples(150)
def test_whatever_a_hook_raises_temp_fails_that_one_attempt(bench, expression):
    bench.raised(made(expression))
