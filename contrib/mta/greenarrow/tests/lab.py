"""A host that calls the file as GreenArrow does, and daemons that misbehave."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import socket
import subprocess
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

HERE = Path(__file__).parents[1]
ROOT = HERE.parents[2]
FILE = HERE / "opt.pre_delivery_attempt_hook"
HOST = Path(__file__).with_name("greenarrow.pl")
PATIENCE = 30
"""Seconds after which what should happen is taken not to happen at all."""
SHORT = 0.2
"""Seconds that a call may take which is to run out of time."""
ERROR = "Error in pre_delivery_attempt_hook (see logfile)"
TEMPFAIL = {"temp-fail": ERROR}
NORMAL = {"action": "normal"}


def module_at(path):
    """Load a module of the project's own tests, which no path of Python's leads to."""
    spec = importlib.util.spec_from_file_location(f"of_greenarrow_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


daemon_lab = module_at(ROOT / "tests" / "daemon" / "lab.py")
attempt = daemon_lab.attempt


def with_settings(address, *, sender_and_domain="defer"):
    """Give the file as an administrator would edit it; its deadline can be set while it runs."""
    text = FILE.read_text("utf-8")
    for old, new in (
        (r"my \$ADDRESS = '.*';", f"my $ADDRESS = '{address}';"),
        (r"my \$DEADLINE = 1;", f"our $DEADLINE = {PATIENCE};"),
        (r"my \$SENDER_AND_DOMAIN = 'defer';", f"my $SENDER_AND_DOMAIN = '{sender_and_domain}';"),
    ):
        text, found = re.subn(rf"(?m)^{old}$", lambda _, new=new: new, text)
        assert found == 1, f"{old!r} is not once in {FILE}"
    return text


def of_bytes(value):
    """Write bytes as the host's strings are: a character for each."""
    return value.decode("latin-1") if isinstance(value, bytes) else value


class GreenArrow:
    """The host, with a hook file of its own.

    Args:
        address: what the file gets as address.
        environment: variables of its environment.
        settings: further settings of the file.
    """

    def __init__(self, address, environment=None, **settings) -> None:
        # The name is short, for the path of a socket has 107 bytes at most.
        self.directory = Path(tempfile.mkdtemp(prefix="hf-ga-", dir="/tmp"))
        self.directory.chmod(0o755)  # another user may be told to read it
        self.file = self.directory / FILE.name
        self.file.write_text(with_settings(address, **settings), "utf-8")
        self._log = (self.directory / "log").open("w+", encoding="utf-8")
        self._process = subprocess.Popen(
            ["perl", HOST, self.file],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            encoding="ascii",
            env=environment,
        )

    def tell(self, **command):
        """Have it do something; returns its answer."""
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the host has ended with {self._process.wait()}: {self.log}"
        return json.loads(line)

    def load(self, how="eval"):
        """Have it load the file, which must succeed."""
        assert self.tell(load=how)["error"] == ""
        return self

    def calls(self, attempts):
        """Have it ask about attempts, one after the other; returns what became of them."""
        return self.tell(calls=[_as_greenarrow_has_it(each) for each in attempts])

    def call(self, **more):
        """Have it ask about one attempt."""
        return self.calls([attempt(**more)])[0]

    def fork(self, parent, child):
        """Have it fork, and ask about attempts in both processes at once."""
        of_both = [[_as_greenarrow_has_it(each) for each in one] for one in (parent, child)]
        outcomes = self.tell(calls=of_both[0], fork=of_both[1])
        return outcomes["parent"], outcomes["child"]

    def deadline(self, seconds):
        """Set the deadline of what it calls from now on."""
        self.tell(set={"DEADLINE": seconds})

    def interrupt(self, number):
        """Send it a signal."""
        self._process.send_signal(number)

    @property
    def log(self):
        """What it has logged."""
        return (self.directory / "log").read_text("utf-8")

    def close(self):
        """End it; it must have lived until now, and have had nothing to warn of."""
        with self._log, self._process:
            self._process.stdin.close()
        log = self.log
        shutil.rmtree(self.directory)
        assert self._process.returncode == 0, log
        assert "WARNING" not in log, log


def _as_greenarrow_has_it(values):
    flags = ("is_first_attempt", "mtaid_exists")
    return {
        key: int(value) if key in flags and isinstance(value, bool) else of_bytes(value)
        for key, value in values.items()
    }


class Server:
    """A daemon that misbehaves: each connection is served as the function says whose turn it is.

    Args:
        address: a path for a unix socket, or an IP address for TCP.
        turns: a function for each connection in turn, called with the connection.
    """

    def __init__(self, address, *turns) -> None:
        self._turns = turns
        self.connections = 0
        self._threads: list[threading.Thread] = []
        self._broken: list[BaseException] = []
        if isinstance(address, Path):
            self._listening = socket.socket(socket.AF_UNIX)
            self._listening.bind(str(address))
            self.address = f"unix:{address}"
        else:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            self._listening = socket.socket(family)
            self._listening.bind((address, 0))
            host = f"[{address}]" if ":" in address else address
            self.address = f"tcp:{host}:{self._listening.getsockname()[1]}"
        self._listening.listen()
        self._acceptor = threading.Thread(target=self._accept)
        self._acceptor.start()

    def _accept(self):
        with suppress(OSError):  # it has been shut down
            while True:
                connection, _ = self._listening.accept()
                thread = threading.Thread(target=self._serve, args=(connection, self.connections))
                self.connections += 1
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection, number):
        try:
            with connection:
                connection.settimeout(PATIENCE)
                self._turns[number](connection)
        except BaseException as error:
            self._broken.append(error)

    def close(self):
        """Stop; no connection may have gone otherwise than its function expected."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        self._listening.close()
        for thread in self._threads:
            thread.join()
        if self._broken:
            raise self._broken[0]


def request_on(connection):
    """Read one attempt; None where the client has closed the connection instead."""
    line = b""
    while not line.endswith(b"\n"):
        piece = connection.recv(65536)
        if not piece:
            assert line == b""
            return None
        line += piece
    return json.loads(line)


def answer_all(connection):
    """Answer each attempt with its recipient, until the client closes the connection."""
    while (asked := request_on(connection)) is not None:
        answer_one(connection, asked)


def answer_one(connection, asked=None):
    """Answer one attempt with its recipient."""
    asked = asked or request_on(connection)
    connection.sendall(
        json.dumps({"action": "dump", "message": asked["recipient"]}).encode() + b"\n"
    )


def dumped(recipient):
    """The decision that `answer_all` gives."""
    return {"action": "dump", "message": recipient}
