"""A daemon to try things on, and clients that speak to it byte by byte."""

from __future__ import annotations

import base64
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

PATIENCE = 30.0
"""Seconds after which something that should happen is taken not to happen at all."""
ERROR = "Error in pre_delivery_attempt_hook (see logfile)"
TEMPFAIL = {"action": "pause", "message": ERROR, "error": True}
NORMAL = {"action": "normal"}
LIMIT = 64 * 1024
"""The longest request in bytes (CONTRACT 8)."""
SERVE = (sys.executable, "-m", "hookframe", "serve", "--config")

OBEDIENT = '''
import json
import time


def pre_delivery_attempt(attempt, decision, state):
    """Do what the attempt says.

    It may take `seconds`; then it evaluates `returns`, or shows in hexadecimal the bytes of the key
    that `show` names, or says how many attempts it has seen before, or returns `reply`.
    """
    state["seen"] = state.get("seen", 0) + 1
    time.sleep(attempt.get("seconds", 0))
    if "returns" in attempt:
        return eval(attempt["returns"])
    if "show" in attempt:
        shown = attempt[attempt["show"]].encode("utf-8", "surrogateescape")
        return {"action": "dump", "message": shown.hex()}
    if "count" in attempt:
        return {"action": "pause", "message": str(state["seen"])}
    reply = attempt.get("reply")
    return json.loads(reply) if isinstance(reply, str) else reply
'''


def answering(message: str) -> str:
    """A hook file that dumps everything with this message."""
    return f"def pre_delivery_attempt(attempt): return dict(action='dump', message={message!r})\n"


def attempt(**more):
    """An attempt with all nine keys, some of them as given."""
    return {
        "mtaid": "1",
        "sendid": "newsletter",
        "listid": "17",
        "msguid": "1abcde-000001-AB",
        "injtime": 1718000000,
        "sender": "bounces@sender.test",
        "recipient": "somebody@recipient.test",
        "is_first_attempt": True,
        "mtaid_exists": True,
        **more,
    }


def saying(text):
    """An attempt that the obedient hook pauses with this message."""
    return attempt(reply={"action": "pause", "message": str(text)})


def said(text):
    """The decision about such an attempt."""
    return {"action": "pause", "message": str(text)}


def counted(**more):
    """An attempt about which the obedient hook says how many it has seen, this one included."""
    return attempt(count=True, **more)


def number(decision) -> int:
    """The number in the decision about such an attempt."""
    return int(decision["message"])


def line(value) -> bytes:
    """One request of the jsonl protocol."""
    return json.dumps(value).encode() + b"\n"


def padded(size: int, **more) -> bytes:
    """A jsonl request of exactly so many bytes, without the newline that ends it."""
    bare = len(line(attempt(padding="", **more))) - 1
    return line(attempt(padding="x" * (size - bare), **more))[:-1]


def fields(end=b"\n", **more) -> bytes:
    """The lines of an exim request, without the empty one that ends it."""
    values = attempt(is_first_attempt="1", mtaid_exists="1", **more)
    return b"".join(field(name, value, end) for name, value in values.items())


def field(name: str, value, end=b"\n") -> bytes:
    """One line of an exim request."""
    raw = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")
    return name.encode() + b"=" + base64.b64encode(raw) + end


def extracted(answer: bytes) -> dict[str, str]:
    """Take an answer apart as Exim does (string_dequote and expand_getkeyed in its expand.c).

    Pairs are `name=value`, with white space between them; a value that begins with a quote goes on
    to the next one, or to the end; in it a backslash gives the next character another meaning.
    """
    text, found, at = answer.decode(), {}, 0
    while match := re.compile(r"\s*([^=\s]+)\s*=\s*").match(text, at):
        at, value = match.end(), ""
        if text[at : at + 1] != '"':
            bare = re.compile(r"\S*").match(text, at)
            found[match[1]], at = bare[0], bare.end()
            continue
        at += 1
        while at < len(text) and text[at] != '"':
            if text[at] == "\\" and at + 1 < len(text):
                at += 1
                value += {"n": "\n", "r": "\r", "t": "\t"}.get(text[at], text[at])
            else:
                value += text[at]
            at += 1
        at += 1
        found.setdefault(match[1], value)
    return found


