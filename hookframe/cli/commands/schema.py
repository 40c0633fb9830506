"""`hookframe schema`: the JSON Schema of what crosses the hook, and of the configuration."""

from __future__ import annotations

import json
from typing import Any

import click

from hookframe.api.schema import SCHEMAS
from hookframe.config.schema import build_config_schema
from hookframe.plugins.settings import build_schema, declared_settings


@click.command("schema", short_help="Print a JSON Schema.")
@click.argument("name", type=click.Choice([*SCHEMAS, "config"]))
def command(name: str) -> int:
    """Print the JSON Schema (draft 2020-12) of an attempt, of a decision, or of hookframe.toml.

    hookframe checks attempts and decisions by the same schema. That of the configuration is for
    editors; it has the settings of those installed plugins that declare them.

    \b
    Example:
        hookframe schema decision > decision.schema.json
    """
    click.echo(json.dumps(SCHEMAS[name]() if name in SCHEMAS else _build_config_schema(), indent=2))
    return 0


def _build_config_schema() -> dict[str, Any]:
    declared = declared_settings()
    return build_config_schema({name: build_schema(declared[name]) for name in sorted(declared)})
