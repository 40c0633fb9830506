"""The parent's side: starts the child, waits for its result, and reports a crash or hang."""

from __future__ import annotations

import json
import os
import pickle
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from time import monotonic
from typing import IO, TYPE_CHECKING, Any, Final

import msgspec

from hookframe.api.plugin_code import PACKAGE as HOOKFRAME
from hookframe.testing.samples import make_attempt
from hookframe_devkit import PACKAGE
from hookframe_devkit.conformance.checks.cases import differences
from hookframe_devkit.conformance.progress import Progress
from hookframe_devkit.conformance.result import Result, Violation

if TYPE_CHECKING:
    from hookframe_devkit.conformance.checks.session import Job
    from hookframe_devkit.conformance.targets import Target

HANGS: Final = 30.0
"""Seconds without progress after which a plugin counts as hanging."""
_LOOK: Final = 0.1
_START: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from hookframe_devkit.conformance.child import main; main(*map(int, sys.argv[2:]))"
)
_FRAME: Final = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+) in ')
_LONGEST: Final = 300
_NORMAL: Final = {"action": "normal"}
_Way = Callable[[Any], dict[str, Any]]
"""A function that makes its argument smaller."""


def inspect(job: Job, patience: float = HANGS) -> Result:
    """Inspect a plugin in a child process.

    Args:
        job: what to do.
        patience: seconds without progress after which the child is killed.

    Returns:
        The result of the child, or of its crash or hang.
    """
    with ExitStack() as stack:
        place = stack.enter_context(TemporaryDirectory(ignore_cleanup_errors=True))
        files = [stack.enter_context(TemporaryFile()) for _ in range(6)]
        wanted, result, notes, faults, out, err = files
        pickle.dump(job, wanted)
        wanted.seek(0)
        passed = [file.fileno() for file in (wanted, result, notes, faults)]
        process = _started(place, passed, out, err)
        progress = Progress(notes.fileno())
        try:
            hung = _hangs(process, progress, patience)
        finally:
            _end(process)
        if process.returncode == 0 and (text := _content(result)):
            return msgspec.convert(json.loads(text), Result)
        how = _how_it_hung(patience) if hung else _how_it_died(process.returncode, _content(err))
        lost = _lost("hangs" if hung else "crash", how, job.target, progress, _content(faults))
    return lost if hung or job.only is not None else _smallest(lost, job, patience)


def _smallest(lost: Result, job: Job, patience: float) -> Result:
    """Find the smallest case that crashes the process; each try takes a new process."""
    (violation,) = lost.violations
    if violation.attempt is None or violation.decision is None:
        return lost
    for attempt, decision in _smaller(violation.attempt, violation.decision):
        (best,) = lost.violations
        tried = (attempt(best.attempt), decision(best.decision))
        again = inspect(replace(job, only=tried), patience)
        if [each.rule for each in again.violations] == ["crash"]:
            lost = again
    return lost


def _smaller(attempt: dict[str, Any], decision: dict[str, Any]) -> list[tuple[_Way, _Way]]:
    """Return the ways to make a case smaller: its attempt, and its accumulated decision."""
    usual: dict[str, Any] = dict(make_attempt())
    ways: list[tuple[_Way, _Way]] = [(dict, _undecided)] if decision != _NORMAL else []
    for key in differences(attempt):
        ways.append((partial(_with_usual, key=key, usual=usual), dict))
    return ways


def _undecided(_: Any) -> dict[str, Any]:
    return dict(_NORMAL)


def _with_usual(attempt: Any, key: str, usual: dict[str, Any]) -> dict[str, Any]:
    """Reset one key of an attempt to its usual value; remove a further key."""
    rest = {each: value for each, value in attempt.items() if each != key}
    return rest | ({key: usual[key]} if key in usual else {})


def _started(
    place: str, passed: list[int], out: IO[bytes], err: IO[bytes]
) -> subprocess.Popen[bytes]:
    """Start the child in an empty directory, so that every `os.chdir` is a change."""
    # A path that does not exist may belong to an import hook, as of an editable installation.
    search = [str(Path(each).absolute()) if Path(each).exists() else each for each in sys.path]
    return subprocess.Popen(  # noqa: S603  (our own interpreter)
        [sys.executable, "-u", "-c", _START, json.dumps(search), *map(str, passed)],
        cwd=place,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=err,
        pass_fds=passed,
        start_new_session=True,
        env={
            **os.environ,
            "PYTHONHASHSEED": "0",  # the same order of sets each time
            "PYTHONIOENCODING": "utf-8:backslashreplace",  # all can be printed, as in the daemon
            "HYPOTHESIS_STORAGE_DIRECTORY": _hypothesis_directory(),
        },
    )


def _hypothesis_directory() -> str:
    """Return the directory for the tables of hypothesis, which take a second to build.

    Its default is in the working directory.
    """
    named = os.environ.get("HYPOTHESIS_STORAGE_DIRECTORY")
    cache = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return str(Path(named or Path(cache) / "hookframe" / "hypothesis").absolute())


def _hangs(process: subprocess.Popen[bytes], progress: Progress, patience: float) -> bool:
    """Wait for the end; abort a child without progress, which then writes its traceback."""
    until, count = monotonic() + patience, -1
    while not _has_ended(process, _LOOK):
        if progress.count != count:
            until, count = monotonic() + patience, progress.count
        elif monotonic() > until:
            process.send_signal(signal.SIGABRT)  # faulthandler writes where it is
            _has_ended(process, 1.0)
            return True
    return False


def _has_ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
        return True
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the child and the processes that the plugin started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _content(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()


def _how_it_hung(patience: float) -> str:
    return f"it does not come to an end: killed after {patience:g} s"


def _how_it_died(status: int, errors: bytes) -> str:
    if status < 0:
        with suppress(ValueError):
            return f"the process is killed by {signal.Signals(-status).name}"
        return f"the process is killed by signal {-status}"
    said = errors.decode("utf-8", "backslashreplace").strip().rpartition("\n")[2][-_LONGEST:]
    return f"the process ends with exit status {status}" + (f": {said}" if said else "")


def _lost(rule: str, seen: str, target: Target, progress: Progress, faults: bytes) -> Result:
    doing, attempt, decision = progress.last()
    file, line = _where(faults.decode("utf-8", "replace"), target)
    violation = Violation(
        rule=rule,
        seen=seen,
        doing=doing,
        attempt=attempt,
        decision=decision,
        file=file,
        line=line,
        fails=attempt is not None,
    )
    return Result(plugin=target.name, distribution=target.file or "", violations=[violation])


def _where(stack: str, target: Target) -> tuple[str, int]:
    """Find the plugin's innermost line in the traceback of faulthandler."""
    current = stack.partition("Current thread")[2].partition("\n\n")[0] or stack
    frames = [(each["file"], int(each["line"])) for each in _FRAME.finditer(current)]
    is_own: Callable[[str], bool] = (
        (lambda file: file == target.file) if target.file else _is_foreign
    )
    return next((frame for frame in frames if is_own(frame[0])), ("", 0))


def _is_foreign(file: str) -> bool:
    """Return whether a file is neither hookframe's nor the standard library's."""
    library = os.path.dirname(os.__file__) + os.sep  # noqa: PTH120
    return not file.startswith((HOOKFRAME, PACKAGE, "<")) and (
        not file.startswith(library) or "site-packages" in file
    )
