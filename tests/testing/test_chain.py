"""The fixture `chain`: a chain made of plugins, asked about attempts."""

from __future__ import annotations

import re
import sys
import time
from datetime import UTC, datetime, timedelta
from types import ModuleType

import pytest

from hookframe import Explanation, hookimpl
from hookframe.testing import TEMPFAIL, make_attempt, member, open_chain

from .plugins import Bounce, Broken, Hold, SlowStart, Watch

HELD = {"action": "pause", "message": "On hold"}
NORMAL = {"action": "normal"}
A_FILE = "def pre_delivery_attempt(attempt):\n    return {'action': 'dump', 'message': 'file'}\n"


@pytest.fixture
def hook_file(tmp_path):
    path = tmp_path / "hook.py"
    path.write_text(A_FILE)
    return path


def test_an_object_with_settings_is_asked_about_the_usual_attempt_with_other_keys(chain):
    policy = chain(Hold(), settings={"domains": ["slow.example"]})
    assert policy.decide() == NORMAL
    assert policy.decide(recipient="jane@slow.example") == HELD


def test_a_class_is_called_and_a_module_is_taken_as_it_is(chain):
    module = ModuleType("hookframe_bounce")
    module.pre_delivery_attempt = hookimpl(lambda: {"action": "dump", "message": "module"})
    trace = chain(member(Hold, settings={"domains": []}), module).explain().trace
    assert [vote["plugin"] for vote in trace] == ["hold", "bounce"]
    assert trace[1]["vote"] == {"action": "dump", "message": "module"}


def test_a_path_is_a_hook_file(chain, hook_file):
    assert chain(hook_file).decide() == {"action": "dump", "message": "file"}


def test_a_string_is_the_name_of_an_installed_plugin(chain, fake_plugins):
    policy = chain("a", settings={"code": f"return {HELD}"})
    assert policy.decide() == HELD
    assert policy.explain().trace[0]["distribution"] == "fake-plugins"


def test_a_whole_attempt_may_be_given_and_changed(chain):
    policy = chain(Hold(), settings={"domains": ["slow.example"]})
    attempt = {**make_attempt(recipient="jane@slow.example"), "size": 1000}
    assert policy.decide(attempt) == HELD
    assert policy.decide(attempt, recipient="jane@fast.example") == NORMAL


def test_several_are_asked_in_the_order_in_which_they_stand(chain, hook_file, fake_plugins):
    policy = chain(
        hook_file,
        member("a", settings={"code": f"return {HELD}"}),
        member(Hold(), name="mine", settings={"domains": []}),
        SlowStart(),
    )
    explanation = policy.explain()
    assert isinstance(explanation, Explanation)
    names = [vote["plugin"] for vote in explanation.trace]
    assert names == ["file", "a", "mine", "slow-start"]
    assert explanation.decision == {"action": "dump", "message": "file"}


def test_what_an_operator_lays_down_for_a_plugin_holds(chain):
    assert chain(member(Bounce(), mode="shadow")).decide() == NORMAL
    assert chain(member(Bounce(), may=["pause"])).decide() == TEMPFAIL
    assert chain(member(Broken(), on_error="skip")).decide() == NORMAL


def test_a_deadline_holds_where_one_is_set(chain):
    def endless(state):
        while not state.get("over"):
            state["over"] = True

    class Slow:
        pre_delivery_attempt = staticmethod(hookimpl(endless))

    assert chain(Slow()).decide() == NORMAL
    assert chain(Slow(), deadline=1e-9).decide() == TEMPFAIL
    assert chain(member(Slow(), deadline=1e-9)).decide() == TEMPFAIL


def test_the_log_has_what_plugins_print_and_what_went_wrong(chain):
    policy = chain(Broken())
    assert policy.decide() == TEMPFAIL
    printed, error = (line for line in policy.log if "broken" in line and "generation" not in line)
    assert printed == "plugin broken: before it fails"
    assert "ZeroDivisionError: " in error
    assert error.endswith("(plugin broken)")


