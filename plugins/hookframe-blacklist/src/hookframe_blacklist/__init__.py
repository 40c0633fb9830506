"""hookframe-blacklist: stop mail to recipients, from senders, or for domains that a file lists.

The names are loaded on first use: a process that only reads a list needs neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookframe_blacklist.errors import BlacklistError as BlacklistError
    from hookframe_blacklist.plugin import Blacklist as Blacklist

__all__ = ["Blacklist", "BlacklistError"]

_HOME = {"Blacklist": "plugin", "BlacklistError": "errors"}


def __getattr__(name: str) -> object:
    """Load a public name from the module that defines it (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'hookframe_blacklist' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415  (loaded on first use)

    return getattr(import_module(f"hookframe_blacklist.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
