"""One client connection: reads requests, writes answers in order."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from select import EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP
from time import monotonic
from typing import TYPE_CHECKING, Final

from hookframe.daemon.protocols.base import LONGEST_REQUEST
from hookframe.daemon.scoreboard import ATTEMPT

if TYPE_CHECKING:
    from hookframe.config.model import Limits
    from hookframe.daemon.protocols.base import Decider, WireProtocol
    from hookframe.daemon.scoreboard import RequestMarker
    from hookframe.daemon.server.selector import ClientSelector

SLICE: Final = 32
"""Requests of one client that are answered before the next client's turn."""
SAMPLING: Final = 0.01
"""Seconds between two attempts whose plugins are timed for the statistics."""
TURN: Final = 0.01
"""Seconds after which a turn ends early, because the hook is slow."""
_PIECE: Final = 64 * 1024
"""Bytes that are read at a time."""
_HUNG_UP: Final = EPOLLRDHUP | EPOLLHUP | EPOLLERR


@dataclass(frozen=True, slots=True)
class Service:
    """What the connections of one listening socket share.

    Args:
        protocol: their protocol.
        host: decides.
        marker: records on the scoreboard which request is being answered.
        selector: schedules their turns.
        on_close: takes a connection that is about to be closed.
        on_error: takes an unexpected error; the connection is closed afterwards.
    """

    protocol: WireProtocol
    host: Decider
    marker: RequestMarker
    selector: ClientSelector
    on_close: Callable[[Connection], None]
    on_error: Callable[[Exception], None]


