"""CONTRACT 2.2: the state, its generation, and one call at a time."""

from __future__ import annotations

import threading

import pytest

from hookframe.testing import eventually

from ..helpers.attempts import ATTEMPT, NORMAL, attempt
from ..helpers.site import hook, policy

COUNT = "state['n'] = state.get('n', 0) + 1\n"
TELL = COUNT + "return {'action': 'pause', 'message': str(state['n'])}"


def count(host):
    return host.decide(ATTEMPT)["message"]


def test_the_state_is_one_dict_the_same_for_every_call(site):
    host = site.file_host(hook("state.setdefault('ids', set()).add(id(state))\nreturn None"))
    for _ in range(3):
        host.decide(ATTEMPT)
    state = host.generation.state
    assert type(state) is dict
    assert state["ids"] == {id(state)}


def test_every_plugin_shares_the_state_wrappers_and_the_file_too(site, fake_plugins):
    note = "state.setdefault('by', []).append({name!r})\n"
    plugins = {name: {"code": note.format(name=name) + "return None"} for name in ("a", "b")}
    around = note.format(name="outer") + "def around():\n    return (yield)\nreturn around()"
    toml = policy(
        ["outer", "a", "b", "file"],
        hook_file="hook.py",
        plugins={**plugins, "outer": {"code": around}},
    )
    host = site.host(toml, hook(note.format(name="file") + "return None"))
    host.decide(ATTEMPT)
    assert host.generation.state == {"by": ["outer", "a", "b", "file"]}


def test_two_foreign_distributions_share_the_state(site, install):
    install("stack")
    host = site.host(policy(["guard", "routes"]))
    host.decide(ATTEMPT)
    assert host.generation.state == {"seen by": ["guard", "routes"]}


def test_the_state_starts_empty(site):
    host = site.file_host(hook("state['was'] = dict(state)\nreturn None"))
    host.decide(ATTEMPT)
    assert host.generation.state == {"was": {}}


def test_when_the_file_changes_the_state_is_discarded(site):
    host = site.file_host(hook(TELL), watch=True)
    assert [count(host), count(host)] == ["1", "2"]
    old = host.generation.state
    site.save(hook(TELL.replace("str(state['n'])", "'new ' + str(state['n'])")))
    first = eventually(lambda: (said := count(host)).startswith("new") and said)
    assert [first, count(host)] == ["new 1", "new 2"]
    assert host.generation.state is not old
    assert old["n"] >= 2


def test_when_the_configuration_changes_the_state_is_discarded(site):
    host = site.file_host(hook(TELL), watch=True)
    assert [count(host), count(host)] == ["1", "2"]
    site.config.write_text(policy(hook_file="hook.py", deadline="2s"))
    eventually(lambda: host.decide(ATTEMPT) and host.generation.number > 1)
    assert host.generation.state == {"n": 1}


def test_a_touched_file_with_the_same_content_keeps_the_state(site):
    host = site.file_host(hook(TELL), watch=True)
    count(host)
    site.save(hook(TELL))
    other = site.directory / "other.py"
    other.write_text(hook(TELL))
    other.chmod(0o644)
    other.replace(site.file)
    site.config.write_text(policy(hook_file="hook.py", deadline="2s"))
    eventually(lambda: host.decide(ATTEMPT) and host.generation.number > 1)
    assert host.generation.number == 2


def test_an_error_in_an_attempt_keeps_the_state(site):
    raising = COUNT + "if attempt['sendid'] == 'x': raise ValueError\n"
    host = site.file_host(hook(raising + "return {'action': 'pause', 'message': str(state['n'])}"))
    host.decide(attempt(sendid="x"))
    assert count(host) == "2"


def test_two_hosts_do_not_share_a_state(site):
    first = site.file_host(hook(TELL))
    second = site.start()
    assert [count(first), count(first), count(second)] == ["1", "2", "1"]


CONCURRENT = hook(
    """
    state["inside"] = state.get("inside", 0) + 1
    state["most"] = max(state.get("most", 0), state["inside"])
    sleep(0.001)
    state["inside"] -= 1
    state["calls"] = state.get("calls", 0) + 1
    return {"action": "pause", "message": attempt["recipient"]}
    """,
    "from time import sleep",
)


@pytest.mark.slow
def test_calls_are_made_one_at_a_time_whatever_the_number_of_threads(site):
    host = site.file_host(CONCURRENT)
    wrong = []

    def ask(recipient):
        for _ in range(20):
            answer = host.decide(attempt(recipient=recipient))
            explained = host.explain(attempt(recipient=recipient)).decision
            if not answer == explained == {"action": "pause", "message": recipient}:
                wrong.append((recipient, answer, explained))

    threads = [threading.Thread(target=ask, args=(f"r{n}@remote.example",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    state = host.generation.state
    assert (state["most"], state["calls"]) == (1, 6 * 20 * 2)


def test_a_change_that_comes_during_an_attempt_is_loaded_before_the_next_one(site):
    entered, go_on = site.directory / "entered", site.directory / "go on"
    slow = hook(
        f"""
        open({str(entered)!r}, "w").close()
        while not exists({str(go_on)!r}):
            sleep(0.002)
        return {{"action": "pause", "message": "old"}}
        """,
        "from os.path import exists\nfrom time import sleep",
    )
    host = site.file_host(slow, watch=True, deadline="50s")
    answers = []
    asking = threading.Thread(target=lambda: answers.append(host.decide(ATTEMPT)))
    asking.start()
    eventually(entered.exists)
    site.save(hook("return None"))
    go_on.touch()
    asking.join()
    assert answers == [{"action": "pause", "message": "old"}]
    eventually(lambda: host.decide(ATTEMPT) == NORMAL)
