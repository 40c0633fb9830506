"""A hook file that does what the attempt says, and attempts that tell it what to do."""

from __future__ import annotations

from pathlib import Path

from .attempts import attempt

OBEDIENT = (Path(__file__).parents[1] / "fixtures" / "obedient.py").read_text("utf-8")


def answering(message: str) -> str:
    """A hook file that dumps everything with this message."""
    return f"def pre_delivery_attempt(attempt): return dict(action='dump', message={message!r})\n"


def saying(text):
    """An attempt that the obedient hook pauses with this message."""
    return attempt(reply={"action": "pause", "message": str(text)})


def said(text):
    """The decision about such an attempt."""
    return {"action": "pause", "message": str(text)}


def counted(**more):
    """An attempt about which the obedient hook says how many it has seen, this one included."""
    return attempt(count=True, **more)


def number(decision) -> int:
    """The number in the decision about such an attempt."""
    return int(decision["message"])
