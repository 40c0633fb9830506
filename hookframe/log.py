"""The log: the host's own words for what happens, through loguru.

Templates are constant and values positional, because loguru formats a message that has keyword
arguments, and an address may hold braces.
"""

from __future__ import annotations

import json
import logging
import sys
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from hookframe.describe import LONGEST
from hookframe.escape import escape, one_line
from hookframe.step import Failure, ShadowVote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loguru import Logger

    from hookframe.errors import PluginError

_LOADING: Final = "error loading pre_delivery_attempt_hook: {}"
_ATTEMPT: Final = "error in pre_delivery_attempt_hook: msguid=[{}], recipient=[{}], error: {}"
_SHADOW: Final = "shadow: msguid=[{}], recipient=[{}], would have decided {} (plugin {})"
_OUTPUT: Final = "plugin {}: {}"
TERMINAL_FORMAT: Final = (
    "<dim>{time:YYYY-MM-DD HH:mm:ss.SSS}</dim> <level>{level: <7}</level> {message}"
)


class OncePerSecond:
    """Says whether a second has passed, before anything is formatted."""

    def __init__(self) -> None:
        self._next = 0.0

    def due(self) -> bool:
        """Say whether it is time again, and if so start the next second."""
        now = monotonic()
        if now < self._next:
            return False
        self._next = now + 1.0
        return True


class Log:
    """Writes what the host has to say.

    Args:
        logger: a loguru logger; None for loguru's global one, which a program sets up itself.
    """

    def __init__(self, logger: Logger | None = None) -> None:
        self._logger = logger if logger is not None else _global_logger()

    def loading(self, problem: str) -> None:
        """Say why the chain can't be built."""
        self._logger.error(_LOADING, one_line(problem))

    def malformed(self, given: object, problem: str) -> None:
        """Say why a request is no attempt."""
        self._attempt(given, f"Invalid attempt: {problem}")

    def events(self, attempt: Mapping[str, Any], events: list[Failure | ShadowVote]) -> None:
        """Say what went wrong in an attempt, and what plugins in shadow mode would have done."""
        for event in events:
            if isinstance(event, Failure):
                skipped = ", skipped" if event.skipped else ""
                name = event.error.origin.plugin
                self._attempt(attempt, f"{event.error.text} (plugin {name}){skipped}")
            else:
                decision = json.dumps(event.decision.copy(), ensure_ascii=False)
                ids = _ids(attempt)
                self._logger.info(_SHADOW, *ids, one_line(decision), event.origin.plugin)

    def observer(self, attempt: Mapping[str, Any], error: PluginError) -> None:
        """Say what went wrong when a plugin observed a decision; the decision stands."""
        name = error.origin.plugin
        self._attempt(attempt, f"{error.text} (plugin {name}), the decision stands")

    def output(self, plugin: str, line: str) -> None:
        """Pass on a line that a plugin has printed."""
        self._logger.info(_OUTPUT, plugin, one_line(line))

    def info(self, text: str) -> None:
        """Say something that is as it should be."""
        self._logger.info("{}", one_line(text))

    def warning(self, text: str) -> None:
        """Say something that somebody should look at."""
        self._logger.warning("{}", one_line(text))

    def error(self, text: str) -> None:
        """Say something that somebody must mend."""
        self._logger.error("{}", one_line(text))

    def _attempt(self, given: object, text: str) -> None:
        self._logger.error(_ATTEMPT, *_ids(given), one_line(text))


def _ids(given: object) -> tuple[str, str]:
    """Take from a request, attempt or not, what identifies it in the log."""
    return _id(given, "msguid"), _id(given, "recipient")


def _id(given: Any, key: str) -> str:
    try:
        return escape(str(given[key])[:LONGEST])
    except Exception:  # noqa: BLE001  (a caller's value: a missing key, or one that can't be shown)
        return ""


def _global_logger() -> Logger:
    from loguru import logger  # noqa: PLC0415  (loguru takes longest to import of all)

    return logger


def terminal_logger() -> Logger:
    """Make a logger of our own that writes readable lines to standard error.

    It is a copy of loguru's global one with its own sinks, so a plugin that calls
    `logger.remove()` silences itself only. Programs call this once, before a plugin is loaded.

    Returns:
        The logger; loguru's global one gets a sink of the same form, for plugins that use it.
    """
    from copy import deepcopy  # noqa: PLC0415

    logger = _global_logger()
    logger.remove()
    # A watch that is stopped while an event comes in says so as an error; it is none.
    logging.getLogger("watchdog").setLevel(logging.CRITICAL)
    own = deepcopy(logger)
    for each in (logger, own):
        each.add(sys.stderr, format=TERMINAL_FORMAT, diagnose=False, backtrace=False)
    return own
