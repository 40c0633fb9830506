"""Accept, limit and close the connections of one process."""

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
"""Seconds between two checks of the connections' time-outs."""
_ACCEPT_BATCH: Final = 16
"""Connections that are accepted before the turns of the others."""
_CLIENT_GONE: Final = (errno.ECONNABORTED, errno.EINTR, errno.EPROTO)
"""Errors of accept(2) for a client that has already gone."""
_LAST_REQUESTS: Final = 0.05
"""Seconds in which clients that were just accepted may still send a request before the end."""


class Server:
    """The connections of one process.

    Args:
        host: decides.
        listeners: the open sockets.
        config: the configuration at the start.
        log: takes all lines.
        marker: records on the scoreboard which request is being answered.
        status: builds the daemon's status from this process's part.
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
        """by file descriptor"""
        self._connection_limit = config.limits.connections
        self._full_warning = OncePerSecond()
        self._pausing = False
        """whether nothing is accepted until the next sweep, after an error of the system"""
        self._services: dict[int, Service] = {}
        """by the listening socket's file descriptor"""
        self._protocols = Protocols(lambda: status(self.build_part()))
        self._started = monotonic()
        self._fd_guard = FdGuard(log)
        self.selector = ClientSelector()

    def run(self, main: Coroutine[None, None, None]) -> None:
        """Run a coroutine in the event loop that serves the connections."""
        with asyncio.Runner(loop_factory=self.selector.new_event_loop) as runner:
            runner.run(main)

    @property
    def limits(self) -> Limits:
        """The current limits."""
        return self._config.limits

    @property
    def connected(self) -> int:
        """The number of connected clients."""
        return len(self._connections)

    def build_part(self) -> WorkerPart:
        """Build this process's part of the status."""
        requests = self._marker.fields[ATTEMPT] or self._marker.number
        attempts = self._protocols.attempts(requests)
        return build_worker_part(self._host, attempts, self.connected, self._started)

    def summarize(self) -> object:
        """Return a value that changes when `build_part` has something new; it costs less."""
        host, requests = self._host, self._marker.number
        return (
            self._protocols.attempts(requests),
            self.connected,
            host.generation,
            host.problem,
            host.last_load_error,
        )

    def prepare(self) -> None:
        """Prepare all that `open` needs."""
        asyncio.get_running_loop().set_exception_handler(self._log_unexpected)
        for listener in self._listeners:
            protocol = self._protocols.find(listener.address.protocol)
            service = Service(
                protocol, self._host, self._marker, self.selector, self._remove, self._log_error
            )
            self._services[listener.socket.fileno()] = service
        self._fd_guard.prepare(self._services)

    def open(self) -> None:
        """Start to accept connections."""
        self._connection_limit = _raise_limit(self.limits.connections, self._log)
        self._fd_guard.begin()
        for listener in self._listeners:
            listener.socket.setblocking(False)
            if listener.socket.family != socket.AF_UNIX:  # the connections inherit it
                listener.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            listener.socket.listen(BACKLOG)
        self._start_accepting()

    def _start_accepting(self) -> None:
        """Watch the listening sockets."""
        self._pausing = False
        for number, service in self._services.items():
            self.selector.listen(number, partial(self._accept_waiting, number, service))

    def _stop_accepting(self) -> None:
        for number in self._services:
            self.selector.ignore(number)

    def _accept_waiting(self, listener: int, service: Service, _: int) -> None:
        """Accept a batch of clients, and answer at once what they have sent already."""
        for _ in range(_ACCEPT_BATCH):
            try:
                number = accept(listener)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _CLIENT_GONE:
                    continue
                self._fd_guard.check()  # exits if a plugin has closed the listening socket
                self._log.error(f"can't accept a connection: {error}; retrying")
                self._stop_accepting()
                self._pausing = True
                return
            try:
                self._start_connection(number, service)
            except Exception as error:  # noqa: BLE001  (no other client is affected)
                self._log_error(error)
                self._discard(number)

    def _start_connection(self, number: int, service: Service) -> None:
        """Start a connection, unless the limit is reached."""
        if not self._fd_guard.track(number):
            return
        if len(self._connections) >= self._connection_limit:
            if self._full_warning.due():
                self._log.warning(
                    f"{self._connection_limit} clients are connected, as many as "
                    "limits.connections and the system allow; new connections are closed"
                )
            self._discard(number)
            return
        connection = self._connections[number] = Connection(number, service)
        connection.begin()

    def _discard(self, number: int) -> None:
        """Close a connection that was not started."""
        connection = self._connections.get(number)
        if connection is not None:
            connection.abort()
        else:
            self._fd_guard.untrack(number)
            os.close(number)

    def sweep(self) -> None:
        """Close connections that have timed out, and apply a new configuration."""
        self._fd_guard.check()
        if self._pausing:
            self._start_accepting()
        now = monotonic()
        for connection in list(self._connections.values()):
            if connection.has_timed_out(now, self.limits):
                connection.abort()
        config = self._host.config
        if config is not None and config is not self._config:
            for key in ("listen", "workers", "log"):
                if getattr(config, key) != getattr(self._config, key):
                    self._log.warning(
                        f"`{key}` has changed in hookframe.toml: restart the daemon to apply it"
                    )
            if config.limits.connections != self.limits.connections:
                self._connection_limit = _raise_limit(config.limits.connections, self._log)
            self._config = config

    async def drain(self) -> None:
        """Stop accepting, answer what has been sent, and close."""
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
        """Drop all requests, in a child that a hook forked."""
        for connection in self._connections.values():
            connection.forget()

    def _remove(self, connection: Connection) -> None:
        self.selector.forget(connection.number)
        del self._connections[connection.number]
        self._fd_guard.untrack(connection.number)

    def _log_error(self, error: Exception) -> None:
        """Log an unexpected error of one connection."""
        self._log.error(f"a connection is closed: {describe(error)}")

    def _log_unexpected(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log an error that asyncio reports."""
        self._log.error(f"{context.get('message')}: {context.get('exception')!r}")


def _raise_limit(connections: int, log: Log) -> int:
    """Raise the limit of open files; return how many connections it allows."""
    shortage = describe_shortage(connections)
    if shortage:
        log.warning(shortage)
    return raise_file_limit(connections)
