"""A supervised daemon, and what the system knows of its processes."""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress
from pathlib import Path

from hookframe.testing import eventually

from ..helpers.attempts import MESSAGE, attempt
from ..helpers.daemons import Daemon as PlainDaemon
from ..helpers.distributions import write_metadata
from ..helpers.processes import Process, processes
from ..helpers.requests import line
from ..helpers.wait import PATIENCE
from .policies import PATIENT, WHO, policy

WORKER, FALLBACK, OBSERVER = "hookframe-work", "hookframe-stand", "hookframe-watch"
"""The names under which the system shows the daemon's children."""
IDLE = 3.0
"""Seconds without a client, so that every process has waited for nothing several times."""


class Daemon(PlainDaemon):
    """A supervised daemon, and what the system knows of its processes."""

    tolerated = ""
    """a text beside which it may also write a traceback"""

    def with_policy(self, faults: str = "", more: str = "", deadline: str = PATIENT) -> Daemon:
        """Write a policy with these faults and a configuration, and start.

        Args:
            faults: as in `policy`.
            more: more of the configuration.
            deadline: how long an attempt may take.
        """
        self.write(policy(faults), f'deadline = "{deadline}"\n{more}')
        self.start()
        return self

    def configure(self, more: str) -> None:
        """Save a configuration with the same sockets and hook file, and more lines."""
        same = self.configuration.read_text().splitlines(keepends=True)[:2]
        self.save(self.configuration, "".join(same) + f'deadline = "{PATIENT}"\n{more}')

    def close(self) -> None:
        """End it whatever it does, and check what holds for every run."""
        try:
            super().close()
        except AssertionError:
            if not self.tolerated or self.tolerated not in self.output:
                raise

    def install(self, name: str, source: str) -> None:
        """Install a plugin where only a daemon finds it that is started `with_plugins`.

        Args:
            name: its name, and that of its only module.
            source: the module.
        """
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
        write_metadata(self.installed, metadata, {"hookframe": {name: name}})
        (self.installed / f"{name}.py").write_text(source)

    def with_plugins(self, more: str, deadline: str = PATIENT) -> Daemon:
        """Write a policy without faults and a configuration, and start with all that is installed.

        Args:
            more: more of the configuration: the chain.
            deadline: how long an attempt may take.
        """
        self.write(policy(), f'deadline = "{deadline}"\n{more}')
        self.start("env", f"PYTHONPATH={self.installed}")
        return self

    @property
    def installed(self) -> Path:
        """The directory of what is installed."""
        return self.directory / "installed"

    def until_it_listens(self) -> None:
        """Wait until a client can connect: a daemon whose log is elsewhere says nothing here."""

        def connects() -> bool:
            with suppress(FileNotFoundError, ConnectionRefusedError), self.connect():
                return True
            return False

        eventually(connects, PATIENCE)

    def descendants(self) -> list[Process]:
        """All processes that descend from the supervisor, zombies included."""
        everything = list(processes())
        family, found = {self.pid}, []
        while more := [each for each in everything if each.parent in family - {each.pid}]:
            everything = [each for each in everything if each not in more]
            family |= {each.pid for each in more}
            found += more
        return found

    def children(self, name: str = WORKER) -> set[int]:
        """The supervisor's own living children of a name: workers and standbys, or stand-ins."""
        return {
            each.pid
            for each in processes()
            if (each.parent, each.name) == (self.pid, name) and each.state != "Z"
        }

    def worker(self) -> int:
        """The process that answers: the policies here say it. It asks until a policy answers."""
        return eventually(self._told, PATIENCE)

    def _told(self) -> int:
        answer = self.exchange(line(attempt(recipient=WHO)))
        message = json.loads(answer)["message"] if answer.endswith(b"\n") else MESSAGE
        return 0 if message == MESSAGE else int(message)

    def live(self, prefix: str, patience: float = PATIENCE) -> None:
        """Wait until a policy with this prefix answers, for so many seconds at most."""

        def said() -> bool:
            answer = self.exchange(line(attempt(msguid="live")))
            return answer.endswith(b"\n") and json.loads(answer)["message"] == f"{prefix}live"

        eventually(said, patience)

    def next_worker(self, old: int) -> int:
        """Wait until another process answers than the one given, and return it."""
        return eventually(lambda: (new := self.worker()) != old and new, PATIENCE)

    def standby(self) -> int:
        """Wait until there is a child beside the one that answers, and return it.

        It may still build its chain.
        """
        worker = self.worker()
        return eventually(lambda: next(iter(self.children() - {worker}), 0), PATIENCE)

    def status(self):
        """What the daemon says of itself; whoever is asked may be about to leave."""

        def told():
            answer = self.exchange(line({"hookframe": "status"}))
            return answer.endswith(b"\n") and json.loads(answer)

        return eventually(told, PATIENCE)

    def having(self, role: str) -> dict[int, int]:
        """The processes that have a role, and the generation of each; 0 where it has none."""
        return {
            each["pid"]: each["generation"] or 0
            for each in self.status()["workers"]
            if each["role"] == role
        }

    def ready(self) -> int:
        """Wait until a process has built its chain and waits for its turn; return it."""
        return eventually(lambda: next(iter(self.having("standby")), 0), PATIENCE)

    def strays(self) -> set[int]:
        """The living processes that hooks have started and left behind, below the workers."""
        return {
            each.pid for each in self.descendants() if each.parent != self.pid and each.state != "Z"
        }

    def sockets(self, pid: int | None = None) -> set[str]:
        """The sockets that a process holds; without one the supervisor."""
        held = set()
        for number in Path(f"/proc/{pid or self.pid}/fd").iterdir():
            with suppress(OSError):  # it has just been closed
                held.add(str(number.readlink()))
        return {each for each in held if each.startswith("socket:")}

    def resident(self, pid: int) -> int:
        """The bytes of memory that a process has resident; 0 where there is none such any more."""
        try:
            pages = int(Path(f"/proc/{pid}/statm").read_bytes().split()[1])
        except (FileNotFoundError, ProcessLookupError, IndexError):
            return 0
        return pages * os.sysconf("SC_PAGE_SIZE")

    def logged(self, text: str) -> int:
        """How many lines with a text it has written so far."""
        return sum(text in each for each in self.output.splitlines())


def stop(pid: int) -> None:
    """Stop a process, and wait until none of its threads runs any more."""
    os.kill(pid, signal.SIGSTOP)
    eventually(lambda: {_state(thread) for thread in Path(f"/proc/{pid}/task").iterdir()} == {"T"})


def _state(process: Path) -> str:
    return (process / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0]
