"""Another interpreter: a process that compiles one file, and waits until it is told which."""

from __future__ import annotations

import fcntl
import marshal
import os
import select
import sys
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL, Popen, TimeoutExpired
from time import monotonic
from typing import Final
from weakref import finalize

from hookframe.files.descriptors import OwnFile, identity_of

_PATIENCE: Final = 5.0
"""Seconds after which the other process is ended, and the file compiled here."""
_PROGRAM: Final = """
# hookframe compiles its hook file here when that is saved.
import fcntl, marshal, os, sys
try:
    with open("/proc/self/comm", "w") as name:
        name.write("hookframe-comp")
except OSError:
    pass
fcntl.lockf(0, fcntl.LOCK_EX)
size = os.fstat(0).st_size
if size:
    content, path, optimize = marshal.loads(os.pread(0, size, 0))
    text = marshal.dumps(compile(content, path, "exec", dont_inherit=True, optimize=optimize))
    os.pwrite(0, b"%s\\0%d\\0%s" % (sys.version.encode(), len(text), text), size)
os._exit(0)
""".strip()
"""Its standard input is memory that it shares with us, and a lock on that is what it waits for.

We hold the lock. The system lets it go when we do, or have ended in whatever way, or when somebody
has closed the descriptor under us; what we fork has no part in it. There is no request then."""


class Interpreter:
    """A process that compiles one file, and waits until it is told which.

    Raises:
        OSError: the process can't be started.
    """

    def __init__(self) -> None:
        self.source: tuple[bytes, str] | None = None
        """the file that it compiles, by its bytes and what tracebacks call it"""
        self._answers_at = 0
        self._until = 0.0
        memory = os.memfd_create("hook file")
        self._memory = OwnFile(memory, identity_of(memory) or (0, 0))
        fcntl.lockf(memory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Isolated, without site-packages: no line of anybody's code runs there. A warning is an
        # error, and ends it.
        self._process = Popen(  # noqa: S603
            [sys.executable, "-I", "-S", "-W", "error", "-c", _PROGRAM],
            stdin=memory,
            stdout=DEVNULL,
            stderr=DEVNULL,
        )
        self.end = finalize(self, _end, self._process, self._memory)
        """ends the process, if it has not ended; at the latest when nobody holds this any more"""

    def has_gone(self) -> bool:
        """Say whether there is no such process any more, or it is not ours to command."""
        return self._process.poll() is not None or self._memory.length is None

    def take(self, content: bytes, path: str) -> bool:
        """Have it compile a file; say whether it can.

        Args:
            content: the file's bytes.
            path: what tracebacks call it.
        """
        if self.has_gone():
            return False
        try:
            request = marshal.dumps((content, path, sys.flags.optimize))
            whole = os.pwrite(self._memory.descriptor, request, 0) == len(request)
            fcntl.lockf(self._memory.descriptor, fcntl.LOCK_UN)
        except (OSError, MemoryError):
            return False
        self.source, self._answers_at = (content, path), len(request)
        self._until = monotonic() + _PATIENCE
        return whole

    def text(self) -> bytes | None:
        """Wait for the code; None where there is none that is certain to be whole."""
        if not self._ends() or (size := self._memory.length) is None:
            return None
        answer = os.pread(self._memory.descriptor, size, self._answers_at)
        version, _, rest = answer.partition(b"\0")
        length, _, text = rest.partition(b"\0")
        # Another interpreter may have come to stand in the place of the one that runs here.
        if version != sys.version.encode() or length != str(len(text)).encode():
            return None
        return text

    def _ends(self) -> bool:
        """Wait until it has ended; say whether it has."""
        # Before Linux 5.3, or with a Python that was built there, `wait` looks again and again.
        with suppress(OSError, AttributeError):
            handle = os.pidfd_open(self._process.pid)
            try:
                poll = select.poll()
                poll.register(handle, select.POLLIN)
                poll.poll(1000 * max(0.0, self._until - monotonic()))
            finally:
                os.close(handle)
        try:
            self._process.wait(max(0.0, self._until - monotonic()))
        except TimeoutExpired:
            return False
        return True


def started() -> Interpreter | None:
    """Start such a process; None where that can't be, and files are compiled here."""
    if _can_start_python():
        # Some builds of Python have no `memfd_create`.
        with suppress(OSError, MemoryError, RuntimeError, AttributeError):
            return Interpreter()
    return None


def _end(process: Popen[bytes], memory: OwnFile) -> None:
    process.kill()
    process.wait()
    memory.close()


def _can_start_python() -> bool:
    """Say whether `sys.executable` is a Python: in a program that embeds one it may be anything."""
    return Path(sys.executable or "").name.startswith("python") and not hasattr(sys, "frozen")
