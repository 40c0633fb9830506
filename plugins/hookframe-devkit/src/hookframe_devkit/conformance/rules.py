"""The rules for plugins, each with its expectation."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

RULES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "load-error": "the plugin loads, and takes its settings",
        "reconfigure": (
            "configure may be called again, with equal settings and after close, and changes "
            "nothing then"
        ),
        "invalid-return": "None, or a decision that the action schema allows",
        "exception": (
            "no exception, whatever the attempt: it is a temporary failure, and the message waits"
        ),
        "changes-input": "attempt and decision are only read; return a decision of your own",
        "needs-state": (
            "a call finds state empty at the start of each generation, and uses no other state "
            "than the one that it is given: state.get, state.setdefault"
        ),
        "impure": "equal input gives an equal return, as hookframe_pure = True says",
        "slow": "a call takes no longer than so many times the reference",
        "leak": "equal calls leave nothing behind: all mail passes here, for months",
        "prints": (
            "nothing on standard output, which is for decisions; what the log shall have goes to "
            "standard error"
        ),
        "blocks": (
            "no network, no other process, no sleep, no lock to wait for while an attempt runs: "
            "all mail waits for it"
        ),
        "changes-globals": (
            "what belongs to the whole process stays as it is: other plugins and hookframe use it"
        ),
        "crash": "the process survives",
        "hangs": "every call comes to an end",
    }
)
"""The expectation of each rule, in the order of reports."""
