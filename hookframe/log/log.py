"""The host's log lines, written through loguru.

Templates are constant and values positional, because loguru formats a message that has keyword
arguments, and an address may contain braces.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

from hookframe._text import escape, one_line
from hookframe.api.decision import REASON
from hookframe.api.events import HOOK, Failure, ShadowVote
from hookframe.log.exceptions import LONGEST_EXCEPTION, describe_own
from hookframe.log.rate import EqualLines

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from loguru import Logger

    from hookframe.api.decision import Decision
    from hookframe.api.errors import Origin, PluginError

_LOADING: Final = "error loading pre_delivery_attempt_hook: {}"
_ATTEMPT: Final = "error in pre_delivery_attempt_hook: msguid=[{}], recipient=[{}], error: {}"
_EQUAL: Final = "{} … and {:,} more like this in {} s"
_EQUAL_ATTEMPTS: Final = f"error in {HOOK}: error: {_EQUAL}"
_SHADOW: Final = "shadow: msguid=[{}], recipient=[{}], would have decided {} (plugin {})"
_DIFFERS: Final = f"{_SHADOW}, where {{}} decided {{}}"
_DEPRECATED: Final = "deprecated: {} ({})"
_OUTPUT: Final = "plugin {}: {}"
_LEFT_OUT: Final = "plugin {}: {} more {} left out: it may print {} a second (limits.output_lines)"
LONGEST_TEXT: Final = 16384
"""The longest text, in characters, that is not cut."""
_LONGEST_KIND: Final = 200
"""The characters by which two texts are compared."""
_TRACEBACK: Final = BaseException.__dict__["__traceback__"].__get__


class _Kind(NamedTuple):
    """What equal lines have in common."""

    level: str
    template: str
    """the template of the line that counts them"""
    plugin: str = ""
    place: str = ""


_INVALID: Final = _Kind("ERROR", _EQUAL_ATTEMPTS)
_INTERNAL: Final = _Kind("ERROR", _EQUAL_ATTEMPTS, place="internal")
_UNANSWERED: Final = _Kind("ERROR", _EQUAL_ATTEMPTS, place="unanswered")


class Log:
    """The log of a host.

    Args:
        logger: a loguru logger; None for loguru's global one, which a program configures itself.
        upkeep: is called by `run_upkeep`.
    """

    limited: ClassVar[bool] = True
    """whether equal lines, and what plugins print (`limits.output_lines`), are limited"""

    def __init__(
        self, logger: Logger | None = None, upkeep: Callable[[], None] = lambda: None
    ) -> None:
        self._logger = logger if logger is not None else _get_global_logger()
        self._upkeep = upkeep
        self._muted = False
        self._equal = EqualLines(self._write_equal)

    def replace(self, other: Log) -> None:
        """Write to the destination of another log from now on."""
        self._logger, self._upkeep = other._logger, other._upkeep

    def mute(self) -> None:
        """Log nothing until `unmute`."""
        self._muted = True

    def unmute(self) -> None:
        """Log again."""
        self._muted = False

    def run_upkeep(self, *, force: bool = False) -> None:
        """Do periodic work: a daemon calls this regularly, even while the log is muted.

        Args:
            force: whether to report all lines left out now, as before the program stops.
        """
        self._equal.report(force=force)
        self._upkeep()

    def loading(self, problem: str) -> None:
        """Log why the chain can't be built."""
        if not self._muted:
            self._write("ERROR", _LOADING, _to_line(problem))

    def malformed(self, given: object, problem: str) -> None:
        """Log why a request is not an attempt."""
        if not self._muted:
            self._write_attempt(_INVALID, given, f"Invalid attempt: {_to_line(problem)}")

    def unusable(self, attempt: object, problem: str) -> None:
        """Log why a decision can't be carried out."""
        if not self._muted:
            self._write_attempt(_INVALID, attempt, f"Invalid return from {HOOK}: {problem}")

    def events(self, attempt: Mapping[str, Any], events: list[Failure | ShadowVote]) -> None:
        """Log the errors of an attempt, and the decisions of plugins in shadow mode."""
        if self._muted:
            return
        for event in events:
            if isinstance(event, Failure):
                skipped = ", skipped" if event.skipped else ""
                self._write_error(attempt, event.error, skipped)
            else:
                self._write_vote(attempt, event)

    def observer(self, attempt: Mapping[str, Any], error: PluginError) -> None:
        """Log an error of a plugin's `decided`; the decision stands."""
        if not self._muted:
            self._write_error(attempt, error, ", the decision stands")

    def lost(self, attempt: Mapping[str, Any], text: str) -> None:
        """Log why an attempt got no answer.

        Args:
            attempt: the keys that could be read.
            text: what happened, with the plugin's name.
        """
        if not self._muted:
            self._write_attempt(_UNANSWERED, attempt, f"Exception running {HOOK}: {_to_line(text)}")

    def internal(self, given: object, error: BaseException) -> None:
        """Log an error of hookframe's own in an attempt."""
        if not self._muted:
            text = _to_line(describe_own(error))
            self._write_attempt(_INTERNAL, given, f"Internal error of hookframe: {text}")

    def deprecated(self, origin: Origin, notice: str) -> None:
        """Log that a plugin uses a deprecated part of the API."""
        if not self._muted:
            self._write("WARNING", _DEPRECATED, _to_line(notice), _to_line(str(origin)))

    def output(self, plugin: str, line: str, level: str = "INFO") -> None:
        """Log a line that a plugin has printed or logged."""
        if not self._muted:
            self._write(level, _OUTPUT, plugin, _to_line(line))

    def left_out(self, plugin: str, lines: int, allowed: int) -> None:
        """Log how many printed lines of a plugin were dropped.

        Args:
            plugin: the plugin's name.
            lines: the number of dropped lines.
            allowed: the number of lines that it may print in a second.
        """
        if not self._muted:
            word = "line" if lines == 1 else "lines"
            self._write("WARNING", _LEFT_OUT, plugin, lines, word, allowed)

    def info(self, text: str) -> None:
        """Log an informational text."""
        self._write_text("INFO", text)

    def warning(self, text: str) -> None:
        """Log a warning."""
        self._write_text("WARNING", text)

    def error(self, text: str) -> None:
        """Log an error."""
        self._write_text("ERROR", text)

    def _write_text(self, level: str, text: str) -> None:
        if not self._muted:
            line = _to_line(text)
            if self._admits(_Kind(level, _EQUAL, place=line[:_LONGEST_KIND]), line):
                self._write(level, "{}", line)

    def _write_error(self, attempt: Mapping[str, Any], error: PluginError, end: str) -> None:
        """Write an error of a plugin; it is equal to others of the same plugin and place."""
        plugin = error.origin.plugin
        kind = _Kind("ERROR", _EQUAL_ATTEMPTS, plugin, _find_place(error))
        self._write_attempt(kind, attempt, f"{_to_line(error.text)} (plugin {plugin}){end}")

    def _write_vote(self, attempt: Mapping[str, Any], vote: ShadowVote) -> None:
        plugin = vote.origin.plugin
        decision = _format_vote(vote.decision, vote.reason)
        if vote.other is None:
            self._write("INFO", _SHADOW, *_find_ids(attempt), decision, plugin)
        else:
            other = _format_vote(vote.other)
            self._write("INFO", _DIFFERS, *_find_ids(attempt), decision, plugin, vote.of, other)

    def _write_attempt(self, kind: _Kind, given: object, text: str) -> None:
        line = one_line(text)
        if self._admits(kind, line):
            self._write("ERROR", _ATTEMPT, *_find_ids(given), line)

    def _admits(self, kind: _Kind, line: str) -> bool:
        return not self.limited or self._equal.admits(kind, line)

    def _write_equal(self, kind: Any, text: str, lines: int, seconds: int) -> None:
        """Write how many lines were equal to one that is left out."""
        kind = kind or _Kind("WARNING", _EQUAL)
        self._write(kind.level, kind.template, text, lines, seconds)

    def _write(self, level: str, template: str, *values: object) -> None:
        if not self._muted:
            getattr(self._logger, level.lower())(template, *values)


def _format_vote(decision: Decision, reason: str = "") -> str:
    """Return a vote as JSON, with its reason."""
    shown = {**decision.copy(), REASON: reason} if reason else decision.copy()
    return _to_line(json.dumps(shown, ensure_ascii=False))


def _find_place(error: PluginError) -> str:
    """Return what the errors of one place have in common: where they were raised."""
    place = ""
    # Read so, no class of a plugin can run code of its own.
    frame = _TRACEBACK(error.cause) if error.cause is not None else None
    while frame is not None:
        place = f"{frame.tb_frame.f_code.co_filename} {frame.tb_lineno}"
        frame = frame.tb_next
    return f"{error.phase} {place}"


def _to_line(text: str) -> str:
    """Return a text on one line, cut at `LONGEST_TEXT`."""
    if len(text) > LONGEST_TEXT:
        text = f"{text[:LONGEST_TEXT]}… ({len(text)} characters)"
    return text if text.isprintable() else one_line(text)


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
