"""Starts the daemon: opens its sockets, and hands them to who serves."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from hookframe.daemon.signals import Inbox
from hookframe.daemon.single import serve_alone
from hookframe.daemon.sockets import Listener, ListenError, listen
from hookframe.daemon.supervisor import Supervisor
from hookframe.errors import ConfigError

if TYPE_CHECKING:
    from hookframe.address import Address
    from hookframe.log import Log
    from hookframe.sources import Source


def serve(
    source: Source, addresses: Sequence[Address] | None, log: Log, *, supervised: bool = True
) -> int:
    """Run the daemon until SIGTERM or SIGINT.

    Args:
        source: where the policy comes from.
        addresses: where to listen; None for what the configuration says.
        log: takes everything that there is to say.
        supervised: whether workers decide, and are replaced when they die or hang; else this
            process does.

    Returns:
        The exit status: 0 after a clean stop, 1 if it could not start.
    """
    config = source.look().config
    if isinstance(config, ConfigError):
        for problem in config.problems:
            log.error(f"{config.path}: {problem}")
        return 1
    wanted = config.listen if addresses is None else tuple(addresses)
    if not wanted:
        log.error('nowhere to listen: set listen = "unix:/run/hookframe/hookframe.sock"')
        return 1
    inbox = Inbox() if supervised else None
    with ExitStack() as stack:
        try:
            listeners = [_opened(address, stack, log) for address in wanted]
        except ListenError as error:
            log.error(str(error))
            return 1
        if inbox is not None:
            Supervisor(source, config, listeners, log, inbox).run()
        else:
            serve_alone(source, config, listeners, log)
    log.info("stopped")
    return 0


def _opened(address: Address, stack: ExitStack, log: Log) -> Listener:
    listener = listen(address)
    stack.callback(listener.close)
    if listener.replaced:
        log.warning(f"replaced the stale socket file at {address.path}: its daemon has died")
    return listener
