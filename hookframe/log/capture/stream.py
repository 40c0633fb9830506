"""Streams that replace standard output and standard error while a host is open."""

from __future__ import annotations

import io
from typing import Any

from hookframe.log.capture.printer import find_printer, get_frame, read_record


class Stream(io.TextIOBase):
    """A standard stream: what plugins print goes to the log, all else to the replaced stream.

    Args:
        outside: the stream that this one replaces; None where the program has none.
    """

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, outside: Any) -> None:
        self.outside = outside
        self.buffer = _Bytes(self)

    def __getattr__(self, name: str) -> Any:
        """Return an attribute that only the replaced stream has, as `reconfigure`."""
        return getattr(self.outside, name)

    def write(self, text: str) -> int:
        frame = get_frame().f_back
        printer = find_printer(frame)
        if printer is None or frame is None:
            return self.outside.write(text) if self.outside is not None else len(text)
        record = read_record(frame, text)
        if type(text) is not str:
            text = _to_plain_string(text)
        if record is None:
            printer.output.take(printer.plugin, self, text)
        else:
            printer.output.finish_line(self)
            printer.output.take_record(printer.plugin, record)
        return len(text)

    def flush(self) -> None:
        printer = find_printer(get_frame().f_back)
        if printer is not None:
            printer.output.finish_line(self)
        elif self.outside is not None:
            self.outside.flush()

    def isatty(self) -> bool:
        return (
            self.outside is not None
            and bool(self.outside.isatty())
            and find_printer(get_frame().f_back) is None
        )

    def fileno(self) -> int:
        return int(self.outside.fileno()) if self.outside is not None else super().fileno()

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        """Do nothing: a plugin that closes its output must not break the next one's."""


def _to_plain_string(text: object) -> str:
    """Convert an instance of a subclass of str, which may override any method."""
    if not isinstance(text, str):
        raise TypeError(f"write() argument must be str, not {type(text).__name__}")
    return str.__str__(text)


class _Bytes(io.RawIOBase):
    """The binary side of a stream, for code that writes to `sys.stdout.buffer`."""

    def __init__(self, text: Stream) -> None:
        self._text = text

    def write(self, data: Any) -> int:
        printer = find_printer(get_frame().f_back)
        if printer is not None:
            with memoryview(data) as view, view.cast("B") as octets:
                printer.output.take_bytes(printer.plugin, self._text, octets)
                return len(octets)
        outside = getattr(self._text.outside, "buffer", None)
        if outside is not None:
            return int(outside.write(data))
        raw = bytes(data)
        if self._text.outside is not None:
            self._text.outside.write(raw.decode("utf-8", "backslashreplace"))
        return len(raw)

    def flush(self) -> None:
        self._text.flush()

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        """Do nothing, as on the text side."""
