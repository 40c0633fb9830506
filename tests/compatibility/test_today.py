"""The corpus: plugins that use all that there was when version 1 of the hook API was published."""

from __future__ import annotations

import ast
import hashlib
import inspect
import json

import pytest

import hookframe
from hookframe.api import hookspecs

from ..helpers.attempts import attempt
from ..helpers.distributions import PROJECTS
from ..helpers.site import policy
from .corpus import CORPUS
from .releases import Release

SOURCES = sorted(PROJECTS.glob("written-for-*/**/*.py"))
BOUNCE = {"action": "pause", "message": "asked again before it bounces"}
ATTEMPTS = [
    ({}, {"action": "normal"}, []),
    (
        {"recipient": "held@remote.example"},
        {"action": "pause", "message": "held for 300 s, asked {asked} times"},
        ["everything"],
    ),
    ({"sender": "", "sendid": "gone"}, BOUNCE, ["around"]),
    (
        {"listid": "moved"},
        {"action": "new_config", "new_mtaid": "b", "new_sender": "c@moved.example"},
        ["everything"],
    ),
    (
        {"listid": "rerouted", "is_first_attempt": False, "sendid": "news-b"},
        {"action": "new_mtaid", "deliver_as_if_to_domain": "mx.example", "new_mtaid": "b"},
        ["everything", "script"],
    ),
    (
        {"sendid": "news-u"},
        {"action": "pause", "message": hookframe.TEMPFAIL_MESSAGE, "error": True},
        ["script"],
    ),
]
"""What of an attempt is unusual, the decision about it, and who made it."""


def expected(decision, asked):
    """Give a decision with the number of attempts that were asked about so far in its message."""
    return {
        key: value.replace("{asked}", str(asked)) if key == "message" else value
        for key, value in decision.items()
    }


def assert_the_corpus_decides(release, directory):
    """Let the corpus's own program decide about all attempts."""
    attempts = "".join(json.dumps(attempt) + "\n" for attempt, _, _ in ATTEMPTS)
    config = directory / "hookframe.toml"
    done = release.run(CORPUS / "program.py", config, directory=directory, stdin=attempts)
    for number, (line, (_, decision, deciding)) in enumerate(
        zip(done.stdout.splitlines(), ATTEMPTS, strict=True)
    ):
        decided, explained, by = json.loads(line)
        assert explained == expected(decision, 2 * number + 1)
        assert decided == expected(decision, 2 * number + 2)
        assert by == deciding


def test_the_corpus_loads_and_decides(directory, distributions):
    today = Release((distributions["today"],))
    assert_the_corpus_decides(today, directory)


def test_check_has_nothing_to_say_of_the_corpus_but_its_own_remark(directory, distributions):
    today = Release((distributions["today"],))
    report = json.loads(today.hookframe("check", "--json", directory=directory).stdout)
    assert (report["ok"], report["problems"]) == (True, [])
    assert len(report["notes"]) == 1
    assert report["notes"][0].startswith("everything: it saw ")


def test_the_corpus_is_what_it_was():
    lines = (CORPUS / "SHA256SUMS").read_text("utf-8").splitlines()
    sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
    files = [path for path in CORPUS.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    found = {
        str(path.relative_to(CORPUS)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.name != "SHA256SUMS"
    }
    assert found == sums, "plugins written for version 1 never change; write new ones beside them"


def test_what_was_added_since_works(site):
    hook = PROJECTS / "written-for-1-since" / "hook.py"
    host = site.host(policy([str(hook)], trust_file_permissions=True))
    for domain in ("müller.example", "XN--MLLER-KVA.example"):
        explained = host.explain(attempt(recipient=f"jane@{domain}"))
        assert explained.decision == {"action": "dump", "message": "blocked"}
        assert explained.trace[0]["reason"] == "xn--mller-kva.example"
    moved = host.explain(attempt(recipient="jane@moved.example"))
    assert moved.decision == {
        "action": "new_mtaid",
        "new_mtaid": "7",
        "deliver_as_if_to_domain": "mx.example",
    }
    assert moved.trace[0]["reason"] == "moved"
    assert host.decide(attempt(recipient="jane@slow.example")) == {"action": "pause"}


def test_the_corpora_use_every_public_name():
    used = {
        alias.name
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "hookframe"
        for alias in node.names
    }
    assert used == set(hookframe.__all__)


@pytest.mark.parametrize("hook", hookspecs.HOOKS)
def test_the_corpora_take_every_argument_of_every_hook(hook):
    taken = [
        {argument.arg for argument in node.args.args}
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name == hook
    ]
    assert taken
    assert set(inspect.signature(getattr(hookspecs, hook)).parameters) <= set().union(*taken)
