"""Listens and stops when told to, on standard input, and says what has come of it.

A process of its own, so that several of them can want one address at the same moment.
"""

from __future__ import annotations

import sys

from hookframe.config.address import Address
from hookframe.daemon.sockets.listener import ListenError, listen


def main(path: str) -> None:
    """Obey until standard input ends."""
    listener = None
    for command in sys.stdin:
        if command == "listen\n":
            try:
                listener = listen(Address("jsonl", path))
                answer = "listening"
            except ListenError as error:
                answer = f"refused: {error}"
        elif command == "accept\n":
            listener.socket.accept()[0].close()
            answer = "accepted"
        else:
            listener.close()
            answer = "stopped"
        print(answer, flush=True)


main(sys.argv[1])
