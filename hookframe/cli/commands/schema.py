"""`hookframe schema`: the JSON Schema of what crosses the hook."""

from __future__ import annotations

import json

import click

from hookframe.api.schema import SCHEMAS


@click.command("schema", short_help="Print a JSON Schema.")
@click.argument("name", type=click.Choice(list(SCHEMAS)))
def command(name: str) -> int:
    """Print the JSON Schema (draft 2020-12) of an attempt, or of the decision of a plugin.

    hookframe checks attempts and decisions by the same schema.

    \b
    Example:
        hookframe schema decision > decision.schema.json
    """
    click.echo(json.dumps(SCHEMAS[name](), indent=2))
    return 0
