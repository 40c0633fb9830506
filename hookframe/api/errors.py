"""The error classes: one tree below `HookframeError`, and `DeadlineExceeded`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Phase = Literal["load", "attempt", "observe", "close"]


class HookframeError(Exception):
    """The base class of all errors that hookframe raises on purpose."""


class InvalidAttempt(HookframeError):
    """An attempt that lacks a key or carries one with a wrong value.

    Args:
        text: what was seen and what was expected.
        key: the wrong key; None if the whole request can't be read.
    """

    def __init__(self, text: str, key: str | None = None) -> None:
        super().__init__(text)
        self.key = key


class InvalidDecision(HookframeError):
    """A return value that the action schema does not allow; the text says what and where.

    A plugin that runs code of another language may raise it for a returned value that has no
    counterpart in Python: the attempt fails as after any invalid return.
    """


class CodeFileError(HookframeError):
    """An error in a plugin's code file, in the words of that code's language.

    A plugin that runs code of another language raises it for the author of that code: the log
    has the text as it is, without the name of a Python exception or a line of Python.

    Args:
        text: the language's own error text, with the line.
        file: the path of the file.
    """

    def __init__(self, text: str, file: str) -> None:
        super().__init__(text)
        self.text = text
        self.file = file

    def __str__(self) -> str:
        return f"{self.text} ({self.file})"


class LogUnusable(HookframeError):
    """A log that can't be written; the text has the place, the reason, and what to do."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a configuration file.

    Args:
        key: the dotted key, empty for the file as a whole.
        text: what was seen, what was expected, and what to do.
        line: the line of the file, from 1; None if the mistake has no line (a missing key).
    """

    key: str
    text: str
    line: int | None = None

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line is not None else ""
        return f"{where}{self.key}: {self.text}" if self.key else f"{where}{self.text}"


class ConfigError(HookframeError):
    """A configuration with one or more mistakes, all of them reported at once.

    Args:
        path: the path of the file, as the user wrote it.
        problems: every mistake, in the order of the file.
    """

    def __init__(self, path: str, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(f"{path}: {problem}" for problem in problems))
        self.path = path
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Origin:
    """A plugin's name and source; every error and every trace entry has one.

    Args:
        plugin: the name in the chain; "file" for the hook file.
        distribution: the installed distribution, or the path of the hook file.
        version: the distribution's version; empty for the hook file.
    """

    plugin: str
    distribution: str = ""
    version: str = ""

    def __str__(self) -> str:
        source = " ".join(part for part in (self.distribution, self.version) if part)
        return f"plugin {self.plugin}" + (f", {source}" if source else "")


class PluginError(HookframeError):
    """An error that one plugin caused.

    Args:
        origin: the plugin, its distribution and version.
        phase: "load", "attempt", "observe" (its ``decided``) or "close".
        text: what happened, on one line.
        cause: the exception that caused it, if there is one.
    """

    def __init__(
        self, origin: Origin, phase: Phase, text: str, cause: BaseException | None = None
    ) -> None:
        super().__init__(text)
        self.origin = origin
        self.phase = phase
        self.text = text
        self.cause = cause

    def __str__(self) -> str:
        return f"{self.text} ({self.origin})"


class LoadError(PluginError):
    """A plugin or a hook file that can't become part of a chain."""

    def __init__(self, origin: Origin, text: str, cause: BaseException | None = None) -> None:
        super().__init__(origin, "load", text, cause)


class ChainError(HookframeError):
    """A chain that can't be built, with the load error of every plugin that failed.

    Args:
        errors: the load errors.
    """

    def __init__(self, errors: tuple[LoadError, ...]) -> None:
        super().__init__("; ".join(str(error) for error in errors))
        self.errors = errors


class DeadlineExceeded(BaseException):
    """A hook ran longer than its deadline.

    It is not an `Exception`, so that a hook's `except Exception` does not swallow it.

    Args:
        text: how long the hook ran, and the deadline that it exceeded.
        deadline: that deadline in seconds.
        whole: whether it is the deadline of the whole chain, after which nothing can be skipped.
    """

    def __init__(self, text: str, deadline: float, *, whole: bool = False) -> None:
        super().__init__(text)
        self.deadline = deadline
        self.whole = whole
