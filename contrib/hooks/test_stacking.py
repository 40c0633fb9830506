"""Every recipe stands in a chain with every other: nothing that one keeps is another's."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import pytest

from hookframe import Host
from hookframe.testing import make_attempt

HERE = Path(__file__).parent
HOOKS = sorted(path for path in HERE.glob("*.py") if not re.match(r"test_|conftest", path.name))
PAIRS = list(combinations(HOOKS, 2))
ATTEMPTS = [
    make_attempt(),
    make_attempt(sender="", mtaid="pool-a1", mtaid_exists=False),
    make_attempt(recipient="spam@trap.example", sendid="passwords"),
    make_attempt(recipient="jane@googlemail.com", mtaid="old-pool", sendid="spring-sale"),
    make_attempt(recipient="jane@small.example", mtaid="fast-pool", is_first_attempt=False),
    make_attempt(recipient="jane@slow.example", sendid="trans170101"),
    make_attempt(recipient="jane@example.fr", sender="bounce@example.com", sendid="daily-offer"),
]


def decisions(directory, hooks):
    """Decide sample attempts, each twice, with a chain of hook files."""
    chain = ", ".join(f'"{hook}"' for hook in hooks)
    configuration = directory / "hookframe.toml"
    configuration.write_text(f"chain = [{chain}]\ntrust_file_permissions = true\n", "utf-8")
    with Host.from_config(configuration, watch=False) as host:
        assert host.problem == ""
        return [host.explain(each) for each in ATTEMPTS for _ in range(2)]


@pytest.mark.slow
@pytest.mark.parametrize(("one", "other"), PAIRS, ids=lambda hook: hook.stem)
def test_each_of_two_recipes_votes_as_it_does_alone(one, other, tmp_path):
    alone = {hook: decisions(tmp_path, [hook]) for hook in (one, other)}
    for pair in ((one, other), (other, one)):
        for number, explained in enumerate(decisions(tmp_path, pair)):
            votes = {vote["plugin"]: vote for vote in explained.trace}
            for hook in pair:
                before = alone[hook][number].trace[0]
                assert votes[hook.stem]["error"] is None
                assert votes[hook.stem]["vote"] == before["vote"]
