"""`hookframe schema`: the JSON Schema of what crosses the hook."""

from __future__ import annotations

import json

import click

from hookframe.api.schema import SCHEMAS
from hookframe.cli.options import PolicyOptions, policy_options


@click.command("schema", short_help="Print a JSON Schema.")
@click.argument("name", type=click.Choice(list(SCHEMAS)))
@policy_options
def command(policy: PolicyOptions, name: str) -> int:  # noqa: ARG001
    """Print the JSON Schema (draft 2020-12) of an attempt, or of the decision of a plugin.

    hookframe checks attempts and decisions by the same schema. The policy options have no effect
    here.

    \b
    Example:
        hookframe schema decision > decision.schema.json
    """
    click.echo(json.dumps(SCHEMAS[name](), indent=2))
    return 0
