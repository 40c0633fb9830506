"""Start the daemon: open its sockets, and run the supervisor."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from hookframe.daemon.inprocess import serve_in_process
from hookframe.daemon.signals import SignalPipe
from hookframe.daemon.sockets.activation import take_passed
from hookframe.daemon.sockets.listener import ListenError
from hookframe.daemon.sockets.open_all import open_all
from hookframe.daemon.supervisor.supervisor import Supervisor
from hookframe.daemon.systemd import Notifier
from hookframe.log.pipe import LogPipe
from hookframe.log.setup import make_daemon_log
from hookframe.plugins.finder import Installed

if TYPE_CHECKING:
    from hookframe.config.address import Address
    from hookframe.config.model import Config
    from hookframe.daemon.sockets.listener import Listener
    from hookframe.host.source import Source
    from hookframe.log.log import Log


def serve(
    source: Source,
    config: Config,
    addresses: Sequence[Address] | None,
    log: Log,
    *,
    supervised: bool = True,
) -> int:
    """Run the daemon until SIGTERM or SIGINT.

    Args:
        source: where the policy comes from.
        config: the configuration at the start.
        addresses: where to listen; None for the configuration's addresses.
        log: takes all lines.
        supervised: whether supervised workers decide; else this process does.

    Returns:
        The exit status: 0 after a clean stop, 1 if the daemon could not start.
    """
    notifier = Notifier.from_environment()
    signals = SignalPipe() if supervised else None
    supervisor: Supervisor | None = None
    with ExitStack() as stack:
        stack.callback(notifier.close)
        try:
            listeners = _listen(config.listen if addresses is None else addresses, stack, log)
        except ListenError as error:
            log.error(str(error))
            return 1
        if signals is not None:
            Installed.scan()  # imports what each load in a child needs
            pipe = LogPipe.open()
            log.replace(make_daemon_log(config.log, pipe))
            supervisor = Supervisor(source, config, listeners, log, pipe, signals, notifier)
            supervisor.run()
        else:
            serve_in_process(source, config, listeners, log, notifier)
    log.info("stopped")
    if supervisor is not None:
        supervisor.close()
    return 0


def _listen(addresses: Sequence[Address], stack: ExitStack, log: Log) -> list[Listener]:
    """Take the sockets that the service manager passes, and open the others."""
    passed = take_passed()
    for each in passed:
        stack.callback(each.socket.close)
    if not addresses and not passed:
        raise ListenError(
            'no address to listen on: set listen = "unix:/run/hookframe/hookframe.sock"'
        )
    listeners = []
    for listener in open_all(addresses, passed):
        stack.callback(listener.close)
        listeners.append(listener)
        if listener.remark:
            log.warning(listener.remark)
    return listeners