class Client:
    """One connection."""

    def __init__(self, where) -> None:
        family = socket.AF_INET if isinstance(where, tuple) else socket.AF_UNIX
        self.socket = socket.socket(family)
        self.socket.settimeout(PATIENCE)
        try:
            self.socket.connect(where if isinstance(where, tuple) else str(where))
        except OSError:
            self.socket.close()
            raise
        self._received = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def flood(self, data: bytes) -> None:
        """Send the same bytes again and again, until the daemon takes no more."""
        with suppress(BrokenPipeError, ConnectionResetError):
            while True:
                self.send(data)

    def half_close(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)

    def line(self) -> bytes:
        """Read up to a newline."""
        while b"\n" not in self._received:
            data = self.socket.recv(65536)
            assert data, f"the connection ended after {self._received!r}"
            self._received += data
        answer, _, self._received = self._received.partition(b"\n")
        return answer + b"\n"

    def answer(self):
        return json.loads(self.line())

    def answers(self, number: int):
        return [self.answer() for _ in range(number)]

    def rest(self) -> bytes:
        """Read to the end."""
        with suppress(ConnectionResetError):  # the daemon closed with something of ours unread
            while data := self.socket.recv(65536):
                self._received += data
        rest, self._received = self._received, b""
        return rest

    def ask(self, value):
        self.send(line(value))
        return self.answer()

    def close(self) -> None:
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Daemon:
    """`hookframe serve` with its files in a directory of its own.

    The directory has a short name, for a socket's path has 107 bytes at most.
    """

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="hf-", dir="/tmp"))
        self.jsonl = self.directory / "jsonl.sock"
        self.exim = self.directory / "exim.sock"
        self.explain = self.directory / "explain.sock"
        self.configuration = self.directory / "hookframe.toml"
        self.hook_file = self.directory / "hook.py"
        self._lines: list[str] = []
        self._more = threading.Condition()
        self._ended = False
        self._process: subprocess.Popen | None = None
        self._reader: threading.Thread | None = None

    def write(self, hook: str = OBEDIENT, more: str = "", listen=None) -> None:
        """Write the configuration and the hook file."""
        if listen is None:
            listen = [
                f"unix:{self.jsonl}",
                f"exim+unix:{self.exim}",
                f"explain+unix:{self.explain}",
                "tcp:127.0.0.1:0",
            ]
        self.save(self.hook_file, hook)
        text = f'listen = {json.dumps(listen)}\nhook_file = "hook.py"\n{more}'
        self.save(self.configuration, text)

    @staticmethod
    def save(path: Path, text: str) -> None:
        """Write a file by renaming a new one over it, as editors do."""
        new = path.with_name(path.name + ".new")
        new.write_text(text)
        new.rename(path)

    def start(self, *before: str) -> Daemon:
        """Start it, and wait until it has said where it listens, and a worker answers there.

        On a machine that has much else to do a stand-in answers first, with temporary failures.
        """
        earlier = self.said.count("listening on")
        self.launch(*before)
        self.wait_for("listening on", earlier + 1)
        until = monotonic() + PATIENCE
        while self.has_stand_in():
            assert monotonic() < until, f"no worker answers:\n{self.said}"
            sleep(0.02)
        return self

    def has_stand_in(self) -> bool:
        """Whether somebody answers in the place of a worker."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        for child in children:
            with suppress(OSError):  # it has just ended
                if Path(f"/proc/{child}/comm").read_text().strip() == "hookframe-stand":
                    return True
        return False

    def launch(self, *before: str) -> None:
        """Start it.

        Args:
            before: a command that runs the command that follows it.
        """
        self._process = subprocess.Popen(
            [*before, *SERVE, str(self.configuration)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self.directory,
            encoding="utf-8",
        )
        self._ended = False
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,))
        self._reader.start()

    def _read(self, stream) -> None:
        for text in stream:
            with self._more:
                self._lines.append(text)
                self._more.notify_all()
        stream.close()
        with self._more:
            self._ended = True
            self._more.notify_all()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def said(self) -> str:
        """Everything that it has written."""
        with self._more:
            return "".join(self._lines)

    def wait_for(self, text: str, times: int = 1) -> str:
        """Wait until it has written a text, so many times; return the line."""
        with self._more:
            self._more.wait_for(lambda: self._ended or len(self._with(text)) >= times, PATIENCE)
            found = self._with(text)
            assert len(found) >= times, f"{text!r} not {times} times in:\n{''.join(self._lines)}"
            return found[times - 1]

    def _with(self, text: str) -> list[str]:
        return [each for each in self._lines if text in each]

    @property
    def port(self) -> tuple[str, int]:
        """Where its TCP socket listens."""
        match = re.search(r"tcp:127\.0\.0\.1:([0-9]+)", self.wait_for("listening on"))
        return "127.0.0.1", int(match[1])

    def connect(self, where=None) -> Client:
        return Client(self.jsonl if where is None else where)

    def exchange(self, data: bytes, where=None) -> bytes:
        """Send bytes on a connection of their own, half-close it, and read to the end."""
        with self.connect(where) as client:
            client.send(data)
            client.half_close()
            return client.rest()

    def ask(self, value, where=None):
        """Ask about one attempt on a connection of its own."""
        with self.connect(where) as client:
            return client.ask(value)

    def memory(self) -> int:
        """The most memory that it has had resident so far, in bytes."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+([0-9]+) kB", status)[1]) * 1024

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        """Wait until it has ended; return its exit status."""
        status = self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return status

    def stop(self) -> int:
        """End it as a service manager does."""
        if self._process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.wait()

    def close(self) -> None:
        """End it whatever it does, and check what holds for every run."""
        try:
            if self._process is not None:
                if self._process.poll() is None:
                    self.stop()
                self.wait()
        finally:
            if self._process is not None and self._process.poll() is None:
                self._process.kill()
                self.wait()
            shutil.rmtree(self.directory)
        for unexpected in ("Traceback", "atal error", "Warning:", "Exception in callback"):
            assert unexpected not in self.said, self.said
