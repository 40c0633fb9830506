"""The daemon as a whole: listens, decides, reloads on SIGHUP, stops without losing an answer."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Collection, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import uvloop

from hookframe.config import Config, Limits
from hookframe.daemon.connection import Connection
from hookframe.daemon.signals import RELOAD, STOP, EarlySignals
from hookframe.daemon.sockets import BACKLOG, Listener, ListenError, listen
from hookframe.daemon.wire import WIRES, Wire
from hookframe.errors import ConfigError
from hookframe.host import Host
from hookframe.log import OncePerSecond

if TYPE_CHECKING:
    from hookframe.address import Address
    from hookframe.log import Log
    from hookframe.sources import Source

_SWEEP: Final = 0.5
"""Seconds between two looks at the connections' times."""
_SPARE_FILES: Final = 64
"""File descriptors that are needed beside those of the connections."""


def serve(source: Source, addresses: Sequence[Address] | None, log: Log) -> int:
    """Run the daemon until SIGTERM or SIGINT.

    Args:
        source: where the policy comes from.
        addresses: where to listen; None for what the configuration says.
        log: takes everything that there is to say.

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
    early = EarlySignals()
    with ExitStack() as stack:
        try:
            listeners = [_opened(address, stack, log) for address in wanted]
        except ListenError as error:
            log.error(str(error))
            return 1
        host = stack.enter_context(Host(source, log=log))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(Server(host, listeners, config, log).run(early.noted))
    log.info("stopped")
    return 0


def _opened(address: Address, stack: ExitStack, log: Log) -> Listener:
    listener = listen(address)
    stack.callback(listener.close)
    if listener.replaced:
        log.warning(f"replaced the stale socket file at {address.path}: its daemon has died")
    return listener


class Server:
    """The connections of one daemon.

    Args:
        host: decides.
        listeners: the open sockets.
        config: what it was started with.
        log: takes everything that there is to say.
    """

    def __init__(self, host: Host, listeners: Sequence[Listener], config: Config, log: Log) -> None:
        self._host = host
        self._listeners = listeners
        self._config = config
        self._log = log
        self._connections: set[Connection] = set()
        self._room = config.limits.connections
        self._full = OncePerSecond()
        self._stopping = asyncio.Event()

    async def run(self, early: Collection[int]) -> None:
        """Serve until a signal says to stop, then answer what has been read.

        Args:
            early: the signals that have come already.
        """
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._unexpected)
        for number in STOP:
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(RELOAD, self._reload)
        if RELOAD in early:
            self._reload()
        if any(number in early for number in STOP):
            self._stopping.set()
        self._room = _room(self._limits.connections, self._log)
        servers = [
            await loop.create_server(
                partial(Connection, _wire(listener), self._host, self._made, self._lost),
                sock=listener.socket,
                backlog=BACKLOG,
            )
            for listener in self._listeners
        ]
        self._log.info(f"listening on {', '.join(map(str, self._listeners))}")
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), _SWEEP)
            self._sweep()
        self._log.info(f"stopping: {len(self._connections)} connections to finish")
        for server in servers:
            server.close()
        await self._drain()

    @property
    def _limits(self) -> Limits:
        return self._config.limits

    def _made(self, connection: Connection) -> bool:
        if len(self._connections) >= self._room:
            if self._full.due():
                self._log.warning(
                    f"{self._room} clients are connected, as many as limits.connections "
                    "and the system allow; further ones are turned away"
                )
            return False
        self._connections.add(connection)
        return True

    def _lost(self, connection: Connection) -> None:
        self._connections.discard(connection)

    def _sweep(self) -> None:
        """Close connections whose time is over, and take note of a new configuration."""
        now = monotonic()
        for connection in list(self._connections):
            if connection.overdue(now, self._limits):
                connection.abort()
        config = self._host.config
        if config is not None and config is not self._config:
            if config.listen != self._config.listen:
                self._log.warning("listen has changed; the new addresses need a restart")
            if config.limits.connections != self._limits.connections:
                self._room = _room(config.limits.connections, self._log)
            self._config = config

    async def _drain(self) -> None:
        for connection in list(self._connections):
            connection.drain()
        until = monotonic() + self._limits.answer_time
        while self._connections:
            if any(connection.answering for connection in self._connections):
                until = monotonic() + self._limits.answer_time
            elif monotonic() > until:
                break
            await asyncio.sleep(0.01)
        for connection in list(self._connections):
            connection.abort()

    def _reload(self) -> None:
        self._log.info("SIGHUP: building the chain anew")
        self._host.reload()

    def _unexpected(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log what asyncio could not hand to anybody; the daemon goes on."""
        self._log.error(f"{context.get('message')}: {context.get('exception')!r}")


def _wire(listener: Listener) -> Wire:
    return WIRES[listener.address.protocol]


def _room(connections: int, log: Log) -> int:
    """Say for how many connections there is room, and raise the limit of open files for them.

    Connections must not take the files that reloading the policy needs.
    """
    wanted = connections + _SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return connections
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed == wanted:
        return connections
    room = max(1, allowed - _SPARE_FILES)
    log.warning(
        f"the system allows {allowed} open files, limits.connections = {connections} needs "
        f"{wanted}: no more than {room} clients are let in; raise the system's limit (ulimit -n, "
        "or LimitNOFILE= in the systemd unit)"
    )
    return room
