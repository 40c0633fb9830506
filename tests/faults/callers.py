"""Clients whose attempts are accounted for, whatever becomes of their connections."""

from __future__ import annotations

from contextlib import suppress
from time import monotonic, sleep
from typing import TYPE_CHECKING

from hookframe.testing import Client

from ..helpers.requests import field, line
from ..helpers.wait import PATIENCE

if TYPE_CHECKING:
    from .accounts import Accounts, Outcome

PAUSE = 0.005
"""Seconds between two tries to be let in."""


class Line(Client):
    """A connection that may end at any moment, and whose beginning may have to wait its turn."""

    def __init__(self, where) -> None:
        until = monotonic() + PATIENCE
        while True:
            try:
                super().__init__(where)
            except BlockingIOError:  # so many clients wait to be let in that there is no room
                assert monotonic() < until, "for half a minute nobody was let in"
                sleep(PAUSE)
            else:
                return

    def line_or_end(self) -> bytes:
        """Read up to a newline, or what there is of it where the connection ends."""
        with suppress(ConnectionResetError):
            return self._received.readline()
        return b""

    def finish(self) -> None:
        """Say that nothing more will be asked."""
        with suppress(OSError):  # it has ended
            self.half_close()

    def what_is_left(self) -> bytes:
        """Say that nothing more will be asked, and read to the end."""
        self.finish()
        return self.rest()


class Caller:
    """A client that makes a new connection when its own has ended.

    Args:
        accounts: where its attempts are entered.
        where: the socket; None for the one that speaks jsonl.
        keep: whether it asks all on one connection, for as long as that lives.
    """

    def __init__(self, accounts: Accounts, where=None, *, keep: bool = True) -> None:
        self._accounts = accounts
        self._where = accounts.daemon.jsonl if where is None else where
        self._keep = keep and self._where != accounts.daemon.exim
        self._client: Line | None = None

    def ask(self, **more) -> Outcome:
        """Ask about one attempt, and wait for what becomes of it."""
        (outcome,) = self.ask_all([self._accounts.new(**more)])
        return outcome

    def pipeline(self, number: int, **more) -> list[Outcome]:
        """Ask about so many attempts of a kind."""
        return self.ask_all([self._accounts.new(**more) for _ in range(number)])

    def ask_all(self, attempts) -> list[Outcome]:
        """Ask about new attempts, and wait for what becomes of them.

        All are sent before an answer is read, unless each has a connection of its own.
        """
        sizes = len(attempts) if self._keep else 1
        batches = [attempts[at : at + sizes] for at in range(0, len(attempts), sizes)]
        return [
            self._accounts.enter(asked["msguid"], answer)
            for batch in batches
            for asked, answer in zip(batch, self._answers(batch), strict=True)
        ]

    def _answers(self, attempts) -> list[bytes]:
        """Send and read; what a daemon that has answered all the rest takes no more, ask again.

        It can't have read what could not be sent. Where it owes an answer it has died, and the
        rest of the attempts has died with it.
        """
        answers: list[bytes] = []
        while len(answers) < len(attempts) and all(answer.endswith(b"\n") for answer in answers):
            try:
                client, sent = self._send(attempts[len(answers) :])
            except (ConnectionError, FileNotFoundError):
                if not self._accounts.may_refuse:
                    raise
                break
            if not sent:
                break
            answers += self._read(client, sent)
        return answers + [b""] * (len(attempts) - len(answers))

    def _send(self, attempts) -> tuple[Line, int]:
        """Send requests until one can't be; on a new connection if that is the first of them.

        Returns:
            The connection, and how many were sent: none where a new connection takes none either.
        """
        while True:
            client, was_new = self._client or Line(self._where), self._client is None
            self._client = client
            for sent, asked in enumerate(attempts):  # noqa: B007  (it counts them for what follows)
                try:
                    client.send(self._request(asked))
                except ConnectionError:
                    break
            else:
                return client, len(attempts)
            if sent or was_new:
                return client, sent
            self.close()

    def _request(self, asked) -> bytes:
        if self._where != self._accounts.daemon.exim:
            return line(asked)
        flags = {key: str(int(asked[key])) for key in ("is_first_attempt", "mtaid_exists")}
        values = {**asked, **flags}
        return b"".join(field(name, value) for name, value in values.items()) + b"\n"

    def _read(self, client: Line, number: int) -> list[bytes]:
        if not self._keep:
            client.finish()
        answers = [client.line_or_end() for _ in range(number)]
        if not self._keep or not all(answer.endswith(b"\n") for answer in answers):
            self.close()
        return answers

    def close(self) -> None:
        """End the connection; nothing may have come on it that nobody has asked for."""
        if self._client is not None:
            client, self._client = self._client, None
            with client:
                assert client.what_is_left() == b"", "somebody answered what nobody has asked"

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *_) -> None:
        self.close()
