"""The bytes of a Python file become code, a large file in another process if that is begun early.

`compile` keeps the interpreter's lock from its beginning to its end: for thousands of lines, tens
of milliseconds in which no other thread decides anything. Code that was compiled elsewhere takes a
millisecond to read. Another interpreter takes a while to start, so one may be there beforehand.
"""

from __future__ import annotations

import marshal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import get_ident
from types import CodeType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from hookframe.interpreter import Interpreter

LARGE: Final = 32 * 1024
"""Bytes from which on a file is worth a process: what is smaller compiles in a few milliseconds."""


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
        lay_down: keeps what has been compiled without a warning, by content and path.
        take_up: gives what has been kept so, here or by whoever was first; None for nothing.
    """

    def __init__(
        self,
        lay_down: Callable[[bytes, str, bytes], object] = _nothing,
        take_up: Callable[[bytes, str], bytes | None] = _nothing,
    ) -> None:
        self._lay_down = lay_down
        self._take_up = take_up
        self._begun: Interpreter | None = None
        self._waiting: Interpreter | None = None
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
        if begun is None:
            text = self._take_up(content, path)
        else:
            text = begun.text() if begun.source == (content, path) else None
            begun.end()
            if text is not None:
                self._lay_down(content, path, text)
        code = None if text is None else marshal.loads(text)  # noqa: S302  (our processes' own)
        return code if isinstance(code, CodeType) else self._compiled_here(content, path)

    def _compiled_here(self, content: bytes, path: str) -> CodeType:
        """Compile a file, and keep its code for others if there is no warning to show with it."""
        if self._lay_down is _nothing:
            return compiled(content, path)
        with _listening() as warned:
            code = compiled(content, path)
        if not warned:
            with suppress(ValueError, MemoryError):  # it is nested too deeply to be written
                self._lay_down(content, path, marshal.dumps(code))
        return code

    def forget(self) -> None:
        """End what has been begun and nobody has asked for."""
        if self._begun is not None:
            self._begun.end()
            self._begun = None


@contextmanager
def _listening() -> Iterator[list[str]]:
    """Note what this thread is warned of; it is shown as ever."""
    warned: list[str] = []
    thread, show = get_ident(), warnings.showwarning

    def note(message: Warning | str, *more: Any, **named: Any) -> None:
        if get_ident() == thread:
            warned.append(str(message))
        show(message, *more, **named)

    warnings.showwarning = note
    try:
        yield warned
    finally:
        if warnings.showwarning is note:
            warnings.showwarning = show


def _started() -> Interpreter | None:
    """Start another interpreter; None where that can't be, and files are compiled here."""
    from hookframe.interpreter import started  # noqa: PLC0415  (few ever need it)

    return started()


def _at_work(process: Interpreter | None, content: bytes, path: str) -> Interpreter | None:
    """Have a process compile a file; None where it can't, which ends it."""
    if process is None or process.take(content, path):
        return process
    process.end()
    return None
