"""Renders the templates of a new plugin."""

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
        directories: the template directories of its project.
        summary: its default summary.
        message: its default status message.
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
    """The author's metadata of a plugin; empty strings get defaults.

    Args:
        summary: a sentence about it; by default the one of its kind.
        author: the copyright holder; by default the plugin's developers.
        email: the author's address.
    """

    summary: str = ""
    author: str = ""
    email: str = ""


def render_project(kind: str, names: Names, about: About) -> dict[PurePath, bytes]:
    """Render a project in memory.

    Args:
        kind: a key of `KINDS`.
        names: the plugin's names.
        about: its metadata, as printable lines.

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
    return dict(_render(KINDS[kind].directories, values))


def format_requirement(version: str) -> str:
    """Format the requirement of a plugin that is written for this version of hookframe.

    Returns:
        A requirement up to the next version that may break it (contrib/CONTRIBUTING.md): the next
        major version, before 1.0 the next minor one.
    """
    major, minor = map(int, version.split(".")[:2])
    limit = f"0.{minor + 1}" if major == 0 else f"{major + 1}"
    return f"hookframe>={major}.{minor},<{limit}"


def _render(
    directories: tuple[str, ...], values: Mapping[str, Any]
) -> Iterator[tuple[PurePath, bytes]]:
    environment = jinja2.Environment(  # noqa: S701  (TOML and Python, where &lt; is not <)
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"quoted": _quote, "in_docstring": _in_docstring}
    for source, path in _find_sources(directories):
        name = environment.from_string(str(path).removesuffix(_SUFFIX)).render(values)
        text = environment.from_string(source.read_text("utf-8")).render(values)
        yield PurePath(name), text.encode()


def _find_sources(directories: tuple[str, ...]) -> Iterator[tuple[Path, PurePath]]:
    """Yield the template files, each with its path in the project."""
    for directory in directories:
        for source in sorted((_TEMPLATES / directory).rglob(f"*{_SUFFIX}")):
            yield source, source.relative_to(_TEMPLATES / directory)


def _quote(text: str) -> str:
    """Quote printable text as a TOML string, which is the same in JSON."""
    return json.dumps(text, ensure_ascii=False)


def _in_docstring(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
