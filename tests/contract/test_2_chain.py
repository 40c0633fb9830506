"""CONTRACT 2: the chain: its order, the fold, wrappers."""

from __future__ import annotations

from itertools import permutations

import pytest

from ..helpers.attempts import ATTEMPT, NORMAL, TEMPFAIL, attempt
from ..helpers.site import hook, policy

MARK = "state.setdefault('order', []).append({name!r})\nreturn None"
DUMP = "return {'action': 'dump', 'message': 'dumped'}"
PAUSE = "return {'action': 'pause', 'message': 'paused'}"
BLOCKED = attempt(recipient="jane@blocked.example")


def marks(*names):
    """Make settings with which each of these fake plugins notes that it was called."""
    return {name: {"code": MARK.format(name=name)} for name in names}


def votes(**votes):
    """Make settings with which each fake plugin returns its vote."""
    return {name: {"code": f"return {vote!r}"} for name, vote in votes.items()}


@pytest.fixture
def folded(site, fake_plugins):
    """Fold votes by the fake plugins `a`, `b` and `c`, in this order."""

    def folded(*given):
        names = "abc"[: len(given)]
        toml = policy(list(names), plugins=votes(**dict(zip(names, given, strict=True))))
        return site.host(toml).decide(ATTEMPT)

    return folded


# Order


@pytest.mark.parametrize("order", list(permutations(["a", "b", "file"])))
def test_plugins_are_called_in_the_operators_order(order, site, fake_plugins):
    toml = policy(order, hook_file="hook.py", plugins=marks("b", "a"))
    host = site.host(toml, hook(MARK.format(name="file")))
    host.decide(ATTEMPT)
    assert host.generation.state["order"] == list(order)


def test_exactly_the_plugins_of_the_chain_are_called(site, fake_plugins):
    toml = policy(["b"], hook_file="hook.py", plugins=marks("a", "b", "c"))
    host = site.host(toml, hook(MARK.format(name="file")))
    host.decide(ATTEMPT)
    assert host.generation.state["order"] == ["b"]


def test_without_chain_the_tables_give_the_order_and_the_file_runs_last(site, fake_plugins):
    toml = policy(hook_file="hook.py", plugins=marks("c", "a", "b"))
    host = site.host(toml, hook(MARK.format(name="file")))
    host.decide(ATTEMPT)
    assert host.generation.state["order"] == ["c", "a", "b", "file"]


def test_without_chain_a_table_for_the_file_does_not_move_it(site, fake_plugins):
    toml = policy(hook_file="hook.py", plugins={"file": {"mode": "enforce"}, **marks("a")})
    host = site.host(toml, hook(MARK.format(name="file")))
    host.decide(ATTEMPT)
    assert host.generation.state["order"] == ["a", "file"]


def test_without_chain_tables_and_file_nothing_is_asked(site, stack):
    host = site.host("")
    assert host.problem == ""
    assert host.explain(BLOCKED).trace == ()
    assert host.decide(BLOCKED) == NORMAL


def test_an_empty_chain_says_so(site, log):
    site.host("")
    assert any("chain" in line and "empty" in line for line in log.all)


@pytest.fixture
def stack(install):
    """Two plugins from two foreign distributions: `guard` and `routes`."""
    install("stack")


def test_installed_means_every_installed_plugin_in_name_order_then_the_file(site, install):
    install("stack", "fake")
    toml = policy("installed", hook_file="hook.py")
    host = site.host(toml, hook("return None"))
    names = [vote["plugin"] for vote in host.explain(ATTEMPT).trace]
    assert names == ["a", "b", "c", "guard", "made", "routes", "file", "outer", "inner"]
    assert [plugin.name for plugin in host.generation.plugins] == [
        *("a", "b", "c", "guard", "inner", "made", "outer", "routes", "file")
    ]


def test_installing_alone_changes_no_policy(site, install):
    toml = policy(hook_file="hook.py")
    before = site.host(toml, hook("return None")).decide(BLOCKED)
    install("stack")
    assert site.start().decide(BLOCKED) == before == NORMAL


@pytest.mark.parametrize("name", ["try_first", "try_last"])
def test_tryfirst_and_trylast_are_refused_with_a_sentence_that_says_what_to_do(name, site, install):
    install("broken")
    host = site.host(policy([name]))
    assert host.decide(ATTEMPT) == TEMPFAIL
    for words in ("tryfirst or trylast", "remove the mark", "chain", "broken-hooks 0.9.1"):
        assert words in host.problem


