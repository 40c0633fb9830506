"""The lines of a plugin that caused a finding."""

from __future__ import annotations

import linecache
import os
import sys
import traceback
from collections.abc import Callable, Iterable
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, Final

from hookframe.api.plugin_code import CALLERS
from hookframe.api.plugin_code import PACKAGE as HOOKFRAME
from hookframe.plugins.plugin import MAIN_HOOK
from hookframe_devkit import PACKAGE

if TYPE_CHECKING:
    from hookframe.plugins.plugin import Plugin

Location = tuple[str, int]
"""A file and its line; an empty file if unknown."""
NOWHERE: Final[Location] = ("", 0)
_LIBRARY: Final = os.path.dirname(os.__file__) + os.sep  # noqa: PTH120


class Locations:
    """Finds lines of one plugin.

    Args:
        plugin: the plugin.
    """

    def __init__(self, plugin: Plugin) -> None:
        self._file = plugin.file
        directory = os.path.dirname(plugin.file)  # noqa: PTH120
        packaged = os.path.exists(os.path.join(directory, "__init__.py"))  # noqa: PTH110, PTH118
        self._package = directory + os.sep if packaged else ""
        self.hook = _line_of(plugin)
        """the line of `pre_delivery_attempt`"""

    def is_own(self, file: str) -> bool:
        """Return whether a file is the plugin's."""
        return file == self._file or bool(self._package and file.startswith(self._package))

    def of_stack(self, stack: Iterable[Location]) -> Location:
        """Find the plugin's innermost line in a stack, else the innermost foreign line.

        Args:
            stack: files and lines, the innermost first.
        """
        stranger = NOWHERE
        for place in stack:
            if self.is_own(place[0]):
                return place
            if stranger is NOWHERE and _is_strange(place[0]):
                stranger = place
        return stranger

    def of_error(self, error: BaseException | None) -> Location:
        """Find the plugin's innermost line in an exception's traceback."""
        if isinstance(error, SyntaxError) and error.filename:
            return error.filename, error.lineno or 1
        found = NOWHERE
        for frame in traceback.extract_tb(error.__traceback__ if error else None):
            if self.is_own(frame.filename):
                found = frame.filename, frame.lineno or 0
        return found

    def of_change(self, call: Callable[[], object], probe: Callable[[], object]) -> Location:
        """Repeat a call, and find the line that changes a value.

        Args:
            call: the call; its exception is ignored.
            probe: returns the value.
        """
        return _Tracer(self, probe).find(call) or self.hook

    def of_return(self, call: Callable[[], object]) -> Location:
        """Repeat a call, and find the line where the hook returns."""
        returns: list[Location] = []

        def trace(frame: FrameType, event: str, _: Any) -> Any:
            if event == "return" and frame.f_code.co_name == MAIN_HOOK:
                returns.append((frame.f_code.co_filename, frame.f_lineno))
            return trace if self.is_own(frame.f_code.co_filename) else None

        _traced(trace, call)
        return returns[-1] if returns else self.hook


class _Tracer:
    """Reads a value before each line of a plugin."""

    def __init__(self, locations: Locations, probe: Callable[[], object]) -> None:
        self._locations = locations
        self._probe = probe
        self._at_first = probe()
        self._previous: Location | None = None
        self._found: Location | None = None

    def find(self, call: Callable[[], object]) -> Location | None:
        _traced(self._trace, call)
        return self._found

    def _trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if not self._locations.is_own(frame.f_code.co_filename):
            return None
        if self._found is None:
            if self._previous is not None and self._probe() != self._at_first:
                self._found = self._previous
            elif event in ("line", "call"):
                self._previous = frame.f_code.co_filename, frame.f_lineno
        return self._trace


def _traced(trace: Callable[..., Any], call: Callable[[], object]) -> None:
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    except BaseException:  # noqa: BLE001, S110  (it was seen the first time)
        pass
    finally:
        sys.settrace(before)


def _line_of(plugin: Plugin) -> Location:
    hook = getattr(plugin.subject, MAIN_HOOK, None)
    code: CodeType | None = getattr(hook, "__code__", None)
    if code is None or code in CALLERS:
        return plugin.file, 0
    line = code.co_firstlineno
    while linecache.getline(code.co_filename, line).lstrip().startswith("@"):
        line += 1  # the code of a function begins at its decorators
    return code.co_filename, line


def _is_strange(file: str) -> bool:
    if file.startswith(("<", HOOKFRAME, PACKAGE)):
        return False
    return not file.startswith(_LIBRARY) or "site-packages" in file
