"""The soft deadline: an overdue hook is ended by an exception in its own stack.

An attempt only records its start time. A thread checks it as often as the shortest deadline
requires, and signals the main thread if a hook is overdue; the signal's handler raises.

The thread needs the interpreter's lock for a check. A regular expression that backtracks forever
keeps the lock, but handles signals. So each check also sets a kernel timer, whose signal comes if
the next check is late.
"""

from __future__ import annotations

import atexit
import signal
import sys
from contextlib import suppress
from math import inf
from threading import Event, Thread, current_thread, main_thread
from time import monotonic
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

from hookframe.chain.deadline import DeadlineClock
from hookframe.chain.frames import find_position

if TYPE_CHECKING:
    from threading import RLock

    from hookframe.api.errors import DeadlineExceeded

SIGNAL: Final = signal.SIGRTMAX - 1
"""The signal to the main thread. Ordinary signals belong to the program, and plugins use SIGALRM.
Of the real-time signals the C library keeps the lowest, and programs use those at either end."""
BACKUP: Final = signal.SIGVTALRM
"""The signal of the timer, which counts the processor time of this process, and no idle time."""
_CHECK_GRACE: Final = 0.03
"""Seconds by which a check must be late for the timer's signal, and between two such signals."""
_SHORTEST_PAUSE: Final = 0.01
"""Minimum seconds between two checks: a shorter deadline is noticed that much later."""
_LONGEST_PAUSE: Final = 3600.0
"""Maximum seconds between two checks."""
_FIRST_RETRY: Final = 0.005
"""Seconds until the next signal if one had no effect, doubled each time: the handler found our own
code on top, or ran just before a system call that blocks."""
_LONGEST_RETRY: Final = 0.25
"""Maximum of these seconds."""
_REPEAT_FRACTION: Final = 0.1
"""Part of the deadline after which a hook that catches the exception gets another; it has this time
to release what it holds."""
_SHORTEST_REPEAT: Final = 0.02
_LONGEST_REPEAT: Final = 1.0


class Interrupter:
    """Interrupts an overdue hook that the main thread runs for one host.

    Args:
        lock: the host's reentrant lock, held by the thread that runs an attempt.

    Raises:
        ValueError: this is not the main thread.
    """

    def __init__(self, lock: RLock) -> None:
        self._lock = lock
        self._clock = DeadlineClock()
        self._pause = inf
        self._retry_delay = _FIRST_RETRY
        self._interrupted = (0.0, 0.0)
        """when the call interrupted last was due, and when it may be interrupted again"""
        self._postponed = (0.0, 0.0)
        """when the postponed call was due, and until when it may run"""
        self._main = main_thread().ident or 0
        self._stopping = False
        self.next_check = inf
        """the monotonic time of the next check; infinity without a deadline"""
        self._wake = Event()
        _SIGNAL_HANDLER.add(self)
        self._thread = Thread(target=self._run, name="hookframe-deadline", daemon=True)
        self._thread.start()
        # At its end the interpreter restores default actions of signals: then none may come.
        atexit.register(self.stop)

    def watch(self, clock: DeadlineClock, shortest: float) -> None:
        """Watch a chain instead of the one before.

        Args:
            clock: the chain's clock.
            shortest: the shortest of all its deadlines, in seconds.
        """
        self._clock = clock
        self._pause = (
            inf if shortest == inf else min(max(shortest, _SHORTEST_PAUSE), _LONGEST_PAUSE)
        )
        self.next_check = monotonic()
        self._wake.set()
        _SIGNAL_HANDLER.arm_timer()

    def stop(self) -> None:
        """Stop the thread, and interrupt nothing more."""
        atexit.unregister(self.stop)
        self._stopping = True
        self._wake.set()
        if self._thread is not current_thread():
            self._thread.join()
        _SIGNAL_HANDLER.remove(self)

    def _run(self) -> None:
        pause = inf
        while not self._stopping:
            self._wake.wait(None if pause == inf else pause)
            self._wake.clear()
            pause = self._check()
            self.next_check = monotonic() + pause
            _SIGNAL_HANDLER.arm_timer()

    def _check(self) -> float:
        """Send a signal if a call is overdue; return the seconds until the next check."""
        now, due = monotonic(), self._clock.due()
        if now < due:
            self._retry_delay = _FIRST_RETRY
            return min(self._pause, due - now)
        interrupted, again = self._interrupted
        if interrupted == due and now < again:
            self._retry_delay = _FIRST_RETRY
            return min(self._pause, again - now)
        with suppress(ProcessLookupError):
            signal.pthread_kill(self._main, SIGNAL)
        pause, self._retry_delay = self._retry_delay, min(2 * self._retry_delay, _LONGEST_RETRY)
        return min(self._pause, pause)

    def handle_signal(self, frame: FrameType | None) -> None:
        """Handle the signal in the main thread: interrupt an overdue plugin where possible.

        Args:
            frame: the innermost frame.

        Raises:
            DeadlineExceeded: in the plugin's own stack.
        """
        if not self._lock.acquire(blocking=False):
            return  # another thread runs the attempt
        try:
            if self._is_overdue():
                self._interrupt(frame)
        finally:
            self._lock.release()

    def _is_overdue(self) -> bool:
        """Return whether the running call is overdue, and was not interrupted just now."""
        now, due = monotonic(), self._clock.due()
        interrupted, again = self._interrupted
        return now >= due and not (interrupted == due and now < again)

    def _interrupt(self, frame: FrameType | None) -> None:
        """Raise now if the plugin's code is on top, else when its call returns."""
        position = find_position(frame)
        if position is None:
            return
        now, due = monotonic(), self._clock.due()
        postponed, until = self._postponed
        was_postponed = postponed == due and now >= until
        if was_postponed if position.soon else position.call is None:
            raise self._make_error()
        if postponed != due:
            self._postponed = (due, now + _FIRST_RETRY)
        # A debugger's trace goes first; then the next signal may find a better moment.
        if position.call is not None and sys.gettrace() in (None, self._at_call):
            position.call.f_trace = self._at_return
            sys.settrace(self._at_call)

    def _at_call(self, frame: FrameType, event: str, argument: Any) -> None:  # noqa: ARG002
        """Trace no further call; stop tracing when nothing is overdue."""
        if not self._is_overdue():
            sys.settrace(None)

    def _at_return(self, frame: FrameType, event: str, argument: Any) -> Any:  # noqa: ARG002
        """Trace a call of the plugin, and raise when it returns."""
        if event != "return":
            return self._at_return
        sys.settrace(None)
        if self._is_overdue():
            raise self._make_error()
        return None

    def _make_error(self) -> DeadlineExceeded:
        due, now = self._clock.due(), monotonic()
        error = self._clock.build_interruption(now)
        pause = min(max(error.deadline * _REPEAT_FRACTION, _SHORTEST_REPEAT), _LONGEST_REPEAT)
        self._interrupted, self._postponed = (due, now + pause), (0.0, 0.0)
        return error


