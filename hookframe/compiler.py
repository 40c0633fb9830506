"""The bytes of a Python file become code, a large file in another process if that is begun early.

`compile` keeps the interpreter's lock from its beginning to its end: for thousands of lines, tens
of milliseconds in which no other thread decides anything. Code that was compiled elsewhere takes a
millisecond to read.
"""

from __future__ import annotations

import marshal
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic
from types import CodeType
from typing import Final

LARGE: Final = 32 * 1024
"""Bytes from which on a file is worth a process: what is smaller compiles in a few milliseconds."""
_PATIENCE: Final = 5.0
"""Seconds after which the other process is ended, and the file compiled here."""
_PROGRAM: Final = """
import marshal, os, sys
content, path, optimize = marshal.load(sys.stdin.buffer)
code = compile(content, path, "exec", dont_inherit=True, optimize=optimize)
text = marshal.dumps(code)
sys.stdout.buffer.write(b"%s\\0%d\\0%s" % (sys.version.encode(), len(text), text))
sys.stdout.buffer.flush()
os._exit(0)
"""


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
        if _can_start_python():
            with suppress(OSError, MemoryError, RuntimeError):  # then it is compiled here
                self._begun = _Elsewhere(content, path)

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
    """A process that compiles one file.

    Args:
        content: the file's bytes.
        path: what tracebacks call it.

    Raises:
        OSError: the process can't be started.
    """

    def __init__(self, content: bytes, path: str) -> None:
        from subprocess import DEVNULL, PIPE, Popen  # noqa: PLC0415  (few ever need it)

        self.source = content, path
        self._until = monotonic() + _PATIENCE
        with os.fdopen(os.memfd_create("hook file"), "w+b") as request:  # nobody waits to write it
            request.write(marshal.dumps((content, path, sys.flags.optimize)))
            request.seek(0)
            # Isolated, without site-packages: no line of anybody's code runs there. A warning is
            # an error, and ends it.
            self._process = Popen(  # noqa: S603
                [sys.executable, "-I", "-S", "-W", "error", "-c", _PROGRAM],
                stdin=request,
                stdout=PIPE,
                stderr=DEVNULL,
            )

    def text(self) -> bytes | None:
        """Wait for the code; None where there is none that is certain to be whole."""
        from subprocess import TimeoutExpired  # noqa: PLC0415

        try:
            answer, _ = self._process.communicate(timeout=max(0.0, self._until - monotonic()))
        except (OSError, ValueError, TimeoutExpired):
            return None
        version, _, rest = answer.partition(b"\0")
        length, _, text = rest.partition(b"\0")
        # Another interpreter may have come to stand in the place of the one that runs here.
        if version != sys.version.encode() or length != str(len(text)).encode():
            return None
        return text

    def end(self) -> None:
        """End the process, if it has not ended."""
        self._process.kill()
        with suppress(OSError, ValueError):
            self._process.communicate()


def _can_start_python() -> bool:
    """Say whether `sys.executable` is a Python: in a program that embeds one it may be anything."""
    return Path(sys.executable or "").name.startswith("python") and not hasattr(sys, "frozen")
