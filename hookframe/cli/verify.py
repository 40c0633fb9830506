"""`hookframe verify`: whether a plugin keeps the rules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hookframe.cli.console import complain
from hookframe.cli.options import PolicyOptions
from hookframe.testing.verification.cases import EXAMPLES
from hookframe.testing.verification.check import Effort, HypothesisMissing, verify
from hookframe.testing.verification.process import HANGS
from hookframe.testing.verification.report import as_json, text_of
from hookframe.testing.verification.subjects import NoSubject, find_subjects

if TYPE_CHECKING:
    from hookframe.testing.verification.verdict import Verdict

_USED_WRONGLY = 2


@click.command("verify", short_help="Check that a plugin keeps the rules.")
@click.argument("target", metavar="PLUGIN|FILE|DIRECTORY")
@click.option("--config", metavar="FILE", help="Take the settings from this configuration.")
@click.option(
    "--examples",
    type=click.IntRange(min=1),
    default=EXAMPLES,
    show_default=True,
    help="Generate so many attempts.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Generate other attempts.")
@click.option(
    "--slow",
    type=click.FloatRange(min=0, min_open=True),
    help="Let a call take so many times the reference.  [default: 1000]",
)
@click.option(
    "--patience",
    type=click.FloatRange(min=0, min_open=True),
    default=HANGS,
    show_default=True,
    help="Kill it after so many seconds without progress.",
)
@click.option("--json", "as_report", is_flag=True, help="Print the report as JSON.")
def command(
    target: str,
    config: str | None,
    examples: int,
    seed: int,
    slow: float | None,
    patience: float,
    as_report: bool,
) -> int:
    """Try a plugin on thousands of attempts, and say which rules it breaks.

    PLUGIN is the name of an installed one, FILE a hook file, DIRECTORY a distribution or a
    collection of hook files. It runs in a process of its own. Of each fault the smallest attempt is
    shown that brings it to light. If there is any, the exit status is 1.

    \b
    Examples:
        hookframe verify blacklist --config hookframe.toml
        hookframe verify hook.py
        hookframe verify ./hookframe-hold
    """
    settings = None if config is None else PolicyOptions(config=config).config_path()
    try:
        subjects = find_subjects(target, settings)
        verdicts: list[Verdict] = []
        for subject in subjects:
            verdicts.append(verify(subject, Effort(examples, seed, slow, patience)))
            if not as_report:
                click.echo(text_of(verdicts[-1], seed, _absolute(settings)))
    except (NoSubject, HypothesisMissing) as error:
        complain(str(error))
        return _USED_WRONGLY
    if as_report:
        click.echo(json.dumps(as_json(verdicts, seed, _absolute(settings)), indent=2))
    return 0 if all(verdict.ok for verdict in verdicts) else 1


def _absolute(path: str | None) -> str | None:
    return None if path is None else str(Path(path).absolute())
