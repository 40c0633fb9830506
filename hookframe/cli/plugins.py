"""`hookframe plugins`: the chain, and what is installed and not in it; nothing is imported."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import click

from hookframe.cli.console import complain, complain_of_configuration, is_terminal
from hookframe.cli.options import PolicyOptions, policy_options
from hookframe.config import FILE, Config
from hookframe.discovery import Installed
from hookframe.errors import ConfigError, LoadError, Origin
from hookframe.escape import one_line

if TYPE_CHECKING:
    from hookframe.sources import Material

Status = Literal["ok", "missing", "conflict", "unusable"]
_CHAIN_HEADINGS: Final = ("#", "name", "distribution", "version", "mode", "status")
_REST_HEADINGS: Final = ("name", "distribution", "version", "status")


@dataclass(frozen=True, slots=True)
class Member:
    """One place in the chain.

    Args:
        position: from 1.
        name: the name in the chain.
        distribution: the installed distribution, or the path of the hook file; empty where there
            is none, or more than one.
        version: the distribution's version; empty for the hook file.
        mode: "enforce" or "shadow".
        status: "ok", "missing", "conflict" or "unusable".
        problem: why it can't be there; None where nothing is wrong.
    """

    position: int
    name: str
    distribution: str
    version: str
    mode: str
    status: Status
    problem: str | None


@dataclass(frozen=True, slots=True)
class Other:
    """An installed plugin that is not in the chain.

    Args:
        name: its name.
        distribution: its distribution.
        version: the distribution's version.
        status: "ok", "conflict" or "unusable".
        problem: why it could not be in the chain; None where nothing is wrong.
    """

    name: str
    distribution: str
    version: str
    status: Status
    problem: str | None


@click.command("plugins", short_help="Show the chain.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@policy_options
def command(policy: PolicyOptions, as_json: bool) -> int:
    """Show the chain in order, and what is installed and not in it.

    No plugin is imported, so this works whatever is wrong with one. The exit status is 1 if the
    configuration is wrong, a plugin of the chain is missing, or two distributions claim one name.

    \b
    Examples:
        hookframe plugins
        hookframe plugins --json --config /etc/hookframe/hookframe.toml
    """
    material = policy.source().look()
    installed = Installed.now()
    wrong = material.config if isinstance(material.config, ConfigError) else None
    config = material.config if isinstance(material.config, Config) else Config()
    chain = [] if wrong else _chain(config, material, installed)
    rest = _rest(installed, {member.name for member in chain})
    if wrong is not None:
        complain_of_configuration(wrong)
    if as_json:
        _print_json(chain, rest, wrong, config)
    else:
        _print(chain, rest, known=wrong is None)
    shown: list[Member | Other] = [*chain, *rest]
    problems = {each.name: each.problem for each in shown if each.problem is not None}
    for name, problem in problems.items():
        complain(f"plugin {name}: {problem}")
    return 1 if wrong or problems else 0


def _chain(config: Config, material: Material, installed: Installed) -> list[Member]:
    return [
        _member(position, name, config, material, installed)
        for position, name in enumerate(config.order(installed.names), start=1)
    ]


def _member(
    position: int, name: str, config: Config, material: Material, installed: Installed
) -> Member:
    mode = config.table(name).policy.mode
    if name == FILE and material.hook_file is not None:
        path, problem = material.hook_file.path, material.hook_file.error
        absent: Status = "unusable" if os.path.lexists(path) else "missing"
        return Member(position, name, path, "", mode, absent if problem else "ok", problem)
    status, problem = _standing(installed, name)
    claims = installed.claims(name)
    one = claims[0].origin if len(claims) == 1 else Origin(name)
    return Member(position, name, one.distribution, one.version, mode, status, problem)


def _rest(installed: Installed, used: set[str]) -> list[Other]:
    return [
        Other(name, claim.distribution, claim.version, *_standing(installed, name))
        for name in installed.names
        if name not in used
        for claim in installed.claims(name)
    ]


def _standing(installed: Installed, name: str) -> tuple[Status, str | None]:
    """Say whether a name can be used, and if not, why."""
    try:
        installed.find(name)
    except LoadError as error:
        claims = len(installed.claims(name))
        return "missing" if not claims else "conflict" if claims > 1 else "unusable", error.text
    return "ok", None


def _print_json(
    chain: Sequence[Member], rest: Sequence[Other], wrong: ConfigError | None, config: Config
) -> None:
    report: dict[str, Any] = {
        "config": wrong.path if wrong else config.path or None,
        "problems": [asdict(problem) for problem in wrong.problems] if wrong else [],
        "chain": [asdict(member) for member in chain],
        "installed": [asdict(other) for other in rest],
    }
    click.echo(json.dumps(report, indent=2))


def _print(chain: Sequence[Member], rest: Sequence[Other], *, known: bool) -> None:
    if chain:
        _table("The chain", _CHAIN_HEADINGS, (_chain_row(member) for member in chain))
    elif known:
        click.echo("The chain is empty: every attempt is normal.")
    else:
        click.echo("The chain is unknown until the configuration is mended.")
    if rest:
        click.echo()
        _table("Installed, and not in the chain", _REST_HEADINGS, map(_rest_row, rest))


def _chain_row(member: Member) -> tuple[str, ...]:
    return (
        str(member.position),
        member.name,
        member.distribution or "-",
        member.version or "-",
        member.mode,
        member.status,
    )


def _rest_row(other: Other) -> tuple[str, ...]:
    return other.name, other.distribution, other.version or "-", other.status


def _table(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table: drawn on a terminal, in plain aligned columns elsewhere."""
    shown = [tuple(one_line(cell) for cell in row) for row in rows]
    if is_terminal(sys.stdout):
        from hookframe.cli.tables import draw  # noqa: PLC0415  (rich)

        draw(title, headings, shown)
        return
    click.echo(f"{title}:")
    for line in _aligned([tuple(headings), *shown]):
        click.echo(f"  {line}".rstrip())


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
