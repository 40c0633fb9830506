"""The daemon in one process, without a supervisor: for a debugger."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING

from hookframe.api.attempt import encode_line
from hookframe.daemon.scoreboard import RequestMarker, Slot
from hookframe.daemon.server.server import SWEEP, Server
from hookframe.daemon.signals import RELOAD, STOP, EarlySignals
from hookframe.daemon.status import build_document, build_lone_supervisor_part
from hookframe.host.host import Host

if TYPE_CHECKING:
    from hookframe.config.model import Config
    from hookframe.daemon.sockets.listener import Listener
    from hookframe.daemon.status import WorkerPart
    from hookframe.daemon.systemd import Notifier
    from hookframe.host.source import Source
    from hookframe.log.log import Log


def serve_in_process(
    source: Source, config: Config, listeners: Sequence[Listener], log: Log, notifier: Notifier
) -> None:
    """Serve in this process until a signal to stop; a hook that can't be interrupted blocks it.

    Args:
        source: where the policy comes from.
        config: the configuration at the start.
        listeners: the open sockets.
        log: takes all lines.
        notifier: reports to the service manager.
    """
    early = EarlySignals()
    with Host(source, log=log, interrupt=True) as host:
        server = Server(host, listeners, config, log, RequestMarker(Slot()), _build_status)
        server.run(_serve(server, host, listeners, log, notifier, early.received))


def _build_status(part: WorkerPart) -> bytes:
    return encode_line(build_document(build_lone_supervisor_part(part), [part], monotonic()))


async def _serve(
    server: Server,
    host: Host,
    listeners: Sequence[Listener],
    log: Log,
    notifier: Notifier,
    early: Collection[int],
) -> None:
    """Serve until a signal to stop, then answer what has been read.

    Args:
        server: the connections.
        host: decides.
        listeners: the open sockets.
        log: takes all lines.
        notifier: reports to the service manager.
        early: the signals that came during the load.
    """

    def reload() -> None:
        log.info("SIGHUP: rebuilding the chain")
        host.reload()

    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in STOP:
        loop.add_signal_handler(number, stopping.set)
    loop.add_signal_handler(RELOAD, reload)
    if RELOAD in early:
        reload()
    if any(number in early for number in STOP):
        stopping.set()
    server.prepare()
    server.open()
    where = f"listening on {', '.join(map(str, listeners))}"
    log.info(where)
    notifier.ready(where)
    while not stopping.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), SWEEP)
        server.sweep()
        host.apply_change()
        host.report_dropped_output()
        log.run_upkeep()
        notifier.ping()
    notifier.stopping()
    log.info(f"stopping: {server.connected} connections to finish")
    await server.drain()