@pytest.mark.parametrize("mark", ["tryfirst", "trylast"])
def test_tryfirst_and_trylast_are_refused_in_the_file_too(mark, site):
    code = f"from hookframe import hookimpl\n\n@hookimpl({mark}=True)\n" + hook("return None")
    host = site.file_host(code)
    assert host.decide(ATTEMPT) == TEMPFAIL
    assert "tryfirst or trylast" in host.problem


# Every plugin is called


def test_every_plugin_is_called_even_after_a_dump(site, fake_plugins):
    plugins = {"a": {"code": DUMP}, **marks("b", "c")}
    host = site.host(policy(["a", "b", "c"], plugins=plugins))
    host.decide(ATTEMPT)
    host.decide(ATTEMPT)
    assert host.generation.state["order"] == ["b", "c", "b", "c"]


def test_a_plugin_sees_the_decision_accumulated_so_far(site, fake_plugins):
    see = "state.setdefault('seen', []).append(dict(decision))\n"
    plugins = {
        "a": {"code": see + "return {'action': 'new_mtaid', 'new_mtaid': 1}"},
        "b": {"code": see + "return {'action': 'new_config', 'new_sender': ''}"},
        "c": {"code": see + DUMP},
    }
    toml = policy(["a", "b", "c", "file"], hook_file="hook.py", plugins=plugins)
    host = site.host(toml, hook(see + "return None"))
    host.decide(ATTEMPT)
    assert host.generation.state["seen"] == [
        {"action": "normal"},
        {"action": "new_mtaid", "new_mtaid": "1"},
        {"action": "new_config", "new_mtaid": "1", "new_sender": ""},
        {"action": "dump", "message": "dumped"},
    ]


@pytest.mark.parametrize(
    "vote",
    [None, {"action": "normal"}],
)
def test_none_and_a_bare_normal_leave_the_accumulated_decision_alone(vote, folded):
    routed = {"action": "new_mtaid", "new_mtaid": "p", "deliver_as_if_to_domain": "d.example"}
    assert folded(routed, vote) == routed
    assert folded({"action": "dump", "message": "m"}, vote) == {"action": "dump", "message": "m"}


def test_returning_the_accumulated_decision_itself_changes_nothing(site, fake_plugins):
    plugins = {
        **votes(a={"action": "normal", "deliver_as_if_to_domain": "d.example"}),
        **votes(b={"action": "new_config", "new_sender": ""}),
        "c": {"code": "return decision"},
    }
    decision = site.host(policy(["a", "b", "c"], plugins=plugins)).decide(ATTEMPT)
    assert decision == {
        "action": "new_config",
        "new_sender": "",
        "deliver_as_if_to_domain": "d.example",
    }


# The fold


def test_each_routing_key_overlays_the_value_of_an_earlier_plugin(folded):
    assert folded(
        {"action": "new_mtaid", "new_mtaid": "first", "deliver_as_if_to_domain": "first.example"},
        {"action": "new_config", "new_mtaid": "second", "new_sender": "second@s.example"},
        {"action": "normal", "deliver_as_if_to_domain": "third.example"},
    ) == {
        "action": "new_config",
        "new_mtaid": "second",
        "new_sender": "second@s.example",
        "deliver_as_if_to_domain": "third.example",
    }


def test_a_sum_may_carry_a_domain_beside_a_sender_which_one_plugin_may_not(folded, log):
    total = folded(
        {"action": "normal", "deliver_as_if_to_domain": "d.example"},
        {"action": "new_config", "new_sender": "v@s.example"},
    )
    assert total == {
        "action": "new_config",
        "new_sender": "v@s.example",
        "deliver_as_if_to_domain": "d.example",
    }
    assert folded(total) == TEMPFAIL
    assert "Invalid return" in log.attempts[0]


def test_a_new_mtaid_does_not_take_the_new_sender_of_an_earlier_plugin_away(folded):
    assert folded(
        {"action": "new_config", "new_sender": ""}, {"action": "new_mtaid", "new_mtaid": "p"}
    ) == {"action": "new_config", "new_sender": "", "new_mtaid": "p"}


@pytest.mark.parametrize(
    "order",
    list(
        permutations(
            [
                {"action": "dump", "message": "dumped"},
                {"action": "pause", "message": "paused"},
                {"action": "new_config", "new_mtaid": "p", "new_sender": "v@s.example"},
            ]
        )
    ),
    ids=lambda order: "-".join(vote["action"] for vote in order),
)
def test_the_strictest_verdict_wins_whatever_the_order(order, folded):
    assert folded(*order) == {"action": "dump", "message": "dumped"}


@pytest.mark.parametrize("verdict", ["pause", "dump"])
def test_of_two_equally_strict_verdicts_the_first_keeps_its_message(verdict, folded):
    first, second = {"action": verdict, "message": "1"}, {"action": verdict, "message": "2"}
    assert folded(first, second) == first
    assert folded({"action": verdict}, second) == {"action": verdict}


