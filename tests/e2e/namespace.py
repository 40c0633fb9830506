"""A private network, and the SMTP server that takes all mail in it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


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
