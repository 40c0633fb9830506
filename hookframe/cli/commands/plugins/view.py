"""The output of `hookframe plugins`: tables, or a paragraph for each unused plugin."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import click

from hookframe._text import one_line
from hookframe.cli.commands.plugins.metadata import PluginMetadata
from hookframe.cli.commands.plugins.status import ChainRow, UnusedPlugin
from hookframe.cli.console import is_coloured, is_terminal

_CHAIN_HEADINGS: Final = ("#", "name", "distribution", "version", "mode", "status")
_REST_HEADINGS: Final = ("name", "distribution", "version", "status")
_LONGEST: Final = 200
"""The number of characters shown of a text from outside; JSON has all of it."""


def show_chain(chain: Sequence[ChainRow], rest: Sequence[UnusedPlugin], *, known: bool) -> None:
    """Print the chain, and the other installed plugins.

    Args:
        chain: its plugins in order.
        rest: the other installed plugins.
        known: whether the configuration could be read.
    """
    if chain:
        _print_table("The chain", _CHAIN_HEADINGS, map(_format_chain_row, chain))
    elif known:
        click.echo("The chain is empty: every attempt is normal.")
    else:
        click.echo("The chain is unknown until the configuration is fixed.")
    if rest:
        click.echo()
        _print_table(
            "Installed, and not in the chain", _REST_HEADINGS, map(_format_unused_row, rest)
        )


def show_available(available: Sequence[tuple[UnusedPlugin, PluginMetadata]]) -> None:
    """Print the plugins that are not in the chain, with their metadata."""
    if not available:
        click.echo("No plugin is installed that is not in the chain.")
    for number, (other, about) in enumerate(available):
        if number:
            click.echo()
        _print_paragraph(other, about)


def _print_paragraph(other: UnusedPlugin, about: PluginMetadata) -> None:
    name, source = (
        _shorten(text) for text in (other.name, f"{other.distribution} {other.version}")
    )
    note = "" if other.status == "ok" else f", {other.status}"
    bold = click.style(name, bold=True) if is_coloured(sys.stdout) else name
    click.echo(f"{bold} ({source.rstrip()}{note})")
    for line in _format_lines(about):
        click.echo(f"    {_shorten(line)}")


def _format_lines(about: PluginMetadata) -> Iterator[str]:
    yield about.summary or "(its metadata has no summary)"
    if about.author:
        yield f"by {about.author}"
    if about.link:
        yield about.link


def _shorten(text: str) -> str:
    return one_line(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")


def _format_chain_row(member: ChainRow) -> tuple[str, ...]:
    return (
        str(member.position),
        member.name,
        member.distribution or "-",
        member.version or "-",
        member.mode,
        member.status,
    )


def _format_unused_row(other: UnusedPlugin) -> tuple[str, ...]:
    return other.name, other.distribution, other.version or "-", other.status


def _print_table(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table: drawn on a terminal, as plain aligned columns elsewhere."""
    shown = [tuple(one_line(cell) for cell in row) for row in rows]
    if is_terminal(sys.stdout):
        from hookframe.cli.render import draw  # noqa: PLC0415  (rich)

        draw(title, headings, shown)
        return
    click.echo(f"{title}:")
    for line in _align([tuple(headings), *shown]):
        click.echo(f"  {line}".rstrip())


def _align(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