class Connection:
    """One accepted connection.

    It is not read while requests wait or an answer is not fully written. So a client that does
    not read its answers can't send more requests.

    Args:
        number: the descriptor of its socket, which does not block.
        service: what it shares with others.
    """

    __slots__ = (
        "_closed",
        "_draining",
        "_ended",
        "_hung_up",
        "_read_at",
        "_read_by_client",
        "_readable",
        "_refusal",
        "_requested_at",
        "_requests",
        "_rest",
        "_scheduled",
        "_service",
        "_unsent",
        "_written",
        "number",
    )

    def __init__(self, number: int, service: Service) -> None:
        self.number = number
        self._service = service
        self._requests: list[bytes] = []
        """requests that wait to be answered"""
        self._rest = b""
        """the beginning of the next request"""
        self._unsent = b""
        """what could not be written yet"""
        self._refusal = ""
        self._readable = True
        """whether there may be something to read"""
        self._hung_up = False
        """whether the client has closed its side"""
        self._ended = False
        """whether nothing more is read"""
        self._closed = False
        self._draining = False
        self._scheduled = False
        """whether its next turn is scheduled"""
        self._requested_at = self._read_at = monotonic()
        self._written = 0
        self._read_by_client = 0

    def begin(self) -> None:
        """Answer what has been sent already."""
        self.turn()
        # A client with one request has mostly closed by its next turn, and is never registered.
        if not self._closed:
            self._service.selector.call_later(self._watch_after_first_turn)

    def _watch_after_first_turn(self) -> None:
        """Register with the selector, unless the client has closed already."""
        self._readable = True
        if not self._scheduled:
            self.turn()
        if not self._closed:
            try:
                self._watch()
            except Exception as error:  # noqa: BLE001  (no other client is affected)
                self._fail(error)

    def handle_events(self, events: int) -> None:
        """Handle events of the client's socket.

        Args:
            events: a mask of epoll(7).
        """
        if events == EPOLLIN:
            self._readable = True
        else:
            try:
                self._handle_other_events(events)
            except Exception as error:  # noqa: BLE001  (no other client is affected)
                self._fail(error)
        if not self._scheduled:
            self.turn()

    def _handle_other_events(self, events: int) -> None:
        """Handle events other than readable."""
        if events & _HUNG_UP:
            self._hung_up = True
        if events & ~EPOLLOUT:
            self._readable = True
        if events & EPOLLOUT and self._unsent:
            self._write_unsent()

    def turn(self) -> None:
        """Answer a slice of the requests, and schedule another turn if more may come."""
        self._scheduled = False
        if self._closed or self._unsent:
            return
        try:
            requests = self._requests
            if not requests and self._readable and not self._ended:
                requests = self._receive()
            if len(requests) == 1:
                self._answer_one(requests)
            elif requests:
                self._answer(requests)
            if self._closed or self._unsent:
                return
            if self._requests or (self._readable and not self._ended):
                self._scheduled = True
                self._service.selector.call_later(self.turn)
            elif self._ended:
                self._finish()
        except Exception as error:  # noqa: BLE001  (it may be a MemoryError)
            marker = self._service.marker
            marker.end(marker.fields[ATTEMPT] or marker.number)
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        """Close after an unexpected error."""
        self._service.on_error(error)
        self.abort()

    def drain(self) -> None:
        """Answer the complete requests, then close."""
        self._draining = self._readable = True
        if not self._shutdown_reading():
            self._ended = True
        if not self._scheduled:
            self.turn()

    def _shutdown_reading(self) -> bool:
        """Stop the client from sending; return whether all that it has sent can still be read."""
        with suppress(OSError), socket.socket(fileno=os.dup(self.number)) as same:
            if same.family == socket.AF_UNIX:
                same.shutdown(socket.SHUT_RD)
                self._hung_up = True
                return True
        return False

    @property
    def answering(self) -> bool:
        """Whether the client reads its answers, and waits for more."""
        return not self._unsent and bool(self._requests)

    def abort(self) -> None:
        """Close at once."""
        if not self._closed:
            self._closed = self._ended = True
            self._requests.clear()
            self._service.on_close(self)
            try:  # noqa: SIM105  (`suppress` takes longer than all the rest)
                os.close(self.number)
            except OSError:  # a hook closed it
                pass

    def forget(self) -> None:
        """Drop the requests, in a child that a hook forked."""
        self._requests.clear()

    def has_timed_out(self, now: float, limits: Limits) -> bool:
        """Return whether the client has not read its answers, or not sent a request, in time."""
        unread = len(self._unsent)
        if self._written - unread != self._read_by_client or not unread:
            self._read_by_client, self._read_at = self._written - unread, now
        idle = not unread and not self._requests and now - self._requested_at > limits.idle_time
        return idle or now - self._read_at > limits.answer_time

    def _receive(self) -> list[bytes]:
        """Read a piece, and split it into requests."""
        try:
            data = os.read(self.number, _PIECE)
        except BlockingIOError:
            self._readable = self._hung_up = False
            return []
        except OSError:  # the client has gone
            self.abort()
            return []
        # A piece that is not full was all there was, unless the client has closed its side.
        self._readable = self._hung_up or len(data) == _PIECE
        if not data:
            return self._handle_eof()
        if self._rest:
            data = self._rest + data
        protocol = self._service.protocol
        requests = protocol.split(data)
        self._rest = requests.pop()
        if len(data) > LONGEST_REQUEST:
            self._refuse_too_long(requests)
        if protocol.one_shot and requests:
            del requests[1:]
            self._ended = True
        return requests

    def _handle_eof(self) -> list[bytes]:
        """Return the last request; our side stays open for its answer."""
        self._ended = True
        rest, self._rest = self._rest, b""
        if not self._draining and (rest or self._service.protocol.one_shot):
            return [rest]
        return []

    def _refuse_too_long(self, requests: list[bytes]) -> None:
        """Refuse the first request that is too long, and drop all that follow."""
        for index, request in enumerate((*requests, self._rest)):
            if len(request) > LONGEST_REQUEST:
                del requests[index:]
                self._refusal = f"a request is longer than {LONGEST_REQUEST} bytes"
                self._rest = b""
                self._ended = True
                return

    def _answer_one(self, requests: list[bytes]) -> None:
        """Answer a single request: a faster `_answer` for the common case."""
        self._requests = requests
        service = self._service
        marker, request = service.marker, requests[0]
        number = marker.number + 1
        marker.slot.journal(number, requests, 1)
        marker.fields[ATTEMPT] = number
        answer = service.protocol.answer(service.host, request)
        marker.end(number)
        requests.clear()
        self._write(answer)
        now = self._requested_at = monotonic()
        if now >= marker.sample_at:
            marker.sample_at = now + SAMPLING
            service.host.sample_next()

    def _answer(self, requests: list[bytes]) -> None:
        """Answer a slice, and show the supervisor which request is being answered."""
        self._requests = requests
        service = self._service
        host, answer, marker = service.host, service.protocol.answer, service.marker
        fields, number = marker.fields, marker.number
        last = number + SLICE
        answers: list[bytes] = []
        marker.slot.journal(number + 1, requests, SLICE)
        until = monotonic() + TURN
        for request in requests:
            number += 1
            fields[ATTEMPT] = number
            answers.append(answer(host, request))
            now = monotonic()
            if number == last or now > until:
                break
        marker.end(number)
        del requests[: len(answers)]
        self._requested_at = now
        self._write(b"".join(answers))
        if now >= marker.sample_at:
            marker.sample_at = now + SAMPLING
            host.sample_next()

    def _finish(self) -> None:
        """Close after the last answer is written."""
        if self._refusal:
            refusal, self._refusal = self._refusal, ""
            self._write(self._service.protocol.refusal(self._service.host, refusal))
        if not self._unsent:
            self.abort()

    def _write(self, answers: bytes) -> None:
        """Write as much of the answers as the socket takes."""
        self._written += len(answers)
        try:
            sent = os.write(self.number, answers)
        except BlockingIOError:
            sent = 0
        except OSError:  # the client has gone
            self.abort()
            return
        if sent < len(answers):
            self._unsent = answers[sent:]
            self._watch()

    def _write_unsent(self) -> None:
        """Write more of what could not be written before."""
        answers, self._unsent = self._unsent, b""
        self._written -= len(answers)
        self._write(answers)
        if not self._unsent and not self._closed:
            self._watch()

    def _watch(self) -> None:
        """Register with the selector, for writing too while something is unsent."""
        self._service.selector.watch(self.number, self.handle_events, writing=bool(self._unsent))
