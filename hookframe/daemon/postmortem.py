"""What can be said of a worker that has died in an attempt, or had to be killed."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import pluggy

from hookframe._package import PACKAGE
from hookframe.attempt import parse_attempt
from hookframe.daemon import exim
from hookframe.errors import InvalidAttempt

_FRAME: Final = re.compile(r'^  File "(.*)", line (\d+|\?\?\?) in (.*)$', re.MULTILINE)
"""One frame as faulthandler writes it, the innermost one first."""

_PLUGGY: Final = f"{Path(str(pluggy.__file__)).parent}/"
_DAEMON: Final = f"{PACKAGE}daemon/"


class Frame(NamedTuple):
    """One frame of a traceback."""

    file: str
    line: str
    function: str


def identified(request: bytes) -> Mapping[str, Any]:
    """Read of a request what identifies it in the log; empty where it is no attempt."""
    for parse in (parse_attempt, exim.parse_request):
        try:
            attempt = parse(request)
        except InvalidAttempt:
            continue
        if isinstance(attempt, Mapping):
            return attempt
    return {}


def place(trace: str, files: Mapping[str, str]) -> str:
    """Say where a worker was, and on behalf of which plugin.

    Args:
        trace: the traceback of its main thread, as faulthandler writes it.
        files: by plugin the file in which its hook stands.

    Returns:
        ` at FILE line N (plugin NAME)`, as far as it can be known; no plugin without files.
    """
    frames = list(_inside_the_hook(trace))
    names = sorted({name for frame in frames for name, file in files.items() if file == frame.file})
    where = f" at {frames[0].file} line {frames[0].line}" if frames else ""
    if not names and len(files) == 1:
        names = list(files)  # there is no other
    if not files:
        return where
    if not names:
        return f"{where} (plugin unknown, one of {', '.join(files)})"
    return f"{where} (plugin {' or '.join(names)})"


def _inside_the_hook(trace: str) -> Iterator[Frame]:
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


def cause_of_death(status: int) -> str:
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
