"""A plugin's settings, checked against a class: all mistakes at once, each with its key."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from hookframe._text import did_you_mean, short_repr

Path = tuple[str | int, ...]
"""The keys that lead to a setting, and places in lists, from 0."""
T = TypeVar("T")


class SettingsError(ValueError):
    """Settings with one or more mistakes; hookframe adds the lines of `hookframe.toml`.

    Args:
        mistakes: where each is, and what is wrong.
    """

    def __init__(self, mistakes: tuple[tuple[Path, str], ...]) -> None:
        super().__init__("; ".join(format_mistake(path, text) for path, text in mistakes))
        self.mistakes = mistakes


def read_settings(settings: Mapping[str, Any], options: type[T]) -> T:
    """Check a plugin's settings, and return them as an instance of a class.

    Args:
        settings: the table `[plugins.NAME.settings]`, as `configure` gets it.
        options: a msgspec Struct or a dataclass; its fields are the keys, and may be such classes
            again, and lists of them. A default makes a key optional.

    Returns:
        The instance.

    Raises:
        SettingsError: all mistakes: unknown, missing and wrong keys, at any depth. It is a
            ValueError, so a `configure` lets it pass.
    """
    mistakes = tuple(_find_mistakes(settings, options, ()))
    if mistakes:
        raise SettingsError(mistakes)
    try:
        return msgspec.convert(settings, options)
    except msgspec.ValidationError as error:  # of its `__post_init__`
        raise SettingsError((((), str(error).partition(" - at `$")[0]),)) from None


def format_mistake(path: Path, text: str) -> str:
    """Format one mistake: its key, with places in lists from 1, and what is wrong."""
    key = "".join(f" {part + 1}" if type(part) is int else f".{part}" for part in path)
    return f"{key.removeprefix('.')}: {text}" if path else text


def _find_mistakes(value: Any, kind: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Find the mistakes in a value and in everything nested in it."""
    fields = _list_fields(kind)
    items = get_args(kind) if get_origin(kind) is list else ()
    if fields is not None and isinstance(value, Mapping):
        yield from _find_in_table(value, fields, path)
    elif items and _list_fields(items[0]) is not None and isinstance(value, list):
        for number, item in enumerate(value):
            yield from _find_mistakes(item, items[0], (*path, number))
    elif fields is not None:
        yield path, f"must be a table, not {short_repr(value)}"
    else:
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            text = str(error).partition(" - at `$")[0].replace("`", "")
            yield path, f"{text[:1].lower()}{text[1:]}: {short_repr(value)}"


def _find_in_table(
    value: Mapping[str, Any], fields: Mapping[str, tuple[Any, bool]], path: Path
) -> Iterator[tuple[Path, str]]:
    for key, inner in value.items():
        if key not in fields:
            known = ", ".join(fields) or "none"
            yield (*path, key), f"unknown setting{did_you_mean(key, fields)}; there are: {known}"
        else:
            yield from _find_mistakes(inner, fields[key][0], (*path, key))
    for key, (_, required) in fields.items():
        if required and key not in value:
            yield path, f"{key} is missing; set it"


def _list_fields(kind: Any) -> dict[str, tuple[Any, bool]] | None:
    """List the fields of a class with their types, and whether they are required; None if none."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return {
            each.encode_name: (each.type, each.required) for each in msgspec.structs.fields(kind)
        }
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints, missing = get_type_hints(kind, include_extras=True), dataclasses.MISSING
        return {
            each.name: (
                hints[each.name],
                each.default is missing and each.default_factory is missing,
            )
            for each in dataclasses.fields(kind)
            if each.init
        }
    return None