def test_a_pause_outranks_routing_before_and_after_it(folded):
    route, stop = {"action": "new_mtaid", "new_mtaid": "p"}, {"action": "pause", "message": "m"}
    assert folded(route, stop) == stop
    assert folded(stop, route) == stop


def test_a_final_verdict_carries_its_message_only_and_not_the_routing_keys(folded):
    route = {"action": "new_mtaid", "new_mtaid": "p", "deliver_as_if_to_domain": "d.example"}
    assert folded(route, {"action": "pause"}) == {"action": "pause"}
    assert folded(route, {"action": "dump"}, route) == {"action": "dump"}


@pytest.mark.parametrize("order", list(permutations(["guard", "routes", "file"])))
def test_two_foreign_distributions_stacked_with_the_file_a_dump_is_a_dump(order, site, stack):
    code = hook(
        """
        if attempt["listid"] == "paused":
            return {"action": "pause", "message": "file: paused"}
        return {"action": "new_config", "new_sender": "file@sender.example"}
        """
    )
    host = site.host(policy(order, hook_file="hook.py"), code)
    dump = {"action": "dump", "message": "guard: blocked"}
    assert host.decide(BLOCKED) == dump
    assert host.decide({**BLOCKED, "listid": "paused"}) == dump
    assert host.decide(attempt(listid="paused")) == {
        "action": "pause",
        "message": "file: paused",
    }
    assert host.decide(ATTEMPT) == {
        "action": "new_config",
        "new_mtaid": f"for-{ATTEMPT['sendid']}",
        "new_sender": "file@sender.example",
    }
    assert [vote["plugin"] for vote in host.explain(BLOCKED).trace] == list(order)


@pytest.mark.parametrize("order", list(permutations(["guard", "routes", "file"])))
def test_a_dump_of_the_file_is_a_dump_in_all_six_orders(order, site, stack):
    host = site.host(policy(order, hook_file="hook.py"), hook(DUMP))
    assert host.decide(ATTEMPT) == {"action": "dump", "message": "dumped"}


# Wrappers

OVERRIDE = "def around():\n    got = yield\n    {body}\nreturn around()"


def wrapping(body):
    """Make the settings of a wrapper that has `got` and returns by this line."""
    return {"code": OVERRIDE.format(body=body)}


@pytest.fixture
def wrapped(site, fake_plugins):
    """Decide with a wrapper around the fake plugin `a`."""

    def wrapped(wrapper, inside, chain=("outer", "a"), **more):
        plugins = {"outer": wrapper, "a": {"code": inside}, **more}
        return site.host(policy(chain, plugins=plugins)).decide(ATTEMPT)

    return wrapped


@pytest.mark.parametrize("chain", [("outer", "a", "b"), ("a", "outer", "b"), ("a", "b", "outer")])
def test_a_wrapper_surrounds_the_whole_chain_wherever_it_stands(chain, wrapped):
    note = wrapping("return {'action': 'pause', 'message': got['message'] + '!'}")
    more = votes(b={"action": "pause", "message": "second"})
    decision = wrapped(note, "return {'action': 'pause', 'message': 'first'}", chain, **more)
    first = "first" if chain.index("a") < chain.index("b") else "second"
    assert decision == {"action": "pause", "message": f"{first}!"}


def test_a_wrapper_receives_the_one_folded_decision(wrapped, site):
    keep = wrapping("state['got'] = dict(got); return got")
    wrapped(keep, "return {'action': 'new_mtaid', 'new_mtaid': 1}")
    host = site.start()
    host.decide(ATTEMPT)
    assert host.generation.state["got"] == {"action": "new_mtaid", "new_mtaid": "1"}


def test_a_wrapper_may_undo_a_dump_on_purpose(wrapped):
    assert wrapped(wrapping("return {'action': 'normal'}"), DUMP) == NORMAL


def test_a_wrapper_may_return_another_decision(wrapped):
    other = {"action": "new_config", "new_mtaid": "p", "new_sender": ""}
    assert wrapped(wrapping(f"return {other!r}"), PAUSE) == other


@pytest.mark.parametrize("body", ["return got", "return None", "return dict(got)"])
def test_a_wrapper_may_leave_the_decision_alone(body, wrapped):
    assert wrapped(wrapping(body), DUMP) == {"action": "dump", "message": "dumped"}


def test_a_wrapper_may_return_a_sum_with_one_key_changed(wrapped):
    inside = "return {'action': 'normal', 'deliver_as_if_to_domain': 'd.example'}"
    body = "return {**got, 'action': 'new_config', 'new_sender': ''}"
    assert wrapped(wrapping(body), inside) == {
        "action": "new_config",
        "deliver_as_if_to_domain": "d.example",
        "new_sender": "",
    }


