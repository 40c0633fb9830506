"""Opens sockets, and becomes the command that follows, as a service manager does.

    passing.py NAME=SOCKET... -- COMMAND...

NAME may be empty. SOCKET is a path, @NAME or IP:PORT; or what no daemon can use: datagram:PATH,
deaf:PATH, file, nothing. The variables are those of sd_listen_fds(3), if they are not set already.
"""

from __future__ import annotations

import os
import socket
import sys

FIRST = 3


def opened(what: str) -> None:
    """Open one, so that the command inherits it."""
    kind, _, place = what.rpartition(":") if what.startswith("d") else ("", "", what)
    family = socket.AF_UNIX if place.startswith(("/", "@")) else socket.AF_INET
    type_ = socket.SOCK_DGRAM if kind == "datagram" else socket.SOCK_STREAM
    server = socket.socket(family, type_)
    host, _, port = place.rpartition(":")
    server.bind(place.replace("@", "\0") if family == socket.AF_UNIX else (host, int(port)))
    if not kind:
        server.listen()
    os.set_inheritable(server.detach(), True)


def main(*arguments: str) -> None:
    """Do it."""
    split = arguments.index("--")
    given = [each.partition("=") for each in arguments[:split]]
    for _, _, what in given:
        if what == "file":
            os.set_inheritable(os.open(__file__, os.O_RDONLY), True)
        elif what != "nothing":
            opened(what)
    variables = {
        "LISTEN_PID": str(os.getpid()),
        "LISTEN_FDS": str(len(given)),
        "LISTEN_FDNAMES": ":".join(name for name, _, _ in given),
    }
    os.execve(arguments[split + 1], arguments[split + 1 :], {**variables, **os.environ})


main(*sys.argv[1:])
