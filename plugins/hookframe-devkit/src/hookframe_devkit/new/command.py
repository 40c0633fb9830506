"""`hookframe new`: writes a new plugin with tests, packaging and CI."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from typing import Final

import click

from hookframe._text import one_line
from hookframe.cli.console import print_error, print_note
from hookframe.cli.new_files import write_new
from hookframe.plugins.finder import Installed
from hookframe_devkit.new.names import Names, check_module, parse_name
from hookframe_devkit.new.template import KINDS, About, render_project

_LONGEST_SUMMARY: Final = 120
"""the limit of contrib/CONTRIBUTING.md"""


@click.command("new", short_help="Start a plugin.")
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice(list(KINDS)),
    default="plugin",
    show_default=True,
    help="A plugin, a single hook file, or a wrapper around the chain.",
)
@click.option(
    "--directory", metavar="DIR", help="Its directory. Default: hookframe-NAME; for a file, NAME."
)
@click.option(
    "--summary", metavar="SENTENCE", default="", help="A description for its metadata and README."
)
@click.option("--author", default="", help="The copyright holder.")
@click.option("--email", metavar="ADDRESS", default="", help="The author's address.")
def command(
    name: str,
    kind: str,
    directory: str | None,
    **about: str,
) -> int:
    """Write a new plugin that can be built, installed, tested and used at once.

    A plugin and a wrapper are distributions, hookframe-NAME, with settings, tests, README, licence,
    tox and CI. A file is one hook file with its test. No file is ever overwritten.

    \b
    Examples:
        hookframe new hold
        hookframe new hold --kind file --directory /etc/hookframe/hold
    """
    names = _parse_name(name, kind)
    _check_about(kind, about)
    default = names.identifier if kind == "file" else names.distribution
    folder = Path(default if directory is None else directory)
    files = render_project(kind, names, About(**about))
    try:
        if folder.exists() and any(folder.iterdir()):
            print_error(
                f"nothing was written: {folder} already exists and is not empty; "
                "move it away, or use another directory with --directory"
            )
            return 1
        write_new({folder / path: content for path, content in files.items()})
    except OSError as error:
        print_error(f"nothing was written: {error.filename or folder}: {error.strerror or error}")
        return 1
    if kind != "file":
        _note_others(names)
    _print_next_steps(folder, kind, len(files))
    return 0


def _parse_name(name: str, kind: str) -> Names:
    try:
        names = parse_name(name)
        if kind == "file":
            check_module(names)
    except ValueError as error:
        raise click.UsageError(f"NAME: {error}.") from None
    return names


def _check_about(kind: str, about: Mapping[str, str]) -> None:
    """Reject text that metadata can't hold, such as bytes that are not UTF-8."""
    if kind == "file" and (about["author"] or about["email"]):
        raise click.UsageError("--author and --email are for metadata, and a file has none.")
    for option, text in about.items():
        if not text.isprintable():
            raise click.UsageError(f"--{option} is {text!a}: it must be one line of text.")
    length = len(about["summary"])
    if length > _LONGEST_SUMMARY:
        raise click.UsageError(
            f"--summary has {length} characters: shorten it to {_LONGEST_SUMMARY} at most."
        )


def _note_others(names: Names) -> None:
    """Print a note if the name is already used by an installed plugin."""
    for claim in Installed.scan().claims(names.name):
        if claim.distribution == names.distribution:
            text = "has the same name and is installed here; pip will replace it by yours"
        else:
            text = f"also has a plugin {names.name!r}; with both installed, neither can be used"
        print_note(f"{claim.distribution} {claim.version} {text}")


def _print_next_steps(folder: Path, kind: str, count: int) -> None:
    project_itself = "" if kind == "file" else "--editable . "
    click.echo(f"Wrote {count} files into {one_line(str(folder))}. Now try:")
    if folder != Path():
        click.echo(f"  cd {quote(str(folder))}")
    click.echo(f"  pip install {project_itself}hookframe-devkit")
    click.echo("  pytest")
    click.echo("  hookframe decide --explain recipient=jane@slow.example")
    click.echo("  hookframe verify .")
