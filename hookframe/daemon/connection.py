"""One client: its bytes become requests, its answers go out in order, and it costs nobody else."""

from __future__ import annotations

import asyncio
import os
import socket
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Final, cast

from hookframe.daemon.board import ATTEMPT
from hookframe.daemon.wire import LONGEST_REQUEST

if TYPE_CHECKING:
    from hookframe.config import Limits
    from hookframe.daemon.board import Stamp
    from hookframe.daemon.wire import Decider, Wire

SLICE: Final = 32
"""Requests of one client that are answered before the next client has its turn."""
SAMPLING: Final = 0.01
"""Seconds between two attempts of which the statistics learn how long each plugin took."""
TURN: Final = 0.01
"""Seconds after which the turn passes on sooner, because the hook is slow."""


class Connection(asyncio.Protocol):
    """One accepted connection.

    Args:
        wire: the protocol that is spoken on it.
        host: decides.
        stamp: is told which request is being answered.
        made: is told of the connection when it opens, and says whether there is room for it.
        lost: is told when it has gone.
    """

    def __init__(
        self,
        wire: Wire,
        host: Decider,
        stamp: Stamp,
        made: Callable[[Connection], bool],
        lost: Callable[[Connection], None],
    ) -> None:
        self._wire = wire
        self._host = host
        self._stamp = stamp
        self._made = made
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._requests: deque[bytes] = deque()
        self._rest = b""
        self._refusal = ""
        self._ended = False
        self._draining = False
        self._scheduled = False
        self._writable = True
        self._requested_at = monotonic()
        self._written = 0
        self._read_by_client = 0
        self._read_at = self._requested_at
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, if there is room."""
        self._transport = cast("asyncio.Transport", transport)
        if not self._made(self):
            self._transport.abort()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002
        """Forget what nobody waits for any more."""
        self._requests.clear()
        self._ended = True
        self._lost(self)

    def data_received(self, data: bytes) -> None:
        """Cut requests out of what has come, and answer them."""
        if self._ended:
            return
        *whole, self._rest = self._wire.cut(self._rest + data)
        self._take(whole)
        if self._draining:
            self._ended, self._rest = True, b""
        if len(self._rest) > LONGEST_REQUEST and not self._ended:
            self._end_with(f"a request is longer than {LONGEST_REQUEST} bytes")
        self._answer_some()

    def eof_received(self) -> bool:
        """Answer what came before the client closed its side; keep ours open until then."""
        if not self._ended:
            if not self._draining and (self._rest or self._wire.once):
                self._take([self._rest])
            self._rest = b""
            self._ended = True
        self._answer_some()
        return True

    def pause_writing(self) -> None:
        """Stop answering: the client does not read."""
        self._writable = False

    def resume_writing(self) -> None:
        """Go on: the client has read."""
        self._writable = True
        self._answer_some()

    def drain(self) -> None:
        """Answer the requests that have come whole, then close.

        On a unix socket the client can send no more from that moment on, and what it has sent is
        all read; so no request is taken and not answered.
        """
        self._draining = True
        if not self._shut_for_reading():
            self._ended = True
        self._answer_some()

    def _shut_for_reading(self) -> bool:
        """Let the client send nothing more; say whether that is possible without a loss."""
        with suppress(OSError):  # it has gone itself
            for descriptor in self.descriptors():
                with socket.socket(fileno=os.dup(descriptor)) as same:
                    if same.family == socket.AF_UNIX:
                        same.shutdown(socket.SHUT_RD)
                        return True
        return False

    @property
    def answering(self) -> bool:
        """Whether a client that reads its answers waits for more of them."""
        return self._writable and bool(self._requests)

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    def descriptors(self) -> Iterator[int]:
        """Name the descriptor of its socket."""
        own = self._transport.get_extra_info("socket")
        if own is not None and own.fileno() >= 0:
            yield own.fileno()

    def forget(self) -> None:
        """In a child that a hook has forked: answer nothing."""
        self._requests.clear()

    def overdue(self, now: float, limits: Limits) -> str:
        """Say why the connection has to be closed by now; empty where it has not."""
        unread = self._transport.get_write_buffer_size()
        if self._written - unread != self._read_by_client or not unread:
            self._read_by_client, self._read_at = self._written - unread, now
        if now - self._read_at > limits.answer_time:
            return f"it has not read its answers for {limits.answer_time:g} s"
        if not unread and not self._requests and now - self._requested_at > limits.idle_time:
            return f"it has sent no whole request for {limits.idle_time:g} s"
        return ""

    def _take(self, requests: list[bytes]) -> None:
        """Queue requests, up to the first that is too long."""
        for request in requests:
            if len(request) > LONGEST_REQUEST:
                self._end_with(f"a request is longer than {LONGEST_REQUEST} bytes")
                return
            self._requests.append(request)
            if self._wire.once:
                self._ended = True
                return

    def _end_with(self, problem: str) -> None:
        """Refuse what follows the queued requests, and close after the refusal."""
        self._refusal = problem
        self._ended = True
        self._rest = b""

    def _answer_some(self) -> None:
        """Answer a slice of the queue; the others have their turn before the next one."""
        if self._transport.is_closing():
            return
        answers = self._slice() if self._requests and self._writable else []
        if answers:
            now = self._requested_at = monotonic()
            self._write(b"".join(answers))
            if now >= self._stamp.sample_at:
                self._stamp.sample_at = now + SAMPLING
                self._host.sample_next()
        if self._requests:
            self._pause_reading()
            if self._writable and not self._scheduled:
                self._scheduled = True
                self._loop.call_soon(self._continue)
        elif self._ended:
            self._finish()
        elif self._writable:
            self._resume_reading()

    def _slice(self) -> list[bytes]:
        """Answer requests, and let the supervisor see at each moment which one."""
        answers: list[bytes] = []
        requests, stamp, answer = self._requests, self._stamp, self._wire.answer
        cells, number = stamp.cells, stamp.number
        stamp.slot.journal(number + 1, requests, SLICE)
        until = monotonic() + TURN
        while requests and len(answers) < SLICE:
            number += 1
            cells[ATTEMPT] = number
            answers.append(answer(self._host, requests.popleft()))
            if monotonic() > until:
                break
        stamp.end(number)
        return answers

    def _continue(self) -> None:
        self._scheduled = False
        self._answer_some()

    def _finish(self) -> None:
        if self._refusal:
            self._write(self._wire.refusal(self._host, self._refusal))
        self._transport.close()

    def _write(self, answer: bytes) -> None:
        self._written += len(answer)
        self._transport.write(answer)

    def _pause_reading(self) -> None:
        if self._transport.is_reading():
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if not self._transport.is_reading():
            self._transport.resume_reading()
