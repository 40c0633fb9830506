"""One client: its bytes become requests, its answers go out in order, and it costs nobody else."""

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
"""Requests of one client that are answered before the next client has its turn."""
SAMPLING: Final = 0.01
"""Seconds between two attempts of which the statistics learn how long each plugin took."""
TURN: Final = 0.01
"""Seconds after which the turn passes on sooner, because the hook is slow."""
_PIECE: Final = 64 * 1024
"""Bytes that are read at a time."""
_HUNG_UP: Final = EPOLLRDHUP | EPOLLHUP | EPOLLERR


@dataclass(frozen=True, slots=True)
class Service:
    """What the connections of one listening socket have in common.

    Args:
        wire: the protocol that is spoken on them.
        host: decides.
        stamp: is told which request is being answered.
        turns: says whose turn it is.
        lost: is told of a connection that is about to be closed.
        failed: is told of an error that nobody has foreseen; the connection is closed.
    """

    protocol: WireProtocol
    host: Decider
    marker: RequestMarker
    selector: ClientSelector
    on_close: Callable[[Connection], None]
    on_error: Callable[[Exception], None]


class Connection:
    """One accepted connection.

    Nothing is read while requests wait or an answer could not be written as a whole; so a client
    that does not read its answers is not read from either.

    Args:
        number: the descriptor of its socket, which does not block.
        service: what it has in common with others.
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
        """those that wait to be answered"""
        self._rest = b""
        """the beginning of the next one"""
        self._unsent = b""
        """what the system had no room for"""
        self._refusal = ""
        self._readable = True
        """whether there may be something to read"""
        self._hung_up = False
        """whether the last thing to read will be the end"""
        self._ended = False
        """whether nothing more is to be read"""
        self._closed = False
        self._draining = False
        self._scheduled = False
        """whether its next turn is to come"""
        self._requested_at = self._read_at = monotonic()
        self._written = 0
        self._read_by_client = 0

    def begin(self) -> None:
        """Answer what has been sent already.

        Who has asked once closes as soon as it has the answer: by its next turn, more often than
        not, that saves waiting for its news.
        """
        self.turn()
        if not self._closed:
            self._service.selector.call_later(self._watch_after_first_turn)

    def _watch_after_first_turn(self) -> None:
        """See whether it has gone already; wait for its news if not."""
        self._readable = True
        if not self._scheduled:
            self.turn()
        if not self._closed:
            try:
                self._watch()
            except Exception as error:  # noqa: BLE001  (it harms nobody else)
                self._fail(error)

    def handle_events(self, events: int) -> None:
        """Go on, as there is news.

        Args:
            events: a mask as epoll(7) has it.
        """
        if events == EPOLLIN:
            self._readable = True
        else:
            try:
                self._handle_other_events(events)
            except Exception as error:  # noqa: BLE001  (it harms nobody else)
                self._fail(error)
        if not self._scheduled:
            self.turn()

    def _handle_other_events(self, events: int) -> None:
        """Note what is news beside something to read."""
        if events & _HUNG_UP:
            self._hung_up = True
        if events & ~EPOLLOUT:
            self._readable = True
        if events & EPOLLOUT and self._unsent:
            self._write_unsent()

    def turn(self) -> None:
        """Answer a slice of what waits or has come, and ask for another turn if that helps.

        What goes wrong here harms nobody else.
        """
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
        except Exception as error:  # noqa: BLE001  (it may be want of memory)
            marker = self._service.marker
            marker.end(marker.fields[ATTEMPT] or marker.number)
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        """Close, as something has gone wrong that nobody has foreseen."""
        self._service.on_error(error)
        self.abort()

    def drain(self) -> None:
        """Answer the requests that have come whole, then close.

        On a unix socket the client can send no more from that moment on, and what it has sent is
        read to the end; so no request is taken and not answered.
        """
        self._draining = self._readable = True
        if not self._shutdown_reading():
            self._ended = True
        if not self._scheduled:
            self.turn()

    def _shutdown_reading(self) -> bool:
        """Let the client send nothing more; say whether that is possible without a loss."""
        with suppress(OSError), socket.socket(fileno=os.dup(self.number)) as same:
            if same.family == socket.AF_UNIX:
                same.shutdown(socket.SHUT_RD)
                self._hung_up = True
                return True
        return False  # or it has gone itself

    @property
    def answering(self) -> bool:
        """Whether a client that reads its answers waits for more of them."""
        return not self._unsent and bool(self._requests)

    def abort(self) -> None:
        """Close at once."""
        if not self._closed:
            self._closed = self._ended = True
            self._requests.clear()
            self._service.on_close(self)
            try:  # noqa: SIM105  (`suppress` takes longer than all the rest)
                os.close(self.number)
            except OSError:  # a hook has closed it
                pass

    def forget(self) -> None:
        """In a child that a hook has forked: answer nothing."""
        self._requests.clear()

    def find_timeout(self, now: float, limits: Limits) -> str:
        """Say why the connection has to be closed by now; empty where it has not."""
        unread = len(self._unsent)
        if self._written - unread != self._read_by_client or not unread:
            self._read_by_client, self._read_at = self._written - unread, now
        if now - self._read_at > limits.answer_time:
            return f"it has not read its answers for {limits.answer_time:g} s"
        if not unread and not self._requests and now - self._requested_at > limits.idle_time:
            return f"it has sent no whole request for {limits.idle_time:g} s"
        return ""

    def _receive(self) -> list[bytes]:
        """Read a piece, and cut requests out of it."""
        try:
            data = os.read(self.number, _PIECE)
        except BlockingIOError:
            self._readable = self._hung_up = False
            return []
        except OSError:  # it has gone
            self.abort()
            return []
        # A piece that is not full was all there was, unless the end comes behind it.
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
        """Take what came before the client closed its side; ours stays open for the answer."""
        self._ended = True
        rest, self._rest = self._rest, b""
        if not self._draining and (rest or self._service.protocol.one_shot):
            return [rest]
        return []

    def _refuse_too_long(self, requests: list[bytes]) -> None:
        """Refuse the first request that is too long, and whatever comes after it."""
        for index, request in enumerate((*requests, self._rest)):
            if len(request) > LONGEST_REQUEST:
                del requests[index:]
                self._refusal = f"a request is longer than {LONGEST_REQUEST} bytes"
                self._rest = b""
                self._ended = True
                return

    def _answer_one(self, requests: list[bytes]) -> None:
        """Answer a request that comes alone, as most do, as `_answer` answers several."""
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
        """Answer a slice, and let the supervisor see at each moment which request."""
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
        """Close, when the last answer has been written."""
        if self._refusal:
            refusal, self._refusal = self._refusal, ""
            self._write(self._service.protocol.refusal(self._service.host, refusal))
        if not self._unsent:
            self.abort()

    def _write(self, answers: bytes) -> None:
        """Write answers, as much as the system has room for."""
        self._written += len(answers)
        try:
            sent = os.write(self.number, answers)
        except BlockingIOError:
            sent = 0
        except OSError:  # it has gone
            self.abort()
            return
        if sent < len(answers):
            self._unsent = answers[sent:]
            self._watch()

    def _write_unsent(self) -> None:
        """Write more of what there was no room for."""
        answers, self._unsent = self._unsent, b""
        self._written -= len(answers)
        self._write(answers)
        if not self._unsent and not self._closed:
            self._watch()

    def _watch(self) -> None:
        """Have news told, and also that the client has read, where that matters."""
        self._service.selector.watch(self.number, self.handle_events, writing=bool(self._unsent))
