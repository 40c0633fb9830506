"""`hookframe.compiler`: code that was compiled elsewhere is the code that it would be here."""

from __future__ import annotations

import marshal
import os
import sys
import warnings

import pytest

from hookframe import Host
from hookframe.compiler import LARGE, Compiler, compiled
from hookframe.config import Config
from hookframe.testing import eventually

from ..helpers.attempts import ATTEMPT

PATH = "/etc/hookframe/hö\udcffok.py"


def large(text, padding="# a comment that makes the file large enough\n"):
    return (text + padding * (1 + LARGE // len(padding))).encode()


HOOK = large('''
"""A hook."""
from __future__ import annotations

CAMPAIGNS = frozenset({"spring", "summer"}), b"bytes", 1.5, 10**30, ...


def pre_delivery_attempt(attempt):
    assert attempt
    for each in [name for name in CAMPAIGNS[0]]:
        if each == attempt["sendid"]:
            return {"action": "pause", "message": f"{each!r}"}
    raise RuntimeError("line 13")
''')


SMALL = HOOK[: HOOK.index(b"# a comment")]


def program(directory, name, text):
    """Write a program, and give its path."""
    path = directory / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def elsewhere(content, path=PATH):
    """Compile in another process, as a reload does."""
    compiler = Compiler()
    compiler.begin(content, path)
    return compiler.code(content, path)


def test_the_code_is_the_same(monkeypatch):
    here = compiled(HOOK, PATH)
    monkeypatch.setattr("hookframe.compiler.compiled", None)
    there = elsewhere(HOOK)
    assert there == here
    assert (there.co_filename, list(there.co_lines())) == (PATH, list(here.co_lines()))


@pytest.fixture
def two():
    """Two processes' compilers, of which each takes up what the other has laid down."""
    kept = {}
    return [
        Compiler(lambda *given: kept.update({given[:2]: given[2]}), lambda *asked: kept.get(asked))
        for _ in range(2)
    ]


@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize("content", [HOOK, SMALL])
def test_what_was_compiled_by_the_first_is_taken_up_by_the_next(content, begun, two, monkeypatch):
    first, next_one = two
    if begun:
        first.begin(content, PATH)
    here = first.code(content, PATH)
    monkeypatch.setattr("hookframe.compiler.compiled", None)
    monkeypatch.setattr("hookframe.interpreter.started", None)
    next_one.begin(content, PATH)
    there = next_one.code(content, PATH)
    assert there == here == compiled(content, PATH)
    assert (there.co_filename, list(there.co_lines())) == (PATH, list(here.co_lines()))


@pytest.mark.parametrize("content", [b"SAME = 1 is 1\n", large("SAME = 1 is 1\n")])
def test_each_gives_the_warning_of_a_file(content, two):
    for compiler in two:
        compiler.begin(content, PATH)
        with pytest.warns(SyntaxWarning, match="with") as given:
            compiler.code(content, PATH)
        assert len(given) == 1


def test_a_warning_is_given_to_whoever_shows_them(two, monkeypatch):
    shown = []

    def show(*given):
        shown.append(given[1:4])

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        monkeypatch.setattr("warnings.showwarning", show)
        for compiler in two:
            compiler.code(b"\nSAME = 1 is 1\n", PATH)
        assert warnings.showwarning is show
    assert shown == 2 * [(SyntaxWarning, PATH, 2)]


@pytest.mark.slow
def test_code_that_is_nested_too_deeply_to_be_written_is_left_for_nobody(two):
    content = b"deep = " + 1000 * b"lambda: " + b"0\n"
    with pytest.raises(ValueError, match="too deeply nested"):
        marshal.dumps(compiled(content, PATH))
    for compiler in two:
        names = {}
        exec(compiler.code(content, PATH), names)
        assert callable(names["deep"])


def test_who_has_nobody_to_compile_for_leaves_warnings_alone(monkeypatch):
    monkeypatch.setattr("hookframe.compiler.compiled", lambda *_: warnings.showwarning)
    assert Compiler().code(SMALL, PATH) is warnings.showwarning


def test_an_error_has_the_same_words():
    broken = large("def pre_delivery_attempt(attempt):\n    return {'action': 'pause'\n")
    with pytest.raises(SyntaxError) as here:
        compiled(broken, PATH)
    with pytest.raises(SyntaxError) as there:
        elsewhere(broken)
    assert str(there.value) == str(here.value)
    assert there.value.args == here.value.args


def test_a_warning_is_given_here():
    with pytest.warns(SyntaxWarning, match="with"):
        elsewhere(large("SAME = 1 is 1\n"))


def test_what_is_asked_for_counts_and_not_what_was_begun():
    other = large("OTHER = 1\n")
    compiler = Compiler()
    compiler.begin(HOOK, PATH)
    assert compiler.code(other, PATH) == compiled(other, PATH)
    compiler.begin(HOOK, PATH)
    assert compiler.code(HOOK, "/elsewhere.py").co_filename == "/elsewhere.py"


@pytest.mark.parametrize(
    "answer",
    [
        "exit 0",
        "exit 1",
        "echo nonsense",
        r"printf 'another version\0005\000abcde'",
        rf"printf '%s\00099999\000abc' '{sys.version}'",
        r"printf '%s\000%s' 'no length' 'abc'",
    ],
)
def test_an_answer_that_is_not_whole_is_not_used(answer, tmp_path, monkeypatch):
    expected = compiled(HOOK, PATH)
    monkeypatch.setattr(sys, "executable", program(tmp_path, "python3.99", answer))
    assert elsewhere(HOOK) == expected


def test_an_interpreter_that_never_answers_is_not_waited_for_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", program(tmp_path, "python3.99", "exec sleep 1000"))
    monkeypatch.setattr("hookframe.interpreter._PATIENCE", 0.05)
    assert elsewhere(HOOK) == compiled(HOOK, PATH)


@pytest.mark.parametrize("executable", ["", "/nowhere/python3"])
def test_without_an_interpreter_it_is_compiled_here(executable, monkeypatch):
    monkeypatch.setattr(sys, "executable", executable)
    assert elsewhere(HOOK) == compiled(HOOK, PATH)


@pytest.mark.parametrize("missing", ["memfd_create", "pidfd_open"])
def test_a_python_that_lacks_a_function_of_the_system_compiles_all_the_same(missing, monkeypatch):
    monkeypatch.delattr(os, missing)
    assert elsewhere(HOOK) == compiled(HOOK, PATH)


@pytest.mark.parametrize(
    ("name", "content", "started"),
    [("python3", HOOK, True), ("uwsgi", HOOK, False), ("python3", HOOK[: LARGE - 1], False)],
)
def test_only_an_interpreter_is_started_and_only_for_a_large_file(
    name, content, started, tmp_path, monkeypatch
):
    trace = tmp_path / "started"
    monkeypatch.setattr(sys, "executable", program(tmp_path, name, f"touch {trace}"))
    elsewhere(content)
    assert trace.exists() is started


def test_a_large_file_that_is_saved_is_live_and_its_errors_name_the_line(tmp_path, monkeypatch):
    used = []
    file = tmp_path / "hook.py"
    file.write_bytes(large("def pre_delivery_attempt(attempt): return None\n"))
    with Host.of(Config(hook_file=str(file))) as host:
        code = Compiler.code
        monkeypatch.setattr(
            Compiler, "code", lambda self, *given: used.append(self._begun) or code(self, *given)
        )
        file.write_bytes(HOOK)
        eventually(lambda: host.generation.number == 2)
        assert host.decide({**ATTEMPT, "sendid": "spring"})["message"] == "'spring'"
        assert used[0] is not None
        (vote,) = host.explain({**ATTEMPT, "sendid": "other"}).trace
    assert f"{file} line 13" in vote["error"]