@pytest.mark.parametrize(
    ("chain", "message"),
    [
        (["outer", "inner", "a"], "dumped inner outer"),
        (["inner", "outer", "a"], "dumped outer inner"),
    ],
)
def test_the_first_listed_wrapper_is_the_outermost(chain, message, site, fake_plugins):
    plugins = {
        name: wrapping(f"return {{'action': 'dump', 'message': got['message'] + ' {name}'}}")
        for name in ("outer", "inner")
    }
    host = site.host(policy(chain, plugins={**plugins, "a": {"code": DUMP}}))
    assert host.decide(ATTEMPT) == {"action": "dump", "message": message}


@pytest.mark.parametrize("inside", ["raise ValueError('x')", "return 'dump'", "raise SystemExit"])
@pytest.mark.parametrize(
    "body",
    ["return {'action': 'normal'}", "return {'action': 'dump'}", "return dict(got)", "return None"],
)
def test_a_wrapper_can_not_undo_a_temp_fail(inside, body, wrapped, log):
    assert wrapped(wrapping(body), inside) == TEMPFAIL
    assert len(log.attempts) == 1
    assert log.attempts[0].endswith("(plugin a)")


def test_a_wrapper_that_swallows_every_exception_can_not_undo_a_temp_fail(wrapped):
    swallow = (
        "def around():\n"
        "    try:\n        yield\n"
        "    except BaseException:\n        pass\n"
        "    return {'action': 'normal'}\n"
        "return around()"
    )
    assert wrapped({"code": swallow}, "raise ValueError('x')") == TEMPFAIL


def test_an_outer_wrapper_can_not_undo_the_temp_fail_of_an_inner_one(site, fake_plugins):
    plugins = {
        "outer": wrapping("return {'action': 'normal'}"),
        "inner": wrapping("raise ValueError('broken wrapper')"),
    }
    assert site.host(policy(["outer", "inner"], plugins=plugins)).decide(ATTEMPT) == TEMPFAIL


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (
            "raise KeyError('before the yield')",
            "KeyError: 'before the yield' (there is no such key) at ",
        ),
        (
            OVERRIDE.format(body="raise KeyError('after')"),
            "KeyError: 'after' (there is no such key) at ",
        ),
        (OVERRIDE.format(body="return 'dump'"), "Invalid return from pre_delivery_attempt_hook"),
        (OVERRIDE.format(body="yield"), "yield"),
        ("return iter(())", "yield"),
    ],
)
def test_an_error_of_a_wrapper_temp_fails_and_is_attributed_to_it(code, words, wrapped, log):
    assert wrapped({"code": code}, DUMP) == TEMPFAIL
    [line] = log.attempts
    assert words in line
    assert line.endswith("(plugin outer)")


def test_when_a_wrapper_fails_before_its_yield_the_chain_stops_there(site, fake_plugins):
    plugins = {"outer": {"code": "raise ValueError('x')"}, **marks("a")}
    host = site.host(policy(["outer", "a"], plugins=plugins))
    assert host.decide(ATTEMPT) == TEMPFAIL
    assert host.generation.state == {}


def test_a_wrapper_can_not_change_the_decision_it_receives_in_place(site, fake_plugins):
    plugins = {
        "outer": wrapping("got['action'] = 'no such action'; return got"),
        "inner": wrapping("return {'action': 'pause', 'message': 'inner'}"),
        "a": {"code": DUMP},
    }
    for chain in (["outer", "a"], ["outer", "inner", "a"]):
        assert site.host(policy(chain, plugins=plugins)).decide(ATTEMPT) == TEMPFAIL


def test_a_wrapper_is_no_policy_and_its_yield_is_no_vote(site, fake_plugins):
    host = site.host(policy(["outer", "a"], plugins={"a": {"code": PAUSE}}))
    trace = host.explain(ATTEMPT).trace
    assert [(vote["plugin"], vote["vote"]) for vote in trace] == [
        ("a", {"action": "pause", "message": "paused"}),
        ("outer", None),
    ]


def test_two_attempts_do_not_mix_in_a_wrapper(site, fake_plugins):
    plugins = {
        "outer": wrapping("return got"),
        "a": {"code": "return {'action': 'pause', 'message': attempt['recipient']}"},
    }
    host = site.host(policy(["outer", "a"], plugins=plugins))
    for recipient in ("one@r.example", "two@r.example", "one@r.example"):
        assert host.decide(attempt(recipient=recipient))["message"] == recipient
