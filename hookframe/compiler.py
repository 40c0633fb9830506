"""The bytes of a Python file become code, a large file in another process if that is begun early.

`compile` keeps the interpreter's lock from its beginning to its end: for thousands of lines, tens
of milliseconds in which no other thread decides anything. Code that was compiled elsewhere takes a
millisecond to read. Another interpreter takes a while to start, so one may be there beforehand.
"""

from __future__ import annotations

import fcntl
import marshal
import os
import select
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic
from types import CodeType
from typing import TYPE_CHECKING, Final
from weakref import finalize

from hookframe.descriptors import OwnFile, identity_of

if TYPE_CHECKING:
    from subprocess import Popen

LARGE: Final = 32 * 1024
"""Bytes from which on a file is worth a process: what is smaller compiles in a few milliseconds."""
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


def compiled(content: bytes, path: str) -> CodeType:
    """Compile a file here.

    Args:
        content: its bytes.
        path: what tracebacks call it.
    """
    return compile(content, path, "exec", dont_inherit=True)


def _nothing(*_: object) -> None:
    """Neither keep nor know anything."""


class Compiler:
    """Compiles one file at a time.

    Args:
        lay_down: keeps what another process has compiled, by content and path.
        take_up: gives what has been kept so, here or by whoever was first; None for nothing.
    """

    def __init__(
        self,
        lay_down: Callable[[bytes, str, bytes], object] = _nothing,
        take_up: Callable[[bytes, str], bytes | None] = _nothing,
    ) -> None:
        self._lay_down = lay_down
        self._take_up = take_up
        self._begun: _Elsewhere | None = None
        self._waiting: _Elsewhere | None = None
        self._ready_for = b""

    def make_ready(self, content: bytes) -> None:
        """Have a process wait for the next file, if the one in use is large.

        One that has gone is not replaced before the next file: whatever ends it may do so again.

        Args:
            content: the bytes of the file in use; none where the next one is not compiled here.
        """
        large = len(content) >= LARGE
        if self._waiting is not None and (not large or self._waiting.has_gone()):
            self._waiting.end()
            self._waiting = None
        if large and content is not self._ready_for and self._waiting is None:
            self._waiting = _started()
        self._ready_for = content

    def begin(self, content: bytes, path: str) -> None:
        """Begin to compile a file in another process, if it is large and nobody has done it.

        Args:
            content: its bytes, which the other process gets from here and not from the file.
            path: what tracebacks call it.
        """
        if self._begun is not None and self._begun.source == (content, path):
            return
        self.forget()
        if len(content) < LARGE or self._take_up(content, path) is not None:
            return
        waiting, self._waiting = self._waiting, None
        self._begun = _at_work(waiting, content, path) or _at_work(_started(), content, path)

    def code(self, content: bytes, path: str) -> CodeType:
        """Give the code of a file.

        What the other process has something to say about, be it a warning, is compiled here as
        well, so that errors and warnings are the same for all files.

        Args:
            content: its bytes.
            path: what tracebacks call it.

        Raises:
            SyntaxError: and whatever else `compile` raises.
        """
        begun, self._begun = self._begun, None
        text = None
        if begun is not None:
            text = begun.text() if begun.source == (content, path) else None
            begun.end()
            if text is not None:
                self._lay_down(content, path, text)
        elif len(content) >= LARGE:
            text = self._take_up(content, path)
        code = None if text is None else marshal.loads(text)  # noqa: S302  (our processes' own)
        return code if isinstance(code, CodeType) else compiled(content, path)

    def forget(self) -> None:
        """End what has been begun and nobody has asked for."""
        if self._begun is not None:
            self._begun.end()
            self._begun = None


class _Elsewhere:
    """A process that compiles one file, and waits until it is told which.

    Raises:
        OSError: the process can't be started.
    """

    def __init__(self) -> None:
        from subprocess import DEVNULL, Popen  # noqa: PLC0415  (few ever need it)

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
        from subprocess import TimeoutExpired  # noqa: PLC0415

        with suppress(OSError):  # before Linux 5.3 `wait` looks again and again
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


def _started() -> _Elsewhere | None:
    """Start such a process; None where that can't be, and files are compiled here."""
    if _can_start_python():
        with suppress(OSError, MemoryError, RuntimeError):
            return _Elsewhere()
    return None


def _at_work(process: _Elsewhere | None, content: bytes, path: str) -> _Elsewhere | None:
    """Have a process compile a file; None where it can't, which ends it."""
    if process is None or process.take(content, path):
        return process
    process.end()
    return None


def _end(process: Popen[bytes], memory: OwnFile) -> None:
    process.kill()
    process.wait()
    memory.close()


def _can_start_python() -> bool:
    """Say whether `sys.executable` is a Python: in a program that embeds one it may be anything."""
    return Path(sys.executable or "").name.startswith("python") and not hasattr(sys, "frozen")
