"""Targets that need a host: what comes in on the wire, and what a hook returns or raises."""

from __future__ import annotations

import json
import random
import re
import sys
import zlib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from loguru import logger

from hookframe import Host
from hookframe.api.schema import build_attempt_schema, build_decision_schema
from hookframe.config.model import Config
from hookframe.daemon.protocols.jsonl import STATUS_REQUEST
from hookframe.daemon.protocols.protocols import Protocols
from hookframe.log.log import Log

from ..helpers.attempts import NORMAL, TEMPFAIL, attempt
from ..helpers.log import Lines
from ..helpers.requests import extracted, fields, line

OBEDIENT = Path(__file__).with_name("obedient.py")
DECISION = Draft202012Validator(build_decision_schema())
ATTEMPT = Draft202012Validator(build_attempt_schema())
STATUS = b'{"a daemon":"is well"}'
DEEP = 100
"""Brackets in a line from which on it may be nested too deeply for one reader or the other."""
LONGEST_LINE = 8192
"""More characters than any line of the log has, whatever it is about."""
VOTE = {
    *("plugin", "distribution", "version", "mode", "vote", "reason"),
    *("decision", "changed", "error", "microseconds"),
}


class Bench:
    """A host with one obedient hook, its log, and what is spoken to it."""

    def __init__(self) -> None:
        self.lines = Lines()
        self._handler = logger.add(self.lines.take, format="{message}", level="DEBUG", catch=False)
        self._streams = sys.stdout, sys.stderr
        policy = Config(hook_file=str(OBEDIENT), trust_file_permissions=True, deadline=None)
        self._limited, Log.limited = Log.limited, False
        self.host = Host.of(policy, watch=False)
        assert not self.host.problem, self.host.problem
        self.lines.clear()
        self.lines.clear()
        wires = Protocols(lambda: STATUS + b"\n")
        self._jsonl, self._exim, self._explain = map(wires.find, ("jsonl", "exim", "explain"))

    def close(self) -> None:
        """Close the host; what it has put in place of the standard streams must be gone."""
        self.host.close()
        Log.limited = self._limited
        logger.remove(self._handler)
        assert (sys.stdout, sys.stderr) == self._streams

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def jsonl(self, data: bytes) -> None:
        """Try what a client of the jsonl protocol sends."""
        answers = self._answers(self._jsonl, data)
        requests = _requests(data)
        assert len(answers) == len(requests), f"{len(requests)} requests: {answers}"
        for request, answer in zip(requests, answers, strict=True):
            assert answer.endswith(b"\n"), answer
            assert answer.count(b"\n") == 1, answer
            if answer != STATUS + b"\n":
                _check_decision(json.loads(answer))
            expected = _expected(request)
            assert expected in (None, json.loads(answer)), f"{request!r}: {answer}, not {expected}"

    def explain(self, data: bytes) -> None:
        """Try what a client of the explain protocol sends: the decisions are those of jsonl."""
        requests = _requests(data)
        answers = self._answers(self._explain, data, timed=True)
        assert len(answers) == len(requests), f"{len(requests)} requests: {answers}"
        for request, answer in zip(requests, answers, strict=True):
            told = json.loads(answer)
            assert set(told) == {"decision", "decided_by", "trace"}, answer
            assert all(set(vote) == VOTE for vote in told["trace"]), answer
            plain = self._jsonl.answer(self.host, request)
            asked = plain == STATUS + b"\n"
            assert told["decision"] == (TEMPFAIL if asked else json.loads(plain)), answer
        self._check_log()

    def exim(self, data: bytes) -> None:
        """Try what Exim sends on a connection: there is one answer, whatever it is."""
        (answer,) = self._answers(self._exim, data)
        assert answer.endswith(b' end="1"\n'), answer
        assert answer.count(b"\n") == 1, answer
        found = extracted(answer)
        first, *_, last = found
        assert (first, last) == ("action", "end"), answer
        del found["end"]
        if "error" in found:
            assert found == {**TEMPFAIL, "error": "1"}, answer
        else:
            _check_decision(found)

    def returned(self, make: Callable[..., object]) -> None:
        """Try what a hook returns: it is decided so, or the attempt temp-fails with one line.

        Args:
            make: the hook, taking all three arguments.
        """
        self._behaves(make)

    def raised(self, make: Callable[..., BaseException]) -> None:
        """Try what a hook raises: the attempt temp-fails with one line.

        Args:
            make: makes the error, out of all three arguments.
        """

        def hook(attempt, decision, state):
            raise make(attempt, decision, state)

        decision = self._behaves(hook)
        assert decision == TEMPFAIL, decision

    def _behaves(self, hook: Callable[..., object]):
        """Have the hook do something odd, on every way in; the next attempt must not notice."""
        state = self.host.generation.state
        state["hook"] = hook
        try:
            decision = self._decided(self.host.decide)
            explained = self._decided(lambda asked: self.host.explain(asked).decision)
            assert explained == decision, (explained, decision)
            said = json.loads(_contained(self._jsonl.answer, self.host, line(attempt())))
            assert said == decision, (said, decision)
            told = json.loads(_contained(self._explain.answer, self.host, line(attempt())))
            assert told["decision"] == decision, (told, decision)
            found = extracted(_contained(self._exim.answer, self.host, fields()))
            assert list(found) == [*decision, "end"], (found, decision)
        finally:
            state.clear()
        self._check_log()
        assert self.host.decide(attempt()) == NORMAL
        assert not self.lines.errors, self.lines.errors
        self.lines.clear()
        return decision

    def _decided(self, decide):
        """Decide one attempt; a temp-fail has one line in the log, and a decision none."""
        decision = _contained(decide, attempt())
        assert type(decision) is dict, decision
        for key, value in decision.items():
            assert type(key) is str, decision
            assert type(value) is str or (key, value) == ("error", True), decision
        _check_decision(decision)
        assert len(self.lines.errors) == ("error" in decision), (decision, self.lines.errors)
        self._check_log()
        return decision

    def _answers(self, wire, data: bytes, *, timed: bool = False) -> list[bytes]:
        """Answer a stream as it comes whole; cut anywhere it must be answered alike."""
        whole = self._spoken(wire, [data])
        cut = self._spoken(wire, _pieces(data))
        assert len(whole) == len(cut) if timed else whole == cut, (whole, cut)
        return whole

    def _spoken(self, wire, pieces: list[bytes]) -> list[bytes]:
        """Answer a stream that comes in pieces, as a connection does."""
        rest, answers = b"", []
        for piece in pieces:
            *whole, rest = wire.split(rest + piece)
            for request in whole:
                answers.append(wire.answer(self.host, request))
                if wire.one_shot:
                    self._check_log()
                    return answers
        if rest or wire.one_shot:
            answers.append(wire.answer(self.host, rest))
        self._check_log()
        return answers

    def _check_log(self) -> None:
        for text in self.lines.all:
            assert text.isprintable(), f"not one printable line: {text!r}"
            assert len(text) < LONGEST_LINE, f"a line of {len(text)} characters: {text[:200]}"
            text.encode()
        self.lines.clear()


