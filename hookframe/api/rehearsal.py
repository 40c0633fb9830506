"""Whether the attempts of this process are real ones."""

from __future__ import annotations

_running = False


def rehearsal() -> bool:
    """Return whether no mail is behind the attempts of this process, as under `hookframe check`.

    A plugin that counts, writes to a database or takes a permit does so for real even then, unless
    it asks.
    """
    return _running


def begin_rehearsal() -> None:
    """Declare that the attempts of this process are no real ones, until it ends."""
    global _running  # noqa: PLW0603  (a fact about the process)
    _running = True
