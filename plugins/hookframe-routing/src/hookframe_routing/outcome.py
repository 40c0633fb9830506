"""What a rule gives: its keys checked against the decision's schema, and made one decision."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, cast

from hookframe_routing.problems import Problem, WrongValueError, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hookframe import Decision

_LONGEST_MESSAGE: Final = 500
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_WHITE_SPACE: Final = re.compile(r"\s")
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")


def _string(value: object, what: str) -> str:
    """Check what every value must be: one line of text that can be sent."""
    if not isinstance(value, str):
        raise WrongValueError(f"{shown(value)}; expected {what}")
    if _CONTROL.search(value):
        raise WrongValueError(f"{shown(value)} has control characters; expected {what} on one line")
    if _SURROGATE.search(value):
        raise WrongValueError(f"{shown(value)} is not valid UTF-8 when encoded; expected {what}")
    return value


def _virtual_mta(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    name = _string(value, "the name or the number of a VirtualMTA")
    if not name:
        raise WrongValueError("is empty; expected the name or the number of a VirtualMTA")
    return name


def _without_space(value: object, what: str) -> str:
    text = _string(value, what)
    if _WHITE_SPACE.search(text):
        raise WrongValueError(f"{shown(value)} has white space; expected {what} without any")
    return text


def _address(value: object) -> str:
    return _without_space(value, 'an envelope address, or "" for the null sender')


def _domain(value: object) -> str:
    domain = _without_space(value, "a domain")
    if not domain:
        raise WrongValueError("is empty; expected a domain")
    return domain


def _message(value: object) -> str | None:
    if value is True:
        return None
    message = _string(value, "a message, or true for none")
    if len(message) > _LONGEST_MESSAGE:
        raise WrongValueError(
            f"a message of {len(message)} characters; expected at most {_LONGEST_MESSAGE}"
        )
    return message


def _only_true(value: object) -> None:
    if value is not True:
        raise WrongValueError(f"{shown(value)}; expected true")


_CHECKS: Final[Mapping[str, Callable[[object], str | None]]] = MappingProxyType(
    {
        "new_mtaid": _virtual_mta,
        "new_sender": _address,
        "deliver_as_if_to_domain": _domain,
        "pause": _message,
        "dump": _message,
        "normal": _only_true,
    }
)
OUTCOME_KEYS: Final = tuple(_CHECKS)
_ALONE: Final = ("pause", "dump", "normal")


def read_outcome(rule: Mapping[str, Any]) -> tuple[Decision | None, list[Problem]]:
    """Read what a rule gives.

    Args:
        rule: the rule's table; keys that are no outcome are ignored.

    Returns:
        The decision, None where the rule is an exception that leaves the attempt alone; and
        every mistake.
    """
    values: dict[str, str | None] = {}
    problems = []
    for key, check in _CHECKS.items():
        if key in rule:
            try:
                values[key] = check(rule[key])
            except WrongValueError as wrong:
                problems.append(Problem(key, str(wrong)))
    problems += _combination([key for key in _CHECKS if key in rule])
    return (None if problems else _decision(values)), problems


def _combination(present: list[str]) -> list[Problem]:
    """Check that what stands together can be one decision."""
    if not present:
        routes = ", ".join(OUTCOME_KEYS[:-1])
        text = f"gives nothing; expected one of {routes}, or normal = true for an exception"
        return [Problem("", text)]
    alone = [key for key in present if key in _ALONE]
    if alone and len(present) > 1:
        others = " and ".join(key for key in present if key != alone[0])
        return [Problem(alone[0], f"stands beside {others}; expected one or the other")]
    if "new_sender" in present and "deliver_as_if_to_domain" in present:
        text = (
            "stands beside new_sender; expected one or the other: no single decision carries "
            "both, so let another plugin of the chain give the second"
        )
        return [Problem("deliver_as_if_to_domain", text)]
    return []


def _decision(values: Mapping[str, str | None]) -> Decision | None:
    """Name the action that checked values amount to."""
    if "normal" in values:
        return None
    for verdict in ("pause", "dump"):
        if verdict in values:
            message = values[verdict]
            said = {} if message is None else {"message": message}
            return cast("Decision", {"action": verdict, **said})
    if "new_sender" in values:
        action = "new_config"
    else:
        action = "new_mtaid" if "new_mtaid" in values else "normal"
    return cast("Decision", {"action": action, **values})
