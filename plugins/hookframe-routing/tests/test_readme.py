"""Every snippet of the README does what the README says."""

from __future__ import annotations

import json
import re
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
from hookframe_routing import Routing, RoutingError

from hookframe import Host

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
PATH = "/etc/hookframe/routing.toml"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
REFUSED = [
    (snippet, text)
    for (kind, snippet), (next_kind, text) in pairwise(BLOCKS)
    if (kind, next_kind) == ("toml", "text")
]
ACCEPTED = [snippet for kind, snippet in BLOCKS if kind == "toml"][: -len(REFUSED)]

[DECIDED] = re.findall(r"^    \$ hookframe decide (.*)\n    (.*)", README, re.MULTILINE)
ROWS = re.findall(r"^\| (`.*?) \| ", README.split("**Everything else**", 1)[1], re.MULTILINE)


def settings_of(snippet, tmp_path):
    """The settings that a snippet writes, or those of the rule file that it is."""
    document = tomllib.loads(snippet)
    if "plugins" in document:
        return document["plugins"]["routing"]["settings"]
    return {"file": str(write(snippet, tmp_path))}


def write(snippet, tmp_path):
    path = tmp_path / "routing.toml"
    path.write_text(snippet, encoding="utf-8")
    return path


def test_the_example_routes_as_its_comments_say(tmp_path, attempt):
    installing, example, _ = ACCEPTED
    assert tomllib.loads(installing)["plugins"]["routing"]["settings"] == {"file": PATH}
    plugin = Routing()
    plugin.configure(settings_of(example, tmp_path))

    def decided(**changes):
        decision = plugin.pre_delivery_attempt(attempt(**changes))
        if decision is not None:
            assert decision.pop("reason").startswith("rule ")
        return decision

    assert decided(recipient="joe@example.com") is None
    pool = {"action": "new_mtaid", "new_mtaid": "shop-pool-2"}
    assert decided(recipient="someone@gmail.com", sendid="shop") == pool
    held = {"action": "pause", "message": "Held back until Monday"}
    assert decided(recipient="a@mx.slow.example") == held
    assert decided(recipient="Nobody@customer.example") == {"action": "dump"}
    brand = {"action": "new_config", "new_sender": "bounces@brand.example", "new_mtaid": "brand"}
    assert decided(recipient="a@b.example", sender="x@old-brand.example") == brand
    rest = {"action": "normal", "deliver_as_if_to_domain": "smarthost.example"}
    assert decided(recipient="a@b.example") == rest


def test_hookframe_decide_says_what_is_shown(tmp_path, attempt):
    installing, example, _ = ACCEPTED
    configuration = tmp_path / "hookframe.toml"
    configuration.write_text(installing.replace(PATH, str(write(example, tmp_path))))
    arguments, shown = DECIDED
    with Host.from_config(configuration, watch=False) as host:
        keys = dict(argument.split("=") for argument in arguments.split())
        assert host.decide(attempt(**keys)) == json.loads(shown)


def test_the_rules_in_the_settings_match_further_keys(tmp_path, attempt):
    plugin = Routing()
    plugin.configure(settings_of(ACCEPTED[2], tmp_path))
    decision = plugin.pre_delivery_attempt(attempt(header_list_id="news.lists.example"))
    assert decision == {"action": "new_mtaid", "new_mtaid": "lists", "reason": "rule 1"}


@pytest.mark.parametrize(("snippet", "text"), REFUSED)
def test_each_mistake_gets_the_text_that_is_shown(tmp_path, snippet, text):
    try:
        settings = settings_of(snippet, tmp_path)
    except tomllib.TOMLDecodeError:
        settings = {"file": str(write(snippet, tmp_path))}
    with pytest.raises(RoutingError) as caught:
        Routing().configure(settings)
    assert f"{caught.value}\n" == text.replace(PATH, settings.get("file", PATH))


def test_a_file_that_is_gone_gets_the_text_that_is_shown(tmp_path):
    shown = next(text for kind, text in BLOCKS if kind == "text" and "does not exist" in text)
    path = str(tmp_path / "routing.toml")
    with pytest.raises(RoutingError) as caught:
        Routing().configure({"file": path})
    assert f"{caught.value}\n" == shown.replace(PATH, path)


def test_every_setting_and_every_key_is_described(routing):
    for key in ("file", "rule", "extra_keys", "check_every", "name", "match", "normal"):
        assert f"| `{key}` |" in README
    for key in ("new_mtaid", "new_sender", "deliver_as_if_to_domain", "pause", "dump"):
        assert f"| `{key}` |" in README


WRONG_RULES = [
    "",
    "[rule]\ndump = true",
    "[[rule]]\nname = 'eu'\nmatch.sendid = 'a'\ndump = true\n"
    "[[rule]]\nname = 'eu'\nmatch.sendid = 'b'\ndump = true",
    "[[rule]]\nname = ''\ndump = true",
    "[[rule]]\nmatch.recipient = []\ndump = true",
    "[[rule]]\nmatch.recipient_domain = 'a@b.example'\ndump = true",
    "[[rule]]\nmatch.injtime = { glob = '1*' }\ndump = true",
    "[[rule]]\nmatch.recipient = { prefix = 'a' }\ndump = true",
    "[[rule]]\nmatch.recipient = {}\ndump = true",
    "[[rule]]\nmatch.recipient = { regex = '(' }\ndump = true",
    "[[rule]]\nnew_mtaid = ''",
    "[[rule]]\nnew_sender = 'a b'",
    '[[rule]]\npause = "a\\nb"',
    f"[[rule]]\npause = '{'x' * 612}'",
    "[[rule]]\nnew_mtaid = 'a'\npause = true",
    "[[rule]]\nname = '\xe9'\ndump = true",
]
WRONG_SETTINGS = [
    {"file": PATH, "rule": [{"dump": True}]},
    {"file": PATH, "extra_keys": ["sender"]},
    {"file": PATH, "check_every": "1"},
]


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What is wrong with each of these, and with a file that is too large or is being written."""
    directory = tmp_path_factory.mktemp("wrong")
    path = directory / "routing.toml"
    texts = [refused(settings) for settings in WRONG_SETTINGS]
    for rules in WRONG_RULES:
        path.write_text(rules, encoding="latin-1")
        texts.append(refused({"file": str(path)}))
    with path.open("wb") as file:
        texts.append(refused({"file": str(path)}))
        file.truncate(70_000_000)
    texts.append(refused({"file": str(path)}))
    return texts


def refused(settings):
    with pytest.raises(RoutingError) as caught:
        Routing().configure(settings)
    return str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS)
def test_the_log_says_what_the_table_of_errors_has(row, said):
    for text in re.findall(r"`([^`]*)`", row):
        parts = re.split(r"(…|FILE)", text)
        pattern = "".join(".*" if part in ("…", "FILE") else re.escape(part) for part in parts)
        assert any(re.search(pattern, one) for one in said), pattern
