"""`hookframe.api.errors`: every error says who caused it."""

from __future__ import annotations

import pytest

from hookframe.api import errors
from hookframe.api.errors import (
    ChainError,
    ConfigError,
    DeadlineExceeded,
    HookframeError,
    LoadError,
    Origin,
    Problem,
)


@pytest.mark.parametrize(
    ("origin", "text"),
    [
        (Origin("a"), "plugin a"),
        (Origin("a", "dist", "1.0"), "plugin a, dist 1.0"),
        (Origin("file", "/etc/hook.py"), "plugin file, /etc/hook.py"),
    ],
)
def test_an_origin_names_plugin_distribution_and_version(origin, text):
    assert str(origin) == text
    assert str(LoadError(origin, "is broken")) == f"is broken ({text})"


def test_all_errors_are_of_one_tree():
    kinds = [each for each in vars(errors).values() if isinstance(each, type)]
    exceptions = [kind for kind in kinds if issubclass(kind, BaseException)]
    exceptions.remove(DeadlineExceeded)  # a hook's `except Exception` must not swallow it
    assert exceptions
    assert all(issubclass(kind, HookframeError) for kind in exceptions)


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("a.b", "is wrong", 3), "line 3: a.b: is wrong"),
        (Problem("a", "is missing"), "a: is missing"),
        (Problem("", "is no TOML"), "is no TOML"),
    ],
)
def test_a_mistake_is_told_with_line_and_key(problem, text):
    assert str(problem) == text


def test_several_errors_are_told_in_one_text():
    both = ConfigError("h.toml", (Problem("a", "x", 1), Problem("b", "y", 2)))
    assert str(both) == "h.toml: line 1: a: x; h.toml: line 2: b: y"
    chain = ChainError((LoadError(Origin("a"), "x"), LoadError(Origin("b"), "y")))
    assert str(chain) == "x (plugin a); y (plugin b)"
