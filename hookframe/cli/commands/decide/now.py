"""`hookframe decide --now`: the time that plugins see."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

from hookframe.testing.clock import Clock, find_modules

if TYPE_CHECKING:
    from hookframe.host.host import Host


def set_clock(now: str, stack: ExitStack) -> Callable[[Host], None]:
    """Set the clocks of Python until the stack is closed.

    Args:
        now: a time in ISO 8601; without an offset it is local time.
        stack: restores the clocks.

    Returns:
        Sets those that the modules of a host's plugins have imported, once they are loaded.

    Raises:
        click.UsageError: the text is no time, or the clock can't be set here.
    """
    try:
        when = datetime.fromisoformat(now)
    except ValueError:
        raise click.UsageError(
            f"--now: {now!a} is not a time; write, for example, 2026-12-24T22:00 (local time) or "
            "2026-12-24T22:00+01:00"
        ) from None
    if find_spec("time_machine") is None:
        raise click.UsageError("--now needs time-machine: pip install hookframe[testing]")
    clock = Clock()
    clock.set(when.astimezone())
    stack.enter_context(clock.patch_into(tuple))

    def set_in_plugins(host: Host) -> None:
        plugins = host.generation.plugins if host.generation is not None else ()
        subjects = [plugin.subject for plugin in plugins]
        stack.enter_context(clock.patch_into(lambda: find_modules(subjects)))

    return set_in_plugins
