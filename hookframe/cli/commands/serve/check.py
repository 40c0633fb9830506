"""`hookframe serve --check`: a start of the daemon, up to the moment when it would start."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from hookframe._text import one_line
from hookframe.cli.console import print_error, print_note
from hookframe.cli.dry_run import try_policy
from hookframe.cli.interrupt import Interrupt
from hookframe.cli.stdio import take_output
from hookframe.daemon.dry_run import check_system
from hookframe.daemon.sockets.activation import take_passed
from hookframe.daemon.sockets.listener import ListenError

if TYPE_CHECKING:
    from hookframe.config.address import Address
    from hookframe.config.model import Config
    from hookframe.host.source import Source


def check_start(
    source: Source, addresses: Sequence[Address] | None, explain_no_address: Callable[[Config], str]
) -> int:
    """Read the configuration, build the chain, try addresses and directories; say what came out.

    Args:
        source: where the policy comes from.
        addresses: where the daemon would listen; None for what the configuration says.
        nowhere: says what to write where there is no address at all.

    Returns:
        The exit status: 0 if the daemon can start, 1 if something is wrong.
    """
    problems: list[str] = []
    try:
        passed = take_passed()
    except ListenError as error:
        passed = ()
        problems.append(str(error))
    with Interrupt() as interrupt, take_output():
        result = try_policy(source, (), interrupt.check, lambda: interrupt.received)
    problems += map(str, result.findings)
    if result.config is not None:
        wanted = result.config.listen if addresses is None else addresses
        report = check_system(result.config, wanted, passed)
        problems += report.problems
        for text in report.notes:
            print_note(text)
        if not wanted and not passed:
            problems.append(
                f"{explain_no_address(result.config)}; those of socket units belong there too"
            )
    for each in passed:
        each.socket.close()
    for text in problems:
        print_error(text)
    if not problems:
        names = ", ".join(plugin.name for plugin in result.plugins)
        click.echo(one_line(f"ok: the daemon can start; its chain: {names or 'empty'}"))
    return 1 if problems else 0
