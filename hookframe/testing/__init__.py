"""What authors of plugins and hook files import in their tests.

The fixture `chain` comes with hookframe, by an entry point of pytest's: nothing is to be imported
for it. `pip install hookframe-devkit` installs what the rest needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hookframe.testing.members import Member, member
from hookframe.testing.policies import TEMPFAIL, ChainFactory, PolicyUnderTest, open_chain
from hookframe.testing.samples import attempts, make_attempt

if TYPE_CHECKING:
    from hookframe_devkit.conformance import conformance

__all__ = [
    "TEMPFAIL",
    "ChainFactory",
    "Member",
    "PolicyUnderTest",
    "attempts",
    "conformance",
    "make_attempt",
    "member",
    "open_chain",
]


def __getattr__(name: str) -> Any:
    """Import `conformance` from hookframe-devkit: a mail server that has no devkit needs none.

    Raises:
        ModuleNotFoundError: hookframe-devkit is not installed; the text says how to install it.
    """
    if name != "conformance":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return import_module("hookframe_devkit.conformance").conformance
    except ModuleNotFoundError as error:
        if error.name != "hookframe_devkit":
            raise
        raise ModuleNotFoundError(
            "conformance is part of hookframe-devkit: pip install hookframe-devkit",
            name=error.name,
        ) from None
