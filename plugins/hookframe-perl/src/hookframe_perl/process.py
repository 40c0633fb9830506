"""A Perl process that runs one hook file: started, asked, and ended whatever it does."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import sys
from codecs import getincrementaldecoder
from collections.abc import Sequence
from contextlib import suppress
from math import ceil
from pathlib import Path
from subprocess import DEVNULL, Popen
from time import monotonic, sleep
from typing import Final

from hookframe_perl import frames

_WORKER: Final = str(Path(__file__).with_name("worker.pl"))
_END: Final = 0.1
"""Seconds in which a process that has closed its line has ended, so that it can be said how."""
_PAUSE: Final = 0.001
"""Seconds between two looks whether it has."""
_PIECE: Final = 65536


class ProcessLost(Exception):
    """The process has ended, or answers no more; the text says what it did. It has been killed."""


class TookTooLong(Exception):
    """There was no answer in time; the process has been killed."""


class PerlProcess:
    """A Perl interpreter, its two pipes for requests and answers, and one for what it prints.

    What it prints goes to `sys.stderr` while somebody waits for its answer. It leads a group of
    its own, in which is what the hook has started, or a script that stands for the interpreter.
    The group is killed as one, by the kernel when this process ends, however that happens.

    Args:
        perl: the path of the interpreter.

    Raises:
        OSError: it can't be started.
    """

    def __init__(self, perl: str) -> None:
        self._printed = False
        pipes = _pipes(4)
        (requests, self._requests), (self._answers, answers) = pipes[:2]
        (self._output, output), (lifeline, self._lifeline) = pipes[2:]
        try:
            self._process = Popen(  # noqa: S603  (the interpreter is the operator's choice)
                [perl, _WORKER, str(requests), str(answers)],
                stdin=DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(requests, answers, lifeline),
                start_new_session=True,
            )
            _kill_at_end_of(lifeline, self._process.pid)
        except BaseException:
            self._close()
            raise
        finally:
            for theirs in (requests, answers, output, lifeline):
                os.close(theirs)
        for ours in (self._requests, self._output):
            os.set_blocking(ours, False)
        self._decode = getincrementaldecoder("utf-8")("backslashreplace").decode
        self._events = select.poll()
        self._events.register(self._answers, select.POLLIN)
        # Behind the answers: whatever was printed before an answer is seen no later than that.
        self._events.register(self._output, select.POLLIN)
        self._answered = [(self._answers, select.POLLIN)]

    def ask(self, request: bytes, seconds: float) -> tuple[bytes, ...]:
        """Send a request, and wait for its answer.

        Args:
            request: a frame.
            seconds: how long that may take.

        Returns:
            The fields of the answer.

        Raises:
            TookTooLong: it takes longer.
            ProcessLost: there will be no answer.
            BaseException: an exception that interrupts the waiting. After any of the three the
                process is dead: it can never answer the next request with this one's answer.
        """
        until = monotonic() + seconds
        try:
            sent = os.write(self._requests, request)
            if sent != len(request):
                self._send(request[sent:], until)
            return frames.fields_of(self._receive(until))
        except (OSError, ValueError) as error:
            raise ProcessLost(self._how_it_ended(error)) from None
        except BaseException:
            self.end()
            raise
        finally:
            if self._printed:
                self._printed = False
                sys.stderr.flush()  # ends a line that the hook has left unfinished

    def end(self) -> None:
        """Kill it, and give back what we hold of it."""
        if self._requests >= 0:
            try:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
                with suppress(OSError):
                    self._pass_on(final=True)
            finally:
                self._close()

    def _send(self, request: bytes, until: float) -> None:
        """Write what the pipe has not taken at once."""
        room = select.poll()
        room.register(self._requests, select.POLLOUT)
        sent = 0
        while sent < len(request):
            if not room.poll(_milliseconds(until)):
                raise TookTooLong
            sent += os.write(self._requests, request[sent:])

    def _receive(self, until: float) -> bytes:
        """Read one frame, and pass on what is printed meanwhile."""
        received, length = b"", frames.SIZE.size
        while len(received) < length:
            happened = self._events.poll(_milliseconds(until))
            if not happened:
                raise TookTooLong
            if happened != self._answered:
                self._look_at_output(happened)
            if happened[0][0] != self._answers:
                continue
            piece = os.read(self._answers, _PIECE)
            if not piece:
                raise BrokenPipeError
            received += piece
            if len(received) >= frames.SIZE.size:
                length = frames.SIZE.size + frames.SIZE.unpack_from(received)[0]
                if not len(received) <= length <= frames.LONGEST:
                    raise ValueError("not one answer")
        return received[frames.SIZE.size :]

    def _look_at_output(self, happened: Sequence[tuple[int, int]]) -> None:
        if any(descriptor == self._output for descriptor, _ in happened):
            self._pass_on()

    def _pass_on(self, *, final: bool = False) -> None:
        """Print what it has printed, but not half of a letter, unless that is all."""
        try:
            printed = os.read(self._output, _PIECE)
        except BlockingIOError:
            printed = b""
        else:
            if not printed and not final:  # it has closed what it could print to
                self._events.unregister(self._output)
        if text := self._decode(printed, final):
            self._printed = True
            sys.stderr.write(text)

    def _how_it_ended(self, error: Exception) -> str:
        """Say why there is no answer, and see that the process is dead."""
        try:
            ended = self._has_ended()
        finally:
            self.end()
        status = self._process.returncode
        if isinstance(error, ValueError):
            return "gave an answer that can't be read: the hook wrote to its line to hookframe"
        if not ended:
            return "closed its line to hookframe, by exec or by closing what it had not opened"
        if status < 0:
            return f"was ended by {_signal_name(-status)}"
        return f"ended itself with exit status {status}, by exit or exec"

    def _has_ended(self) -> bool:
        """Wait a little for its end, but leave it a zombie: its group keeps its number so."""
        until = monotonic() + _END
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        with suppress(ChildProcessError):  # the program around us has SIGCHLD ignored
            while os.waitid(os.P_PID, self._process.pid, options) is None:
                if monotonic() > until:
                    return False
                sleep(_PAUSE)
        return True

    def _close(self) -> None:
        for ours in (self._requests, self._answers, self._output, self._lifeline):
            os.close(ours)
        self._requests = -1


def _pipes(number: int) -> list[tuple[int, int]]:
    """Make so many pipes, or none."""
    made: list[tuple[int, int]] = []
    try:
        for _ in range(number):
            made.append(os.pipe())
    except OSError:
        for pipe in made:
            for end in pipe:
                os.close(end)
        raise
    return made


def _kill_at_end_of(lifeline: int, group: int) -> None:
    """Have the kernel kill a group of processes when the other end of their pipe is closed.

    Nothing is ever written there: see F_SETSIG in fcntl(2). A hook that loops for ever would
    otherwise outlive a hookframe that was killed.
    """
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, -group)
    fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
    flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_ASYNC)


def _milliseconds(until: float) -> int:
    return max(0, ceil((until - monotonic()) * 1000))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"
