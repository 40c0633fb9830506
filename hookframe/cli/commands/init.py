"""`hookframe init`: a starter configuration and hook file."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path
from shlex import quote
from typing import Final

import click

from hookframe.cli.console import print_error
from hookframe.cli.new_files import write_new
from hookframe.cli.options import CONFIG_NAME

STARTER: Final = {CONFIG_NAME: "hookframe.toml", "hook.py": "hook.py.txt"}
"""Each file to write, and its template."""
_TRIED: Final = "recipient=nobody@example.com"


@click.command("init", short_help="Write a starter policy.")
@click.argument("directory", metavar="[DIR]", default=".")
def command(directory: str) -> int:
    """Write a commented starter hookframe.toml and hook file into DIR (default: this directory).

    DIR is created if it does not exist. No file is ever overwritten.

    \b
    Example:
        hookframe init /etc/hookframe
    """
    folder = Path(directory)
    paths = {folder / name: source for name, source in STARTER.items()}
    existing = [str(path) for path in paths if os.path.lexists(path)]
    if existing:
        print_error(
            f"nothing was written: {' and '.join(existing)} already "
            f"{'exist; move them' if len(existing) > 1 else 'exists; move it'} away, "
            "or use another directory: hookframe init DIR"
        )
        return 1
    try:
        starter = files("hookframe.cli") / "templates"
        write_new({path: (starter / source).read_bytes() for path, source in paths.items()})
    except OSError as error:
        print_error(f"can't write {error.filename or directory}: {error.strerror or error}")
        return 1
    _print_next_steps(folder, list(paths))
    return 0


def _print_next_steps(folder: Path, written: list[Path]) -> None:
    option = "" if folder == Path() else f" --config {quote(str(folder / CONFIG_NAME))}"
    click.echo(f"Wrote {' and '.join(map(str, written))}. Now try:")
    click.echo(f"  hookframe check{option}")
    click.echo(f"  hookframe decide{option} --explain {_TRIED}")
