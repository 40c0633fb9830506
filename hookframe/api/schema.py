"""JSON Schemas (draft 2020-12) of attempt and decision, built from the checked declarations."""

from __future__ import annotations

from typing import Any, Final

from hookframe.api.attempt import ATTEMPT_TYPES
from hookframe.api.decision import ACTIONS, LONGEST_REASON, REASON, Action, Key, Text

_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
_KINDS: Final[dict[type, dict[str, Any]]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"enum": [True, False, 1, 0]},
}


def build_attempt_schema() -> dict[str, Any]:
    """Return the schema of an attempt: nine required keys, and any others."""
    return {
        "$schema": _DRAFT,
        "title": "Attempt",
        "description": "One remote delivery attempt that is about to be made.",
        "type": "object",
        "properties": {key: _KINDS[kind] for key, kind in ATTEMPT_TYPES.items()},
        "required": list(ATTEMPT_TYPES),
        "additionalProperties": True,
    }


def build_decision_schema() -> dict[str, Any]:
    """Return the schema of what one plugin may return: one of the five actions with its keys."""
    return {
        "$schema": _DRAFT,
        "title": "Decision",
        "description": "What a plugin decides about one delivery attempt. "
        "A key whose value is null counts as absent.",
        "oneOf": [_build_action_schema(action) for action in ACTIONS.values()],
    }


def _build_action_schema(action: Action) -> dict[str, Any]:
    return {
        "type": "object",
        "description": action.meaning,
        "properties": {
            "action": {"const": action.name},
            **{key.name: _build_key_schema(key) for key in action.keys.values()},
            REASON: {
                "description": "Why, in the plugin's words: one line. A text of more than "
                f"{LONGEST_REASON} characters is cut, and none makes the decision invalid."
            },
        },
        "required": ["action", *action.required],
        "additionalProperties": {"type": "null"},
    }


def _build_key_schema(key: Key) -> dict[str, Any]:
    kinds = [_build_text_schema(key.text)]
    if key.text.accepts_id:
        kinds.append({"type": "integer"})
    if not key.required:
        kinds.append({"type": "null"})
    return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}


def _build_text_schema(text: Text) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string", "not": {"pattern": f"[{text.forbidden}]"}}
    if text.shortest:
        schema["minLength"] = text.shortest
    if text.longest is not None:
        schema["maxLength"] = text.longest
    return schema


SCHEMAS: Final = {"attempt": build_attempt_schema, "decision": build_decision_schema}
