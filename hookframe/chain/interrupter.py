"""The soft deadline: what runs too long is ended by an exception in its own stack.

An attempt costs no more for it than noting when it began. A thread looks at that as often as the
shortest deadline asks for; only what is overdue gets a signal, whose handler runs in the main
thread, between two instructions of whatever is on top there, and raises.

That thread needs the interpreter's lock for a look. A regular expression that backtracks for ever
does not give it away, but it does let signals be handled; so each look also sets a timer of the
kernel, which sends them where the next look does not come.
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

from hookframe.chain.deadline import Clock
from hookframe.chain.frames import find_position

if TYPE_CHECKING:
    from threading import RLock

    from hookframe.api.errors import DeadlineExceeded

SIGNAL: Final = signal.SIGRTMAX - 1
"""The signal that wakes the main thread. The ordinary ones are the program's, and plugins use
SIGALRM; of the real-time ones the C library keeps the lowest for itself, and whoever looks for a
free one begins at either end."""
BACKUP: Final = signal.SIGVTALRM
"""The signal of the timer that counts the processor time of this process, and no idle time."""
_CHECK_GRACE: Final = 0.03
"""Seconds by which a look must be late for that signal to come, and between two of them."""
_SHORTEST_PAUSE: Final = 0.01
"""Seconds between two looks, at least: a shorter deadline is noticed that much later."""
_LONGEST_PAUSE: Final = 3600.0
"""Seconds between two looks, at most."""
_FIRST_RETRY: Final = 0.005
"""Seconds until the next signal where one did not help, doubled each time: the handler found our
own code on top, or had run just before a system call that blocks for long."""
_LONGEST_RETRY: Final = 0.25
"""Seconds that this grows to."""
_REPEAT_FRACTION: Final = 0.1
"""After which part of its deadline a hook that goes on in spite of the exception gets another; so
much time it has to give back what it holds."""
_SHORTEST_REPEAT: Final = 0.02
_LONGEST_REPEAT: Final = 1.0


class Interrupter:
    """Interrupts what the main thread runs for one host, once it is overdue.

    Args:
        lock: the host's lock, held by the thread that runs an attempt; a reentrant one.

    Raises:
        ValueError: it is not made in the main thread.
    """

    def __init__(self, lock: RLock) -> None:
        self._lock = lock
        self._clock = Clock()
        self._pause = inf
        self._retry_delay = _FIRST_RETRY
        self._interrupted = (0.0, 0.0)
        """what was interrupted last, by when it was due, and when it may be interrupted again"""
        self._postponed = (0.0, 0.0)
        """what was let go on for a moment, by when it was due, and until when"""
        self._main = main_thread().ident or 0
        self._stopping = False
        self.next_check = inf
        """when this alarm will look, by the monotonic clock; never, where there is no deadline"""
        self._wake = Event()
        _SIGNAL_HANDLER.add(self)
        self._thread = Thread(target=self._run, name="hookframe-deadline", daemon=True)
        self._thread.start()
        # The interpreter gives signals their default action back at its end: then none may come.
        atexit.register(self.stop)

    def watch(self, clock: Clock, shortest: float) -> None:
        """Watch over a chain, and no longer over the one before.

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
        """Interrupt nothing any more."""
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
        """Send a signal if something is overdue; return the seconds until the next look.

        What begins after a look can't be overdue before the next one.
        """
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
        """Take the signal, in the main thread: interrupt what is overdue, where it can be.

        Args:
            frame: what is on top.

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
        """Say whether what runs now is overdue, and has not been interrupted a moment ago."""
        now, due = monotonic(), self._clock.due()
        interrupted, again = self._interrupted
        return now >= due and not (interrupted == due and now < again)

    def _interrupt(self, frame: FrameType | None) -> None:
        """Raise at once if the plugin's code is on top, else when it is again.

        Whoever traces this thread already, as a debugger does, goes first: then the next signal
        may find a better moment. It is also the one that ends what should have ended soon.
        """
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
        if position.call is not None and sys.gettrace() in (None, self._at_call):
            position.call.f_trace = self._at_return
            sys.settrace(self._at_call)

    def _at_call(self, frame: FrameType, event: str, argument: Any) -> None:  # noqa: ARG002
        """Trace no further call, and none at all where there is nothing to interrupt any more."""
        if not self._is_overdue():
            sys.settrace(None)

    def _at_return(self, frame: FrameType, event: str, argument: Any) -> Any:  # noqa: ARG002
        """Trace a call from the plugin's code into ours, and raise when it returns."""
        if event != "return":
            return self._at_return
        sys.settrace(None)
        if self._is_overdue():
            raise self._make_error()
        return None

    def _make_error(self) -> DeadlineExceeded:
        due, now = self._clock.due(), monotonic()
        error = self._clock.interrupted(now)
        pause = min(max(error.deadline * _REPEAT_FRACTION, _SHORTEST_REPEAT), _LONGEST_REPEAT)
        self._interrupted, self._postponed = (due, now + pause), (0.0, 0.0)
        return error


class _SignalHandler:
    """The handler of both signals, one for all hosts of the process."""

    def __init__(self) -> None:
        self._interrupters: list[Interrupter] = []
        self._before: dict[int, Any] = {}

    def add(self, interrupter: Interrupter) -> None:
        """Tell an alarm of every signal from now on."""
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
        """Set the timer anew, for when no alarm looks. Whoever takes its signal has it alone."""
        if signal.getsignal(BACKUP) != self._handle_signal:
            return
        soonest = min(
            (interrupter.next_check for interrupter in tuple(self._interrupters)), default=inf
        )
        wait = 0.0 if soonest == inf else max(soonest - monotonic(), 0.0) + _CHECK_GRACE
        signal.setitimer(signal.ITIMER_VIRTUAL, wait)

    def remove(self, interrupter: Interrupter) -> None:
        """Tell an alarm that looks no more of no signal; after the last one, be gone.

        Outside the main thread the handler stays, and does nothing.
        """
        self._interrupters = [each for each in self._interrupters if each is not interrupter]
        self.arm_timer()
        if self._interrupters or current_thread() is not main_thread():
            return
        ours = {
            number for number in self._before if signal.getsignal(number) == self._handle_signal
        }
        # By default either ends the process, so one that is still on its way is taken first.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, ours)
        try:
            while signal.sigtimedwait(ours, 0) is not None:
                pass
            for number in ours:
                if self._before[number] is not None:  # it can't be given back to code in C
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
            return  # there is no room on the stack to look at it; the next signal may find some


_SIGNAL_HANDLER: Final = _SignalHandler()
