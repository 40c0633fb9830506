"""`hookframe plugins`: the chain and the other installed plugins, without importing any."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click

from hookframe.cli.commands.plugins.about import show_plugin
from hookframe.cli.commands.plugins.metadata import read_metadata
from hookframe.cli.commands.plugins.status import ChainRow, PluginsStatus, UnusedPlugin, compare
from hookframe.cli.commands.plugins.view import show_available, show_chain
from hookframe.cli.console import print_config_errors, print_error, print_note
from hookframe.cli.options import PolicyOptions, policy_options
from hookframe.plugins.finder import Installed, list_damaged


@click.command("plugins", short_help="Show the chain.")
@click.argument("name", metavar="[NAME]", required=False)
@click.option(
    "--available",
    is_flag=True,
    help="Show only plugins that are not in the chain, with summary, author and link.",
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@policy_options
def command(policy: PolicyOptions, name: str | None, available: bool, as_json: bool) -> int:
    """Show the chain in order, and the installed plugins that are not in it.

    With NAME: show that installed plugin, and its settings with their defaults if it declares them.

    Without NAME no plugin is imported, so this works even if one is broken. The exit status is 1 if
    the configuration is wrong, a plugin of the chain is missing, or two distributions use the same
    plugin name.

    \b
    Examples:
        hookframe plugins
        hookframe plugins blacklist
        hookframe plugins --available
        hookframe plugins --json --config /etc/hookframe/hookframe.toml
    """
    if name is not None:
        if available or policy != PolicyOptions():
            raise click.UsageError("NAME goes alone, or with --json: it asks about no policy.")
        return show_plugin(name, as_json=as_json)
    status = compare(policy.find_source().read(), Installed.scan())
    if status.config_error is not None:
        print_config_errors(status.config_error)
    shown = (_show_available if available else _show_chain)(status, as_json)
    problems = {each.name: each.problem for each in shown if each.problem is not None}
    for plugin, problem in problems.items():
        print_error(f"plugin {plugin}: {problem}")
    for note in [] if as_json else list_damaged():
        print_note(note)
    return 1 if status.config_error or problems else 0


def _show_chain(status: PluginsStatus, as_json: bool) -> list[ChainRow | UnusedPlugin]:
    chain, rest = status.chain, [other for other, _ in status.others]
    if as_json:
        _print_json(status, chain=[*map(asdict, chain)], installed=[*map(asdict, rest)])
    else:
        show_chain(chain, rest, known=status.config_error is None)
    return [*chain, *rest]


def _show_available(status: PluginsStatus, as_json: bool) -> list[ChainRow | UnusedPlugin]:
    described = [(other, read_metadata(found)) for other, found in status.others]
    if as_json:
        available = [{**asdict(other), **asdict(metadata)} for other, metadata in described]
        _print_json(status, available=available)
    else:
        show_available(described)
    return [other for other, _ in described]


def _print_json(status: PluginsStatus, **lists: list[dict[str, Any]]) -> None:
    problems = status.config_error.problems if status.config_error else ()
    report = {
        "config": status.config,
        "problems": [asdict(problem) for problem in problems],
        **lists,
        "notes": list_damaged(),
    }
    click.echo(json.dumps(report, indent=2))
