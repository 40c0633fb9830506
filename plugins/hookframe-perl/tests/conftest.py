from __future__ import annotations

import json
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from loguru import logger

from hookframe import Host
from hookframe.testing import make_attempt

if TYPE_CHECKING:
    from collections.abc import Iterator

ATTEMPT = make_attempt(
    mtaid="smtp1",
    sendid="trans170101",
    listid="",
    sender="sender@example.net",
    recipient="user@example.org",
    mtaid_exists=False,
)
PATIENT = 'deadline = "50s"\n'
"""However slow this machine is, only a test about deadlines shall meet one."""


class Site:
    """A directory with `hookframe.toml` and a Perl file, and the hosts that run them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.file = directory / "hook.pl"
        self.config = directory / "hookframe.toml"
        self._hosts: list[Host] = []

    def save(self, code: str | bytes) -> None:
        """Write the Perl file in place."""
        self.file.write_bytes(code if isinstance(code, bytes) else code.encode())
        self.file.chmod(0o644)

    def configure(self, top: str = PATIENT, chain: tuple[str, ...] = ("perl",), **settings) -> None:
        """Write the configuration, by renaming a new one over it.

        Args:
            top: more of the configuration, before its tables.
            chain: the chain.
            settings: of the plugin; without them it gets the file and a long deadline, and a
                setting that is None is left out.
        """
        given = {"file": str(self.file), "deadline": "50s"} | settings
        lines = [f"{key} = {json.dumps(each)}" for key, each in given.items() if each is not None]
        text = [f"chain = {json.dumps(chain)}", top, "[plugins.perl.settings]", *lines, ""]
        new = self.config.with_suffix(".new")
        new.write_text("\n".join(text))
        new.replace(self.config)

    def start(self, *, watch: bool = False, interrupt: bool = False) -> Host:
        """Start a host on the files as they are."""
        self._hosts.append(Host.from_config(self.config, watch=watch, interrupt=interrupt))
        return self._hosts[-1]

    def host(
        self,
        code: str | bytes,
        top: str = PATIENT,
        *,
        watch: bool = False,
        interrupt: bool = False,
        **settings,
    ) -> Host:
        """Write both files and start a host, which ends with the test."""
        self.save(code)
        self.configure(top, **settings)
        return self.start(watch=watch, interrupt=interrupt)

    def program(self, text: str, name: str = "interpreter") -> str:
        """Write a program that stands for the interpreter."""
        path = self.directory / name
        path.write_text(text)
        path.chmod(0o755)
        return str(path)

    def close(self) -> None:
        """Close every host."""
        for host in self._hosts:
            host.close()


class Log:
    """What reaches the log."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def take(self, message: str) -> None:
        self.lines.append(str(message).removesuffix("\n"))

    @property
    def errors(self) -> list[str]:
        """What is said of errors in attempts, behind the attempt's ids."""
        found = [line for line in self.lines if line.startswith("error in pre_delivery_attempt_")]
        return [line.partition(", error: ")[2] for line in found]

    @property
    def loading(self) -> list[str]:
        """What is said of errors in a load."""
        beginning = "error loading pre_delivery_attempt_hook: "
        return [line[len(beginning) :] for line in self.lines if line.startswith(beginning)]

    @property
    def printed(self) -> list[str]:
        """What the hook has printed, with the plugin's name."""
        return [line for line in self.lines if line.startswith("plugin ")]


@pytest.fixture
def attempt():
    """Makes an attempt to user@example.org from sender@example.net, but for what is given."""

    def make(**changes: object) -> dict[str, object]:
        return ATTEMPT | changes

    return make


@pytest.fixture
def site(tmp_path):
    """A directory for a configuration and a Perl file."""
    made = Site(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def lasting_site(tmp_path_factory):
    """The same for all tests of a module."""
    made = Site(tmp_path_factory.mktemp("site"))
    yield made
    made.close()


@pytest.fixture
def log():
    """What reaches the log."""
    log = Log()
    handler = logger.add(log.take, format="{message}", level="DEBUG")
    yield log
    logger.remove(handler)


@pytest.fixture
def as_nobody():
    """Root may do everything: gives that up for a while."""

    @contextmanager
    def give_up() -> Iterator[None]:
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(user)

    return give_up


class Family:
    """The processes that descend from this one, as /proc shows them."""

    def living(self) -> set[int]:
        """Give the ids of those that live."""
        parents = dict(self._processes())
        return {pid for pid in parents if pid != os.getpid() and self._is_ours(pid, parents)}

    def alive(self, pid: int) -> bool:
        """Say whether a process lives, whose ever it is."""
        return any(pid == each for each, _ in self._processes())

    def descriptors(self) -> int:
        """Count the descriptors that are open here."""
        return sum(1 for _ in Path("/proc/self/fd").iterdir())

    def _processes(self) -> Iterator[tuple[int, int]]:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    stat = (entry / "stat").read_text("utf-8", "replace")
                except OSError:  # it has just ended
                    continue
                state, parent, *_ = stat.rpartition(")")[2].split()
                if state not in "ZX":
                    yield int(entry.name), int(parent)

    def _is_ours(self, pid: int, parents: dict[int, int]) -> bool:
        while pid in parents:
            if parents[pid] == os.getpid():
                return True
            pid = parents[pid]
        return False


@pytest.fixture
def family():
    """Looks at the processes below this one."""
    return Family()
