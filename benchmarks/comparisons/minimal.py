"""`hookframe serve` with a policy that does nothing, compared with minimal servers.

Those, in Perl and JavaScript, parse a request and answer; they check nothing. Requests are as
mail servers send them: the two flags as 1 or 0, and a further key.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from shutil import copy
from typing import Final

from benchmarks.comparisons.daemon import (
    NODE,
    OURS,
    PERL,
    Pattern,
    Requests,
    Server,
    wait_for,
)
from benchmarks.lab import ATTEMPT, PEERS, ROOT, Lab
from benchmarks.measure import Bar, Comparison, Measurement

PLAIN: Final = "the nine keys"
SENT: Final = "flags as 1 or 0, and a further key"
PATTERNS: Final = (
    Pattern(
        "minimal-pipelined",
        "One connection, 64 requests under way",
        "kept",
        1,
        64,
        {PERL: 1.0, NODE: 0.8},
    ),
    Pattern(
        "minimal-kept",
        "Eight connections, one request under way on each",
        "kept",
        8,
        1,
        {PERL: 1.0, NODE: 1.0},
    ),
    Pattern(
        "minimal-one-shot",
        "A connection for each request, eight at once",
        "one-shot",
        8,
        1,
        {PERL: 1.3, NODE: 2.0},
    ),
)
FORM_BAR: Final = 0.9
"""The least part of the rate of plain requests, for requests as mail servers send them."""


def comparisons(lab: Lab) -> Iterator[Comparison]:
    """Compare the servers as they are asked in several ways, and the forms of a request."""
    plain = _requests(lab, {})
    sent = _requests(lab, {"is_first_attempt": 1, "mtaid_exists": 1, "header_0": "value 0"})
    with _servers(lab) as servers:
        for pattern in PATTERNS:
            yield Comparison(
                pattern.name,
                f"A policy that does nothing. {pattern.title}: the rate",
                "answers a second",
                more_is_better=True,
                variants={server.name: _rate(server, pattern, sent) for server in servers},
                bars=tuple(Bar(OURS, peer, at_least=least) for peer, least in pattern.bars.items()),
                reference=NODE,
            )
        ours = servers[-1]
        yield Comparison(
            "minimal-forms",
            "Requests in two forms, pipelined: the rate",
            "answers a second",
            more_is_better=True,
            variants={
                PLAIN: _rate(ours, PATTERNS[0], plain),
                SENT: _rate(ours, PATTERNS[0], sent),
            },
            bars=(Bar(SENT, PLAIN, at_least=FORM_BAR),),
            reference=PLAIN,
        )


def _rate(server: Server, pattern: Pattern, requests: Requests) -> Measurement:
    return lambda: server.ask(pattern, requests).rate


def _requests(lab: Lab, changes: Mapping[str, object]) -> Requests:
    """Write requests of one form, and their answers."""
    directory = lab.fresh()
    made = Requests(*(directory / name for name in ("lines", "answers", "echoed", "blacklist")))
    attempts = (
        {
            **ATTEMPT,
            "msguid": f"{ATTEMPT['injtime']}.{number:08}",
            "recipient": f"somebody{number:04}@recipient{number % 97:02}.example",
            **changes,
        }
        for number in range(1024)
    )
    made.lines.write_text("".join(f"{json.dumps(attempt)}\n" for attempt in attempts))
    made.answers.write_text('{"action":"normal"}\n' * 1024)
    return made


@contextmanager
def _servers(lab: Lab) -> Iterator[tuple[Server, ...]]:
    """Run all servers that this machine can run, until they have answered once."""
    directory = lab.fresh()
    copy(ROOT / "contrib" / "hooks" / "do_nothing.py", directory)
    config = directory / "hookframe.toml"
    config.write_text(f'listen = "unix:{directory}/{OURS}"\nhook_file = "do_nothing.py"\n')
    commands: dict[str, tuple[str | Path, ...]] = {}
    if lab.has_perl("JSON::XS", "the least daemon in Perl"):
        commands[PERL] = ("perl", PEERS / "minimal_daemon.pl", directory / PERL)
    if lab.has("node", "the least daemon in JavaScript"):
        commands[NODE] = ("node", PEERS / "minimal_daemon.js", directory / NODE)
    commands[OURS] = (sys.executable, "-m", "hookframe", "serve", "--config", config)
    with ExitStack() as stack:
        found = []
        for name, command in commands.items():
            process = stack.enter_context(
                lab.running(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            )
            found.append(Server(lab, name, directory / name, process.pid))
        for server in found:
            wait_for(server)
        yield tuple(found)