class _SignalHandler:
    """The handler of both signals, for all hosts of the process."""

    def __init__(self) -> None:
        self._interrupters: list[Interrupter] = []
        self._before: dict[int, Any] = {}

    def add(self, interrupter: Interrupter) -> None:
        """Register an interrupter."""
        if current_thread() is not main_thread():
            raise ValueError(
                "a host that interrupts hooks must be made in the main thread, as only that can be "
                f"interrupted, not in {current_thread().name}; leave out interrupt=True here"
            )
        for number in (SIGNAL, BACKUP):
            if signal.getsignal(number) != self._handle_signal:
                self._before[number] = signal.signal(number, self._handle_signal)
        self._interrupters.append(interrupter)

    def arm_timer(self) -> None:
        """Re-arm the backup timer, unless a plugin has replaced its handler."""
        if signal.getsignal(BACKUP) != self._handle_signal:
            return
        soonest = min(
            (interrupter.next_check for interrupter in tuple(self._interrupters)), default=inf
        )
        wait = 0.0 if soonest == inf else max(soonest - monotonic(), 0.0) + _CHECK_GRACE
        signal.setitimer(signal.ITIMER_VIRTUAL, wait)

    def remove(self, interrupter: Interrupter) -> None:
        """Unregister an interrupter; remove the handlers after the last one.

        Outside the main thread the handlers stay, and do nothing.
        """
        self._interrupters = [each for each in self._interrupters if each is not interrupter]
        self.arm_timer()
        if self._interrupters or current_thread() is not main_thread():
            return
        ours = {
            number for number in self._before if signal.getsignal(number) == self._handle_signal
        }
        # Their default action ends the process, so pending ones are taken first.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, ours)
        try:
            while signal.sigtimedwait(ours, 0) is not None:
                pass
            for number in ours:
                if self._before[number] is not None:  # a handler in C can't be restored
                    signal.signal(number, self._before[number])
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def _handle_signal(self, number: int, frame: FrameType | None) -> None:
        try:
            if number == BACKUP:
                self.arm_timer()
            for interrupter in tuple(self._interrupters):
                interrupter.handle_signal(frame)
        except RecursionError:
            return  # the stack is full; the next signal may find room


_SIGNAL_HANDLER: Final = _SignalHandler()
