"""The fold: an error is attributed to the plugin that raised it."""

from __future__ import annotations

import pytest

from hookframe import hookimpl
from hookframe.config.model import Config
from hookframe.host.host import Host
from hookframe.host.source import GivenConfig

from ..helpers.attempts import NORMAL, TEMPFAIL, attempt
from ..helpers.site import hook, policy


def test_an_error_that_lies_about_its_traceback_is_a_temp_fail_of_its_plugin(site, log):
    head = "class Lying(Exception):\n    __traceback__ = property(lambda self: None)\n"
    host = site.host(policy(hook_file="hook.py"), hook("raise Lying('so it seems')", head))
    assert host.decide(attempt()) == TEMPFAIL
    assert "so it seems" in log.attempts[0]
    assert "plugin file" in log.attempts[0]


def test_an_error_that_was_raised_once_before_is_attributed_to_its_plugin(site, log):
    body = """
        try:
            raise state.setdefault("error", ValueError("again"))
        except ValueError:
            if attempt["sendid"] == "caught":
                return None
            raise
    """
    host = site.host(policy(hook_file="hook.py"), hook(body))
    assert host.decide(attempt(sendid="caught")) == NORMAL
    assert host.decide(attempt()) == TEMPFAIL
    assert host.decide(attempt()) == TEMPFAIL
    assert all("plugin file" in line for line in log.attempts)
    assert len(log.attempts) == 2


class Returns:
    """A plugin that calls a function, and returns its value."""

    def __init__(self, function):
        self.function = function

    @hookimpl
    def pre_delivery_attempt(self, attempt):
        return self.function(attempt)


@pytest.fixture
def chained(request):
    """Make a host of functions, called in their order as `first` and `second`."""

    def make(first, second=lambda attempt: None):
        plugins = {"first": Returns(first), "second": Returns(second)}
        host = Host(GivenConfig(Config(chain=tuple(plugins)), plugins), watch=False)
        request.addfinalizer(host.close)
        return host

    return make


@pytest.mark.parametrize("ask", ["decide", "sampled", "explain"])
def test_an_abandoned_attempt_calls_no_further_plugin(chained, ask):
    def abandon(attempt):
        host.abandon()
        return {"action": "pause"}

    called = []
    host = chained(abandon, called.append)
    if ask == "sampled":
        host.sample_next()
    answer = host.explain(attempt()).decision if ask == "explain" else host.decide(attempt())
    assert answer == {"action": "pause"}
    assert called == []


@pytest.mark.parametrize("ask", ["decide", "explain"])
def test_an_error_after_an_attempt_within_an_attempt_is_the_outer_plugin_s(chained, log, ask):
    def outer(given):
        if given["sendid"] == "inner":
            return
        assert getattr(host, ask)(attempt(sendid="inner"))
        raise ValueError("outside")

    host = chained(outer)
    assert host.decide(attempt()) == TEMPFAIL
    explanation = host.explain(attempt())
    assert [vote["error"] is None for vote in explanation.trace] == [False]
    assert [vote["plugin"] for vote in explanation.trace] == ["first"]
    assert all("plugin first" in line for line in log.attempts)
    assert len(log.attempts) == 2
