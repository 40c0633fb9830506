"""The table `[plugins.blacklist.settings]`, checked; every mistake in it is reported at once."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from hookframe import duration
from hookframe_blacklist.errors import BlacklistError, quoted
from hookframe_blacklist.listfile import ListPath

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hookframe import Decision

DEFAULT_MESSAGE: Final = "This address is on an internal blacklist. (#5.7.1)"
_LONGEST_MESSAGE: Final = 500

_DURATION: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h)")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}

_EXPECTED: Final = {
    "recipients": 'a path or a list of them, like ["/etc/hookframe/recipients.txt"]',
    "senders": 'a path or a list of them, like ["/etc/hookframe/senders.txt"]',
    "action": '"dump" (bounce) or "pause" (defer)',
    "message": "a string",
    "check_every": 'a duration like "500ms", "1s" or "5m"; "0s" looks at every attempt',
    "on_bad_line": '"error" (refuse the list) or "skip" (leave the line out)',
    "on_broken_list": '"error" (all mail waits) or "keep" (the last good list goes on)',
    "max_age": 'a duration like "90m" or "24h"',
}


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the operator may set.

    Args:
        recipients: files of recipients' addresses and `@domain` entries.
        senders: the same of envelope senders, where `<>` is the null sender.
        action: what happens to an attempt that matches.
        message: the status message of that bounce or deferral.
        check_every: how often at most the files are looked at, like "500ms" or "2s".
        on_bad_line: what happens to a list with a line that is no entry: the list is refused, or
            that line is left out, which is logged.
        on_broken_list: what happens while a list can't be used: all mail waits, or the last good
            list goes on, which is logged once a minute.
        max_age: for how long the last good list goes on, like "24h"; after that all mail waits.
    """

    recipients: str | list[str] = []
    senders: str | list[str] = []
    action: Literal["dump", "pause"] = "dump"
    message: str = DEFAULT_MESSAGE
    check_every: str = "1s"
    on_bad_line: Literal["error", "skip"] = "error"
    on_broken_list: Literal["error", "keep"] = "error"
    max_age: str = "24h"

    def decision(self) -> Decision:
        """What an attempt gets that matches: a mapping of its own, as a caller may change it."""
        if self.action == "pause":
            return {"action": "pause", "message": self.message}
        return {"action": "dump", "message": self.message}

    def lists(self) -> tuple[ListPath, ...]:
        """Every file that is named, recipients first, in the operator's order."""
        named = ((self.recipients, False), (self.senders, True))
        skip = self.on_bad_line == "skip"
        return tuple(
            ListPath(path, senders, skip) for value, senders in named for path in _paths(value)
        )

    def seconds(self) -> float:
        """`check_every`, in seconds."""
        match = _DURATION.fullmatch(self.check_every)
        return float(match[1]) * _SECONDS[match[2]] if match else 0.0


def read_settings(given: Mapping[str, Any], directory: str | None = None) -> Settings:
    """Check the settings as they stand in `hookframe.toml`.

    Args:
        given: the table, as TOML has it.
        directory: the directory to which relative paths are relative; None refuses them.

    Returns:
        The settings, with defaults for what is not set, and with absolute paths.

    Raises:
        BlacklistError: one or more settings are wrong; the text names all of them.
    """
    problems = [*_unknown_keys(given), *_wrong_types(given)]
    if problems:
        raise BlacklistError("; ".join(problems))
    settings = msgspec.convert(dict(given), Settings)
    if directory is not None:
        resolved = {
            key: [str(Path(directory) / path) for path in _paths(getattr(settings, key))]
            for key in ("recipients", "senders")
        }
        settings = msgspec.structs.replace(settings, **resolved)
    problems = list(_wrong_values(settings))
    if problems:
        raise BlacklistError("; ".join(problems))
    return settings


def _unknown_keys(given: Mapping[str, Any]) -> Iterator[str]:
    for key in given:
        if key not in _EXPECTED:
            yield f"unknown setting {quoted(key)}; there are: {', '.join(_EXPECTED)}"


def _wrong_types(given: Mapping[str, Any]) -> Iterator[str]:
    for field in msgspec.structs.fields(Settings):
        if field.name in given:
            try:
                msgspec.convert(given[field.name], field.type)
            except msgspec.ValidationError:
                yield _wrong(field.name, given[field.name])


def _wrong_values(settings: Settings) -> Iterator[str]:
    """Check what a type can't say."""
    if not settings.lists():
        yield (
            'no list is named: set recipients = ["/etc/hookframe/recipients.txt"], or senders, '
            "or both"
        )
    yield from _wrong_paths("recipients", settings.recipients)
    yield from _wrong_paths("senders", settings.senders)
    yield from _wrong_message(settings.message)
    if not _DURATION.fullmatch(settings.check_every):
        yield _wrong("check_every", settings.check_every)
    try:
        duration(settings.max_age)
    except ValueError:
        yield _wrong("max_age", settings.max_age)


def _wrong_paths(key: str, value: str | list[str]) -> Iterator[str]:
    seen = set()
    for path in _paths(value):
        # POSIX has no path with a zero byte; a relative one would depend on where hookframe was
        # started.
        if not os.path.isabs(path) or "\0" in path:  # noqa: PTH117  (the string as written)
            yield f"{key}: {quoted(path)} is not an absolute path: write it out, from / on"
        elif (plain := os.path.normpath(path)) in seen:
            yield f"{key}: {quoted(path)} is named twice: once is enough, take one out"
        else:
            seen.add(plain)


def _wrong_message(message: str) -> Iterator[str]:
    """Apply hookframe's rule for messages now, rather than to the first address that matches."""
    if len(message) > _LONGEST_MESSAGE:
        yield f"message has {len(message)} characters: shorten it to {_LONGEST_MESSAGE} at most"
    if any(unicodedata.category(character) == "Cc" for character in message):
        yield f"message {quoted(message)} has a control character: keep it on one line, of text"


def _wrong(key: str, value: object) -> str:
    return f"{key} is {quoted(value)}: expected {_EXPECTED[key]}"


def _paths(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
