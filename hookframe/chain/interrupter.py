"""The soft deadline: an overdue hook is ended by an exception in its own stack.

An attempt only records its start time. A signal comes when a deadline may be over, and its handler
compares and raises. In the daemon the supervisor sends it; in a program a kernel timer does.
"""

from __future__ import annotations

import atexit
import os
import signal
from functools import lru_cache
from math import inf
from threading import current_thread, main_thread
from time import monotonic
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, Final

from hookframe.api.plugin_code import CALLERS, PACKAGE, find_called
from hookframe.chain.deadline import SIGNAL
from hookframe.chain.member import AttemptRun

if TYPE_CHECKING:
    from threading import RLock

    from hookframe.api.errors import DeadlineExceeded

ALARM: Final = signal.SIGALRM
"""The signal of the kernel timer (`ITIMER_REAL`)."""
_SHORTEST_TICK: Final = 0.01
"""Minimum seconds between two signals of the timer: a shorter deadline is noticed later."""
_LONGEST_TICK: Final = 1.0
"""Maximum of these seconds; within an attempt the timer is set to its deadline exactly."""
_RETRY: Final = 0.005
"""Seconds until the next signal if one found a place that must not be interrupted, or came just
before a system call that blocks."""
_PATIENCE: Final = 0.1
"""Seconds after which a plugin is interrupted in our own functions, or libraries that we use, if no
signal has found its own code on top: it may call nothing else."""
_REPEAT_FRACTION: Final = 0.1
"""Part of the deadline after which a hook that catches the exception gets another; it has this time
to release what it holds."""
_SHORTEST_REPEAT: Final = 0.02
_LONGEST_REPEAT: Final = 1.0
# Paths as code objects carry them: as strings.
_LIBRARY: Final = os.path.dirname(os.__file__) + os.sep  # noqa: PTH120
_INSTALLED: Final = (f"{_LIBRARY}site-packages{os.sep}", f"{_LIBRARY}dist-packages{os.sep}")
_LOGGING: Final = f"{_LIBRARY}logging{os.sep}"
_OURS: Final = (PACKAGE, _LOGGING, "<frozen importlib")
_TAKING_A_LOCK: Final = ("acquire", "release", "_acquireLock", "_releaseLock")
"""The functions of `logging` that take or release a lock. Before Python 3.13 its callers don't say
`with`, so an interruption there leaves the lock taken, and every thread that logs would wait."""
_OURS_INSTALLED: Final = tuple(f"{os.sep}{name}{os.sep}" for name in ("loguru", "pluggy"))


class Interrupter:
    """Interrupts an overdue hook that the main thread runs for one host.

    Args:
        lock: the host's reentrant lock, held by the thread that runs an attempt.
        number: the signal: `SIGNAL` if another process sends it, `ALARM` for a kernel timer.

    Raises:
        ValueError: this is not the main thread.
    """

    def __init__(self, lock: RLock, number: int = ALARM) -> None:
        self._lock = lock
        self._run = AttemptRun()
        self.tick = inf
        """the seconds between two signals while no attempt is overdue"""
        self._interrupted = (0.0, 0.0)
        """when the call interrupted last was due, and when it may be interrupted again"""
        self._handler = _HANDLERS[number]
        self._handler.add(self)
        # At its end the interpreter restores default actions of signals: then none may come.
        atexit.register(self.stop)

    def watch(self, run: AttemptRun, shortest: float) -> None:
        """Watch a chain instead of the one before.

        Args:
            run: the chain's running attempt.
            shortest: the shortest of all its deadlines, in seconds.
        """
        self._run = run
        self.tick = inf if shortest == inf else min(max(shortest, _SHORTEST_TICK), _LONGEST_TICK)
        self._handler.set_timer()

    def stop(self) -> None:
        """Interrupt nothing more."""
        atexit.unregister(self.stop)
        self._handler.remove(self)

    def wait(self) -> float:
        """Return the seconds until the next signal is needed."""
        due, again = self._find_due()
        return self.tick if due == inf else min(self.tick, max(again - monotonic(), _RETRY))

    def interrupt(self, frame: FrameType | None) -> None:
        """Interrupt an overdue plugin, where that can't damage our own state.

        Args:
            frame: the innermost frame of the main thread.

        Raises:
            DeadlineExceeded: in the plugin's own stack.
        """
        if not self._lock.acquire(blocking=False):
            return  # another thread runs the attempt
        try:
            now = monotonic()
            due, again = self._find_due()
            if now >= again and can_interrupt(frame, anywhere=now >= again + _PATIENCE):
                raise self._build_error(frame, due, now)
        finally:
            self._lock.release()

    def _find_due(self) -> tuple[float, float]:
        """Return when the running call is due, and when it may be interrupted; else infinity."""
        due = self._run.due()
        interrupted, again = self._interrupted
        return due, again if interrupted == due else due

    def _build_error(self, frame: FrameType | None, due: float, now: float) -> DeadlineExceeded:
        error = self._run.build_interruption(now)
        self._run.unresponsive = find_called(frame)
        pause = min(max(error.deadline * _REPEAT_FRACTION, _SHORTEST_REPEAT), _LONGEST_REPEAT)
        self._interrupted = (due, now + pause)
        return error


