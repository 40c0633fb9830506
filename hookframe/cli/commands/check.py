"""`hookframe check`: builds the chain, tries it, and says all that is wrong."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from hookframe._text import one_line
from hookframe.cli.console import complain, note
from hookframe.cli.dry_run import try_policy
from hookframe.cli.interrupt import Interrupt
from hookframe.cli.options import (
    PolicyOptions,
    hook_file_alone,
    perl_file_alone,
    policy_options,
)
from hookframe.cli.samples import checked_attempts
from hookframe.cli.stdio import private_output
from hookframe.host.source import GivenConfig

if TYPE_CHECKING:
    from hookframe.cli.dry_run import Verdict
    from hookframe.host.source import Source
    from hookframe.plugins.plugin import Plugin


@click.command("check", short_help="Say all that is wrong.")
@click.argument("file", metavar="[FILE]", required=False)
@click.option(
    "--perl", metavar="FILE", help="Check this Perl hook file alone (needs hookframe-perl)."
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@policy_options
def command(policy: PolicyOptions, file: str | None, perl: str | None, as_json: bool) -> int:
    """Build the chain of the configuration, or the one hook FILE alone, and try it.

    Every plugin is asked about a few sample attempts: an ordinary one, a bounce, addresses that are
    long, quoted or internationalised, a later attempt. What a plugin does beside deciding it does
    here too. If anything is wrong, all of it is said, and the exit status is 1.

    \b
    Examples:
        hookframe check
        hookframe check hook.py
        hookframe check --perl opt.pre_delivery_attempt_hook
        hookframe check --config /etc/hookframe/hookframe.toml && systemctl reload hookframe
    """
    source = _source(policy, file, perl)
    with Interrupt() as interrupt, private_output():
        verdict = try_policy(source, checked_attempts(), interrupt.check, lambda: interrupt.noted)
    if as_json:
        click.echo(json.dumps(_report(verdict), indent=2))
    else:
        _say(verdict)
    return 1 if verdict.findings else 0


def _source(policy: PolicyOptions, file: str | None, perl: str | None) -> Source:
    if file is None and perl is None:
        return policy.source()
    if policy != PolicyOptions() or None not in (file, perl):
        raise click.UsageError(
            "FILE is checked alone, and so is the one of --perl: leave it out, or leave out the "
            "other, --config, --hook-file and --plugin."
        )
    return GivenConfig(perl_file_alone(perl) if file is None else hook_file_alone(file))


def _say(verdict: Verdict) -> None:
    for finding in verdict.findings:
        complain(str(finding))
    for text in _notes(verdict):
        note(one_line(text))
    if not verdict.findings:
        click.echo(one_line(f"ok: {_chain(verdict)}"))


def _notes(verdict: Verdict) -> list[str]:
    """Say what is legal, and easily a mistake."""
    idle = verdict.config.idle if verdict.config is not None else ()
    return [
        *(f"{name} is configured, but not in the chain" for name in idle),
        *(f"{each.origin}: {notice}" for each in verdict.plugins for notice in each.deprecations),
        *verdict.remarks,
    ]


def _chain(verdict: Verdict) -> str:
    return ", ".join(map(_named, verdict.plugins)) or "the chain is empty, every attempt is normal"


def _named(plugin: Plugin) -> str:
    return f"{plugin.name} ({plugin.origin.distribution} {plugin.origin.version}".rstrip() + ")"


def _report(verdict: Verdict) -> dict[str, object]:
    config = verdict.config
    return {
        "ok": not verdict.findings,
        "chain": [
            {
                "position": position,
                "name": plugin.name,
                "distribution": plugin.origin.distribution,
                "version": plugin.origin.version,
                "mode": config.table(plugin.name).policy.mode if config else "enforce",
                "wrapper": plugin.wrapper,
            }
            for position, plugin in enumerate(verdict.plugins, start=1)
        ],
        "problems": [asdict(finding) for finding in verdict.findings],
        "notes": _notes(verdict),
    }
