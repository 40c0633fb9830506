"""Policies that go wrong where an attempt asks for it."""

from __future__ import annotations

from textwrap import dedent

PATIENT = "10s"
"""A deadline that an attempt does not exceed only because its process has to wait for a turn."""
SHORT = "200ms"
"""One for hooks that hang, and so for tests in which it makes no difference who is late."""
WHO = "who@recipient.test"
"""The policies here answer an attempt for this recipient with the id of their process."""

_HOOK = """

def pre_delivery_attempt(attempt, decision, state):
    name, _, domain = attempt["recipient"].partition("@")
    if domain == "fault.test":
        returned = globals()[name]()
        if returned is not None:
            return returned
    if name == "who":
        return {"action": "pause", "message": str(os.getpid())}
    return {"action": "pause", "message": PREFIX + attempt["msguid"]}
"""


def policy(faults: str = "", prefix: str = "") -> str:
    """A hook file that pauses each attempt with its own msguid as the message.

    Args:
        faults: source text of functions without arguments; an attempt for the recipient
            NAME@fault.test first calls the one of that name, which may return a decision.
        prefix: stands before the msguid, to tell one version of the policy from another.
    """
    return f"import os\n\nPREFIX = {prefix!r}\n{dedent(faults)}\n{_HOOK}"


def names(faults: str) -> list[str]:
    """The names of the functions of a source, as ids for the tests that use them."""
    return [each[4:].partition("(")[0] for each in faults.splitlines() if each.startswith("def ")]
