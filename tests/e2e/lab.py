"""The private machines of the end-to-end tests: a namespace, an Exim, an SMTP sink, a daemon."""

from __future__ import annotations

import base64
import contextlib
import json
import mailbox
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

import pytest

HERE = Path(__file__).parent
GENERATE = HERE.parents[1] / "contrib" / "mta" / "exim" / "generate.py"
EXIM_USER = "Debian-exim"
ERROR = "Error in pre_delivery_attempt_hook (see logfile)"


def what_is_missing() -> str:
    """Say in one line what this machine lacks for a run; empty if nothing."""
    if os.geteuid() != 0:
        return "needs root, for a network namespace and for an Exim of its own"
    for program in ("exim4", "unshare", "nsenter", "mount"):
        if shutil.which(program) is None:
            return f"needs the program {program} (Debian: exim4-daemon-light, util-linux, mount)"
    unshare = ["unshare", "--net", "--mount", "true"]
    if subprocess.run(unshare, capture_output=True, check=False).returncode:
        return "needs the right to make a network and mount namespace (unshare failed)"
    return ""


def give_up(lacking):
    """Skip the test for what is lacking; where end-to-end tests are required, fail it."""
    if os.environ.get("HOOKFRAME_E2E") == "required":
        pytest.fail(f"end-to-end tests are required here: {lacking}")
    pytest.skip(f"end to end: {lacking}")


def need_plugins(*names):
    """Give the test up if one of these plugins of the repository is not installed."""
    installed = {point.name for point in entry_points(group="hookframe")}
    if missing := set(names) - installed:
        give_up(f"needs the plugins of this repository installed: {', '.join(sorted(missing))}")


def until(what, condition, seconds=20.0):
    """Wait for something that another process does."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.01)
    return found


class Namespace:
    """A network with only loopback, and an /etc/exim4 of its own, for as long as it is open."""

    def __init__(self, directory: Path) -> None:
        self.etc_exim = directory / "etc-exim4"
        self.etc_exim.mkdir()
        self.resolv_conf = directory / "resolv.conf"
        self.resolv_conf.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        unshare = ["unshare", "--net", "--mount", "--propagation", "private", "--"]
        holder = [sys.executable, str(HERE / "holder.py"), self.etc_exim, self.resolv_conf]
        self._holder = subprocess.Popen(
            unshare + holder, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._holder.stdout.readline() == b"ready\n"

    def command(self, *arguments: str | Path) -> list[str]:
        enter = ["nsenter", "--target", str(self._holder.pid), "--net", "--mount", "--"]
        return enter + [str(argument) for argument in arguments]

    def trust(self, configuration: Path) -> None:
        """Let Exim keep its rights under this configuration (pitfall: "-C" drops them)."""
        with (self.etc_exim / "trusted_configs").open("a") as out:
            out.write(f"{configuration}\n")

    def close(self) -> None:
        self._holder.communicate()


class Sink:
    """An SMTP server that takes all mail, and what it has seen of it."""

    def __init__(self, namespace: Namespace, directory: Path, *addresses: str) -> None:
        self._records = directory / "sink.jsonl"
        self._records.touch()
        program = namespace.command(sys.executable, HERE / "sink.py", self._records, *addresses)
        self._process = subprocess.Popen(program, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout.readline() == "ready\n"

    def seen(self, address: str | None = None) -> list[dict]:
        """All transactions, or those of one recipient, oldest first."""
        lines = self._records.read_text().splitlines()
        transactions = [json.loads(line) for line in lines]
        return [one for one in transactions if address is None or f"<{address}>" in one["rcpt"]]

    def wait_for(self, messages: int) -> None:
        """Wait until so many more messages were taken."""
        for _ in range(messages):
            assert self._process.stdout.readline() == ".\n"

    def close(self) -> None:
        self._process.terminate()
        self._process.communicate()


class Daemon:
    """`hookframe serve`, as an administrator runs it."""

    def __init__(self, namespace: Namespace, directory: Path, socket_path: Path) -> None:
        self.directory, self.socket_path = directory, socket_path
        self.hook_file = directory / "hook.py"
        self.configuration = directory / "hookframe.toml"
        self.log = directory / "hookframe.log.log"
        self._namespace = namespace
        self._process = None

    def start(self, hook: str, more_configuration: str = "") -> None:
        self.hook_file.write_text(hook)
        self.configuration.write_text(
            f'listen = ["exim+unix:{self.socket_path}"]\nhook_file = "hook.py"\n'
            + more_configuration
        )
        self.start_again()

    def start_again(self) -> None:
        program = [sys.executable, "-m", "hookframe", "serve", "--config", self.configuration]
        self.log.touch()
        before = self.log.stat().st_size
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._namespace.command(*program), cwd=self.directory, stderr=log, stdout=log
            )
        until("the daemon to listen", lambda: self._says_that_it_listens(before))

    def _says_that_it_listens(self, before: int) -> bool:
        assert self._process.poll() is None, f"it ended: {self.log.read_text()}"
        return b"listening on" in self.log.read_bytes()[before:]

    def wait_for_generation(self, number: int) -> None:
        """Wait until a changed file is live."""
        line = f"generation {number}:".encode()
        until(f"generation {number}", lambda: line in self.log.read_bytes())

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait()


@dataclass(frozen=True)
class Message:
    sender: str
    recipients: tuple[str, ...]
    headers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bounce:
    """A bounce that came back: whom it went to, and its text, whatever it was encoded with."""

    to: str
    text: str


def deferred(line: str) -> tuple[str, str]:
    """Take the address and the reason from a deferral's log line."""
    address, _, rest = line.partition(" == ")[2].partition(" ")
    return address, rest.partition(" defer ")[2].partition(": ")[2]


