"""The host's log lines, written through loguru.

Templates are constant and values positional, because loguru formats a message that has keyword
arguments, and an address may contain braces.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, Final

from hookframe._text import escape, one_line
from hookframe.api.events import HOOK, Failure, ShadowVote
from hookframe.log.exceptions import LONGEST_EXCEPTION, describe_own

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from loguru import Logger

    from hookframe.api.errors import Origin, PluginError

_LOADING: Final = "error loading pre_delivery_attempt_hook: {}"
_ATTEMPT: Final = "error in pre_delivery_attempt_hook: msguid=[{}], recipient=[{}], error: {}"
_SHADOW: Final = "shadow: msguid=[{}], recipient=[{}], would have decided {} (plugin {})"
_DEPRECATED: Final = "deprecated: {} ({})"
_OUTPUT: Final = "plugin {}: {}"
_LEFT_OUT: Final = "plugin {}: {} more {} left out: it may print {} a second (limits.output_lines)"
LONGEST_TEXT: Final = 16384
"""The longest text, in characters, that is not cut."""


class Log:
    """The log of a host.

    Args:
        logger: a loguru logger; None for loguru's global one, which a program configures itself.
        upkeep: is called by `run_upkeep`.
    """

    limited: ClassVar[bool] = True
    """whether what plugins print is limited (`limits.output_lines`)"""

    def __init__(
        self, logger: Logger | None = None, upkeep: Callable[[], None] = lambda: None
    ) -> None:
        self._logger = logger if logger is not None else _get_global_logger()
        self._upkeep = upkeep
        self._muted = False

    def mute(self) -> None:
        """Log nothing until `unmute`."""
        self._muted = True

    def unmute(self) -> None:
        """Log again."""
        self._muted = False

    def run_upkeep(self) -> None:
        """Do periodic work: a daemon calls this regularly, even while the log is muted."""
        self._upkeep()

    def loading(self, problem: str) -> None:
        """Log why the chain can't be built."""
        if not self._muted:
            self._logger.error(_LOADING, _to_line(problem))

    def malformed(self, given: object, problem: str) -> None:
        """Log why a request is not an attempt."""
        if not self._muted:
            self._log_attempt(given, f"Invalid attempt: {_to_line(problem)}")

    def events(self, attempt: Mapping[str, Any], events: list[Failure | ShadowVote]) -> None:
        """Log the errors of an attempt, and the decisions of plugins in shadow mode."""
        if self._muted:
            return
        for event in events:
            if isinstance(event, Failure):
                skipped = ", skipped" if event.skipped else ""
                self._log_attempt(attempt, f"{_format_error(event.error)}{skipped}")
            else:
                decision = json.dumps(event.decision.copy(), ensure_ascii=False)
                ids = _find_ids(attempt)
                self._logger.info(_SHADOW, *ids, _to_line(decision), event.origin.plugin)

    def observer(self, attempt: Mapping[str, Any], error: PluginError) -> None:
        """Log an error of a plugin's `decided`; the decision stands."""
        if not self._muted:
            self._log_attempt(attempt, f"{_format_error(error)}, the decision stands")

    def lost(self, attempt: Mapping[str, Any], text: str) -> None:
        """Log why an attempt got no answer.

        Args:
            attempt: the keys that could be read.
            text: what happened, with the plugin's name.
        """
        if not self._muted:
            self._log_attempt(attempt, f"Exception running {HOOK}: {_to_line(text)}")

    def internal(self, given: object, error: BaseException) -> None:
        """Log an error of hookframe's own in an attempt."""
        if not self._muted:
            text = _to_line(describe_own(error))
            self._log_attempt(given, f"Internal error of hookframe: {text}")

    def deprecated(self, origin: Origin, notice: str) -> None:
        """Log that a plugin uses a deprecated part of the API."""
        if not self._muted:
            self._logger.warning(_DEPRECATED, _to_line(notice), _to_line(str(origin)))

    def output(self, plugin: str, line: str) -> None:
        """Log a line that a plugin has printed."""
        if not self._muted:
            self._logger.info(_OUTPUT, plugin, _to_line(line))

    def left_out(self, plugin: str, lines: int, allowed: int) -> None:
        """Log how many printed lines of a plugin were dropped.

        Args:
            plugin: the plugin's name.
            lines: the number of dropped lines.
            allowed: the number of lines that it may print in a second.
        """
        if not self._muted:
            word = "line" if lines == 1 else "lines"
            self._logger.warning(_LEFT_OUT, plugin, lines, word, allowed)

    def info(self, text: str) -> None:
        """Log an informational text."""
        if not self._muted:
            self._logger.info("{}", _to_line(text))

    def warning(self, text: str) -> None:
        """Log a warning."""
        if not self._muted:
            self._logger.warning("{}", _to_line(text))

    def error(self, text: str) -> None:
        """Log an error."""
        if not self._muted:
            self._logger.error("{}", _to_line(text))

    def _log_attempt(self, given: object, text: str) -> None:
        self._logger.error(_ATTEMPT, *_find_ids(given), one_line(text))


def _to_line(text: str) -> str:
    """Return a text on one line, cut at `LONGEST_TEXT`."""
    if len(text) > LONGEST_TEXT:
        text = f"{text[:LONGEST_TEXT]}… ({len(text)} characters)"
    return text if text.isprintable() else one_line(text)


def _format_error(error: PluginError) -> str:
    return f"{_to_line(error.text)} (plugin {error.origin.plugin})"


def _find_ids(given: object) -> tuple[str, str]:
    """Return the msguid and recipient of a request, which may not be an attempt."""
    return _find_id(given, "msguid"), _find_id(given, "recipient")


def _find_id(given: Any, key: str) -> str:
    try:
        return escape(str(given[key])[:LONGEST_EXCEPTION])
    except Exception:  # noqa: BLE001  (a caller's value: a missing key, or one that can't be shown)
        return ""


def _get_global_logger() -> Logger:
    from loguru import logger  # noqa: PLC0415  (loguru is slow to import)

    return logger
