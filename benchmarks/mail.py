"""Exims of our own in a network of their own: one that asks nobody, one hookframe, one Perl."""

from __future__ import annotations

import grp
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from time import perf_counter
from typing import Final, NamedTuple

from benchmarks.lab import PEERS, Lab
from benchmarks.processes import processor_seconds
from tests.e2e.daemon import Daemon
from tests.e2e.exim import EXIM_USER, GENERATE, Exim, Message
from tests.e2e.namespace import Namespace, Sink

SITE: Final = """\
primary_hostname = "mta.test"
default_virtualmta = "main"

[virtualmta.main]
interface = "127.0.0.2"
helo = "main.test"

[hook]
socket = "{socket}"

[routes]
"*" = ["127.0.0.11:2500"]

[local]
domains = []

[exim]
spool_directory = "{directory}/spool"
log_directory = "{directory}/log"
pid_file = "{directory}/exim.pid"
path = "{program}"
queue_only = true
"""
LISTED: Final = 10
"""So many addresses are on the blacklist; no message is to one of them."""
_PACKAGES: Final = ("exim4-daemon-heavy", "libmariadb3", "libspf2-2")
"""Debian's Exim with Perl in it, and the libraries that are not everywhere."""


class Program:
    """The program of Exim, and what it needs to start.

    Args:
        path: the program.
        libraries: directories of libraries, where they are not the system's.
    """

    def __init__(self, path: Path, *libraries: Path) -> None:
        self.path = path
        search = ":".join(map(str, libraries))
        self.command = [*(["env", f"LD_LIBRARY_PATH={search}"] if search else []), str(path)]

    @property
    def has_perl(self) -> bool:
        """Whether Perl is embedded in it."""
        if not self.path.exists():
            return False
        command = [*self.command, "-bV"]
        said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        support = (line.split() for line in said.splitlines() if line.startswith("Support for"))
        return any("Perl" in words for words in support)


def program(lab: Lab) -> Program:
    """Find the installed Exim, or unpack Debian's with Perl where the installed one has none."""
    installed = Program(Path(shutil.which("exim4") or "exim4").resolve())
    if installed.has_perl:
        return installed
    heavy = _unpacked(lab.fresh())
    if heavy.has_perl:
        return heavy
    lab.lacking["exim4-daemon-heavy"] = "Exim with its embedded Perl"
    return installed


def _unpacked(directory: Path) -> Program:
    """Unpack Debian's Exim with Perl beside the installed one, as far as that can be had."""
    run = partial(subprocess.run, cwd=directory, capture_output=True, check=False)
    directory.chmod(0o755)
    if shutil.which("apt-get"):
        run(["apt-get", "download", "-q", *_PACKAGES])
    for package in directory.glob("*.deb"):
        run(["dpkg", "--extract", package, directory])
    libraries = {found.parent for found in (directory / "usr" / "lib").rglob("*.so.*")}
    return Program(directory / "usr" / "sbin" / "exim4", *sorted(libraries))


class Delivery(NamedTuple):
    """What one delivery took, in milliseconds."""

    wall: float
    processor: float


