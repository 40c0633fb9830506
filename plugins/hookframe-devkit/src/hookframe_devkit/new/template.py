"""The template of a new plugin, filled in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import jinja2

from hookframe import API_VERSION, __version__

if TYPE_CHECKING:
    from hookframe_devkit.new.names import Names

_TEMPLATES: Final = Path(__file__).parent / "templates"
_SUFFIX: Final = ".jinja"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of plugin.

    Args:
        directories: the parts of the template that make up its project.
        summary: what it does as it comes, in a sentence.
        message: the status message that it gives as it comes.
    """

    directories: tuple[str, ...]
    summary: str
    message: str


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "plugin": Kind(
            ("distribution", "plugin"),
            "A hookframe plugin: holds back mail to the domains that its settings name.",
            "On hold",
        ),
        "file": Kind(("file",), "Hold back mail to some domains.", "On hold"),
        "wrapper": Kind(
            ("distribution", "wrapper"),
            "A hookframe plugin: lets no other bounce mail to the domains that its settings name.",
            "Waits, and does not bounce",
        ),
    }
)
"""Every kind by its name on the command line."""


@dataclass(frozen=True, slots=True)
class About:
    """What an author says of a plugin; empty where they have not.

    Args:
        summary: what it does, in a sentence; without one it says what it does as it comes.
        author: who holds the copyright; without a name it is the plugin's developers.
        email: where they can be reached.
    """

    summary: str = ""
    author: str = ""
    email: str = ""


def render_project(kind: str, names: Names, about: About) -> dict[PurePath, bytes]:
    """Write a project, aside.

    Args:
        kind: which of `KINDS`.
        names: the plugin's names.
        about: what its author says of it, in lines that print.

    Returns:
        The content of each file, by its path within the project.
    """
    values = {
        **{each: getattr(names, each) for each in ("name", "distribution", "identifier", "module")},
        "kind": kind,
        "summary": about.summary or KINDS[kind].summary,
        "message": KINDS[kind].message,
        "author": about.author or f"The {names.distribution} developers",
        "email": about.email,
        "year": date.today().year,  # noqa: DTZ011  (a copyright begins in its author's own year)
        "api_version": API_VERSION,
        "requirement": format_requirement(__version__),
    }
    return dict(_rendered(KINDS[kind].directories, values))


def format_requirement(version: str) -> str:
    """Say which hookframe a plugin needs that was written for one: up to what may break it.

    Args:
        version: the version that it was written for.

    Returns:
        A requirement, as contrib/CONTRIBUTING.md says: semantic versioning, with minor versions
        that may break things before 1.0.
    """
    major, minor = map(int, version.split(".")[:2])
    limit = f"0.{minor + 1}" if major == 0 else f"{major + 1}"
    return f"hookframe>={major}.{minor},<{limit}"


def _rendered(
    directories: tuple[str, ...], values: Mapping[str, Any]
) -> Iterator[tuple[PurePath, bytes]]:
    environment = jinja2.Environment(  # noqa: S701  (TOML and Python, in which &lt; is no <)
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"quoted": _quoted, "in_docstring": _in_docstring}
    for source, path in _sources(directories):
        name = environment.from_string(str(path).removesuffix(_SUFFIX)).render(values)
        text = environment.from_string(source.read_text("utf-8")).render(values)
        yield PurePath(name), text.encode()


def _sources(directories: tuple[str, ...]) -> Iterator[tuple[Path, PurePath]]:
    """Find the files of the template, each with its path in the project."""
    for directory in directories:
        for source in sorted((_TEMPLATES / directory).rglob(f"*{_SUFFIX}")):
            yield source, source.relative_to(_TEMPLATES / directory)


def _quoted(text: str) -> str:
    """Make a string of TOML of what prints; JSON's are the same."""
    return json.dumps(text, ensure_ascii=False)


def _in_docstring(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
