"""Accept, limit and close the connections of one process."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Final

from hookframe.daemon.protocols.protocols import Protocols
from hookframe.daemon.recent import RecentCounter
from hookframe.daemon.scoreboard import ATTEMPT
from hookframe.daemon.server.accept import accept
from hookframe.daemon.server.connection import Connection, Service
from hookframe.daemon.server.fd_guard import FdGuard
from hookframe.daemon.sockets.fd_limit import describe_shortage, raise_file_limit
from hookframe.daemon.sockets.listener import BACKLOG, Listener
from hookframe.daemon.status import build_worker_part
from hookframe.log.exceptions import describe
from hookframe.log.rate import OncePerSecond

if TYPE_CHECKING:
    from hookframe.config.model import Config, Limits
    from hookframe.daemon.loop import Loop
    from hookframe.daemon.protocols.base import Decider
    from hookframe.daemon.scoreboard import RequestMarker
    from hookframe.daemon.status import WorkerPart
    from hookframe.log.log import Log

LISTEN_CHANGED: Final = "`listen` has changed in hookframe.toml: restart the daemon to apply it"
SWEEP: Final = 0.5
"""Seconds between two checks of the connections' time-outs."""
_ACCEPT_BATCH: Final = 16
"""Connections that are accepted before the turns of the others."""
_CLIENT_GONE: Final = (errno.ECONNABORTED, errno.EINTR, errno.EPROTO)
"""Errors of accept(2) for a client that has already gone."""
_PAUSE: Final = 0.5
"""Seconds without accepting after an error of the system."""
_PATIENCE: Final = 1.0
"""Seconds in which a client may still send its first request, or the rest of one, at the end."""


def _ignore(*_: object) -> None:
    """Do nothing."""