def _contained(function: Callable[..., Any], *arguments: object) -> Any:
    """Call something that must not raise; whoever reports that it does must not meet the error."""
    try:
        return function(*arguments)
    except BaseException as error:
        escaped = type.__repr__(type(error))
    raise AssertionError(f"an error was not contained: {escaped}")


def _requests(data: bytes) -> list[bytes]:
    """Cut a stream into its requests: the end of the connection ends the last one."""
    *whole, rest = data.split(b"\n")
    return [*whole, rest] if rest else whole


def _pieces(data: bytes) -> list[bytes]:
    """Cut a stream anywhere, and at ends of lines; the same one always in the same places."""
    chance = random.Random(zlib.crc32(data))
    at = [chance.randrange(len(data) + 1) for _ in range(chance.randrange(6))]
    at += [found.start() for found in re.finditer(rb"[\r\n]", data) if chance.random() < 1 / 2]
    return [data[start:end] for start, end in pairwise([0, *sorted(at), len(data)])]


def _check_decision(decision) -> None:
    if decision not in (NORMAL, TEMPFAIL):
        assert DECISION.is_valid(decision), f"no decision by the schema: {decision}"


def _expected(request: bytes):
    """Say what has to be answered, by other readers than hookframe's; None where they can't."""
    if request.count(b"[") + request.count(b"{") > DEEP:
        return None
    try:
        asked = json.loads(request.decode("utf-8", "surrogateescape"), parse_constant=_refuse)
    except ValueError:
        return TEMPFAIL
    if asked == STATUS_REQUEST:
        return json.loads(STATUS)
    return _voted(asked.get("reply")) if ATTEMPT.is_valid(asked) else TEMPFAIL


def _voted(reply):
    """Say what has to be answered where the hook returns this; None where that is not known."""
    if reply is None:
        return NORMAL
    if not DECISION.is_valid(reply):
        return TEMPFAIL
    if any(isinstance(each, float) for each in reply.values()):
        return None  # JSON has one kind of number: there 1.0 is an integer
    try:
        decision = {key: str(value) for key, value in reply.items() if value is not None}
        "".join(decision.values()).encode()
    except ValueError:  # an int of more digits than Python writes, or no valid UTF-8
        return TEMPFAIL
    return _folded(decision)


def _folded(decision: dict[str, str]) -> dict[str, str]:
    """Name the action by the keys, as the fold does (CONTRACT 2)."""
    if decision["action"] == "new_config" and "new_sender" not in decision:
        decision["action"] = "new_mtaid" if "new_mtaid" in decision else "normal"
    return decision


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
