"""`hookframe verify`: checks that plugins keep the rules."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from hookframe.api.errors import ConfigError
from hookframe.cli.console import print_config_errors, print_error
from hookframe.cli.options import PolicyOptions, policy_options
from hookframe_devkit.conformance.checks.cases import EXAMPLES
from hookframe_devkit.conformance.parent import HANGS
from hookframe_devkit.conformance.report import format_json, text_of
from hookframe_devkit.conformance.runner import Effort, verify
from hookframe_devkit.conformance.settings import Lookup, NoTarget
from hookframe_devkit.conformance.targets import find_targets, targets_of

if TYPE_CHECKING:
    from hookframe_devkit.conformance.result import Result
    from hookframe_devkit.conformance.targets import Target

_USED_WRONGLY = 2


@click.command("verify", short_help="Check that a plugin keeps the rules.")
@click.argument("target", metavar="[PLUGIN|FILE|DIRECTORY]", required=False)
@click.option(
    "--examples",
    type=click.IntRange(min=1),
    default=EXAMPLES,
    show_default=True,
    help="How many attempts to generate.",
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="The seed of generated attempts."
)
@click.option(
    "--slow",
    type=click.FloatRange(min=0, min_open=True),
    help="How many times slower than a small reference hook a call may be.  [default: 1000]",
)
@click.option(
    "--patience",
    type=click.FloatRange(min=0, min_open=True),
    default=HANGS,
    show_default=True,
    help="Kill a plugin after this many seconds without progress.",
)
@click.option("--json", "as_report", is_flag=True, help="Print the report as JSON.")
@policy_options
def command(
    policy: PolicyOptions,
    target: str | None,
    examples: int,
    seed: int,
    slow: float | None,
    patience: float,
    as_report: bool,
) -> int:
    """Try a plugin on thousands of attempts, and report which rules it breaks.

    PLUGIN is the name of an installed plugin, FILE a hook file, DIRECTORY a distribution or a
    collection of hook files. By default every plugin of the chain is tried. Each runs in a separate
    process. For each fault the smallest failing attempt is shown. The exit status is 1 if any rule
    is broken.

    The settings come from --config, else from [tool.hookframe.verify.PLUGIN] in the project's
    pyproject.toml, else from the default configuration. The report shows their source.

    \b
    Examples:
        hookframe verify blacklist --config hookframe.toml
        hookframe verify hook.py
        hookframe verify ./hookframe-hold
    """
    try:
        targets = _chain(policy) if target is None else _named(target, policy)
        results: list[Result] = []
        for each in targets:
            results.append(verify(each, Effort(examples, seed, slow, patience)))
            if not as_report:
                click.echo(text_of(results[-1], seed))
    except NoTarget as error:
        print_error(str(error))
        return _USED_WRONGLY
    except ConfigError as error:
        print_config_errors(error)
        return 1
    if as_report:
        click.echo(json.dumps(format_json(results, seed), indent=2))
    return 0 if all(result.ok for result in results) else 1


def _chain(policy: PolicyOptions) -> list[Target]:
    """List every plugin of the chain."""
    config = policy.find_source().read().config
    if isinstance(config, ConfigError):
        raise config
    return targets_of(config, _lookup(policy))


def _named(target: str, policy: PolicyOptions) -> list[Target]:
    if policy.without_configuration:
        raise click.UsageError(
            f"--hook-file and --plugin can't be combined with {target}: use one or the other."
        )
    return find_targets(target, _lookup(policy))


def _lookup(policy: PolicyOptions) -> Lookup:
    """Look settings up in the named configuration, or in the default one."""
    if policy.config is not None:
        return Lookup(named=policy.config_path())
    return Lookup(default=None if policy.without_configuration else policy.config_path())