def can_interrupt(frame: FrameType | None, *, anywhere: bool = False) -> bool:
    """Return whether a stack may be interrupted: a plugin's code, or what works for it, is on top.

    Args:
        frame: the innermost frame.
        anywhere: whether it may be in a call of ours, or of a library that we use as well, which
            would leave its locks taken.
    """
    if frame is not None and _takes_a_lock(frame.f_code):
        return False
    while frame is not None and frame.f_code not in CALLERS:
        ours = _is_ours(frame.f_code.co_filename)
        if ours is False or (ours and not anywhere):
            return not ours
        frame = frame.f_back
    return False


def _takes_a_lock(code: CodeType) -> bool:
    return code.co_name in _TAKING_A_LOCK and code.co_filename.startswith(_LOGGING)


@lru_cache(maxsize=1024)
def _is_ours(file: str) -> bool | None:
    """Return whether code is ours or shared with us; None if it works for its caller."""
    if file.startswith(_OURS) or any(name in file for name in _OURS_INSTALLED):
        return True
    library = file.startswith(_LIBRARY) and not file.startswith(_INSTALLED)
    return None if library or file.startswith("<frozen ") else False


class _SignalHandler:
    """The handler of one signal, for all hosts of the process."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._interrupters: list[Interrupter] = []
        self._handler_before: Any = None
        self._timer_before = (0.0, 0.0)

    def add(self, interrupter: Interrupter) -> None:
        """Register an interrupter."""
        if current_thread() is not main_thread():
            raise ValueError(
                "a host that interrupts hooks must be made in the main thread, as only that can be "
                f"interrupted, not in {current_thread().name}; leave out interrupt=True here"
            )
        if not self._is_installed():
            self._handler_before = signal.signal(self._number, self._handle)
            self._timer_before = signal.getitimer(signal.ITIMER_REAL)
        self._interrupters.append(interrupter)

    def set_timer(self) -> None:
        """Set the kernel timer, unless a plugin has taken its signal."""
        if self._number == ALARM and self._is_installed():
            tick = min((each.tick for each in self._interrupters), default=inf)
            wait = min((each.wait() for each in self._interrupters), default=inf)
            if tick == inf:
                signal.setitimer(signal.ITIMER_REAL, 0.0)
            else:
                signal.setitimer(signal.ITIMER_REAL, wait, tick)

    def remove(self, interrupter: Interrupter) -> None:
        """Unregister an interrupter; restore what was there before after the last one.

        Outside the main thread the handler stays, and does nothing.
        """
        self._interrupters = [each for each in self._interrupters if each is not interrupter]
        self.set_timer()
        if self._interrupters or current_thread() is not main_thread() or not self._is_installed():
            return
        # The default action ends the process, so a pending signal is taken first.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, (self._number,))
        try:
            while signal.sigtimedwait((self._number,), 0) is not None:
                pass
            if self._handler_before is not None:  # a handler in C can't be restored
                signal.signal(self._number, self._handler_before)
            if self._number == ALARM:
                signal.setitimer(signal.ITIMER_REAL, *self._timer_before)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def _is_installed(self) -> bool:
        return signal.getsignal(self._number) == self._handle

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        try:
            for interrupter in tuple(self._interrupters):
                interrupter.interrupt(frame)
        except RecursionError:
            return  # the stack is full; the next signal may find room
        finally:
            self.set_timer()


_HANDLERS: Final = {number: _SignalHandler(number) for number in (SIGNAL, ALARM)}
