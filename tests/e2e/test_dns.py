"""Without a smart route the mail servers come from DNS: those of the decision's domain."""

from __future__ import annotations

import subprocess
import sys

import pytest

from .exim import deferred
from .namespace import HERE


@pytest.fixture(scope="module")
def exim(make_exim):
    made = make_exim(
        lambda site: site.replace('"*" = ["127.0.0.11:2500"]', "").replace(
            "[smtp]", "[smtp]\nport = 2500\ndeliver_to_this_host = true"
        )
    )
    yield made
    assert made.panics() == ""


@pytest.fixture(scope="module", autouse=True)
def name_server(namespace):
    program = namespace.command(sys.executable, HERE / "name_server.py")
    process = subprocess.Popen(program, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    yield
    process.terminate()
    process.communicate()


def test_a_normal_decision_goes_to_the_recipients_own_mail_server(exim, sink, policy):
    exim.send("a@first.test")
    (seen,) = sink.seen("a@first.test")
    assert (seen["host"], seen["peer"]) == ("127.0.0.11", "127.0.0.2")


def test_deliver_as_if_to_domain_goes_to_that_domains_mail_server(exim, sink, policy):
    decision = {
        "action": "new_mtaid",
        "new_mtaid": "vmta2",
        "deliver_as_if_to_domain": "second.test",
    }
    policy.decide({"b@first.test": decision})
    exim.send("b@first.test")
    (seen,) = sink.seen("b@first.test")
    assert (seen["host"], seen["peer"]) == ("127.0.0.12", "127.0.0.3")


def test_a_smart_route_of_the_decisions_domain_comes_before_dns(exim, sink, policy):
    policy.decide({"c@first.test": {"action": "normal", "deliver_as_if_to_domain": "other.test"}})
    exim.send("c@first.test")
    (seen,) = sink.seen("c@first.test")
    assert seen["host"] == "127.0.0.12"


def test_a_domain_that_only_the_decision_got_wrong_defers(exim, sink, policy):
    policy.decide({"d@first.test": {"action": "normal", "deliver_as_if_to_domain": "nosuch.test"}})
    msguid = exim.send("d@first.test")
    assert exim.queue()[msguid] == ["d@first.test"]
    (line,) = [line for line in exim.log(msguid) if " == " in line]
    assert "nosuch.test" in deferred(line)[1]


def test_a_recipient_whose_domain_does_not_exist_bounces(exim, policy):
    exim.deliver_bounce_of(exim.send("e@nosuch.test"))
    assert "e@nosuch.test" in exim.bounces()