def test_the_log_leaves_nothing_out(chain):
    class Chatty:
        @hookimpl
        def pre_delivery_attempt(self):
            for number in range(1000):
                print(number)

    policy = chain(Chatty())
    policy.decide()
    assert [line for line in policy.log if line == "plugin chatty: 999"]
    assert len([line for line in policy.log if line.startswith("plugin chatty: ")]) == 1000


def test_the_state_can_be_looked_at_and_is_new_after_a_reload(chain):
    policy = chain(SlowStart())
    policy.decide()
    policy.decide()
    assert policy.state == {"seen": 2}
    policy.reload()
    assert policy.state == {}


def test_a_reload_takes_the_file_as_it_is_now(chain, hook_file):
    policy = chain(hook_file)
    hook_file.write_text(A_FILE.replace("'file'", "'edited'"))
    policy.reload()
    assert policy.decide() == {"action": "dump", "message": "edited"}


def test_the_expected_decision_is_no_failure(chain):
    policy = chain(Hold(), settings={"domains": ["slow.example"]})
    policy.assert_decision(NORMAL)
    policy.assert_decision(HELD, recipient="jane@slow.example")
    policy.assert_decision(HELD, make_attempt(recipient="jane@slow.example"))
    chain(Broken()).assert_decision(TEMPFAIL)


def test_another_decision_fails_with_the_votes_the_attempt_and_the_log(chain):
    policy = chain(
        member(Broken(), on_error="skip"),
        member(Hold(), settings={"domains": ["slow.example"]}),
        member(Bounce(), mode="shadow"),
    )
    with pytest.raises(AssertionError) as caught:
        policy.assert_decision(NORMAL, recipient="jane@slow.example")
    lines = str(caught.value).splitlines()
    assert lines[:3] == [
        'the decision is  pause message="On hold"',
        "and not          normal",
        '  for an attempt with {"recipient": "jane@slow.example"}',
    ]
    assert "  broken: error: " in lines[3]
    assert lines[4] == '  hold: pause message="On hold"'
    assert lines[5] == '  bounce, in shadow mode: dump message="No"'
    assert lines[6] == "  log: plugin broken: before it fails"


def test_a_chain_that_can_t_be_built_fails_with_the_load_error(chain):
    with pytest.raises(AssertionError, match=r"rejects its settings: set domains.*plugin hold"):
        chain(Hold(), settings={"domain": []})


def test_a_load_error_can_be_what_is_tested(chain):
    policy = chain(Hold(), settings={"domain": []}, broken=True)
    assert "rejects its settings: set domains, and nothing else" in policy.problem
    assert policy.decide() == TEMPFAIL
    with pytest.raises(AssertionError, match="can't be built"):
        policy.state  # noqa: B018


def test_a_chain_that_is_expected_to_be_broken_and_is_not_fails(chain):
    with pytest.raises(AssertionError, match="can be built"):
        chain(SlowStart(), broken=True)


def test_every_check_of_the_host_is_made(chain):
    class Misspelt:
        @hookimpl
        def pre_delivery_attempt(self, atempt): ...

    with pytest.raises(AssertionError, match="atempt"):
        chain(Misspelt())


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: member(Bounce(), mode="shadwo"), ValueError, "mode is 'shadwo'; expected one of"),
        (lambda: member(Bounce(), on_error="ignore"), ValueError, "expected one of tempfail, skip"),
        (lambda: member(Bounce(), may=["drop"]), ValueError, "may is 'drop'; expected one of"),
        (lambda: open_chain(Bounce(), Bounce()).__enter__(), ValueError, "are named 'bounce'"),
        (lambda: open_chain(settings={}).__enter__(), TypeError, "a chain of one plugin"),
        (
            lambda: open_chain(Bounce(), SlowStart(), settings={}).__enter__(),
            TypeError,
            "a chain of one plugin",
        ),
    ],
)
def test_a_mistake_in_a_test_is_told_in_a_sentence(make, error, words):
    with pytest.raises(error, match=re.escape(words)):
        make()


