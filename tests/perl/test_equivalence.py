"""Perl files and their Python versions decide alike, attempt by attempt.

The files are the project's own. Where the documentation that the contract is modelled on lies
beside the checkout, its three examples are tried as well, unmodified.
"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from ..helpers.attempts import NORMAL, TEMPFAIL, attempt
from ..helpers.site import policy

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PAGE = ROOT.parent / "shared" / "facts" / "original-hook-documentation.txt"
NAMES = ("recipient_blacklist", "change_virtualmta", "do_nothing")
ATTEMPTS = 1000
REFUSED = {"action": "dump", "message": "This address is on an internal blacklist. (#5.7.1)"}
MOVED = {"action": "new_mtaid", "new_mtaid": "smtp1-3"}
DECIDED = {
    "recipient_blacklist": (NORMAL, REFUSED),
    "change_virtualmta": (NORMAL, MOVED),
    "do_nothing": (NORMAL,),
}


def of_the_page() -> list[str]:
    """Take the Perl files out of the page, each from `return sub` to the brace that ends it."""
    if not PAGE.exists():
        return []
    found = []
    for beginning in PAGE.read_text().split("return sub\n")[1:]:
        depth = 0
        for at, letter in enumerate(beginning):
            depth += (letter == "{") - (letter == "}")
            if letter == "}" and not depth:
                found.append("return sub\n" + beginning[: at + 1] + ";\n")
                break
    return found


FILES = {f"{name}, ours": (name, (HERE / "hooks" / f"{name}.pl").read_text()) for name in NAMES}
FILES |= {
    f"{name}, the page's": (name, code) for name, code in zip(NAMES, of_the_page(), strict=False)
}


class World:
    """One clock and one blacklist for Perl and Python."""

    def __init__(self, directory: Path, random: Random) -> None:
        self.list = directory / "list.txt"
        self._clock = directory / "clock"
        self._random = random
        self._seconds = 1_000_000
        self.changes = 0
        self.goes_on(0)
        self.change()

    @property
    def interpreter(self) -> str:
        """A Perl that lives in it."""
        return (
            f'#!/bin/sh\nWORLD_CLOCK="{self._clock}" WORLD_LIST="{self.list}" '
            f'exec perl "-I{HERE / "world"}" -MWorld "$@"\n'
        )

    def now(self) -> float:
        return float(self._seconds)

    def goes_on(self, seconds: int) -> None:
        self._seconds += seconds
        self._clock.write_text(f"{self._seconds}\n")

    def change(self) -> None:
        """Write another list, as people write it."""
        chosen = self._random.sample(ADDRESSES, self._random.randint(0, 8))
        lines = [
            self._random.choice(["", "  ", "\t"])
            + self._random.choice([address, address.upper(), address.title()])
            + self._random.choice(["", " ", "\t", "\r"])
            for address in chosen
            if address.isascii()
        ]
        lines += [address for address in chosen if not address.isascii()]
        lines.insert(self._random.randint(0, len(lines)), "")
        self.list.write_text("\n".join(lines) + "\n", "utf-8", "surrogateescape", newline="")
        self.changes += 1

    def happens(self) -> None:
        """Let time go on, and somebody save the list, each now and then.

        Time goes in steps of two seconds: after one step neither a hook that says "3 or more" nor
        one that says "more than 3" reads the list again, after two steps both do.
        """
        if self._random.random() < 0.5:
            self.goes_on(2)
        if self._random.random() < 0.1:
            self.change()


ADDRESSES = [
    *(f"{name}@{domain}" for name in ("ann", "bob.x", "o'hara", "x+y", "$v") for domain in "abc"),
    "josé@example.net",
    b"jos\xe9@example.net".decode("utf-8", "surrogateescape"),
    '"a b"@example.net',
    "@example.net",
]


def attempts(random: Random):
    for number in range(ATTEMPTS):
        recipient = random.choice(ADDRESSES)
        if recipient.isascii():
            recipient = random.choice([recipient, recipient.upper(), recipient.title()])
        yield attempt(
            recipient=recipient,
            sender=random.choice(["", "bounces@example.com"]),
            sendid=random.choice(["trans170101", "TRANS170101", "trans170101 ", "", "news"]),
            msguid=f"generated-{number}",
            is_first_attempt=random.random() < 0.5,
            mtaid_exists=random.random() < 0.9,
            injtime=random.randrange(2**31),
        )


@pytest.mark.parametrize(("name", "code"), FILES.values(), ids=FILES)
def test_a_perl_file_and_its_python_version_decide_alike(name, code, site, log, monkeypatch):
    random = Random(name)
    world = World(site.directory, random)
    monkeypatch.setattr(time, "monotonic", world.now)
    interpreter = site.directory / "perl"
    interpreter.write_text(world.interpreter)
    interpreter.chmod(0o755)
    settings = {"file": str(site.file), "perl": str(interpreter), "deadline": "50s"}
    perl = site.host(policy(["perl"], plugins={"perl": settings}, deadline="50s"), code)
    example = ROOT / "contrib" / "hooks" / f"{name}.py"
    (site.directory / "hook.py").write_text(example.read_text())
    (site.directory / "hook.py").chmod(0o644)
    plugins = {"file": {"list": str(world.list)} if name == "recipient_blacklist" else {}}
    site.config.write_text(policy(hook_file="hook.py", plugins=plugins, deadline="50s"))
    python = site.start()
    assert (perl.problem, python.problem) == ("", "")

    seen: Counter[str] = Counter()
    for number, asked in enumerate(attempts(random)):
        world.happens()
        decisions = perl.decide(asked), python.decide(asked)
        assert decisions[0] == decisions[1], f"attempt {number}: {asked}"
        assert decisions[0] in DECIDED[name]
        seen[decisions[0]["action"]] += 1
    assert sum(seen.values()) == ATTEMPTS
    assert all(seen[decision["action"]] > ATTEMPTS / 20 for decision in DECIDED[name])
    assert world.changes > ATTEMPTS / 20
    assert log.errors == []
    if name == "change_virtualmta":
        said = Counter(line.split(":")[0] for line in log.printed)
        assert said["plugin perl"] > 0


@pytest.mark.parametrize("code", [code for name, code in FILES.values() if "blacklist" in name])
def test_a_blacklist_that_can_not_be_read_is_an_error_in_perls_own_words(code, site, log):
    world = World(site.directory, Random(1))
    interpreter = site.directory / "perl"
    interpreter.write_text(world.interpreter)
    interpreter.chmod(0o755)
    settings = {"file": str(site.file), "perl": str(interpreter), "deadline": "50s"}
    host = site.host(policy(["perl"], plugins={"perl": settings}, deadline="50s"), code)
    world.list.unlink()
    assert host.decide(attempt()) == TEMPFAIL
    assert "Exception running pre_delivery_attempt_hook: " in log.attempts[0]
    world.change()
    assert host.decide(attempt()) == NORMAL
