"""Runs `hookframe` as a person or a script does: in a process of its own, on a terminal or not."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
from contextlib import suppress
from dataclasses import dataclass

PROGRAM = (sys.executable, "-W", "error", "-m", "hookframe")
OWN_TERMINAL = ("setsid", "--ctty", "--wait")
"""Makes the terminal on standard input the one whose Ctrl-C reaches the command (util-linux)."""
TERMINAL_SIZE = struct.pack("HHHH", 50, 200, 0, 0)
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
LONGEST_RUN = 50.0


@dataclass(frozen=True)
class Done:
    """A command that has ended: its exit status, and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def lines(self):
        """Each line of standard output as JSON."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def json(self):
        """Standard output as one JSON value."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Shown:
    """A command that has ended: its exit status, what the terminal showed, what the pipes got."""

    status: int
    raw: str
    out: str
    err: str

    @property
    def text(self):
        """What the terminal showed, without its colours."""
        return ESCAPES.sub("", self.raw).replace("\r\n", "\n")


class Shell:
    """Runs commands in a directory, with an environment of its own.

    Args:
        directory: where the commands run.
    """

    def __init__(self, directory):
        self.directory = directory
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if name not in ("HOOKFRAME_CONFIG", "PYTHONPATH", "NO_COLOR", "FORCE_COLOR", "COLUMNS")
        } | {"TERM": "xterm-256color", "LANG": "C.UTF-8"}

    def write(self, name, text):
        """Write a file that hookframe trusts; return its path."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o644)
        return path

    def install(self, *directories):
        """Let commands find the distributions that were installed into these directories."""
        self.environment["PYTHONPATH"] = os.pathsep.join(map(str, directories))

    def start(self, *arguments, program=PROGRAM, stdin=subprocess.PIPE, **options):
        """Start a command."""
        return subprocess.Popen(
            [*program, *arguments],
            cwd=self.directory,
            env=self.environment,
            stdin=stdin,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        )

    def run(self, *arguments, stdin=b"", program=PROGRAM, **options):
        """Run a command to its end, without any terminal.

        Args:
            arguments: what stands behind `hookframe`.
            stdin: bytes for a pipe, or an open file.
        """
        piped = isinstance(stdin, bytes)
        with self.start(
            *arguments, program=program, stdin=subprocess.PIPE if piped else stdin, **options
        ) as process:
            out, err = process.communicate(stdin if piped else None, timeout=LONGEST_RUN)
        return Done(process.returncode, _text(out), _text(err))

    def on_terminal(self, *arguments, streams=(0, 1, 2), stdin=b"", interrupted_after=None):
        """Run a command to its end, with some of its streams on one terminal.

        Args:
            arguments: what stands behind `hookframe`.
            streams: those that are the terminal; the others are pipes.
            stdin: bytes for standard input, where that is no terminal, or an open file.
            interrupted_after: text on the terminal after which somebody types Ctrl-C there.
        """
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, TERMINAL_SIZE)
        screen = _Screen(master, interrupted_after)
        ends = {0: "stdin", 1: "stdout", 2: "stderr"}
        options = {ends[stream]: slave for stream in streams}
        if 0 not in streams and not isinstance(stdin, bytes):
            options["stdin"], stdin = stdin, None
        program = PROGRAM if interrupted_after is None else (*OWN_TERMINAL, *PROGRAM)
        with self.start(*arguments, program=program, **options) as process:
            os.close(slave)
            screen.start()
            given = stdin if process.stdin is not None else None
            out, err = process.communicate(given, timeout=LONGEST_RUN)
            screen.join()
        os.close(master)
        return Shown(process.returncode, screen.shown.decode(), _text(out), _text(err))


class _Screen(threading.Thread):
    """Whoever sits before a terminal."""

    def __init__(self, master, interrupted_after):
        super().__init__(daemon=True)  # a test that fails leaves it behind, and must not hang
        self.shown = bytearray()
        self._master = master
        self._cue = interrupted_after.encode() if interrupted_after is not None else None

    def run(self):
        """Read all that is shown, and type Ctrl-C when it is time."""
        with suppress(OSError):  # EIO: nobody has the terminal open any more
            while data := os.read(self._master, 65536):
                self.shown += data
                if self._cue is not None and self._cue in self.shown:
                    self._cue = None
                    os.write(self._master, b"\x03")


def _text(data):
    return (data or b"").decode()