def test_two_hook_files_need_two_names(tmp_path, hook_file):
    other = tmp_path / "other.py"
    other.write_text(A_FILE)
    with (
        pytest.raises(ValueError, match="are named 'file': use member"),
        open_chain(hook_file, other),
    ):
        pass
    with open_chain(hook_file, member(other, name="other")) as chain:
        explained = chain.explain(make_attempt())
    assert [vote["plugin"] for vote in explained.trace] == ["file", "other"]


def test_plugins_are_closed_when_the_chain_is(fake_plugins):
    closed = []

    class Closing(SlowStart):
        @hookimpl
        def close(self):
            closed.append(self)

    plugin = Closing()
    with open_chain(plugin) as policy:
        policy.decide()
        assert closed == []
    assert closed == [plugin]


NOON = datetime(2026, 3, 29, 12, 0, tzinfo=UTC)


def test_plugins_see_the_time_that_was_set_on_every_clock(chain):
    policy = chain(Watch())
    policy.set_time(NOON)
    policy.decide()
    before = dict(policy.state)
    assert (before["now"], before["time"], before["local"]) == (NOON, NOON.timestamp(), 2026)
    assert before["monotonic"] == before["imported"]
    policy.advance(3600)
    policy.decide()
    after = policy.state
    assert after["now"] == NOON + timedelta(hours=1)
    for clock in ("time", "monotonic", "imported"):
        assert after[clock] - before[clock] == pytest.approx(3600)
    assert after["nanoseconds"] - before["nanoseconds"] == 3600 * 10**9


def test_the_time_stands_still_between_two_attempts(chain):
    policy = chain(Watch(), now=NOON)
    policy.decide()
    before = dict(policy.state)
    policy.decide()
    assert policy.state == before


def test_the_time_can_be_set_before_the_plugins_are_configured(chain):
    policy = chain(Watch(), now=0)
    policy.decide()
    assert policy.state["configured"] == 0


def test_a_hook_file_sees_the_time_too(chain, tmp_path):
    path = tmp_path / "hook.py"
    path.write_text(
        "from time import monotonic, time\n"
        "def pre_delivery_attempt(state):\n"
        "    state.update(time=time(), monotonic=monotonic())\n"
    )
    policy = chain(path, now=1000)
    policy.decide()
    before = dict(policy.state)
    policy.advance(5)
    policy.decide()
    assert policy.state["time"] == 1005
    assert policy.state["monotonic"] - before["monotonic"] == 5


def test_the_monotonic_clock_never_goes_back(chain):
    policy = chain(Watch(), now=NOON)
    policy.decide()
    before = policy.state["monotonic"]
    policy.set_time(NOON - timedelta(days=1))
    policy.decide()
    assert policy.state["now"] == NOON - timedelta(days=1)
    assert policy.state["monotonic"] == before


def test_the_test_itself_has_the_real_time(chain):
    before = datetime.now(UTC)
    policy = chain(Watch(), now=0)
    policy.decide()
    assert datetime.now(UTC) >= before
    assert policy.state["time"] == 0


def test_the_clocks_are_put_back_after_an_error(chain):
    before = Broken.pre_delivery_attempt.__globals__["monotonic"]
    policy = chain(Broken(), now=0)
    assert policy.decide() == TEMPFAIL
    assert Broken.pre_delivery_attempt.__globals__["monotonic"] is before


def test_a_time_without_a_zone_is_refused(chain):
    with pytest.raises(ValueError, match="has no time zone"):
        chain(Watch()).set_time(datetime(2026, 1, 1))  # noqa: DTZ001


def test_a_module_that_a_plugin_loads_meanwhile_has_the_real_clock_afterwards(
    chain, tmp_path, monkeypatch
):
    (tmp_path / "loaded_at_noon.py").write_text("from time import monotonic\n")
    monkeypatch.syspath_prepend(tmp_path)

    class Loading:
        @hookimpl
        def pre_delivery_attempt(self, state):
            from loaded_at_noon import monotonic as taken

            state["taken"] = taken

    policy = chain(Loading(), now=NOON)
    policy.decide()
    assert sys.modules["loaded_at_noon"].monotonic is time.monotonic
    assert policy.state["taken"] is not time.monotonic
    del sys.modules["loaded_at_noon"]
