"""The JSON Schema (draft 2020-12) of `hookframe.toml`, for editors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hookframe.api.decision import ACTIONS

Schema = dict[str, Any]
_TIME: Final[Schema] = {"type": "string", "pattern": r"^\s*[0-9]+(\.[0-9]+)?\s*(us|ms|s|m|h)\s*$"}
_SIZE: Final[Schema] = {"type": "string", "pattern": r"^\s*[0-9]{1,12}\s*(KiB|MiB|GiB)\s*$"}
_TEXT: Final[Schema] = {"type": "string", "minLength": 1}
_NUMBER: Final[Schema] = {"type": "integer", "minimum": 1}
_FLAG: Final[Schema] = {"type": "boolean"}


def build_config_schema(settings: Mapping[str, Schema]) -> Schema:
    """Return the schema of the configuration.

    Args:
        settings: the schemas of plugins' settings, by the name of the plugin.
    """
    tables = {name: _build_plugin_table(schema) for name, schema in settings.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "hookframe.toml",
        **_table(
            chain={"anyOf": [_list_of(_TEXT), {"const": "installed"}]},
            hook_file=_TEXT,
            trust_file_permissions=_FLAG,
            on_load_error={"enum": ["tempfail", "keep"]},
            deadline=_TIME,
            listen={"anyOf": [_TEXT, {**_list_of(_TEXT), "minItems": 1}]},
            allow_remote=_FLAG,
            workers=_NUMBER,
            state_directory=_TEXT,
            limits=_table(
                connections=_NUMBER,
                idle_time=_TIME,
                answer_time=_TIME,
                load_time=_TIME,
                max_memory=_SIZE,
                output_lines=_NUMBER,
            ),
            log=_table(directory=_TEXT, size=_SIZE, files=_NUMBER),
            plugins={
                "type": "object",
                "properties": tables,
                "additionalProperties": _build_plugin_table({"type": "object"}),
            },
        ),
    }


def _build_plugin_table(settings: Schema) -> Schema:
    return _table(
        use=_TEXT,
        mode={"enum": ["enforce", "shadow", "off"]},
        shadow_of=_TEXT,
        on_error={"enum": ["tempfail", "skip"]},
        may=_list_of({"enum": list(ACTIONS)}),
        deadline=_TIME,
        settings=settings,
    )


def _table(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _list_of(items: Schema) -> Schema:
    return {"type": "array", "items": items}
