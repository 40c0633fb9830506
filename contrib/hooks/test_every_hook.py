"""What holds for every hook here: the form of its header, and the rules of CONTRIBUTING.md."""

from __future__ import annotations

import ast
import re
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookframe.testing import attempts

HERE = Path(__file__).parent
HOOKS = sorted(path for path in HERE.glob("*.py") if not re.match(r"test_|conftest", path.name))
FIELDS = ["Why", "Does", "Reads", "Costs", "Edit"]
CLOCKS = {"time", "monotonic", "monotonic_ns", "datetime"}

every_hook = pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.stem)


def tree_of(hook):
    """Parse a hook."""
    return ast.parse(hook.read_text("utf-8"))


def header_of(hook):
    """Give the header's fields by name."""
    header = ast.get_docstring(tree_of(hook))
    pieces = re.split(r"(?m)^([A-Z][a-z]+): ", header)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def in_backticks(text):
    """Give the words that stand in backticks."""
    return set(re.findall(r"`([^`]+)`", text))


def imported_from(hook):
    """Give the names that a hook imports, each with the top-level module that it is from."""
    for node in ast.walk(tree_of(hook)):
        if isinstance(node, ast.ImportFrom):
            yield from ((alias.name, node.module.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, alias.name.partition(".")[0]) for alias in node.names)


def arguments_of(hook):
    """Give the names of the arguments that the hook takes."""
    (function,) = (
        node
        for node in tree_of(hook).body
        if isinstance(node, ast.FunctionDef) and node.name == "pre_delivery_attempt"
    )
    return {argument.arg for argument in function.args.args}


def looks_at_the_clock(hook):
    return any(
        module in ("time", "datetime") and name in CLOCKS for name, module in imported_from(hook)
    )


def test_there_are_at_least_the_three_of_the_original():
    names = {hook.stem for hook in HOOKS}
    assert names >= {"do_nothing", "change_virtualmta", "recipient_blacklist"}


@every_hook
def test_it_has_a_test_beside_it(hook):
    assert hook.with_name(f"test_{hook.name}").exists()


@every_hook
def test_its_header_has_the_form(hook):
    summary, empty, *_ = ast.get_docstring(tree_of(hook)).splitlines()
    assert summary.endswith(".")
    assert empty == ""
    names = list(header_of(hook))
    assert names in (FIELDS, [*FIELDS, "Mind"])
    assert all(text.strip() for text in header_of(hook).values())


@every_hook
def test_its_header_names_the_keys_that_it_reads_and_no_other(hook):
    keys = {
        node.slice.value
        for node in ast.walk(tree_of(hook))
        if isinstance(node, ast.Subscript) and getattr(node.value, "id", None) == "attempt"
    }
    told = {word for word in in_backticks(header_of(hook)["Reads"]) if word.isidentifier()}
    assert told - {"state"} == keys


@every_hook
def test_its_header_tells_of_the_clock_the_state_and_files(hook):
    reads = header_of(hook)["Reads"]
    assert ("the clock" in reads) == looks_at_the_clock(hook)
    assert ("`state`" in reads) == ("state" in arguments_of(hook))
    files = {word for word in in_backticks(reads) if word.endswith(".txt")}
    assert files == set(re.findall(r'with_name\("(.*?)"\)', hook.read_text("utf-8")))
    assert all(hook.with_name(name).exists() for name in files)


@every_hook
def test_its_header_names_the_constants_to_edit_each_of_which_says_what_it_is(hook):
    body = tree_of(hook).body
    explained = {
        ast.unparse(node.targets[0])
        for node, following in pairwise(body)
        if isinstance(node, ast.Assign) and isinstance(following, ast.Expr)
    }
    edit = header_of(hook)["Edit"]
    assert {word for word in in_backticks(edit) if word.isupper()} == explained
    assert bool(explained) == (edit != "nothing.")


@pytest.mark.slow
@every_hook
def test_it_needs_nothing_but_python_and_hookframe(hook):
    modules = {module for _, module in imported_from(hook)}
    assert modules <= sys.stdlib_module_names | {"hookframe"}


@every_hook
def test_it_says_that_it_is_pure_if_it_is(hook):
    pure = "hookframe_pure = True" in hook.read_text("utf-8")
    assert pure == (not looks_at_the_clock(hook) and "state" not in arguments_of(hook))


def aimed_at(hook):
    """Generate attempts of which many hold what a table of the hook holds."""
    words = [
        node.value
        for node in ast.walk(tree_of(hook))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    some = st.sampled_from([*words, "*"])
    local_part = attempts().map(lambda attempt: attempt["recipient"])
    address = st.one_of(some, st.builds("{}@{}".format, local_part, some))
    keys = {"mtaid": some, "sendid": some, "sender": address, "recipient": address}
    changes = st.fixed_dictionaries({}, optional=keys)
    return st.builds(lambda attempt, change: {**attempt, **change}, attempts(), changes)


@pytest.mark.slow
@every_hook
def test_no_attempt_is_too_odd_for_it(chain, hook):
    policy = chain(hook)

    @settings(max_examples=200, deadline=None)
    @given(attempt=aimed_at(hook))
    def decides(attempt):
        decision = policy.decide(attempt)
        assert "error" not in decision, policy.log[-1]

    decides()
