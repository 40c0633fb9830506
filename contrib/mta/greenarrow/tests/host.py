"""A host that calls the file as GreenArrow does."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from hookframe.testing import make_attempt

HERE = Path(__file__).parents[1]
FILE = HERE / "opt.pre_delivery_attempt_hook"
HOST = Path(__file__).with_name("greenarrow.pl")
OBEDIENT = (HERE.parents[2] / "tests" / "fixtures" / "obedient.py").read_text("utf-8")
"""A hook file that does what the attempt says."""
PATIENCE = 30
"""Seconds after which what should happen is taken not to happen at all."""
SHORT = 0.2
"""Seconds that a call may take which is to run out of time."""
ERROR = "Error in pre_delivery_attempt_hook (see logfile)"
TEMPFAIL = {"temp-fail": ERROR}
NORMAL = {"action": "normal"}


def attempt(**changes):
    """Make an attempt that differs from the usual one; it may have more than the nine keys."""
    return {**make_attempt(), **changes}


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
