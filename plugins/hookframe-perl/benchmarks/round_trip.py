"""`Host.decide` with a Perl file that does nothing, against a bare round trip to a Perl process.

    python benchmarks/round_trip.py [ROUNDS]

The bare one has the same framing, and nothing else: it makes a frame of an attempt and writes it
to a pipe, and reads a frame from another and makes a decision of it; at their other ends a Perl
loop of a few lines reads the frame, makes a hash of it, and writes a frame of another hash. What
plugin and host do beyond that: they check the attempt, call the sub with a state, catch what it
dies of, wait for what it prints, check what it returns, watch two deadlines, and fold. The two take
turns in one run.

All processes share one processor: what is compared is work. On processors of their own, which
sleep in between, each wake-up may cost more than all of it, and for whom it does is chance.

For who wonders what the framing costs: a second figure, without a bar, is against a round trip of
the same bytes each time, which nobody makes or looks at.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median, quantiles
from struct import Struct
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Final

from loguru import logger

from hookframe import Host

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS: Final = 500
BAR: Final = 2.0
SIZE: Final = Struct(">I")
CALL: Final = b"".join(SIZE.pack(len(field)) + field for field in (b"call", b"", b""))
NOTHING: Final = "return sub { return { action => 'normal' } };\n"
ECHO: Final = r"""
use strict;
use warnings;
my ( $received, $fixed ) = ( '', shift );
my $answer = pack 'N/a*', pack '(N/a*)*', qw(decided action normal);
while (1) {
    my $wanted = 4;
    while ( length $received < $wanted ) {
        sysread STDIN, $received, 65_536, length $received or exit;
        $wanted = 4 + unpack 'N', $received if length $received >= 4;
    }
    if ( !$fixed ) {
        my ( $what, undef, undef, %attempt ) = unpack '(N/a*)*', substr $received, 4, $wanted - 4;
        my %decision = ( action => 'normal' );
        $answer = pack 'N/a*', pack '(N/a*)*', 'decided', %decision;
    }
    substr( $received, 0, $wanted ) = '';
    syswrite STDOUT, $answer;
}
"""
ATTEMPT: Final = {
    "mtaid": "smtp1",
    "sendid": "news-2026-11",
    "listid": "weekly",
    "msguid": "1483391740.41125123",
    "injtime": 1483391740,
    "sender": "bounce@sender.example",
    "recipient": "somebody@recipient.example",
    "is_first_attempt": True,
    "mtaid_exists": True,
}


class Bare:
    """A Perl process that answers every frame.

    Args:
        fixed: whether always with the same bytes, without a look at the frame.
    """

    def __init__(self, *, fixed: bool) -> None:
        self._process = subprocess.Popen(
            ["perl", "-e", ECHO, "1" if fixed else "0"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        self._to, self._from = self._process.stdin.fileno(), self._process.stdout.fileno()
        self._request = framed(ATTEMPT)

    def exchange(self, request: bytes) -> bytes:
        """Write a frame, and read one."""
        os.write(self._to, request)
        answer = os.read(self._from, 65_536)
        while len(answer) < 4 + SIZE.unpack_from(answer)[0]:
            answer += os.read(self._from, 65_536)
        return answer

    def round_trip(self) -> dict[str, str]:
        """Ask about an attempt, and get a decision."""
        return decided(self.exchange(framed(ATTEMPT)))

    def fixed_trip(self) -> bytes:
        """Exchange bytes that are always the same."""
        return self.exchange(self._request)

    def close(self) -> None:
        """Let it end by itself."""
        with self._process:
            self._process.stdin.close()


def framed(attempt: dict[str, Any]) -> bytes:
    """Make a frame of an attempt."""
    parts = [CALL]
    for key, value in attempt.items():
        if value.__class__ is not str:
            value = str(int(value))  # noqa: PLW2901
        for text in (key, value):
            raw = text.encode("utf-8", "surrogateescape")
            parts += (SIZE.pack(len(raw)), raw)
    body = b"".join(parts)
    return SIZE.pack(len(body)) + body


def decided(answer: bytes) -> dict[str, str]:
    """Make a decision of a frame."""
    fields, at = [], 4
    while at < len(answer):
        (length,) = SIZE.unpack_from(answer, at)
        at += 4 + length
        fields.append(answer[at - length : at].decode("utf-8", "surrogateescape"))
    return dict(zip(fields[1::2], fields[2::2], strict=True))


def nanoseconds(call: Callable[[], object]) -> float:
    """Measure a call, the median of many."""
    found = []
    for _ in range(CALLS):
        start = perf_counter_ns()
        call()
        found.append(perf_counter_ns() - start)
    return median(found)


def configured(directory: Path) -> Path:
    """Write a Perl file that does nothing, and a configuration with it alone."""
    file, configuration = directory / "hook.pl", directory / "hookframe.toml"
    file.write_text(NOTHING)
    file.chmod(0o644)
    configuration.write_text(f'chain = ["perl"]\n[plugins.perl.settings]\nfile = "{file}"\n')
    return configuration


def measured(rounds: int) -> list[tuple[float, float, float]]:
    """Measure in turns; give the nanoseconds of the host and of both bare round trips."""
    bare, fixed = Bare(fixed=False), Bare(fixed=True)
    with tempfile.TemporaryDirectory() as directory:
        path = configured(Path(directory))
        with Host.from_config(path, watch=False) as host:
            if host.problem or host.decide(ATTEMPT) != bare.round_trip():
                sys.exit(host.problem or "they do not decide alike")
            calls = (lambda: host.decide(ATTEMPT), bare.round_trip, fixed.fixed_trip)
            found = [tuple(map(nanoseconds, calls)) for _ in range(rounds)]
    bare.close()
    fixed.close()
    return found


def ratio(what: str, found: list[tuple[float, float]]) -> float:
    """Print a ratio, and return it."""
    ratios = [ours / theirs for ours, theirs in found]
    spread = quantiles(ratios, n=10)
    ours, theirs = (median(each) / 1000 for each in zip(*found, strict=True))
    print(
        f"Host.decide with a Perl file that does nothing takes {median(ratios):.2f} of {what} "
        f"(10th to 90th percentile {spread[0]:.2f} to {spread[-1]:.2f}, {len(found)} rounds; here "
        f"{ours:.0f} and {theirs:.0f} microseconds)"
    )
    return median(ratios)


def main() -> int:
    """Print both ratios; exit 1 if the bar is missed."""
    logger.remove()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # for the Perl processes as well
    found = measured(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
    ratio("a round trip of bytes that nobody reads", [(ours, fixed) for ours, _, fixed in found])
    median_ratio = ratio("a bare round trip", [(ours, bare) for ours, bare, _ in found])
    print(f"bar: at most {BAR}: {'met' if median_ratio <= BAR else 'MISSED'}")
    return 0 if median_ratio <= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
