"""`hookframe.plugins.signature`: what a hook may take."""

from __future__ import annotations

import pytest

from hookframe.plugins.signature import SignatureError, read_argument_names, refuse_deferred

ALLOWED = ("attempt", "decision", "state")


class Method:
    def hook(self, state, attempt):
        """Take two of three."""

    @classmethod
    def of_class(cls, attempt):
        """Take one."""

    @staticmethod
    def static(decision):
        """Take one."""

    def __call__(self, attempt):
        """Take one."""


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (lambda: None, ()),
        (lambda attempt: None, ("attempt",)),
        (lambda state, decision, attempt: None, ("state", "decision", "attempt")),
        (lambda attempt, state=None: None, ("attempt", "state")),
        (Method().hook, ("state", "attempt")),
        (Method.of_class, ("attempt",)),
        (Method.static, ("decision",)),
        (Method(), ("attempt",)),
    ],
)
def test_the_arguments_are_read_by_name_in_their_order(function, names):
    assert read_argument_names(function, ALLOWED) == names


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda atempt: None, "did you mean attempt?"),
        (lambda attempt, x=1: None, "'x'"),
        (lambda *args: None, "args"),
        (lambda **kwargs: None, "kwargs"),
        (lambda *, attempt: None, "keyword-only"),
        (Method.hook, "'self'"),
        (type, "arguments"),
    ],
)
def test_what_could_only_fail_later_is_refused(function, words):
    with pytest.raises(SignatureError) as refusal:
        read_argument_names(function, ALLOWED)
    assert words in str(refusal.value)


async def coroutine():
    """Return later."""


async def asynchronous_generator():
    """Yield later."""
    yield


def generator():
    """Yield."""
    yield


@pytest.mark.parametrize("function", [coroutine, asynchronous_generator, generator])
def test_a_hook_that_would_not_return_a_decision_is_refused(function):
    with pytest.raises(SignatureError):
        refuse_deferred(function)


@pytest.mark.parametrize("function", [coroutine, asynchronous_generator, lambda: None])
def test_a_wrapper_that_does_not_yield_plainly_is_refused(function):
    with pytest.raises(SignatureError):
        refuse_deferred(function, wrapper=True)


def test_a_plain_hook_and_a_yielding_wrapper_are_fine():
    refuse_deferred(lambda: None)
    refuse_deferred(generator, wrapper=True)
