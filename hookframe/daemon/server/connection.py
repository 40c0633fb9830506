"""One client connection: reads requests, writes answers in order."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from select import EPOLLIN, EPOLLOUT
from time import monotonic
from typing import TYPE_CHECKING, Final

from hookframe.daemon.protocols.base import LONGEST_REQUEST
from hookframe.daemon.scoreboard import ATTEMPT

if TYPE_CHECKING:
    from hookframe.config.model import Limits
    from hookframe.daemon.loop import Loop
    from hookframe.daemon.protocols.base import Decider, WireProtocol
    from hookframe.daemon.scoreboard import RequestMarker

SLICE: Final = 64
"""Requests of one client that are answered before the next client's turn."""
TURN: Final = 0.001
"""Seconds after which a turn ends, and its answers are written, because the hook is slow."""
SAMPLING: Final = 0.01
"""Seconds between two attempts whose plugins are timed for the statistics."""
_PIECE: Final = 64 * 1024
"""Bytes that are read at a time."""
_LAST_WORDS: Final = 1.0
"""Seconds in which a client on TCP may close after our end of the connection is closed."""


@dataclass(frozen=True, slots=True)
class Service:
    """What the connections of one listening socket share.

    Args:
        protocol: their protocol.
        family: the family of their sockets, such as `socket.AF_UNIX`.
        host: decides.
        marker: records on the scoreboard which request is being answered.
        loop: calls them.
        on_close: takes a connection that is about to be closed.
        on_error: takes an unexpected error, and what follows from it for the client.
    """

    protocol: WireProtocol
    family: socket.AddressFamily
    host: Decider
    marker: RequestMarker
    loop: Loop
    on_close: Callable[[Connection], None]
    on_error: Callable[[Exception, str], None]


class Connection:
    """One accepted connection.

    It is not read while requests wait or an answer is not fully written. So a client that does
    not read its answers can't send more requests.

    Args:
        number: the descriptor of its socket, which does not block.
        service: what it shares with others.
    """

    __slots__ = (
        "_asked",
        "_closed",
        "_discarding",
        "_draining",
        "_ended",
        "_hurried",
        "_looked",
        "_read_at",
        "_read_by_client",
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
        self._ended = False
        """whether no more requests are read"""
        self._closed = False
        self._draining = False
        """whether to close after the requests that the client has sent"""
        self._looked = False
        """whether what the client has sent was read since then"""
        self._hurried = False
        self._discarding = False
        """whether our side is closed, and what the client sends is dropped"""
        self._scheduled = False
        """whether its next turn is scheduled"""
        self._asked = False
        """whether it has carried a request"""
        self._requested_at = self._read_at = monotonic()
        self._written = 0
        self._read_by_client = 0

    def begin(self) -> None:
        """Answer what has been sent already."""
        self.turn()
        # A client with one request has mostly closed by its next turn, and is never watched.
        if not self._closed:
            self._service.loop.call_soon(self._watch_after_first_turn)

    def _watch_after_first_turn(self) -> None:
        """Watch the socket, unless the client has closed already."""
        if not self._scheduled:
            self.turn()
        if not self._closed:
            try:
                self._watch()
            except Exception as error:  # noqa: BLE001  (no other client is affected)
                self._fail(error)

    def turn(self, events: int = 0) -> None:
        """Answer a slice of the requests, and schedule another turn for the others.

        Args:
            events: what epoll(7) says of the socket; 0 in a scheduled turn.
        """
        try:
            if not events:
                self._scheduled = False
            elif self._scheduled:  # the others have their turns before
                return
            if self._unsent and events:
                self._write_unsent()
            if self._closed or self._unsent:
                return
            requests = self._requests
            if not requests and not self._ended:
                requests = self._receive()
                self._looked = self._draining
            if len(requests) == 1:
                self._answer_one(requests)
            elif requests:
                self._answer(requests)
            if self._closed or self._unsent:
                return
            if self._requests:
                self._schedule()
            elif self._ended:
                self._finish()
            elif self._draining:
                self._leave()
        except Exception as error:  # noqa: BLE001  (it may be a MemoryError)
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        """Close after an unexpected error."""
        self._service.on_error(error, "a connection is closed")
        self.abort()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._service.loop.call_soon(self.turn)

    def drain(self, *, hurry: bool) -> None:
        """Close when the client has sent nothing more; for one-shot protocols, after the answer.

        Args:
            hurry: whether to close even if the client has not sent a request yet, or only half a
                request.
        """
        self._draining = True
        self._hurried = hurry
        if self._service.family == socket.AF_UNIX:
            self._leave()  # it shall send nothing more while what it has sent is answered
        if not self._scheduled:
            self.turn()

    def _leave(self) -> None:
        """Let the client send nothing more, if it is between two requests."""
        service = self._service
        if service.protocol.one_shot or self._discarding:
            return
        if not self._hurried and (self._rest or not self._asked):
            return
        try:
            if service.family == socket.AF_UNIX:
                self._shutdown(socket.SHUT_RD)
                self._schedule()  # what it has sent can still be read
            elif not (self._looked or self._hurried):
                self._schedule()
            else:
                # To close now would destroy answers that the client has not read yet, if it has
                # sent something meanwhile.
                self._shutdown(socket.SHUT_WR)
                self._discarding = True
                service.loop.call_later(_LAST_WORDS, self.abort)
        except OSError:  # the client has gone
            self.abort()

    def _shutdown(self, how: int) -> None:
        same = socket.socket(self._service.family, socket.SOCK_STREAM, 0, self.number)
        try:
            same.shutdown(how)
        finally:
            same.detach()

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
            return []
        except OSError:  # the client has gone
            self.abort()
            return []
        if not data:
            return self._handle_eof()
        if self._discarding:
            return []
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
        """Return the last request; our side stays open for its answer.

        A client that has sent nothing, as one that checks the port, gets no answer.
        """
        self._ended = True
        rest, self._rest = self._rest, b""
        if rest and (self._service.protocol.one_shot or not self._draining):
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
        marker = service.marker
        number = marker.number + 1
        marker.slot.journal(number, requests, 1)
        marker.fields[ATTEMPT] = number
        try:
            answer = service.protocol.answer(service.host, requests[0])
        except Exception as error:  # noqa: BLE001  (every request is answered)
            answer = self._answer_error(error)
        marker.end(number)
        requests.clear()
        self._write(answer)
        now = self._requested_at = monotonic()
        self._asked = True
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
            try:
                answers.append(answer(host, request))
            except Exception as error:  # noqa: BLE001  (every request is answered)
                answers.append(self._answer_error(error))
            now = monotonic()
            if number == last or now > until:
                break
        marker.end(number)
        del requests[: len(answers)]
        self._requested_at = now
        self._asked = True
        self._write(b"".join(answers))
        if now >= marker.sample_at:
            marker.sample_at = now + SAMPLING
            host.sample_next()

    def _answer_error(self, error: Exception) -> bytes:
        """Return the temporary failure that answers a request after an unexpected error."""
        self._service.on_error(error, "an attempt is answered with a temporary failure")
        return self._service.protocol.failure

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
        """Wait for requests, or for room while something is unsent."""
        events = EPOLLOUT if self._unsent else EPOLLIN
        self._service.loop.watch(self.number, self.turn, events)
