"""Rehearsals: attempts that are not real, as `hookframe check` makes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

# One for the process, not for the thread: a plugin's own threads ask too.
_depth = 0


def rehearsal() -> bool:
    """Return whether no message is delivered, whatever is decided: the policy is only tried.

    True in `hookframe check`, `hookframe serve --check` and `hookframe verify`, in every hook. A
    plugin that has effects outside of the process asks before it causes them.
    """
    return _depth > 0


@contextmanager
def rehearse() -> Iterator[None]:
    """Let `rehearsal` return True inside this context, in all threads."""
    global _depth  # noqa: PLW0603
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1
