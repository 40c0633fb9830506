"""The table `[plugins.routing.settings]`, checked; every mistake in it is reported at once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from hookframe import duration
from hookframe_routing.keys import ATTEMPT_KEYS, DOMAIN_KEYS
from hookframe_routing.problems import Problem, RoutingError, shown, spelled, unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ALWAYS: Final = re.compile(r"0+(?:\.0+)?(?:us|ms|s|m|h)")
"""No time at all, which `duration` does not take for one."""
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_EXPECTED: Final = {
    "file": 'the path of a TOML file, such as "/etc/hookframe/routing.toml"',
    "rule": "[[plugins.routing.settings.rule]] tables, in double brackets",
    "extra_keys": 'a list of keys that your MTA sends beyond the nine, such as ["size"]',
    "check_every": 'a duration, such as "500ms", "1s" or "5m"',
}


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the operator may set.

    Args:
        file: the rule file; exactly one of this and `rule`.
        rule: the rules themselves, as TOML gives them.
        extra_keys: keys beyond the nine of an attempt that rules may match.
        check_every: how often at most the rule file is looked at; "0s" is at every attempt.
    """

    file: str | None = None
    rule: list[Any] | None = None
    extra_keys: list[str] = []
    check_every: str = "1s"

    @property
    def further(self) -> frozenset[str]:
        """The keys beyond the nine, as a set."""
        return frozenset(self.extra_keys)

    @property
    def seconds(self) -> float:
        """`check_every`, in seconds."""
        return 0.0 if _ALWAYS.fullmatch(self.check_every) else duration(self.check_every)


def read_settings(given: Mapping[str, Any], directory: str | None = None) -> Settings:
    """Check the settings as they stand in `hookframe.toml`; the rules are not looked into yet.

    Args:
        given: the table, as TOML gives it.
        directory: the directory to which a relative path is relative; None refuses one.

    Returns:
        The settings, with defaults for what is not set, and with an absolute path.

    Raises:
        RoutingError: settings are wrong; the text names all of them.
    """
    problems = [*_unknown(given)]
    fits = {}
    for field in msgspec.structs.fields(Settings):
        if field.name in given:
            try:
                fits[field.name] = msgspec.convert(given[field.name], field.type)
            except msgspec.ValidationError:
                problems.append(_wrong(field.name, given[field.name]))
    if directory is not None and fits.get("file"):
        fits["file"] = str(Path(directory) / fits["file"])
    settings = Settings(**fits)
    problems += [*_source(given), *_values(settings)]
    if problems:
        raise RoutingError(problems)
    return settings


def _unknown(given: Mapping[str, Any]) -> Iterator[Problem]:
    for key in given:
        if key not in _EXPECTED:
            yield Problem(spelled(key), unknown(key, _EXPECTED, "setting"))


def _wrong(key: str, value: object) -> Problem:
    return Problem(key, f"{shown(value)}; expected {_EXPECTED[key]}")


def _source(given: Mapping[str, Any]) -> Iterator[Problem]:
    """Check that the rules are in exactly one place."""
    if "file" in given and "rule" in given:
        yield Problem("file", "stands beside rule; expected one or the other")
    if "file" not in given and "rule" not in given:
        text = f"there are no rules; expected file = {_EXPECTED['file']}, or {_EXPECTED['rule']}"
        yield Problem("", text)


def _values(settings: Settings) -> Iterator[Problem]:
    """Check what a type can't say."""
    path = settings.file
    # A relative path would depend on where hookframe was started.
    if path is not None and (not path.startswith("/") or _CONTROL.search(path)):
        yield _wrong("file", path)
    if settings.rule == []:
        yield Problem("rule", f"an empty list; expected {_EXPECTED['rule']}")
    for key in settings.extra_keys:
        if key in ATTEMPT_KEYS or key in DOMAIN_KEYS:
            text = f"{shown(key)} can be matched anyway; expected only further keys"
            yield Problem("extra_keys", text)
        elif not key:
            yield _wrong("extra_keys", key)
    try:
        _ = settings.seconds
    except ValueError:
        yield _wrong("check_every", settings.check_every)
