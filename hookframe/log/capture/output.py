"""The output of plugins: streams that stay in place while a host is open, and fill its log."""

from __future__ import annotations

import sys
from codecs import getincrementaldecoder
from threading import get_ident
from typing import TYPE_CHECKING, Final

from hookframe.log.capture.lines import Lines
from hookframe.log.capture.printer import Record, forget_threads, outputs, remember_threads
from hookframe.log.capture.stream import Stream
from hookframe.log.rate import LineLimit

if TYPE_CHECKING:
    from hookframe.log.log import Log

_PIECE: Final = 65536
"""Bytes are decoded in pieces of this size."""
_NAMES: Final = ("stdout", "stderr", "__stdout__", "__stderr__")

_placed: Final[dict[str, Stream]] = {}
"""our streams by their name in `sys`"""


class Output:
    """What the plugins of one host print, by any of the ways of Python, as lines of its log.

    Args:
        log: takes the lines.
        host: the host, by which its frames are recognised where several hosts are open.
    """

    def __init__(self, log: Log, host: object = None) -> None:
        self.host = host
        self.limit = LineLimit(log.left_out)
        """the limit of lines per second"""
        self.files: dict[str, str] = {}
        """names of hook files and installed plugins by the file of their hook; objects of a program
        are not among them, as their files are the program's"""
        self._log = log
        self._lines = Lines(log.output, self.limit)

    def install(self) -> None:
        """Replace the program's streams; call it again where they may have been replaced since."""
        if self not in outputs:
            outputs.append(self)
            remember_threads()
        _place_streams()

    def uninstall(self) -> None:
        """Pass on unfinished lines; restore the program's streams if no other host is open."""
        self.settle(force=True)
        if self in outputs:
            outputs.remove(self)
        if not outputs:
            forget_threads()
            _restore_streams()

    def take(self, plugin: str, stream: Stream, text: str) -> None:
        """Take text that a plugin prints to a stream, and pass on whole lines."""
        self._lines.take(plugin, (get_ident(), stream), text)

    def take_bytes(self, plugin: str, stream: Stream, data: memoryview) -> None:
        """Take bytes that a plugin prints, in pieces of limited size."""
        decoder = getincrementaldecoder("utf-8")("backslashreplace")
        for start in range(0, len(data), _PIECE):
            piece = bytes(data[start : start + _PIECE])
            last = start + _PIECE >= len(data)
            self.take(plugin, stream, decoder.decode(piece, final=last))

    def take_record(self, plugin: str, record: Record) -> None:
        """Take what a plugin logs: one line, whatever is in it."""
        if self.limit.admits(plugin):
            self._log.output(plugin, record.text, record.level)
        else:
            self.limit.leave_out(plugin, 1)

    def finish_line(self, stream: Stream) -> None:
        """Pass on what this thread has begun to print to a stream."""
        self._lines.finish((get_ident(), stream))

    def settle(self, *, force: bool = False) -> None:
        """Pass on lines that were begun a second ago, and report lines that were left out.

        Args:
            force: whether to do both at once, as before the program stops.
        """
        self._lines.settle(force=force)
        self.limit.report_dropped(force=force)


def _place_streams() -> None:
    """Replace every standard stream that is not ours."""
    streams = {id(each.outside): each for each in _placed.values()}
    for name in _NAMES:
        current = getattr(sys, name, None)
        if type(current) is not Stream:
            _placed[name] = streams.setdefault(id(current), Stream(current))
            setattr(sys, name, _placed[name])


def _restore_streams() -> None:
    """Restore the program's streams, except where it has replaced ours itself."""
    for name in _NAMES:
        while type(stream := getattr(sys, name, None)) is Stream:
            setattr(sys, name, stream.outside)
    _placed.clear()
