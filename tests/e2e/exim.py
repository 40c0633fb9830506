"""An Exim for the tests: generated configuration, spool, logs."""

from __future__ import annotations

import contextlib
import mailbox
import os
import pwd
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .namespace import HERE, Namespace

GENERATE = HERE.parents[1] / "contrib" / "mta" / "exim" / "generate.py"
EXIM_USER = "Debian-exim"


@dataclass(frozen=True)
class Message:
    sender: str
    recipients: tuple[str, ...]
    headers: tuple[str, ...] = ()


def deferred(line: str) -> tuple[str, str]:
    """Take the address and the reason from a deferral's log line."""
    address, _, rest = line.partition(" == ")[2].partition(" ")
    return address, rest.partition(" defer ")[2].partition(": ")[2]


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

    def deliver_bounce_of(self, msguid: str) -> None:
        """Deliver the bounce of a message without a run of the whole queue."""
        (line,) = [line for line in self.log(msguid) if f" <= <> R={msguid} " in line]
        self.attempt(line.split()[2])

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

    def bounces(self) -> dict[str, bytes]:
        """The bounces that came back, whole, by the recipient that each is about."""
        if not self.mailbox.exists():
            return {}
        with contextlib.closing(mailbox.mbox(self.mailbox)) as box:
            about = [(message["X-Failed-Recipients"], message.as_bytes()) for message in box]
        return {
            recipient: bounce
            for recipients, bounce in about
            for recipient in re.split(r",\s*", recipients or "")
            if recipient
        }
