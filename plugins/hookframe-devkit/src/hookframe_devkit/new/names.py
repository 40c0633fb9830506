"""The names of a new plugin: in a chain, for pip, and in Python."""

from __future__ import annotations

import keyword
import re
import sys
from dataclasses import dataclass
from typing import Final

import importlib_metadata

from hookframe.api.hookspecs import PROJECT
from hookframe.config.entries import FILE

_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?", re.IGNORECASE | re.ASCII)
"""The name of a distribution (PEP 508)."""
_SEPARATORS: Final = re.compile(r"[-_.]+")
_LONGEST: Final = 40
"""Administrators type it, and lines of the templates contain it."""
_PREFIX: Final = f"{PROJECT}-"


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one plugin.

    Args:
        name: its entry point, the name in a chain: `slow-start`.
    """

    name: str

    @property
    def distribution(self) -> str:
        """The distribution: `hookframe-slow-start`."""
        return f"{_PREFIX}{self.name}"

    @property
    def identifier(self) -> str:
        """The name in Python: `slow_start`."""
        return self.name.replace("-", "_")

    @property
    def module(self) -> str:
        """The package: `hookframe_slow_start`."""
        return f"{PROJECT}_{self.identifier}"


def parse_name(given: str) -> Names:
    """Derive the names of a plugin.

    Args:
        given: the name, with or without `hookframe-` before it; normalised by PEP 503.

    Raises:
        ValueError: the name is invalid; the text says why.
    """
    if not _NAME.fullmatch(given):
        raise ValueError(
            f"{given!a} can't be a distribution: use letters and digits, with hyphens between them"
        )
    name = _SEPARATORS.sub("-", given).lower().removeprefix(_PREFIX)
    names = Names(name)
    if len(name) > _LONGEST:
        raise ValueError(f"{name!r} has {len(name)} characters: shorten it to {_LONGEST} at most")
    if name == FILE:
        raise ValueError(f"{FILE!r} is the hook file in a chain: choose another name")
    if name == PROJECT:
        raise ValueError(f"{PROJECT!r} is the program that runs the plugin: choose another name")
    if not names.identifier.isidentifier():
        raise ValueError(f"{name!r} becomes a name in Python, so it must start with a letter")
    if keyword.iskeyword(names.identifier):
        raise ValueError(f"{name!r} is a keyword of Python: choose another name")
    return names


def check_module(names: Names) -> None:
    """Check that the hook file hides no module from its tests.

    Raises:
        ValueError: it would hide one.
    """
    module = names.identifier
    if module in sys.stdlib_module_names:
        raise ValueError(f"{module}.py would hide a standard module: choose another name")
    owners = importlib_metadata.packages_distributions().get(module, ())
    if owners:
        raise ValueError(
            f"{module}.py would hide the module of {owners[0]}, which is installed here: "
            "choose another name"
        )
