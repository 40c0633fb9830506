"""`hookframe serve --check`: every check of a start, without starting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from hookframe._text import one_line
from hookframe.cli.child import PolicyDied, find_load_time, run_in_child
from hookframe.cli.console import print_error, print_note
from hookframe.cli.dry_run import DryRunResult, Finding, try_policy
from hookframe.cli.interrupt import Interrupt
from hookframe.cli.stdio import take_output
from hookframe.daemon.dry_run import check_system
from hookframe.daemon.sockets.activation import take_passed
from hookframe.daemon.sockets.listener import ListenError

if TYPE_CHECKING:
    from hookframe.config.address import Address
    from hookframe.config.model import Config
    from hookframe.daemon.sockets.activation import PassedSocket
    from hookframe.host.source import Source


def check_start(
    source: Source, addresses: Sequence[Address] | None, explain_no_address: Callable[[Config], str]
) -> int:
    """Check the policy, the addresses and the directories; print every problem.

    Args:
        source: the policy.
        addresses: where the daemon would listen; None for the addresses of the configuration.
        explain_no_address: returns the error text for a daemon without an address.

    Returns:
        The exit status: 0 if the daemon can start, 1 if there are problems.
    """
    problems: list[str] = []
    notes: tuple[str, ...] = ()
    passed: Sequence[PassedSocket] = ()
    try:
        passed = take_passed()
    except ListenError as error:
        problems.append(str(error))
    try:
        with (
            run_in_child(find_load_time(source)) as phase,
            Interrupt() as interrupt,
            take_output(),
        ):
            result = try_policy(source, (), interrupt.check, lambda: interrupt.received, phase)
    except PolicyDied as error:
        result = DryRunResult(None, findings=(Finding("load", str(error)),))
    problems += map(str, result.findings)
    if result.config is not None:
        wanted = result.config.listen if addresses is None else addresses
        report = check_system(result.config, wanted, passed)
        problems += report.problems
        notes = report.notes
        if not wanted and not passed:
            problems.append(
                f"{explain_no_address(result.config)}; "
                "with systemd socket units, list their addresses in `listen` as well"
            )
    for each in passed:
        each.socket.close()
    return _print(problems, notes, [plugin.name for plugin in result.plugins])


def _print(problems: Sequence[str], notes: Sequence[str], chain: Sequence[str]) -> int:
    for text in notes:
        print_note(text)
    for text in problems:
        print_error(text)
    if not problems:
        click.echo(one_line(f"ok: the daemon can start; its chain: {', '.join(chain) or 'empty'}"))
    return 1 if problems else 0
