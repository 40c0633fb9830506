"""The output of `hookframe plugins NAME`: one installed plugin, and its settings."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import click

from hookframe._text import one_line
from hookframe.api.errors import LoadError
from hookframe.cli.commands.plugins.metadata import PluginMetadata, read_metadata
from hookframe.cli.console import print_error
from hookframe.plugins.entry_points import InstalledPlugin
from hookframe.plugins.finder import Installed
from hookframe.plugins.settings import Setting, SettingsError, list_settings


def show_plugin(name: str, *, as_json: bool) -> int:
    """Print where an installed plugin comes from, its documentation, settings and defaults.

    Args:
        name: the plugin's name.
        as_json: whether to print JSON.

    Returns:
        The exit status: 1 if there is no usable plugin of that name, or its settings can't be read.
    """
    settings, status = None, 0
    try:
        found = Installed.scan().find(name)
    except LoadError as error:
        print_error(f"plugin {name}: {error.text}")
        return 1
    try:
        settings = list_settings(name)
    except SettingsError as error:
        print_error(f"plugin {name}: {error}")
        status = 1
    about = read_metadata(found)
    if as_json:
        listed = None if settings is None else [*map(asdict, settings)]
        origin = {"name": name, "distribution": found.distribution, "version": found.version}
        click.echo(json.dumps({**origin, **asdict(about), "settings": listed}, indent=2))
    else:
        for line in (*_list_origin(found, about), *_list_settings(name, settings)):
            click.echo(one_line(line))
    return status


def _list_origin(found: InstalledPlugin, about: PluginMetadata) -> Iterator[str]:
    yield f"{found.name} ({found.distribution} {found.version})"
    texts = (about.summary, about.author and f"by {about.author}", about.link)
    yield from (f"    {text}" for text in texts if text)


def _list_settings(name: str, settings: Sequence[Setting] | None) -> Iterator[str]:
    yield ""
    if settings is None:
        yield "It declares no settings; its documentation says which there are."
        return
    yield f"[plugins.{name}.settings]" if settings else "It has no settings."
    for setting in settings:
        default = "" if setting.default is None else f" = {setting.default}"
        yield f"    {setting.name}{default}"
        if setting.text:
            yield f"        {setting.text}"
