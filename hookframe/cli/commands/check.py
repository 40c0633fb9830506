"""`hookframe check`: loads the policy, tries it, and reports every problem."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from hookframe._text import one_line
from hookframe.cli.child import PolicyDied, find_load_time, run_in_child
from hookframe.cli.commands.status.client import NoStatus, ask, can_be_asked
from hookframe.cli.console import print_error, print_note
from hookframe.cli.dry_run import DryRunResult, Finding, try_policy
from hookframe.cli.interrupt import Interrupt
from hookframe.cli.options import (
    NO_CONFIG,
    PolicyOptions,
    build_hook_file_config,
    build_perl_file_config,
    policy_options,
)
from hookframe.cli.samples import make_check_attempts
from hookframe.cli.stdio import take_output
from hookframe.host.source import GivenConfig
from hookframe.plugins.finder import list_damaged
from hookframe.plugins.versions import describe_upgrades, installed_versions

if TYPE_CHECKING:
    from hookframe.config.model import Config
    from hookframe.host.source import Source
    from hookframe.plugins.plugin import Plugin


@click.command("check", short_help="Check the policy.")
@click.argument("file", metavar="[FILE]", required=False)
@click.option(
    "--perl", metavar="FILE", help="Check this Perl hook file alone (needs hookframe-perl)."
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@policy_options
def command(policy: PolicyOptions, file: str | None, perl: str | None, as_json: bool) -> int:
    """Load the policy of the configuration, or one hook FILE alone, and try it.

    The chain decides a few sample attempts: an ordinary one, a bounce, long, quoted and
    internationalised addresses, a later attempt. Plugins really run: their side effects happen.
    Every problem is reported; if there is any, the exit status is 1. Without a policy it is 2.

    \b
    Examples:
        hookframe check
        hookframe check hook.py
        hookframe check --perl opt.pre_delivery_attempt_hook
        hookframe check --config /etc/hookframe/hookframe.toml && systemctl reload hookframe
    """
    source = _choose_source(policy, file, perl)
    try:
        with (
            run_in_child(find_load_time(source)) as phase,
            Interrupt() as interrupt,
            take_output(),
        ):
            result = try_policy(
                source, make_check_attempts(), interrupt.check, lambda: interrupt.received, phase
            )
    except PolicyDied as error:
        result = DryRunResult(None, findings=(Finding("load", str(error)),))
    notes = [*_list_notes(result), *list_damaged(), *_list_upgrades(result.config)]
    if as_json:
        click.echo(json.dumps(_build_report(result, notes), indent=2))
    else:
        _print(result, notes)
    return 1 if result.findings else 0


def _choose_source(policy: PolicyOptions, file: str | None, perl: str | None) -> Source:
    if file is None and perl is None:
        if not policy.without_configuration and policy.config_path() is None:
            raise click.UsageError(
                f"there is no policy to check: {NO_CONFIG}; name one with --config, or a hook FILE."
            )
        return policy.find_source()
    if policy != PolicyOptions() or None not in (file, perl):
        raise click.UsageError(
            "FILE and --perl each check one file alone: use one of them, and neither with "
            "--config, --hook-file or --plugin."
        )
    return GivenConfig(
        build_perl_file_config(perl) if file is None else build_hook_file_config(file)
    )


def _print(result: DryRunResult, notes: list[str]) -> None:
    for finding in result.findings:
        print_error(str(finding))
    for text in notes:
        print_note(one_line(text))
    if not result.findings:
        click.echo(one_line(f"ok: {_format_chain(result)}"))


def _list_notes(result: DryRunResult) -> list[str]:
    """List what is valid, but may be a mistake."""
    unused = result.config.unused if result.config is not None else ()
    return [
        *(f"{name} is configured, but not in the chain" for name in unused),
        *(f"{each.origin}: {notice}" for each in result.plugins for notice in each.deprecations),
        *result.remarks,
    ]


def _list_upgrades(config: Config | None) -> list[str]:
    """List the distributions that pip has installed since the running daemon loaded them."""
    address = next(filter(can_be_asked, config.listen), None) if config is not None else None
    if address is None:
        return []
    try:
        running = ask(address).get("versions")
    except NoStatus:  # no daemon runs, or not for this user
        return []
    if not isinstance(running, dict):
        return []
    running = {name: version for name, version in running.items() if isinstance(version, str)}
    return describe_upgrades(running, installed_versions(running))


def _format_chain(result: DryRunResult) -> str:
    return (
        ", ".join(map(_format_plugin, result.plugins))
        or "the chain is empty, every attempt is normal"
    )


def _format_plugin(plugin: Plugin) -> str:
    return f"{plugin.name} ({plugin.origin.distribution} {plugin.origin.version}".rstrip() + ")"


def _build_report(result: DryRunResult, notes: list[str]) -> dict[str, object]:
    config = result.config
    return {
        "ok": not result.findings,
        "chain": [
            {
                "position": position,
                "name": plugin.name,
                "distribution": plugin.origin.distribution,
                "version": plugin.origin.version,
                "mode": config.table(plugin.name).policy.mode if config else "enforce",
                "wrapper": plugin.wrapper,
            }
            for position, plugin in enumerate(result.plugins, start=1)
        ],
        "problems": [asdict(finding) for finding in result.findings],
        "notes": notes,
    }
