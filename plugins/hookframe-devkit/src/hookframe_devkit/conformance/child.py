"""The child process: does its job, and writes the result for its parent."""

from __future__ import annotations

import ctypes
import faulthandler
import json
import os
import pickle
import signal
from typing import Final

import msgspec

from hookframe.api.rehearsal import rehearse
from hookframe_devkit.conformance.checks.session import Job, Session
from hookframe_devkit.conformance.progress import Progress

_PR_SET_PDEATHSIG: Final = 1


def main(job: int, result: int, progress: int, faults: int) -> None:
    """Do the job, and exit even if threads of the plugin still run.

    Args:
        job: the descriptor of the file that has the job.
        result: the descriptor of the file for the result.
        progress: the descriptor of the file for the progress.
        faults: the descriptor of the file for the traceback of a crash.
    """
    # A child that hangs must not outlive a parent that was killed.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    with os.fdopen(job, "rb") as file:
        wanted: Job = pickle.load(file)  # noqa: S301  (the parent has written it)
    faulthandler.enable(faults)
    with rehearse():
        found = Session(wanted, Progress(progress)).result()
    os.write(result, json.dumps(msgspec.to_builtins(found)).encode("ascii"))
    os._exit(0)
