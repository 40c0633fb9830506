"""`hookframe blacklist`: add entries to a list, take them out, and ask whether they are on it."""

from __future__ import annotations

import os
import tomllib
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import click

from hookframe_blacklist import editing
from hookframe_blacklist.compressed import unpack
from hookframe_blacklist.entries import lookup_keys, parse
from hookframe_blacklist.errors import BlacklistError, quoted
from hookframe_blacklist.importing import read_table
from hookframe_blacklist.limits import LARGEST
from hookframe_blacklist.listfile import ListFile, ListPath, being_written, look, read_file
from hookframe_blacklist.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence, Set

_VARIABLE: Final = "HOOKFRAME_CONFIG"
_SHOWN: Final = 5
"""The number of rows without an address that are shown."""
_ADDRESSES: Final = click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
_PLACES: Final = ("hookframe.toml", "/etc/hookframe/hookframe.toml")


@click.group("blacklist", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Add addresses to a list of the blacklist, import a table, take them out, or ask about them.

    \b
    The list is the one that hookframe.toml names. Examples:
        hookframe blacklist import export.csv
        hookframe blacklist add bob@example.com --comment "asked us to, 2026-11-02"
        hookframe blacklist check bob@example.com
        hookframe blacklist remove --senders @example.org
    """


def _about_a_list(function: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options that say which list it is about."""

    @click.option("--senders", is_flag=True, help="The list of senders, not of recipients.")
    @click.option("--list", "file", metavar="FILE", help="This list, whatever is configured.")
    @click.option(
        "--config",
        metavar="FILE",
        help=f"The configuration. Default: ${_VARIABLE}, ./{_PLACES[0]}, {_PLACES[1]}.",
    )
    @wraps(function)
    def with_lists(config: str | None, file: str | None, senders: bool, **rest: Any) -> int:
        try:
            return function(_lists(config, file, senders=senders), **rest)
        except BlacklistError as error:
            raise click.ClickException(str(error)) from None

    return with_lists


@command.command("add")
@click.option("--comment", default="", metavar="TEXT", help="What stands behind each, after #.")
@_ADDRESSES
@_about_a_list
def add(lists: list[ListPath], addresses: Sequence[str], comment: str) -> int:
    """Add addresses and @domains; one that is on the list already is left as it is."""
    if any(ord(each) < ord(" ") for each in comment):
        raise click.UsageError("--comment has a control character: keep it on one line, of text.")
    where = _the_one(lists)
    entries = _entries(addresses, senders=where.senders)
    added = editing.add(where, addresses, comment)
    for address, entry in entries.items():
        click.echo(f"{address}: {'added to' if entry in added else 'already on'} {where.path}")
    return 0


@command.command("remove")
@_ADDRESSES
@_about_a_list
def remove(lists: list[ListPath], addresses: Sequence[str]) -> int:
    """Take addresses and @domains out, as they stand there; exit status 1 if one is not there."""
    where = _the_one(lists)
    entries = _entries(addresses, senders=where.senders)
    removed = editing.remove(where, addresses)
    for address, entry in entries.items():
        click.echo(f"{address}: {'removed from' if entry in removed else 'not on'} {where.path}")
    return 0 if set(entries.values()) <= set(removed) else 1


@command.command("check")
@_ADDRESSES
@_about_a_list
def check(lists: list[ListPath], addresses: Sequence[str]) -> int:
    """Say which entry of which list stops each address; exit status 1 if one is on none."""
    read = [(where, _read(where)) for where in lists]
    missing = 0
    for address in addresses:
        hits = [
            f"{where.path} ({key})"
            for where, found in read
            for key in dict.fromkeys(lookup_keys(address))
            if key in found.entries
        ]
        click.echo(f"{address}: {'on ' + ', '.join(hits) if hits else 'on no list'}")
        missing += not hits
    return 1 if missing else 0


@command.command("import")
@click.argument("table", metavar="FILE|-", type=click.File("rb"))
@click.option("--column", metavar="NAME|NUMBER", help="The column that has the addresses.")
@_about_a_list
def import_(lists: list[ListPath], table: BinaryIO, column: str | None) -> int:
    """Add the addresses of a table, CSV or TSV as other programs export it, to a list.

    The column is found by its addresses. A list that does not exist is created. Exit status 1 if
    rows were left out because they have no address.
    """
    where = _the_one(lists)
    try:
        read = read_table(table.read(), column, senders=where.senders)
    except BlacklistError as error:
        raise BlacklistError(f"{table.name}: {error}") from None
    added = editing.merge(where, read.entries)
    there, left_out = len(read.entries) - added, len(read.wrong)
    twice = read.rows - read.empty - left_out - len(read.entries)
    click.echo(
        f"{where.path}: {added:,} added of the {read.rows:,} rows of {table.name}, "
        f"column {quoted(read.column)}"
    )
    for number, what in (
        (there, "on the list already"),
        (twice, "more than once in the table"),
        (read.empty, "without a value"),
        (left_out, "left out, no address"),
    ):
        if number:
            click.echo(f"  {number:,} {what}")
    for line, value in read.wrong[:_SHOWN]:
        click.echo(f"    line {line}: {quoted(value)}")
    return 1 if left_out else 0


@command.command("list")
@_about_a_list
def list_(lists: list[ListPath]) -> int:
    """Print the entries of the lists, sorted, one a line."""
    for where in lists:
        for entry in sorted(_read_entries(where)):
            click.echo(entry.encode("utf-8", "backslashreplace"))
    return 0


@command.command("count")
@_about_a_list
def count(lists: list[ListPath]) -> int:
    """Print the number of entries of each list."""
    for where in lists:
        click.echo(f"{where.path}: {len(_read_entries(where)):,}")
    return 0


def _entries(addresses: Sequence[str], *, senders: bool) -> dict[str, str]:
    """Give the entry of each address; what is none is wrong use, and nothing is written."""
    try:
        return {each: editing.entry_of(each, senders=senders) for each in addresses}
    except BlacklistError as error:
        raise click.UsageError(str(error)) from None


def _read_entries(where: ListPath) -> Set[str]:
    """Read all entries of a list, however large it is."""
    content = read_file(where.path).content
    return parse(unpack(content, where.path, LARGEST), where.path, senders=where.senders)


def _read(where: ListPath) -> ListFile:
    found = look(where, None)
    if found is None:
        raise BlacklistError(being_written(where))
    return found


def _the_one(lists: list[ListPath]) -> ListPath:
    """Take the only list there is.

    Raises:
        click.UsageError: there are several.
    """
    if len(lists) > 1:
        names = ", ".join(each.path for each in lists)
        raise click.UsageError(f"there are several such lists; say --list with one of {names}")
    return lists[0]


def _lists(config: str | None, file: str | None, *, senders: bool) -> list[ListPath]:
    """Find the lists that a command line is about.

    Raises:
        click.UsageError: there are none, or the configuration can't be found.
        BlacklistError: the configuration is wrong.
    """
    if file is not None:
        return [ListPath(str(Path(file).absolute()), senders)]
    path = config or os.environ.get(_VARIABLE) or next(filter(os.path.exists, _PLACES), None)
    if path is None:
        raise click.UsageError("there is no configuration: name it with --config, or a --list.")
    found = [each for each in _configured(path) if each.senders == senders]
    if not found:
        kind = "senders" if senders else "recipients"
        raise click.UsageError(f"{path} names no list of {kind}: name one with --list.")
    return found


def _configured(path: str) -> tuple[ListPath, ...]:
    try:
        settings: Any = tomllib.loads(Path(path).read_text("utf-8"))
        for key in ("plugins", "blacklist", "settings"):
            settings = settings.get(key, {}) if isinstance(settings, dict) else {}
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise BlacklistError(f"{path}: {error}") from None
    try:
        return read_settings(settings, str(Path(path).absolute().parent)).lists()
    except BlacklistError as error:
        raise BlacklistError(f"{path}, [plugins.blacklist.settings]: {error}") from None