def bounce_of(message: mailbox.mboxMessage) -> Bounce:
    """Undo the MIME structure and the transfer encodings of a bounce."""
    payloads = [part.get_payload(decode=True) for part in message.walk()]
    text = b"\n".join(payload for payload in payloads if payload is not None)
    return Bounce(message["To"], text.decode("utf-8", "surrogateescape"))


class Exim:
    """An Exim of its own: generated configuration, spool, logs, and one mailbox for local mail."""

    def __init__(self, namespace: Namespace, directory: Path, site: str) -> None:
        self.directory = directory
        self.configuration = directory / "etc" / "exim4.conf"
        self.mailbox = directory / "local.mbox"
        self._namespace = namespace
        self._give_to_exim(directory / "spool", directory / "log")
        (directory / "site.toml").write_text(site)
        generate = [sys.executable, GENERATE, directory / "site.toml", directory / "etc"]
        subprocess.run(generate, check=True, capture_output=True)
        namespace.trust(self.configuration)

    @staticmethod
    def _give_to_exim(*directories: Path) -> None:
        user = pwd.getpwnam(EXIM_USER)
        for directory in directories:
            directory.mkdir()
            os.chown(directory, user.pw_uid, user.pw_gid)

    def command(self, *arguments: str) -> list[str]:
        return self._namespace.command("exim4", "-C", self.configuration, *arguments)

    def run(self, *arguments: str, given: bytes = b"") -> str:
        done = subprocess.run(
            self.command(*arguments), input=given, capture_output=True, timeout=50, check=False
        )
        assert not done.stderr, done.stderr.decode(errors="replace")
        return done.stdout.decode(errors="replace")

    def queue_messages(self, messages: list[Message]) -> list[str]:
        """Hand messages in over SMTP; they are queued only. Returns their msguids."""
        lines = ["EHLO client.test"]
        for message in messages:
            lines.append(f"MAIL FROM:<{message.sender}>")
            lines += [f"RCPT TO:<{recipient}>" for recipient in message.recipients]
            lines += ["DATA", *message.headers, "Subject: a test", "", "Hello.", "."]
        lines.append("QUIT")
        given = "".join(f"{line}\r\n" for line in lines).encode("utf-8", "surrogateescape")
        replies = self.run("-bs", given=given).splitlines()
        taken = [reply.split("id=")[1] for reply in replies if reply.startswith("250 OK id=")]
        assert len(taken) == len(messages), replies
        return taken

    def queue_message(self, *recipients: str, sender="s@sender.test", headers=()) -> str:
        return self.queue_messages([Message(sender, recipients, tuple(headers))])[0]

    def attempt(self, msguid: str) -> None:
        """Make one delivery attempt now, whatever the retry time."""
        self.run("-M", msguid)

    def run_queue(self) -> None:
        self.run("-qf")

    def start_queue_run(self) -> subprocess.Popen:
        return subprocess.Popen(self.command("-qf"), stderr=subprocess.PIPE)

    def header(self, msguid: str, name: str) -> str:
        """Read a header of a queued message as this Exim has it, with each byte that it has."""
        value = self.run("-Mset", msguid, "-be", f"${{base64:$h_{name}:}}")
        return base64.b64decode(value).decode("utf-8", "surrogateescape")

    def deliver_bounce_of(self, msguid: str) -> str:
        """Deliver the bounce of a message without a run of the whole queue; return its msguid."""
        (line,) = [line for line in self.log(msguid) if f" <= <> R={msguid} " in line]
        bounce = line.split()[2]
        self.attempt(bounce)
        return bounce

    def send(self, *recipients: str, sender="s@sender.test", headers=()) -> str:
        """Queue a message and make one attempt."""
        msguid = self.queue_message(*recipients, sender=sender, headers=headers)
        self.attempt(msguid)
        return msguid

    def queue(self) -> dict[str, list[str]]:
        """The recipients that each queued message still has, by msguid."""
        waiting: dict[str, list[str]] = {}
        msguid = ""
        for line in self.run("-bp").splitlines():
            words = line.split()
            if "<" in line and len(words) >= 4 and words[3].startswith("<"):
                msguid = words[2]
                waiting[msguid] = []
            elif words and words[0] != "D":
                waiting[msguid].append(line.strip())
        return waiting

    def log(self, msguid: str = "") -> list[str]:
        return [line for line in self._written_to("mainlog").splitlines() if msguid in line]

    def deferrals(self, msguid: str) -> dict[str, str]:
        """Why each recipient of a message was deferred last, by address."""
        return dict(deferred(line) for line in self.log(msguid) if " == " in line)

    def panics(self) -> str:
        return self._written_to("paniclog")

    def _written_to(self, log: str) -> str:
        path = self.directory / "log" / log
        return path.read_text(errors="replace") if path.exists() else ""

    def bounces(self) -> dict[str, Bounce]:
        """The bounces that came back, by the recipient that each is about."""
        if not self.mailbox.exists():
            return {}
        with contextlib.closing(mailbox.mbox(self.mailbox)) as box:
            about = [(message["X-Failed-Recipients"], bounce_of(message)) for message in box]
        return {
            recipient: bounce
            for recipients, bounce in about
            for recipient in re.split(r",\s*", recipients or "")
            if recipient
        }
