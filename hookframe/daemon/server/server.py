"""The connections of one process: accepted, limited, and brought to their end."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from hookframe.daemon.protocols.protocols import Protocols
from hookframe.daemon.scoreboard import ATTEMPT
from hookframe.daemon.server.accept import accept
from hookframe.daemon.server.connection import Connection, Service
from hookframe.daemon.server.fd_guard import FdGuard
from hookframe.daemon.server.selector import ClientSelector
from hookframe.daemon.sockets.fd_limit import describe_shortage, raise_file_limit
from hookframe.daemon.sockets.listener import BACKLOG, Listener
from hookframe.daemon.status import build_worker_part
from hookframe.log.exceptions import describe
from hookframe.log.rate import OncePerSecond

if TYPE_CHECKING:
    from hookframe.config.model import Config, Limits
    from hookframe.daemon.protocols.base import Decider
    from hookframe.daemon.scoreboard import RequestMarker
    from hookframe.daemon.status import WorkerPart
    from hookframe.log.log import Log

SWEEP: Final = 0.5
"""Seconds between two looks at the connections' times."""
_ACCEPT_BATCH: Final = 16
"""Connections that are accepted before those that there are have their turn."""
_CLIENT_GONE: Final = (errno.ECONNABORTED, errno.EINTR, errno.EPROTO)
"""What accept(2) says of a client that has gone before it was let in."""
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
        marker: RequestMarker,
        status: Callable[[WorkerPart], bytes],
    ) -> None:
        self._host = host
        self._listeners = listeners
        self._config = config
        self._log = log
        self._marker = marker
        self._connections: dict[int, Connection] = {}
        """by the number of its descriptor"""
        self._connection_limit = config.limits.connections
        self._full_warning = OncePerSecond()
        self._pausing = False
        """whether nothing is accepted until the next sweep, as the system has no room"""
        self._services: dict[int, Service] = {}
        """by the number of the listening socket's descriptor"""
        self._protocols = Protocols(lambda: status(self.build_part()))
        self._started = monotonic()
        self._fd_guard = FdGuard(log)
        self.selector = ClientSelector()
        """who gives the connections their turns"""

    def run(self, main: Coroutine[None, None, None]) -> None:
        """Run a coroutine in the event loop that gives the connections their turns."""
        with asyncio.Runner(loop_factory=self.selector.new_event_loop) as runner:
            runner.run(main)

    @property
    def limits(self) -> Limits:
        """The limits that hold."""
        return self._config.limits

    @property
    def connected(self) -> int:
        """How many clients there are."""
        return len(self._connections)

    def build_part(self) -> WorkerPart:
        """Say how this process is."""
        requests = self._marker.fields[ATTEMPT] or self._marker.number
        attempts = self._protocols.attempts(requests)
        return build_worker_part(self._host, attempts, self.connected, self._started)

    def summarize(self) -> object:
        """Give what tells, at less cost, whether `part` would say anything new."""
        host, requests = self._host, self._marker.number
        return (
            self._protocols.attempts(requests),
            self.connected,
            host.generation,
            host.problem,
            host.last_load_error,
        )

    def prepare(self) -> None:
        """Make ready to accept connections, which then takes no time any more."""
        asyncio.get_running_loop().set_exception_handler(self._log_unexpected)
        for listener in self._listeners:
            protocol = self._protocols.find(listener.address.protocol)
            service = Service(
                protocol, self._host, self._marker, self.selector, self._remove, self._log_error
            )
            self._services[listener.socket.fileno()] = service
        self._fd_guard.prepare(self._services)

    def open(self) -> None:
        """Accept connections from now on."""
        self._connection_limit = _raise_limit(self.limits.connections, self._log)
        self._fd_guard.begin()
        for listener in self._listeners:
            listener.socket.setblocking(False)
            if listener.socket.family != socket.AF_UNIX:  # the connections inherit it
                listener.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            listener.socket.listen(BACKLOG)
        self._start_accepting()

    def _start_accepting(self) -> None:
        """Accept what waits at the listening sockets."""
        self._pausing = False
        for number, service in self._services.items():
            self.selector.listen(number, partial(self._accept_waiting, number, service))

    def _stop_accepting(self) -> None:
        for number in self._services:
            self.selector.ignore(number)

    def _accept_waiting(self, listener: int, service: Service, _: int) -> None:
        """Accept some of those that wait, and answer at once what they have sent already."""
        for _ in range(_ACCEPT_BATCH):
            try:
                number = accept(listener)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _CLIENT_GONE:
                    continue
                self._fd_guard.check()  # perhaps a plugin has closed it: then this process ends
                self._log.error(f"can't accept a connection: {error}; trying again")
                self._stop_accepting()
                self._pausing = True
                return
            try:
                self._start_connection(number, service)
            except Exception as error:  # noqa: BLE001  (it harms nobody else)
                self._log_error(error)
                self._discard(number)

    def _start_connection(self, number: int, service: Service) -> None:
        """Begin a connection, if there is room for it."""
        if not self._fd_guard.track(number):
            return
        if len(self._connections) >= self._connection_limit:
            if self._full_warning.due():
                self._log.warning(
                    f"{self._connection_limit} clients are connected, as many as "
                    "limits.connections and the system allow; further ones are turned away"
                )
            self._discard(number)
            return
        connection = self._connections[number] = Connection(number, service)
        connection.begin()

    def _discard(self, number: int) -> None:
        """Close a connection for which there is no room, or that could not be begun."""
        connection = self._connections.get(number)
        if connection is not None:
            connection.abort()
        else:
            self._fd_guard.untrack(number)
            os.close(number)

    def sweep(self) -> None:
        """Close connections whose time is over, and take note of a new configuration."""
        self._fd_guard.check()
        if self._pausing:
            self._start_accepting()
        now = monotonic()
        for connection in list(self._connections.values()):
            if connection.find_timeout(now, self.limits):
                connection.abort()
        config = self._host.config
        if config is not None and config is not self._config:
            for key in ("listen", "workers", "log"):
                if getattr(config, key) != getattr(self._config, key):
                    self._log.warning(f"{key} has changed; what is new there needs a restart")
            if config.limits.connections != self.limits.connections:
                self._connection_limit = _raise_limit(config.limits.connections, self._log)
            self._config = config

    async def drain(self) -> None:
        """Accept nothing more, answer what has been sent, and close."""
        self._fd_guard.release_own()
        self._stop_accepting()
        self._pausing = False
        if self._connections:
            await asyncio.sleep(_LAST_REQUESTS)
        for connection in list(self._connections.values()):
            connection.drain()
        until = monotonic() + self.limits.answer_time
        while self._connections:
            if any(connection.answering for connection in self._connections.values()):
                until = monotonic() + self.limits.answer_time
            elif monotonic() > until:
                break
            await asyncio.sleep(0.01)
        for connection in list(self._connections.values()):
            connection.abort()

    def forget(self) -> None:
        """In a child that a hook has forked: let no request be answered there."""
        for connection in self._connections.values():
            connection.forget()

    def _remove(self, connection: Connection) -> None:
        self.selector.forget(connection.number)
        del self._connections[connection.number]
        self._fd_guard.untrack(connection.number)

    def _log_error(self, error: Exception) -> None:
        """Log what went wrong with one connection; the daemon goes on."""
        self._log.error(f"a connection is closed: {describe(error)}")

    def _log_unexpected(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log what asyncio could not hand to anybody; the daemon goes on."""
        self._log.error(f"{context.get('message')}: {context.get('exception')!r}")


def _raise_limit(connections: int, log: Log) -> int:
    """Say for how many connections there is room, and raise the limit of open files for them."""
    complaint = describe_shortage(connections)
    if complaint:
        log.warning(complaint)
    return raise_file_limit(connections)
