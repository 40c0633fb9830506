"""The calls of a chain written out: whoever fails is told by the line."""

from __future__ import annotations

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