class Mailer(Exim):
    """An Exim with a queue and logs of its own.

    Args:
        namespace: the network it is in.
        directory: its own; it need not exist.
        program: what is run.
        options: further arguments of each run.
    """

    def __init__(
        self, namespace: Namespace, directory: Path, program: Program, *options: str
    ) -> None:
        self.directory = directory
        self.configuration = directory / "etc" / "exim4.conf"
        self._namespace, self._program, self._options = namespace, program, options
        directory.mkdir()
        shutil.chown(directory, EXIM_USER)
        self._give_to_exim(directory / "spool", directory / "log")
        namespace.trust(self.configuration)

    def command(self, *arguments: str) -> list[str]:
        """Give the command that runs it in its network."""
        options = ["-C", self.configuration, *self._options, *arguments]
        return self._namespace.command(*self._program.command, *options)

    def plain(self) -> Mailer:
        """Configure it to ask nobody, or Perl if its options say so."""
        text = (PEERS / "exim" / "exim.conf").read_text(encoding="utf-8")
        self.configuration.parent.mkdir()
        self.configuration.write_text(
            text.replace("= PROGRAM", f"= {self._program.path}").replace(
                "= DIRECTORY", f"= {self.directory}"
            )
        )
        return self

    def asking(self, socket: Path) -> Mailer:
        """Configure it to ask hookframe, as an administrator does."""
        site = self.directory / "site.toml"
        site.write_text(
            SITE.format(socket=socket, directory=self.directory, program=self._program.path)
        )
        generate = [sys.executable, GENERATE, site, self.configuration.parent]
        subprocess.run(generate, check=True, capture_output=True)
        text = self.configuration.read_text()
        kept = text.replace("keep_environment =", "keep_environment = LD_LIBRARY_PATH")
        self.configuration.write_text(kept)
        return self

    def delivered(self, count: int, daemon: Daemon | None = None) -> Delivery:
        """Queue messages, deliver them all, and give what one delivery took.

        Args:
            count: the number of messages.
            daemon: the one that it asks; its processor time is counted too.
        """
        headers = ("X-SendID: news-2026-11", "List-ID: weekly")
        self.queue_messages(
            [
                Message("bounce@sender.test", (f"somebody-{number}@remote.test",), headers)
                for number in range(count)
            ]
        )
        begun, used = perf_counter(), _used(daemon)
        self.run_queue()
        taken, used = perf_counter() - begun, _used(daemon) - used
        if left := self.queue():
            sys.exit(f"{len(left)} messages were not delivered: {self.log()[-1]} {self.panics()}")
        return Delivery(taken / count * 1000, used / count * 1000)


def _used(daemon: Daemon | None) -> float:
    """Give the processor seconds that all children which have ended have used, and a daemon."""
    ended = getrusage(RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime + (processor_seconds(daemon.pid) if daemon else 0)


@contextmanager
def deliveries(lab: Lab) -> Iterator[dict[str, Callable[[int], Delivery]]]:
    """Set up a network with a sink, a daemon and Exims; give what delivers, by what it asks."""
    found = program(lab)
    with ExitStack() as stack:
        base = lab.fresh()
        base.chmod(0o755)
        lab.directory.chmod(0o755)
        with lab.elsewhere():
            namespace = stack.enter_context(closing(Namespace(base)))
            stack.enter_context(closing(Sink(namespace, base, "127.0.0.11")))
        blacklist = base / "blacklist"
        blacklist.write_text("".join(f"blocked-{each}@remote.test\n" for each in range(LISTED)))
        made = {"no hook": Mailer(namespace, base / "plain", found).plain().delivered}
        socket = _socket(base)
        daemon = Daemon(namespace, _directory(base / "hookframe"), socket)
        daemon.start_with(_policy("hook.py", blacklist))
        stack.callback(daemon.stop)
        asking = Mailer(namespace, base / "asking", found).asking(socket)
        made["hookframe"] = partial(asking.delivered, daemon=daemon)
        if found.has_perl:
            hook = base / "hook.pl"
            hook.write_text(_policy("hook.pl", blacklist))
            perl = Mailer(namespace, base / "perl", found, f"-DPERL={hook}")
            made["embedded Perl"] = perl.plain().delivered
        yield made


def _directory(path: Path) -> Path:
    path.mkdir()
    return path


def _policy(name: str, blacklist: Path) -> str:
    text = (PEERS / "exim" / name).read_text(encoding="utf-8")
    return text.replace("BLACKLIST", str(blacklist))


def _socket(base: Path) -> Path:
    """Make the socket's directory as the README of Exim's adapter says."""
    directory = _directory(base / "run")
    os.chown(directory, 0, grp.getgrnam(EXIM_USER).gr_gid)
    directory.chmod(0o2750)
    return directory / "exim.sock"
