"""What authors of plugins and hook files import in their tests.

The fixture `chain` is a pytest plugin of hookframe: no import is needed for it. The names below are
loaded on first use. `pip install hookframe-devkit` installs what they need.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookframe_devkit.client import Client
    from hookframe_devkit.conformance import conformance
    from hookframe_devkit.daemon import Daemon
    from hookframe_devkit.strategies import attempts
    from hookframe_devkit.waiting import eventually

    from hookframe.testing.chain import TEMPFAIL, ChainFactory, PolicyUnderTest, open_chain
    from hookframe.testing.members import Member, member
    from hookframe.testing.samples import make_attempt

__all__ = [
    "TEMPFAIL",
    "ChainFactory",
    "Client",
    "Daemon",
    "Member",
    "PolicyUnderTest",
    "attempts",
    "conformance",
    "eventually",
    "make_attempt",
    "member",
    "open_chain",
]

_HOME = {
    "TEMPFAIL": "hookframe.testing.chain",
    "ChainFactory": "hookframe.testing.chain",
    "Client": "hookframe_devkit.client",
    "Daemon": "hookframe_devkit.daemon",
    "Member": "hookframe.testing.members",
    "PolicyUnderTest": "hookframe.testing.chain",
    "attempts": "hookframe_devkit.strategies",
    "conformance": "hookframe_devkit.conformance",
    "eventually": "hookframe_devkit.waiting",
    "make_attempt": "hookframe.testing.samples",
    "member": "hookframe.testing.members",
    "open_chain": "hookframe.testing.chain",
}


def __getattr__(name: str) -> object:
    """Load a public name from the module that defines it (PEP 562).

    Raises:
        ModuleNotFoundError: the name is part of hookframe-devkit, which is not installed.
    """
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(_HOME[name]), name)
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] != "hookframe_devkit":
            raise
        raise ModuleNotFoundError(
            f"{name} is part of hookframe-devkit: pip install hookframe-devkit", name=error.name
        ) from None


def __dir__() -> list[str]:
    return __all__
