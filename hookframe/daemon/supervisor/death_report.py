"""What the log says of children that have died, or had to be killed."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pluggy

from hookframe.api.attempt import parse_attempt
from hookframe.api.errors import InvalidAttempt
from hookframe.api.plugin_code import PACKAGE
from hookframe.daemon.protocols import exim
from hookframe.daemon.supervisor.history import read_hook_files

if TYPE_CHECKING:
    from hookframe.daemon.supervisor.child import Child
    from hookframe.log.log import Log

_FRAME: Final = re.compile(r'^  File "(.*)", line (\d+|\?\?\?) in (.*)$', re.MULTILINE)
"""One frame as faulthandler writes it, the innermost one first."""

_DAEMON: Final = f"{PACKAGE}daemon/"
_PLUGGY: Final = f"{Path(str(pluggy.__file__)).parent}/"


class DeathReport:
    """Writes them.

    Args:
        log: where.
    """

    def __init__(self, log: Log) -> None:
        self._log = log

    def report_death(self, child: Child, status: int) -> None:
        """Say of what a child has died, and in which attempt.

        Args:
            child: the child.
            status: as os.waitstatus_to_exitcode gives it.
        """
        cause, request = describe_exit(status), child.post.slot.in_progress
        if request is None:
            self._log.error(f"the {child.role} {child.pid} has died: {cause}")
        else:
            text = f"the worker {child.pid} that ran it has died: {cause}"
            self._log.lost(identify_request(request), text + _locate(child, child.read_traceback()))

    def report_hang(self, child: Child, request: bytes, trace: str) -> None:
        """Say in which attempt a child had to be killed.

        Args:
            child: the child.
            request: what it could not answer.
            trace: the traceback of its main thread.
        """
        text = f"did not end after its deadline; its worker {child.pid} was killed"
        self._log.lost(identify_request(request), text + _locate(child, trace))

    def report_killed(self, child: Child, why: str, trace: str) -> None:
        """Say why a child had to be killed that was in no attempt.

        Args:
            child: the child.
            why: what was wrong with it.
            trace: the traceback of its main thread; empty where there is none.
        """
        where = _locate(child, trace) if trace else ""
        self._log.error(f"the {child.role} {child.pid} was killed: {why}{where}")


def _locate(child: Child, trace: str) -> str:
    return locate(trace, read_hook_files(child))


class Frame(NamedTuple):
    """One frame of a traceback."""

    file: str
    line: str
    function: str


def identify_request(request: bytes) -> Mapping[str, Any]:
    """Read of a request what identifies it in the log; empty where it is no attempt."""
    for parse in (parse_attempt, exim.parse_request):
        try:
            attempt = parse(request)
        except InvalidAttempt:
            continue
        if isinstance(attempt, Mapping):
            return attempt
    return {}


def locate(trace: str, files: Mapping[str, str]) -> str:
    """Say where a worker was, and on behalf of which plugin.

    Args:
        trace: the traceback of its main thread, as faulthandler writes it.
        files: by plugin the file in which its hook stands.

    Returns:
        ` at FILE line N (plugin NAME)`, as far as it can be known; no plugin without files.
    """
    frames = list(_find_hook_frames(trace))
    names = sorted({name for frame in frames for name, file in files.items() if file == frame.file})
    where = f" at {frames[0].file} line {frames[0].line}" if frames else ""
    if not names and len(files) == 1:
        names = list(files)  # there is no other
    if not files:
        return where
    if not names:
        return f"{where} (plugin unknown, one of {', '.join(files)})"
    return f"{where} (plugin {' or '.join(names)})"


def _find_hook_frames(trace: str) -> Iterator[Frame]:
    """Give the frames that the host does not own, from the innermost one outwards.

    What the hook has called of ours may stand on top, but never the daemon.
    """
    ours = (PACKAGE, _PLUGGY)
    found = False
    for file, line, function in _FRAME.findall(trace):
        if not file.startswith(ours):
            found = True
            yield Frame(file, line, function)
        elif found or file.startswith(_DAEMON):
            return


def describe_exit(status: int) -> str:
    """Put into words how a process has ended.

    Args:
        status: as os.waitstatus_to_exitcode gives it.
    """
    if status >= 0:
        return f"it ended itself with exit status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return f"it was ended by {name}"
