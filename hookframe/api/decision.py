"""The decision: the declaration of its five actions, and their check."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, NotRequired, TypedDict, cast, get_type_hints

from hookframe._text import did_you_mean, one_line, short_repr
from hookframe.api.errors import InvalidDecision
from hookframe.api.plugin_code import calls_plugins
from hookframe.api.readonly import make_view

_CONTROL: Final = r"\u0000-\u001f\u007f-\u009f"
_WHITE_SPACE: Final = r"\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_SURROGATES: Final = r"\ud800-\udfff"


@dataclass(frozen=True, slots=True)
class Text:
    """Constraints of a key's value; the check and the JSON Schema are both built from them.

    Args:
        forbidden: the characters that are not allowed, as a regular expression's character class
            without its brackets.
        what: a description of these characters, for error texts.
        shortest: the minimum length in characters.
        longest: the maximum length in characters, None for no limit.
        accepts_id: whether an `int` is accepted and converted to its decimal form.
    """

    forbidden: str
    what: str
    shortest: int = 0
    longest: int | None = None
    accepts_id: bool = False


Message = Annotated[str, Text(_CONTROL, "control characters", longest=500)]
VirtualMTA = Annotated[str, Text(_CONTROL, "control characters", shortest=1, accepts_id=True)]
Address = Annotated[str, Text(_CONTROL + _WHITE_SPACE, "white space or control characters")]
Domain = Annotated[
    str, Text(_CONTROL + _WHITE_SPACE, "white space or control characters", shortest=1)
]


class Normal(TypedDict):
    """No change."""

    action: Literal["normal"]
    reason: NotRequired[str | None]
    deliver_as_if_to_domain: NotRequired[Domain | None]


class Pause(TypedDict):
    """Simulate a deferral."""

    action: Literal["pause"]
    reason: NotRequired[str | None]
    message: NotRequired[Message | None]


class Dump(TypedDict):
    """Remove from the queue, simulate a bounce."""

    action: Literal["dump"]
    reason: NotRequired[str | None]
    message: NotRequired[Message | None]


class NewMtaid(TypedDict):
    """Use another VirtualMTA."""

    action: Literal["new_mtaid"]
    reason: NotRequired[str | None]
    new_mtaid: VirtualMTA | int
    deliver_as_if_to_domain: NotRequired[Domain | None]


class NewConfig(TypedDict):
    """Change delivery attributes."""

    action: Literal["new_config"]
    reason: NotRequired[str | None]
    new_mtaid: NotRequired[VirtualMTA | int | None]
    new_sender: NotRequired[Address | None]


REASON: Final = "reason"
"""The key that any vote may carry: why, in the plugin's words (CONTRACT 1). No decision has it."""
LONGEST_REASON: Final = 300
"""In characters."""

Decision = Normal | Pause | Dump | NewMtaid | NewConfig

TEMPFAIL_MESSAGE: Final = "Error in pre_delivery_attempt_hook (see logfile)"
NORMAL: Final = cast("Decision", make_view({"action": "normal"}))
TEMPFAIL: Final = cast("Decision", make_view({"action": "pause", "message": TEMPFAIL_MESSAGE}))


def make_temporary_failure() -> Decision:
    """Return a new temporary failure as callers receive it: marked as an error (CONTRACT 5)."""
    return cast("Decision", {"action": "pause", "message": TEMPFAIL_MESSAGE, "error": True})


@dataclass(frozen=True, slots=True)
class Key:
    """One key that an action may carry, with the compiled pattern of forbidden characters."""

    name: str
    text: Text
    required: bool
    forbidden: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Action:
    """One action with its keys and its strictness: 2 for dump, 1 for pause, 0 for routing."""

    name: str
    meaning: str
    keys: Mapping[str, Key]
    required: tuple[str, ...]
    strictness: int


def _read_declaration(kind: type) -> Action:
    """Convert the declaration of an action for the check and the schema."""
    hints = get_type_hints(kind, include_extras=True)
    name = hints.pop("action").__args__[0]
    del hints[REASON]
    keys = {key: _read_key(key, hint) for key, hint in hints.items()}
    return Action(
        name,
        (kind.__doc__ or "").strip(),
        keys,
        tuple(key for key, declared in keys.items() if declared.required),
        {"pause": 1, "dump": 2}.get(name, 0),
    )


def _read_key(name: str, hint: Any) -> Key:
    required = getattr(hint, "__origin__", None) is not NotRequired
    text = next(_find_texts(hint))
    return Key(name, text, required, re.compile(f"[{text.forbidden}{_SURROGATES}]"))


def _find_texts(hint: Any) -> Any:
    """Yield each `Text` of a hint, at any depth of nesting."""
    yield from (extra for extra in getattr(hint, "__metadata__", ()) if isinstance(extra, Text))
    for inner in getattr(hint, "__args__", ()):
        yield from _find_texts(inner)


