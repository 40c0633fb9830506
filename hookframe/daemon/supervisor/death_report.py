"""Log why a child died or was killed, and in which attempt and plugin."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pluggy

from hookframe.api.attempt import parse_attempt
from hookframe.api.errors import InvalidAttempt
from hookframe.api.plugin_code import PACKAGE
from hookframe.daemon.process import describe_exit
from hookframe.daemon.protocols import exim
from hookframe.daemon.supervisor.history import read_hook_files

if TYPE_CHECKING:
    from hookframe.daemon.supervisor.child import Child
    from hookframe.log.log import Log

_FRAME: Final = re.compile(r'^  File "(.*)", line (\d+|\?\?\?) in (.*)$', re.MULTILINE)
"""One frame as faulthandler writes it; the innermost one comes first."""

_DAEMON: Final = f"{PACKAGE}daemon/"
_PLUGGY: Final = f"{Path(str(pluggy.__file__)).parent}/"


class DeathReport:
    """Logs the deaths of children.

    Args:
        log: takes the lines.
    """

    def __init__(self, log: Log) -> None:
        self._log = log

    def report_death(self, child: Child, status: int) -> None:
        """Log a child's death and the attempt it was in.

        Args:
            child: the child.
            status: as os.waitstatus_to_exitcode returns it.
        """
        cause, request = describe_exit(status), child.post.slot.in_progress
        if request is None:
            self._log.error(f"the {child.name} has died: {self.describe_end(child, status)}")
        else:
            text = f"the worker {child.pid} that ran it has died: {cause}"
            self._log.lost(identify_request(request), text + _locate(child, child.read_traceback()))

    def report_hang(self, child: Child, request: bytes, trace: str) -> None:
        """Log the attempt in which a child was killed.

        Args:
            child: the child.
            request: what it could not answer.
            trace: the traceback of its main thread.
        """
        text = f"did not end after its deadline; its worker {child.pid} was killed"
        self._log.lost(identify_request(request), text + _locate(child, trace))

    def report_killed(self, child: Child, why: str, trace: str) -> str:
        """Log why a child was killed, with the attempt if it was in one, and return that.

        Args:
            child: the child.
            why: what was wrong with it.
            trace: the traceback of its main thread; may be empty.
        """
        where = _locate(child, trace) if trace else ""
        text = f"{why}{_describe_phase(child)}{where}"
        request = child.post.slot.in_progress
        if request is None:
            self._log.error(f"the {child.name} was killed: {text}")
        else:
            self._log.lost(identify_request(request), f"the {child.name} was killed: {text}")
        return text

    def describe_end(self, child: Child, status: int) -> str:
        """Describe how a child ended outside an attempt, and in which phase.

        Args:
            child: the child.
            status: as os.waitstatus_to_exitcode returns it.
        """
        trace = child.read_traceback()
        where = locate(trace, {}) if trace else ""
        return f"{describe_exit(status)}{_describe_phase(child)}{where}"


def _describe_phase(child: Child) -> str:
    return f" while {child.phase}" if child.phase else ""


def _locate(child: Child, trace: str) -> str:
    return locate(trace, read_hook_files(child))


class Frame(NamedTuple):
    """One frame of a traceback."""

    file: str
    line: str
    function: str


def identify_request(request: bytes) -> Mapping[str, Any]:
    """Return the attempt in a request, for the log; empty if there is none."""
    for parse in (parse_attempt, exim.parse_request):
        try:
            attempt = parse(request)
        except InvalidAttempt:
            continue
        if isinstance(attempt, Mapping):
            return attempt
    return {}


def locate(trace: str, files: Mapping[str, str]) -> str:
    """Describe where a worker was, and in which plugin.

    Args:
        trace: the traceback of its main thread, as faulthandler writes it.
        files: the file of each plugin's hook, by plugin.

    Returns:
        ` at FILE line N (plugin NAME)`, as far as it is known; no plugin without files.
    """
    frames = list(_find_hook_frames(trace))
    names = sorted({name for frame in frames for name, file in files.items() if file == frame.file})
    where = f" at {frames[0].file} line {frames[0].line}" if frames else ""
    if not names and len(files) == 1:
        names = list(files)  # the only candidate
    if not files:
        return where
    if not names:
        return f"{where} (plugin unknown, one of {', '.join(files)})"
    return f"{where} (plugin {' or '.join(names)})"


def _find_hook_frames(trace: str) -> Iterator[Frame]:
    """Yield the frames that are not hookframe's, the innermost one first."""
    ours = (PACKAGE, _PLUGGY)
    found = False
    for file, line, function in _FRAME.findall(trace):
        if not file.startswith(ours):
            found = True
            yield Frame(file, line, function)
        elif found or file.startswith(_DAEMON):  # a hook calls other rooms, but never the daemon
            return
