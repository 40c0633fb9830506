"""An attempt executes no more instructions, and a start imports no more, than is recorded.

These are counts, which no busy machine changes: what they are worth in time is in `benchmarks/`.
"""

from __future__ import annotations

import pytest

from .counting import CHAINS, STARTS, version
from .recorded import RECORD, counted, read

pytestmark = [pytest.mark.slow, pytest.mark.every_python]  # the instructions of an interpreter


@pytest.fixture(scope="module")
def found():
    return counted()


@pytest.mark.parametrize("chain", CHAINS)
def test_an_attempt_executes_no_more_instructions_than_its_budget(chain, found):
    budgets = read()["instructions"]
    if version() not in budgets:
        pytest.skip(f"no budget is recorded for Python {version()}")
    budget, counts = budgets[version()][chain], found["instructions"][chain]
    grown = [
        f"  {function}: {counts.get(function, 0)}, was {budget.get(function, 0)}"
        for function in sorted(counts.keys() | budget.keys())
        if counts.get(function, 0) > budget.get(function, 0)
    ]
    total, allowed = sum(counts.values()), sum(budget.values())
    assert total <= allowed, "\n".join(
        [f"{chain}: {total} instructions, {allowed} are recorded; {RECORD}", *grown]
    )


def test_a_plugin_more_costs_the_same_whatever_the_number(found):
    one, three, ten = (
        sum(found["instructions"][chain].values()) for chain in CHAINS if chain.endswith("nothing")
    )
    assert (three - one) / 2 == (ten - three) / 7


@pytest.mark.parametrize("start", STARTS)
def test_a_start_imports_no_more_than_its_budget(start, found):
    budget, imported = read()["imports"][start], found["imports"][start]
    new = sorted(set(imported) - set(budget))
    assert not new, f"{start} imports {', '.join(new)} as well; {RECORD}"
