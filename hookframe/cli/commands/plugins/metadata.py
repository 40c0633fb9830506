"""The metadata of a distribution: its summary, author and link."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from email.utils import getaddresses
from typing import Final

from importlib_metadata import EntryPoint, PackageMetadata

from hookframe.plugins.entry_points import InstalledPlugin

_NOTHING: Final = ("", "UNKNOWN")
"""Values of empty fields; the second is from old setuptools."""
_LINKS: Final = (
    *("homepage", "documentation", "docs"),
    *("source", "repository", "sourcecode", "github"),
)
"""Well-known labels of links, the best first."""
_LINK: Final = re.compile(r"(?i)https?://[^\s<>]+")


@dataclass(frozen=True, slots=True)
class PluginMetadata:
    """The metadata of a plugin; None where a field is missing.

    Args:
        summary: its description in a sentence.
        author: its author, with an address if there is one.
        link: its home page, else its documentation, else its source, else any link.
    """

    summary: str | None = None
    author: str | None = None
    link: str | None = None


def read_metadata(found: InstalledPlugin) -> PluginMetadata:
    """Read the metadata of an installed plugin.

    The fields are those of the core metadata
    (https://packaging.python.org/specifications/core-metadata/): text from outside, of any length.

    Args:
        found: the plugin.

    Returns:
        The readable fields; damaged metadata never raises.
    """
    point = found.entry_point
    with suppress(Exception):
        if isinstance(point, EntryPoint) and point.dist and (metadata := point.dist.metadata):
            return PluginMetadata(
                _read_summary(metadata), _read_author(metadata), _find_link(metadata)
            )
    return PluginMetadata()


def _read_summary(metadata: PackageMetadata) -> str | None:
    return next(_read_field(metadata, "Summary"), None)


def _read_author(metadata: PackageMetadata) -> str | None:
    for role in ("Author", "Maintainer"):
        names = list(_read_field(metadata, role))
        people = list(_parse_people(_read_field(metadata, f"{role}-email")))
        match names, people:
            case [name], [("", address)]:  # one person in two fields
                people, names = [(name, address)], []
        known = [*names, *(_format_person(*person) for person in people)]
        if known:
            return ", ".join(dict.fromkeys(known))
    return None


def _parse_people(texts: Iterator[str]) -> Iterator[tuple[str, str]]:
    """Yield names and addresses of `Name <address>, …`; other text is a name."""
    for text in texts:
        read = [person for person in getaddresses([text]) if any(person)]
        yield from read or [(text, "")]


def _format_person(name: str, address: str) -> str:
    return f"{name} <{address}>" if name and address else name or address


def _find_link(metadata: PackageMetadata) -> str | None:
    links = dict(_read_links(metadata))
    best = (links[label] for label in _LINKS if label in links)
    return next(best, next(iter(links.values()), None))


def _read_links(metadata: PackageMetadata) -> Iterator[tuple[str, str]]:
    """Yield links by label, in lower case without spaces and punctuation."""
    for text in _read_field(metadata, "Home-page"):
        if _LINK.fullmatch(text):
            yield "homepage", text
    for text in _read_field(metadata, "Project-URL"):
        label, _, link = text.partition(",")
        if _LINK.fullmatch(link.strip()):
            yield re.sub(r"[\W_]", "", label).lower(), link.strip()


def _read_field(metadata: PackageMetadata, field: str) -> Iterator[str]:
    """Yield the values of a field, each on one line; none if the metadata is damaged."""
    with suppress(Exception):
        for value in metadata.get_all(field) or ():
            text = " ".join(str(value).split())
            if text not in _NOTHING:
                yield text
