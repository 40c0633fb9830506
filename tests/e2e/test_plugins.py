"""The first-party plugins and the hook file, stacked, asked by Exim."""

from __future__ import annotations

import pytest

from .needed import need_plugins

HOOK = """\
def pre_delivery_attempt(attempt, decision):
    if attempt["sendid"] == "verp":
        return {"action": "new_config", "new_sender": "verp@verp.test"}
"""
RULES = """\
[[rule]]
match.recipient_domain = "moved.test"
deliver_as_if_to_domain = "other.test"

[[rule]]
match.sendid = ["trans170101", "verp"]
new_mtaid = "vmta3"
"""
CONFIGURATION = """\
chain = ["blacklist", "routing", "file"]

[plugins.blacklist.settings]
recipients = "{directory}/blocked.txt"

[plugins.routing.settings]
file = "{directory}/routing.toml"
"""


@pytest.fixture(scope="module", autouse=True)
def stack(make_daemon):
    need_plugins("blacklist", "routing")
    daemon = make_daemon()
    (daemon.directory / "blocked.txt").write_text("blocked@remote.test\n@blocked.test\n")
    (daemon.directory / "routing.toml").write_text(RULES)
    daemon.start_with(HOOK, CONFIGURATION.format(directory=daemon.directory))


def wire(sink, recipient):
    return [(seen["peer"], seen["mail"], seen["host"]) for seen in sink.seen(recipient)]


def test_what_no_plugin_minds_is_delivered_unchanged(exim, sink):
    exim.send("fine@remote.test")
    assert wire(sink, "fine@remote.test") == [("127.0.0.2", "<s@sender.test>", "127.0.0.11")]


def test_routing_moves_a_message_to_another_virtualmta(exim, sink):
    exim.send("moved@remote.test", headers=["X-SendID: trans170101"])
    assert wire(sink, "moved@remote.test") == [("127.0.0.4", "<s@sender.test>", "127.0.0.11")]


def test_routing_and_the_file_add_up_to_one_delivery(exim, sink):
    exim.send("sum@remote.test", headers=["X-SendID: verp"])
    assert wire(sink, "sum@remote.test") == [("127.0.0.4", "<verp@verp.test>", "127.0.0.11")]


def test_a_domain_from_one_plugin_and_a_sender_from_another_are_both_obeyed(exim, sink):
    exim.send("both@moved.test", headers=["X-SendID: verp"])
    assert wire(sink, "both@moved.test") == [("127.0.0.2", "<verp@verp.test>", "127.0.0.12")]


def test_the_blacklist_wins_over_what_the_others_want(exim, sink):
    msguid = exim.send("blocked@remote.test", "x@blocked.test", headers=["X-SendID: verp"])
    exim.deliver_bounce_of(msguid)
    bounces = exim.bounces()
    for recipient in ("blocked@remote.test", "x@blocked.test"):
        assert b"This address is on an internal blacklist. (#5.7.1)" in bounces[recipient]
    assert wire(sink, "blocked@remote.test") == wire(sink, "x@blocked.test") == []