class Server:
    """The connections of one process.

    Args:
        host: decides.
        listeners: the open sockets.
        config: the configuration at the start.
        log: takes all lines.
        marker: records on the scoreboard which request is being answered.
        status: builds the daemon's status from this process's part.
        loop: calls it when there is something to do.
        may_accept: returns whether this process may accept another client.
        on_superseded: is called once `may_accept` has returned False; nothing more is accepted.
        on_exhausted: takes the error when the system has no descriptor or memory for a client.
        on_error: takes the description of an error of hookframe's own.
    """

    def __init__(
        self,
        host: Decider,
        listeners: Sequence[Listener],
        config: Config,
        log: Log,
        marker: RequestMarker,
        status: Callable[[WorkerPart], bytes],
        loop: Loop,
        may_accept: Callable[[], bool] = lambda: True,
        on_superseded: Callable[[], object] = _ignore,
        on_exhausted: Callable[[str], object] = _ignore,
        on_error: Callable[[str], object] = _ignore,
    ) -> None:
        self._host = host
        self._listeners = listeners
        self._config = config
        self._log = log
        self._marker = marker
        self._loop = loop
        self._may_accept = may_accept
        self._on_superseded = on_superseded
        self._on_exhausted = on_exhausted
        self._on_error = on_error
        self._connections: dict[int, Connection] = {}
        """by file descriptor"""
        self._connection_limit = config.limits.connections
        self._full_warning = OncePerSecond()
        self._exhausted_warning = OncePerSecond()
        self._error_warning = OncePerSecond()
        self._accepting = False
        """whether clients are accepted, or will be after a pause"""
        self._on_drained: Callable[[], object] | None = None
        self._services: dict[int, Service] = {}
        """by the listening socket's file descriptor"""
        self._protocols = Protocols(lambda: status(self.build_part()))
        self._started = monotonic()
        self._recent = RecentCounter()
        self._fd_guard = FdGuard(log)

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
        part = build_worker_part(self._host, attempts, self.connected, self._started)
        failures = sum(part["counts"]["temporary_failures"].values())
        part["recent"] = self._recent.update(attempts, failures, monotonic())
        return part

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
        for listener in self._listeners:
            self._services[listener.socket.fileno()] = Service(
                self._protocols.find(listener.address.protocol),
                listener.socket.family,
                self._host,
                self._marker,
                self._loop,
                self._remove,
                self._report_error,
            )
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
        self._accepting = True
        self._watch_listeners()

    def _watch_listeners(self) -> None:
        """Accept from now on, unless that has ended during a pause."""
        if self._accepting:
            for number, service in self._services.items():
                self._loop.watch(number, partial(self._accept_waiting, number, service))

    def _ignore_listeners(self) -> None:
        for number in self._services:
            self._loop.forget(number)

    def _stop_accepting(self) -> None:
        self._accepting = False
        self._ignore_listeners()

    def _accept_waiting(self, listener: int, service: Service, _: int) -> None:
        """Accept a batch of clients, and answer at once what they have sent already."""
        for _ in range(_ACCEPT_BATCH):
            if not self._may_accept():
                self._stop_accepting()
                self._loop.call_soon(self._on_superseded)
                return
            try:
                number = accept(listener)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _CLIENT_GONE:
                    continue
                self._pause(error)
                return
            try:
                self._start_connection(number, service)
            except Exception as error:  # noqa: BLE001  (no other client is affected)
                self._report_error(error, "a connection is closed")
                self._discard(number)

    def _pause(self, error: OSError) -> None:
        """Accept nothing for a while, after an error of the system."""
        self._fd_guard.check()  # exits if a plugin has closed the listening socket
        if self._exhausted_warning.due():
            self._log.error(f"can't accept a connection: {error}; retrying")
        self._ignore_listeners()
        self._loop.call_later(_PAUSE, self._watch_listeners)
        self._on_exhausted(str(error))

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
        """Close connections that have timed out, and check the descriptors."""
        self._fd_guard.check()
        now = monotonic()
        for connection in list(self._connections.values()):
            if connection.has_timed_out(now, self.limits):
                connection.abort()

    def apply(self, config: Config) -> None:
        """Apply the limits of a new configuration."""
        if config.listen != self._config.listen:
            self._log.warning(LISTEN_CHANGED)
        if config.limits.connections != self.limits.connections:
            self._connection_limit = _raise_limit(config.limits.connections, self._log)
        self._config = config

    def drain(self, done: Callable[[], object]) -> None:
        """Stop accepting, answer what clients have sent, and close, in `limits.answer_time`.

        Args:
            done: is called when all connections are closed.
        """
        self._fd_guard.release_own()
        self._stop_accepting()
        self._on_drained = done
        if not self._connections:
            self._loop.call_soon(done)
            return
        self._drain_all(hurry=False)
        self._loop.call_later(_PATIENCE, partial(self._drain_all, hurry=True))
        self._loop.call_later(self.limits.answer_time, self._abort_all)

    def _drain_all(self, *, hurry: bool) -> None:
        for connection in list(self._connections.values()):
            connection.drain(hurry=hurry)

    def _abort_all(self) -> None:
        for connection in list(self._connections.values()):
            connection.abort()

    def forget(self) -> None:
        """Drop all requests, in a child that a hook forked."""
        for connection in self._connections.values():
            connection.forget()

    def _remove(self, connection: Connection) -> None:
        self._loop.forget(connection.number)
        del self._connections[connection.number]
        self._fd_guard.untrack(connection.number)
        if self._on_drained is not None and not self._connections:
            self._loop.call_soon(self._on_drained)

    def _report_error(self, error: Exception, consequence: str) -> None:
        """Log an error of hookframe's own, once a second, and pass it on."""
        text = describe(error)
        if self._error_warning.due():
            self._log.error(f"{consequence}: {text}")
        self._on_error(text)


def _raise_limit(connections: int, log: Log) -> int:
    """Raise the limit of open files; return how many connections it allows."""
    shortage = describe_shortage(connections)
    if shortage:
        log.warning(shortage)
    return raise_file_limit(connections)
