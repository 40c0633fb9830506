"""The table `[plugins.perl.settings]`, checked; every mistake in it is reported at once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from hookframe import duration

DEADLINE: Final = "500ms"
_EXPECTED: Final = {
    "file": 'the path of the Perl file, such as "/etc/hookframe/hook.pl"',
    "perl": 'the Perl interpreter, as a name on the PATH or an absolute path; default "perl"',
    "deadline": f'how long a call may take, such as "100ms"; default "{DEADLINE}"',
}
_LONGEST_QUOTE: Final = 80


class SettingsError(ValueError):
    """Settings that can't be used; the text says which, why, and what is expected."""


class Settings(NamedTuple):
    """What the operator may set."""

    file: str
    """the absolute path of the Perl hook file"""
    perl: str
    """the absolute path of the interpreter"""
    deadline: float
    """seconds that a call of the hook may take"""


def read_settings(given: Mapping[str, Any], directory: str = "") -> Settings:
    """Check the settings as they stand in `hookframe.toml`.

    Args:
        given: the table, as TOML has it.
        directory: the directory to which a relative path is relative; empty refuses one.

    Raises:
        SettingsError: one or more of them are wrong; the text names all of them.
    """
    problems = list(_problems(given, directory))
    if problems:
        raise SettingsError("; ".join(problems))
    perl = shutil.which(given.get("perl", "perl"))
    return Settings(
        str(named_file(given, directory)), str(perl), duration(given.get("deadline", DEADLINE))
    )


def named_file(given: Mapping[str, Any], directory: str = "") -> str | None:
    """Give the hook file of settings that have not been checked; None where they name none."""
    file = given.get("file")
    if not isinstance(file, str) or not file or "\0" in file:
        return None
    path = Path(directory) / file
    return str(path) if path.is_absolute() else None


def _problems(given: Mapping[str, Any], directory: str) -> Iterator[str]:
    for key in given:
        if key not in _EXPECTED:
            yield f"unknown setting {_quoted(key)}; there are: {', '.join(_EXPECTED)}"
    if "file" not in given:
        yield f"file is missing: set it to {_EXPECTED['file']}"
    elif named_file(given, directory) is None:
        yield _wrong("file", given["file"])
    perl = given.get("perl", "perl")
    if not isinstance(perl, str) or not perl or "\0" in perl or ("/" in perl and perl[0] != "/"):
        yield _wrong("perl", perl)
    elif shutil.which(perl) is None:
        yield (
            f"perl is {_quoted(perl)}, and there is no such program: install it (Debian: apt-get "
            "install perl), or set perl to its absolute path"
        )
    try:
        duration(given.get("deadline", DEADLINE))
    except ValueError as error:
        yield f"deadline {error}"


def _wrong(key: str, value: object) -> str:
    return f"{key} is {_quoted(value)}: expected {_EXPECTED[key]}"


def _quoted(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}..."