ACTIONS: Final[Mapping[str, Action]] = MappingProxyType(
    {
        action.name: action
        for action in map(_read_declaration, (Normal, Pause, Dump, NewMtaid, NewConfig))
    }
)
_TRADE_WORDS: Final = {
    **dict.fromkeys(("bounce", "reject", "drop", "discard", "block"), "dump"),
    **dict.fromkeys(("defer", "tempfail", "hold", "delay"), "pause"),
    **dict.fromkeys(("accept", "deliver", "pass"), "normal"),
    "route": "new_mtaid",
}
"""What other mail servers call our actions."""
ACCUMULATED_ACTIONS: Final[Mapping[str, Action]] = MappingProxyType(
    {
        **ACTIONS,
        "new_config": replace(
            ACTIONS["new_config"],
            keys={**ACTIONS["normal"].keys, **ACTIONS["new_config"].keys},
        ),
    }
)
"""The actions of an accumulated decision: one plugin may have set the domain and another the
envelope sender, which no single plugin can return together."""


def check_decision(returned: object, actions: Mapping[str, Action] = ACTIONS) -> Decision:
    """Check what a plugin returned against the action schema; arguments as for `read_vote`.

    Returns:
        A new dict with the keys whose value is not None, without the reason; each value is a `str`.

    Raises:
        InvalidDecision: the schema does not allow it; the text says what and where.
    """
    return read_vote(returned, actions)[0]


def read_vote(returned: object, actions: Mapping[str, Action] = ACTIONS) -> tuple[Decision, str]:
    """Check what a plugin returned, and take its reason out of it.

    Args:
        returned: any object but None.
        actions: the allowed actions: `ACTIONS` for a plugin, `ACCUMULATED_ACTIONS` for a wrapper,
            which returns the decision of the whole chain.

    Returns:
        The checked decision, and its reason on one line of at most `LONGEST_REASON` characters;
        empty if it has none.

    Raises:
        InvalidDecision: the schema does not allow it; the text says what and where. Whatever the
            reason is, it never makes a decision invalid.
    """
    given: dict[Any, Any] = returned if type(returned) is dict else _as_dict(returned)
    name: Any = given.get("action")
    try:
        action = actions[name]
    except (KeyError, TypeError):
        raise InvalidDecision(_describe_unknown_action(name)) from None
    decision: dict[str, str] = {"action": action.name}
    reason = ""
    for key, value in given.items():
        if key == "action" or value is None:
            continue
        declared = action.keys.get(key)
        if declared is None:
            if key == REASON:
                reason = _clean_reason(value)
                continue
            raise InvalidDecision(_describe_unknown_key(key, action))
        decision[declared.name] = _check_value(declared, value)
    for key in action.required:
        if key not in decision:
            raise InvalidDecision(f"the action {action.name} requires the key {key}")
    return cast("Decision", decision), reason


def _clean_reason(value: object) -> str:
    """Return a reason on one line, cut where it is too long."""
    text = str.__str__(value) if isinstance(value, str) else short_repr(value)
    line = one_line(text[: LONGEST_REASON + 1])
    return line if len(line) <= LONGEST_REASON else f"{line[: LONGEST_REASON - 1]}…"


@calls_plugins
def _as_dict(returned: object) -> dict[Any, Any]:
    if not isinstance(returned, Mapping):
        raise InvalidDecision(
            f"expected a mapping with an action, or None; got {type(returned).__name__}"
        )
    return dict(returned)


def _check_value(key: Key, value: Any) -> str:
    text = value if type(value) is str else _convert_to_text(key, value)
    declared = key.text
    if key.forbidden.search(text) is not None:
        raise InvalidDecision(_describe_forbidden(key, text))
    if len(text) < declared.shortest:
        raise InvalidDecision(f"{key.name} is empty")
    if declared.longest is not None and len(text) > declared.longest:
        raise InvalidDecision(
            f"{key.name} has {len(text)} characters; at most {declared.longest} are allowed"
        )
    return text


def _convert_to_text(key: Key, value: Any) -> str:
    if isinstance(value, str):
        return str.__str__(value)
    if key.text.accepts_id and isinstance(value, int) and not isinstance(value, bool):
        try:
            return int.__repr__(value)
        except ValueError:  # an int of more digits than Python will print
            raise InvalidDecision(f"{key.name} is too large a number to be an id") from None
    expected = "a string or an int" if key.text.accepts_id else "a string"
    raise InvalidDecision(f"{key.name} must be {expected}, not {type(value).__name__}")


def _describe_forbidden(key: Key, text: str) -> str:
    if re.search(f"[{_SURROGATES}]", text):
        return f"{key.name} is not valid UTF-8 when encoded: {short_repr(text)}"
    return f"{key.name} must not contain {key.text.what}: {short_repr(text)}"


def _describe_unknown_action(name: object) -> str:
    known = ", ".join(ACTIONS)
    if name is None:
        return f"the key action is missing; expected one of {known}"
    ours = _TRADE_WORDS.get(name.lower()) if isinstance(name, str) else None
    hint = f" (did you mean {ours}?)" if ours else did_you_mean(name, ACTIONS)
    return f"unknown action {short_repr(name)}{hint}; expected one of {known}"


def _describe_unknown_key(key: object, action: Action) -> str:
    everywhere = {REASON, *(name for other in ACTIONS.values() for name in other.keys)}
    carried = ", ".join((*action.keys, REASON))
    if key in everywhere:
        return f"the action {action.name} does not carry the key {key}; it may carry {carried}"
    hint = did_you_mean(key, everywhere)
    return f"unknown key {short_repr(key)}{hint}; {action.name} may carry {carried}"
