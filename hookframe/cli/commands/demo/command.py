"""`hookframe demo`: shows a daemon at work, and a live edit of its hook file."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Final

import click

from hookframe._text import describe_decision
from hookframe.cli.commands.demo.daemon import Daemon, DaemonFailed, make_demo_folder, run_daemon
from hookframe.cli.commands.demo.policy import (
    CONFIG,
    HOOK_FILE,
    find_demo_plugins,
    list_missing,
    read_demo_attempts,
    read_hook_file,
    save,
    write_policy,
)
from hookframe.cli.commands.demo.view import Plain, list_changed_lines
from hookframe.cli.console import is_terminal, print_error

if TYPE_CHECKING:
    from types import FrameType

    from hookframe.cli.commands.demo.view import Screen

_HALF: Final = 0.43
"""The share of the time for the attempts before the edit, and for those after it."""
_STEP: Final = 0.5
"""The longest pause between two attempts in seconds: time to read."""
_PATIENCE: Final = 10.0
"""Seconds until a saved change must have an effect."""
_PAUSE: Final = 0.001
"""Seconds between two requests that check whether a change is live."""
_STOPPING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@click.command("demo", short_help="Show a daemon at work.")
@click.option(
    "--seconds",
    type=click.FloatRange(1, 3600),
    default=15.0,
    show_default=True,
    help="About how long it takes.",
)
def command(seconds: float) -> int:
    """Show a daemon at work: sample attempts, decisions and their plugins, and a live edit.

    It runs in a temporary directory with its own policy: a hook file, and hookframe-blacklist and
    hookframe-routing if they are installed. It stops at the end, or on Ctrl-C.

    \b
    Example:
        hookframe demo --seconds 30
    """
    used = find_demo_plugins()
    try:
        with _handle_signals(), make_demo_folder() as folder:
            write_policy(folder, used)
            with run_daemon(folder, CONFIG) as daemon:
                _Show(folder, daemon, _choose_screen(), seconds).play(used)
    except KeyboardInterrupt:
        click.echo("\nStopped.")
    except DaemonFailed as error:
        print_error(str(error))
        return 1
    return 0


@contextmanager
def _handle_signals() -> Iterator[None]:
    """Stop on SIGINT, SIGTERM or SIGHUP; ignore further ones during the clean-up."""
    before = {number: signal.signal(number, _stop) for number in _STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    for each in _STOPPING:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


class _Show:
    """The scenes of the demonstration."""

    def __init__(self, folder: Path, daemon: Daemon, screen: Screen, seconds: float) -> None:
        self._folder = folder
        self._daemon = daemon
        self._screen = screen
        self._attempts = read_demo_attempts()
        self._half = seconds * _HALF
        self._step = min(_STEP, self._half / len(self._attempts))

    def play(self, used: tuple[str, ...]) -> None:
        """Play all the scenes."""
        show_text = self._screen.show_text
        show_text(
            f"A daemon (hookframe serve) is running; its chain is {', '.join((*used, 'file'))}."
        )
        for distribution in list_missing(used):
            show_text(f"({distribution} is not installed; with it, more would happen here.)")
        self._show_attempts()
        edited = read_hook_file(edited=True)
        show_text(f"Now {HOOK_FILE} is edited, and saved:")
        self._screen.diff(list_changed_lines(read_hook_file(), edited))
        answer, elapsed = self._save_and_wait(edited)
        show_text(
            f"The first new decision came {elapsed:.1f} ms after the save. The same attempts:"
        )
        self._show_attempts()
        self._show_broken_save(edited, answer)
        show_text("That was all: no restart, and no attempt lost. Your own: hookframe init DIR")

    def _show_attempts(self) -> None:
        """Send one attempt after the other, each at least once."""
        until = monotonic() + self._half
        for number, attempt in enumerate(cycle(self._attempts), start=1):
            self._screen.show_decision(attempt, self._daemon.ask(attempt))
            sleep(self._step)
            if number >= len(self._attempts) and monotonic() >= until:
                return

    def _show_broken_save(self, good: str, before: Mapping[str, Any]) -> None:
        """Save a file that can't be loaded, and fix it."""
        answer, elapsed = self._save_and_wait(good.replace("(attempt):", "(attempt:"))
        decision = describe_decision(answer["decision"])
        line = self._daemon.wait_for_log("error compiling")
        self._screen.show_text(
            f"A broken save: {elapsed:.1f} ms later every attempt is a temporary failure, "
            f"{decision}; the log says: {line}"
        )
        sleep(self._step)
        answer, elapsed = self._save_and_wait(good)
        if answer["decision"] != before["decision"]:
            raise DaemonFailed(f"after the fix the decision is {answer['decision']}")
        decision = describe_decision(answer["decision"])
        self._screen.show_text(f"Fixed: {elapsed:.1f} ms later it decides again, {decision}.")

    def _save_and_wait(self, text: str) -> tuple[Mapping[str, Any], float]:
        """Save the hook file; return the first new answer, and the milliseconds until it came."""
        first = self._attempts[0]
        before = self._daemon.ask(first)["decision"]
        save(self._folder, text)
        saved = monotonic()
        while monotonic() < saved + _PATIENCE:
            answer = self._daemon.ask(first)
            if answer["decision"] != before:
                return answer, (monotonic() - saved) * 1000
            sleep(_PAUSE)
        raise DaemonFailed(f"the saved change had no effect within {_PATIENCE:.0f} s")


def _choose_screen() -> Screen:
    """Choose the screen for standard output."""
    if is_terminal(sys.stdout):
        from hookframe.cli.commands.demo.view import Colours  # noqa: PLC0415  (rich)

        return Colours()
    return Plain()
