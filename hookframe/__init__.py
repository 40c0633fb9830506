"""hookframe: run your own Python at every delivery attempt of a mail server.

The names below are the whole public interface. They are imported on first use, so that a plugin's
``from hookframe import hookimpl`` and ``hookframe --version`` are fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from hookframe.api.actions import dump as dump
    from hookframe.api.actions import pause as pause
    from hookframe.api.actions import use_mtaid as use_mtaid
    from hookframe.api.attempt import Attempt as Attempt
    from hookframe.api.decision import TEMPFAIL_MESSAGE as TEMPFAIL_MESSAGE
    from hookframe.api.decision import Decision as Decision
    from hookframe.api.domains import ascii_domain as ascii_domain
    from hookframe.api.errors import CodeFileError as CodeFileError
    from hookframe.api.errors import InvalidDecision as InvalidDecision
    from hookframe.api.hookspecs import API_VERSION as API_VERSION
    from hookframe.api.hookspecs import CodeFiles as CodeFiles
    from hookframe.api.hookspecs import Settings as Settings
    from hookframe.api.hookspecs import State as State
    from hookframe.api.hookspecs import Vote as Vote
    from hookframe.api.hookspecs import hookimpl as hookimpl
    from hookframe.api.rehearsal import rehearsal as rehearsal
    from hookframe.api.settings import read_settings as read_settings
    from hookframe.chain.trace import Explanation as Explanation
    from hookframe.config.values import duration as duration
    from hookframe.files.snapshot import Snapshot as Snapshot
    from hookframe.files.snapshot import take_snapshot as take_snapshot
    from hookframe.host.host import Host as Host

__all__ = [
    "API_VERSION",
    "TEMPFAIL_MESSAGE",
    "Attempt",
    "CodeFileError",
    "CodeFiles",
    "Decision",
    "Explanation",
    "Host",
    "InvalidDecision",
    "Settings",
    "Snapshot",
    "State",
    "Vote",
    "__version__",
    "ascii_domain",
    "dump",
    "duration",
    "hookimpl",
    "pause",
    "read_settings",
    "rehearsal",
    "take_snapshot",
    "use_mtaid",
]

_HOME = {
    "API_VERSION": "api.hookspecs",
    "TEMPFAIL_MESSAGE": "api.decision",
    "Attempt": "api.attempt",
    "CodeFileError": "api.errors",
    "CodeFiles": "api.hookspecs",
    "Decision": "api.decision",
    "Explanation": "chain.trace",
    "Host": "host",
    "InvalidDecision": "api.errors",
    "Settings": "api.hookspecs",
    "Snapshot": "files.snapshot",
    "State": "api.hookspecs",
    "Vote": "api.hookspecs",
    "ascii_domain": "api.domains",
    "dump": "api.actions",
    "duration": "config.values",
    "hookimpl": "api.hookspecs",
    "pause": "api.actions",
    "read_settings": "api.settings",
    "rehearsal": "api.rehearsal",
    "take_snapshot": "files.snapshot",
    "use_mtaid": "api.actions",
}


def __getattr__(name: str) -> object:
    """Load a public name from the module that defines it (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'hookframe' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415  (loaded on first use)

    return getattr(import_module(f"hookframe.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
