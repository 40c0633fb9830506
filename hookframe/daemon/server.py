"""The connections of one process: accepted, limited, and brought to their end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from hookframe.daemon.board import ATTEMPT
from hookframe.daemon.connection import Connection
from hookframe.daemon.holdings import Holdings
from hookframe.daemon.open_files import make_room, shortage
from hookframe.daemon.sockets import BACKLOG, Listener
from hookframe.daemon.status import worker_part
from hookframe.daemon.wire import Wires
from hookframe.rate import OncePerSecond

if TYPE_CHECKING:
    from hookframe.config import Config, Limits
    from hookframe.daemon.board import Stamp
    from hookframe.daemon.status import WorkerPart
    from hookframe.daemon.wire import Decider
    from hookframe.log import Log

SWEEP: Final = 0.5
"""Seconds between two looks at the connections' times."""
_LAST_REQUESTS: Final = 0.05
"""Seconds in which clients that have just been let in may still ask before all is ended."""


class Server:
    """The connections of one process.

    Args:
        host: decides.
        listeners: the open sockets.
        config: what it was started with.
        log: takes everything that there is to say.
        stamp: is told which request is being answered.
        status: makes the daemon's status out of this process's part of it.
    """

    def __init__(
        self,
        host: Decider,
        listeners: Sequence[Listener],
        config: Config,
        log: Log,
        stamp: Stamp,
        status: Callable[[WorkerPart], bytes],
    ) -> None:
        self._host = host
        self._listeners = listeners
        self._config = config
        self._log = log
        self._stamp = stamp
        self._connections: dict[Connection, int] = {}
        """each one with the number of its descriptor"""
        self._draining = False
        self._room = config.limits.connections
        self._full = OncePerSecond()
        self._accepting: list[asyncio.Server] = []
        self._wires = Wires(lambda: status(self.part()))
        self._started = monotonic()
        self._holdings = Holdings(log)

    @property
    def limits(self) -> Limits:
        """The limits that hold."""
        return self._config.limits

    @property
    def connected(self) -> int:
        """How many clients there are."""
        return len(self._connections)

    def part(self) -> WorkerPart:
        """Say how this process is."""
        requests = self._stamp.cells[ATTEMPT] or self._stamp.number
        attempts = self._wires.attempts(requests)
        return worker_part(self._host, attempts, self.connected, self._started)

    async def prepare(self) -> None:
        """Make ready to accept connections, which then takes no time any more."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._unexpected)
        for listener in self._listeners:
            wire = self._wires.speaking(listener.address.protocol)
            connect = partial(Connection, wire, self._host, self._stamp, self._made, self._lost)
            self._accepting.append(
                await loop.create_server(
                    connect, sock=listener.socket, backlog=BACKLOG, start_serving=False
                )
            )
        self._holdings.prepare(listener.socket.fileno() for listener in self._listeners)

    async def open(self) -> None:
        """Accept connections from now on."""
        self._room = _room(self.limits.connections, self._log)
        self._holdings.begin()
        for accepting in self._accepting:
            await accepting.start_serving()

    def sweep(self) -> None:
        """Close connections whose time is over, and take note of a new configuration."""
        self._holdings.check()
        now = monotonic()
        for connection in list(self._connections):
            if connection.overdue(now, self.limits):
                connection.abort()
        config = self._host.config
        if config is not None and config is not self._config:
            for key in ("listen", "workers", "log"):
                if getattr(config, key) != getattr(self._config, key):
                    self._log.warning(f"{key} has changed; what is new there needs a restart")
            if config.limits.connections != self.limits.connections:
                self._room = _room(config.limits.connections, self._log)
            self._config = config

    async def drain(self) -> None:
        """Accept nothing more, answer what has been sent, and close."""
        self._holdings.let_go()
        for accepting in self._accepting:
            accepting.close()
        if self._connections:
            await asyncio.sleep(_LAST_REQUESTS)
        self._draining = True
        for connection in list(self._connections):
            connection.drain()
        until = monotonic() + self.limits.answer_time
        while self._connections:
            if any(connection.answering for connection in self._connections):
                until = monotonic() + self.limits.answer_time
            elif monotonic() > until:
                break
            await asyncio.sleep(0.01)
        for connection in list(self._connections):
            connection.abort()

    def forget(self) -> None:
        """In a child that a hook has forked: let no request be answered there."""
        for connection in self._connections:
            connection.forget()

    def _made(self, connection: Connection) -> bool:
        number = next(connection.descriptors(), -1)
        if len(self._connections) >= self._room:
            if self._full.due():
                self._log.warning(
                    f"{self._room} clients are connected, as many as limits.connections "
                    "and the system allow; further ones are turned away"
                )
            return False
        if not self._holdings.lend(number):
            return False
        self._connections[connection] = number
        if self._draining:  # it was accepted in the last moment
            connection.drain()
        return True

    def _lost(self, connection: Connection) -> None:
        self._holdings.take_back(self._connections.pop(connection, -1))

    def _unexpected(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log what asyncio could not hand to anybody; the daemon goes on."""
        self._log.error(f"{context.get('message')}: {context.get('exception')!r}")


def _room(connections: int, log: Log) -> int:
    """Say for how many connections there is room, and raise the limit of open files for them."""
    complaint = shortage(connections)
    if complaint:
        log.warning(complaint)
    return make_room(connections)
