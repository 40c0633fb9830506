"""`hookframe.chain.interrupter`: a hook that takes too long is ended in its own stack."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from time import monotonic

import pytest
import uvloop

from hookframe import Host
from hookframe.chain.deadline import CELLS, DUE, SIGNAL, STARTED
from hookframe.chain.interrupter import ALARM
from hookframe.host.source import ConfigFile
from hookframe.log import rate
from hookframe.testing import eventually

from ..helpers.attempts import ATTEMPT, NORMAL, TEMPFAIL, attempt
from ..helpers.distributions import run_python
from ..helpers.site import hook, policy

# An interruption may fall into a callback of the garbage collector, as hypothesis has one: Python
# ignores it there and says so, and the next one ends the hook.
pytestmark = [
    pytest.mark.every_python,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

DUMP = {"action": "dump"}
LONG = "500ms"
"""A deadline that hooks which return at once do not exceed, on a machine that has other things to
do either: after one that was busy until its deadline the next may well have to wait for a turn."""
HANGING = {
    "a busy loop": "while True: pass",
    "a busy loop around a handler": "while True:\n    try: 1 / 0\n    except Exception: pass",
    "time.sleep": "time.sleep(3600)",
    "a lock": "lock = threading.Lock()\nwhile lock.acquire(): pass",
    "an event": "threading.Event().wait()",
    "a queue": "queue.Queue().get()",
    "a thread": "thread = threading.Thread(target=gate.wait, daemon=True)\n"
    "thread.start(); thread.join()",
    "a socket": "here, there = socket.socketpair()\nwith here, there: here.recv(1)",
    "select": "here, there = socket.socketpair()\nwith here, there: select.select([here], [], [])",
    "a program": "subprocess.run(['sleep', '3600'])",
    "a pipe": "read, write = os.pipe()\ntry: os.read(read, 1)\n"
    "finally: os.close(read); os.close(write)",
    "a regular expression": "re.match('(a+)+$', 'a' * 64 + 'b')",
    "a generator": "all(number + 1 for number in itertools.count())",
    "sorting": "sorted(range(3), key=lambda _: endless())",
    "an import": "sys.modules.pop('endless_import', None)\nimport endless_import",
    "print": "while True: print('again')",
    "print without a line's end": "while True: print(end='again')",
    "print to standard error": "while True: sys.stderr.write('again\\n')",
    "print called by C": "collections.deque(map(print, itertools.count()), 0)",
    "loguru": "while True: loguru.logger.debug('again')",
    "logging": "while True: logging.getLogger('hook').error('again')",
    "an exception's text": "class Odd(Exception):\n    def __str__(self): endless()\nraise Odd",
    "a mapping": "class Odd(collections.UserDict):\n    def keys(self): endless()\nreturn Odd()",
}
HEAD = """
import collections, itertools, logging, os, queue, re, select, socket, subprocess, sys, threading
import time
import loguru

gate = threading.Event()

def close():
    gate.set()

def endless():
    while True: pass
"""


class FormattingHandler(logging.Handler):
    """A handler that spends its time with its lock held."""

    def emit(self, record):
        self.format(record)


@contextmanager
def interrupting(site, toml, code=None, **keywords):
    """Make a host that interrupts hooks, as the daemon does."""
    site.configure(toml, code)
    keywords = {"watch": False, "interrupt": True, **keywords}
    with Host(ConfigFile(site.config), **keywords) as host:
        assert host.problem == ""
        yield host


def make_cells():
    """Make the cells of a clock that another process could read."""
    return memoryview(bytearray(8 * CELLS)).cast("d")


JUDGE = """
import os, signal, sys, time
while os.getppid() == int(sys.argv[1]):
    os.kill(int(sys.argv[1]), signal.SIGRTMAX - 1)
    time.sleep(0.005)
"""


@pytest.fixture(params=["the timer", "another process"])
def judged(request):
    """Give the arguments of a host whose time is judged so; the other process always signals."""
    if request.param == "the timer":
        yield {}
        return
    before = signal.signal(SIGNAL, signal.SIG_IGN)
    command = [sys.executable, "-c", JUDGE, str(os.getpid())]
    with subprocess.Popen(command) as judge:
        yield {"cells": make_cells()}
        judge.terminate()
    signal.signal(SIGNAL, before)


@contextmanager
def file_host(site, code, deadline="50ms", **keywords):
    """Make such a host whose chain is the hook file."""
    with interrupting(site, policy(hook_file="hook.py", deadline=deadline), code, **keywords) as it:
        yield it


def hanging_if(sendid, body, head=HEAD):
    """Write a hook file that runs this body where the attempt has this `sendid`, and else dumps."""
    return hook(f"if attempt['sendid'] != {sendid!r}: return {{'action': 'dump'}}\n{body}", head)


# What can be interrupted


@pytest.fixture
def endless_import(site, monkeypatch):
    """A module whose import never ends."""
    (site.directory / "endless_import.py").write_text("while True: pass\n")
    monkeypatch.syspath_prepend(site.directory)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)


@pytest.mark.usefixtures("endless_import")
@pytest.mark.parametrize("way", HANGING)
def test_a_hook_that_hangs_is_interrupted(way, judged, site, log):
    with file_host(site, hook(HANGING[way], HEAD), **judged) as host:
        log.clear()
        assert host.decide(ATTEMPT) == TEMPFAIL
    [line] = log.attempts
    assert f" at {site.file} line " in line
    assert line.endswith("(plugin file)")


@pytest.mark.slow
@pytest.mark.usefixtures("endless_import")
@pytest.mark.parametrize("way", HANGING)
def test_a_hook_that_hangs_is_interrupted_and_the_next_attempt_is_not(way, site, log):
    with file_host(site, hanging_if("hang", HANGING[way]), LONG) as host:
        log.clear()
        for _ in range(2):
            assert host.decide(attempt(sendid="hang")) == TEMPFAIL
            assert host.decide(attempt(sendid="well")) == DUMP
        assert sys.gettrace() is None
    assert len(log.attempts) == 2
    assert all(line.endswith("(plugin file)") for line in log.attempts)
    assert all(f" at {site.file} line " in line for line in log.attempts)


def test_a_hook_that_is_interrupted_as_it_logs_leaves_no_lock_of_logging_taken(site):
    handlers = [FormattingHandler() for _ in range(6)]
    root = logging.getLogger()
    for handler in handlers:
        root.addHandler(handler)
    taken = []

    def try_locks():
        taken.extend(not handler.lock.acquire(timeout=0.1) for handler in handlers)

    try:
        with file_host(site, hook(HANGING["logging"], HEAD), "10ms") as host:
            for _ in range(25):
                assert host.decide(ATTEMPT) == TEMPFAIL
            other = threading.Thread(target=try_locks)
            other.start()
            other.join()
    finally:
        for handler in handlers:
            root.removeHandler(handler)
    assert taken == [False] * len(handlers)


def test_the_log_says_after_what_time_where_and_which_deadline_it_was(site, log):
    code = "def pre_delivery_attempt():\n    while True:\n        pass\n"
    with file_host(site, code, "30ms") as host:
        host.decide(ATTEMPT)
    [line] = log.attempts
    assert (
        "Exception running pre_delivery_attempt_hook: DeadlineExceeded: interrupted after" in line
    )
    assert "; the whole chain's deadline is 0.03 s at " in line
    assert f"{site.file} line " in line


@pytest.mark.parametrize("arguments", ["", "attempt", "attempt, decision", "state, attempt"])
def test_a_hook_is_interrupted_whatever_arguments_it_takes(arguments, site):
    code = f"def pre_delivery_attempt({arguments}):\n    while True: pass\n"
    with file_host(site, code) as host:
        assert host.decide(ATTEMPT) == TEMPFAIL


@pytest.mark.slow
def test_an_explained_attempt_is_interrupted_and_the_trace_says_so(site):
    with file_host(site, hanging_if("hang", "while True: pass"), LONG) as host:
        explained = host.explain(attempt(sendid="hang"))
        assert explained.decision == TEMPFAIL
        assert "DeadlineExceeded" in explained.trace[0]["error"]
        assert host.explain(ATTEMPT).decision == DUMP


@pytest.mark.slow
def test_what_is_printed_after_an_interruption_is_still_attributed_to_its_plugin(
    site, fake_plugins, log, monkeypatch
):
    clock = [100.0]  # for how much may be printed in a second
    monkeypatch.setattr(rate, "monotonic", lambda: clock[0])
    plugins = {
        "a": {"code": "print('a begins', end='')\nwhile attempt['sendid'] == 'hang': print('.')"},
        "b": {"code": "print('from b')"},
    }
    with interrupting(site, policy(["a", "b"], plugins=plugins, deadline=LONG)) as host:
        for _ in range(3):
            assert host.decide(attempt(sendid="hang")) == TEMPFAIL
            clock[0] += 1.0
            host.report_dropped_output(force=True)
            log.clear()
            assert host.decide(ATTEMPT) == NORMAL
            host.report_dropped_output(force=True)
            assert log.printed == ["plugin a: a begins", "plugin b: from b"]


def test_a_host_that_is_not_told_to_interrupts_nothing(site):
    before = signal.getsignal(SIGNAL), signal.getsignal(ALARM)
    code = hook("time.sleep(0.1); state['whole'] = True", "import time")
    host = site.file_host(code, deadline="20ms")
    assert (signal.getsignal(SIGNAL), signal.getsignal(ALARM)) == before
    assert host.decide(ATTEMPT) == TEMPFAIL
    assert host.generation.state == {"whole": True}


# A plugin's own deadline, and the whole chain's


def test_after_a_plugins_own_deadline_the_chain_goes_on_if_its_errors_are_skipped(
    site, fake_plugins, log
):
    plugins = {
        "a": {"code": "while True: pass", "deadline": "30ms", "on_error": "skip"},
        "b": {"code": "return {'action': 'dump'}"},
    }
    with interrupting(site, policy(["a", "b"], plugins=plugins, deadline="30s")) as host:
        assert host.decide(ATTEMPT) == DUMP
    [line] = log.attempts
    assert "interrupted after" in line
    assert "; its deadline is 0.03 s" in line
    assert line.endswith("(plugin a), skipped")


@pytest.mark.parametrize("lenient", [{"on_error": "skip"}, {"mode": "shadow"}])
def test_after_the_whole_chains_deadline_nothing_is_skipped(lenient, site, fake_plugins, log):
    plugins = {
        "a": {"code": "while True: pass"},
        "b": {"code": "state['b'] = True; return {'action': 'dump'}"},
    }
    toml = policy(["a", "b"], plugins=plugins, deadline="50ms")
    key, value = next(iter(lenient.items()))
    toml = toml.replace('[plugins."a"]\n', f'[plugins."a"]\n{key} = "{value}"\n')
    with interrupting(site, toml) as host:
        assert host.decide(ATTEMPT) == TEMPFAIL
        assert host.generation.state == {}
    [line] = log.attempts
    assert line.endswith("(plugin a)")


@pytest.mark.slow
def test_a_deadline_of_its_own_is_the_plugins_alone(site, fake_plugins):
    plugins = {
        "a": {"code": "return None", "deadline": LONG},
        "b": {"code": "import time; time.sleep(0.6); return {'action': 'dump'}"},
    }
    with interrupting(site, policy(["a", "b"], plugins=plugins, deadline="30s")) as host:
        assert [host.decide(ATTEMPT) for _ in range(3)] == [DUMP] * 3


# Wrappers and observers

BEFORE = "def around():\n    while True: pass\n    yield\nreturn around()"
AFTER = "def around():\n    got = yield\n    while True: pass\nreturn around()"


@pytest.mark.parametrize("code", [BEFORE, AFTER])
@pytest.mark.parametrize("whose", ["the chain's", "its own"])
def test_a_wrapper_is_interrupted_before_and_after_its_yield(code, whose, site, fake_plugins, log):
    own = {"deadline": "40ms"} if whose == "its own" else {}
    plugins = {"outer": {"code": code, **own}, "a": {"code": "return {'action': 'dump'}"}}
    toml = policy(["outer", "a"], plugins=plugins, deadline="30s" if own else "40ms")
    with interrupting(site, toml) as host:
        assert host.decide(ATTEMPT) == TEMPFAIL
        assert host.explain(ATTEMPT).decision == TEMPFAIL
    assert all(line.endswith("(plugin outer)") for line in log.attempts)
    assert len(log.attempts) == 2


@pytest.mark.parametrize("code", [BEFORE, AFTER])
def test_after_a_wrappers_own_deadline_the_inner_decision_stands_if_its_errors_are_skipped(
    code, site, fake_plugins
):
    plugins = {
        "outer": {"code": code, "deadline": "40ms", "on_error": "skip"},
        "a": {"code": "return {'action': 'dump'}"},
    }
    with interrupting(site, policy(["outer", "a"], plugins=plugins, deadline="30s")) as host:
        assert host.decide(ATTEMPT) == DUMP


def test_a_wrapper_that_has_used_up_the_whole_chains_time_lets_no_plugin_inside_run(
    site, fake_plugins
):
    plugins = {
        "outer": {"code": BEFORE, "on_error": "skip"},
        "a": {"code": "state['a'] = True"},
    }
    with interrupting(site, policy(["outer", "a"], plugins=plugins, deadline="40ms")) as host:
        assert host.decide(ATTEMPT) == TEMPFAIL
        assert host.generation.state == {}


@pytest.mark.slow
def test_the_time_of_the_chain_inside_does_not_get_a_wrapper_interrupted(site, fake_plugins):
    around = "import time\ndef around():\n    got = yield\n    time.sleep(0.03)\n    return got\n"
    plugins = {
        "outer": {"code": around + "return around()", "deadline": "2s"},
        "inner": {"code": around + "return around()"},
        "a": {"code": "import time; time.sleep(2.1); return {'action': 'dump'}"},
    }
    toml = policy(["outer", "inner", "a"], plugins=plugins, deadline="30s")
    with interrupting(site, toml) as host:
        assert host.decide(ATTEMPT) == DUMP


@pytest.mark.slow
def test_an_observer_is_interrupted_and_the_decision_stands(site, fake_plugins, log):
    plugins = {
        "a": {"code": "return {'action': 'dump'}", "decided": "while True: pass"},
        "b": {"decided": "kept['seen'] = decision\nprint('seen', len(kept))"},
    }
    with interrupting(site, policy(["a", "b"], plugins=plugins, deadline=LONG)) as host:
        for _ in range(3):
            assert host.decide(ATTEMPT) == DUMP
    assert len(log.attempts) == 3
    for line in log.attempts:
        assert "Exception running decided: DeadlineExceeded: interrupted after" in line
        assert line.endswith("(plugin a), the decision stands")
    assert log.printed == ["plugin b: seen 1"] * 3


@pytest.mark.slow
def test_an_observer_that_takes_too_long_is_logged_in_a_host_that_does_not_interrupt(
    site, fake_plugins, log
):
    plugins = {"a": {"decided": "import time; time.sleep(0.6)"}}
    assert site.host(policy(["a"], plugins=plugins, deadline=LONG)).decide(ATTEMPT) == NORMAL
    [line] = log.attempts
    assert "Exception running decided: DeadlineExceeded: took " in line


# Hooks that go on


# Not a busy loop: CPython may leave its last instruction, the jump, out of the `try` around it.
SWALLOWING = """
import time
for number in range({times}):
    try:
        time.sleep(3600)
    except BaseException:
        state["swallowed"] = number + 1
return {{"action": "dump"}}
"""


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 5])
def test_a_hook_that_swallows_the_interruption_gets_it_again_and_temp_fails_by_name(
    times, site, log
):
    # After a tenth of its deadline it is interrupted again: that must not find it in the handler.
    with file_host(site, hook(SWALLOWING.format(times=times)), "1s") as host:
        assert host.decide(ATTEMPT) == TEMPFAIL
        assert host.generation.state == {"swallowed": times}
    [line] = log.attempts
    assert "DeadlineExceeded: went on when it was interrupted, and ended after " in line
    assert line.endswith("(plugin file)")


def test_a_hook_may_turn_the_interruption_into_an_error_of_its_own(site, log):
    body = "try: time.sleep(3600)\nexcept BaseException: raise ValueError('mine') from None"
    with file_host(site, hook(body, "import time")) as host:
        assert host.decide(ATTEMPT) == TEMPFAIL
    [line] = log.attempts
    assert "ValueError: mine" in line


@pytest.mark.slow
def test_a_hook_has_time_to_give_back_what_it_holds(site):
    body = "try: time.sleep(3600)\nfinally: state['given back'] = sum(range(1000))"
    with file_host(site, hook(body, "import time"), "1s") as host:  # a tenth of it, that is
        host.decide(ATTEMPT)
        assert host.generation.state == {"given back": 499500}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_destructor_that_swallows_it_is_interrupted_again(site):
    head = (
        "class Held:\n    def __init__(self, log): self.log = log\n"
        "    def __del__(self):\n        self.log.append(1)\n        while True: pass\n"
    )
    body = "del state['held']\nreturn {'action': 'dump'}"
    code = hook(f"state['log'] = []\nstate['held'] = Held(state['log'])\n{body}", head)
    with file_host(site, code) as host:
        assert host.decide(ATTEMPT) == TEMPFAIL
        assert host.generation.state == {"log": [1]}


@pytest.mark.slow
def test_a_late_attempt_is_not_blamed_on_the_plugin_that_was_interrupted_before(
    site, fake_plugins, log
):
    plugins = {
        "a": {
            "code": "while attempt['sendid'] == 'hang': pass",
            "deadline": "30ms",
            "on_error": "skip",
        },
        "b": {"code": "sum(range(attempt['injtime']))"},
    }
    with interrupting(site, policy(["a", "b"], plugins=plugins, deadline="200ms")) as host:
        host.decide(attempt(sendid="hang", injtime=0))
        log.clear()
        assert host.decide(attempt(injtime=30_000_000)) == TEMPFAIL
    [line] = log.attempts
    assert not line.endswith("(plugin a)")


# Races


@pytest.mark.slow
def test_a_hook_that_ends_just_at_its_deadline_gives_its_answer_or_the_temp_fail(site):
    body = (
        "until = state['now']() + attempt['injtime'] / 1e6\n"
        "while state['now']() < until: state['turns'] += 1\n"
        "return {'action': 'dump'}"
    )
    chance = random.Random(3)
    with file_host(site, hook(body), "12ms") as host:
        host.generation.state.update(now=monotonic, turns=0)
        answers = [
            host.decide(attempt(injtime=chance.randrange(9_000, 19_000))) for _ in range(300)
        ]
        turns = sum(1 for _ in range(100_000))
    assert turns == 100_000
    assert all(answer in (DUMP, TEMPFAIL) for answer in answers)
    assert DUMP in answers
    assert TEMPFAIL in answers


@pytest.mark.slow
def test_a_chain_is_interrupted_while_generations_come_and_go(site):
    code = hanging_if("hang", "while True: pass")
    with file_host(site, code, "20ms", watch=True) as host:
        first = host.generation.number
        while host.generation.number < first + 5:
            number = host.generation.number
            site.save(f"{code}\n# {monotonic()}\n")
            eventually(
                lambda number=number: (
                    host.decide(attempt(sendid="hang")) == TEMPFAIL
                    and host.decide(ATTEMPT) == DUMP
                    and host.generation.number > number
                )
            )


@pytest.mark.parametrize("before", ["1h", "8760h"])
def test_a_new_generation_has_its_own_deadlines(before, site):
    slow = hook("while True: pass")
    with interrupting(site, policy(hook_file="hook.py", deadline=before), slow) as host:
        site.configure(policy(hook_file="hook.py", deadline="30ms"), slow)
        host.reload()
        assert host.decide(ATTEMPT) == TEMPFAIL


@pytest.mark.slow
def test_an_event_loop_goes_on_after_hundreds_of_interruptions(site):
    code = hanging_if("hang", "while True: pass")
    with (
        file_host(site, code, "20ms") as host,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        answers, strange = runner.run(asked_in_callbacks(host, 300))
    assert answers[::2] == [TEMPFAIL] * 300
    assert answers.count(DUMP) > 200  # a busy machine may take as long as the deadline for nothing
    assert strange == []


async def asked_in_callbacks(host, rounds):
    """Ask a host in callbacks of the running loop, as the daemon does, with hooks that hang."""
    loop = asyncio.get_running_loop()
    done, answers, strange, heard = loop.create_future(), [], [], asyncio.Event()
    loop.set_exception_handler(lambda _, context: strange.append(context))
    loop.add_signal_handler(signal.SIGUSR1, heard.set)

    def ask():
        answers.append(host.decide(attempt(sendid="hang")))
        answers.append(host.decide(ATTEMPT))
        if len(answers) == 2 * rounds:
            done.set_result(None)
        else:
            loop.call_soon(ask)

    loop.call_soon(ask)
    await done
    os.kill(os.getpid(), signal.SIGUSR1)
    await asyncio.wait_for(heard.wait(), 20)
    loop.remove_signal_handler(signal.SIGUSR1)
    return answers, strange


# The clock that another process reads


@pytest.fixture
def clock():
    """Make cells, and a function that reads them in a hook."""
    cells = make_cells()
    return cells, lambda: (cells[STARTED], cells[DUE])


def seen_by(site, clock, toml, code=None):
    """Decide an attempt; return what the hooks have read from the cells, by their names."""
    cells, read = clock
    with interrupting(site, toml, code, cells=cells) as host:
        host.generation.state["read"] = read
        began = monotonic()
        host.decide(ATTEMPT)
        assert cells[STARTED] == 0.0
        found = {key: each for key, each in host.generation.state.items() if key != "read"}
    for started, due in found.values():
        assert began <= started <= monotonic()
        assert started < due
    return {key: due - started for key, (started, due) in found.items()}


def test_the_cells_say_since_when_an_attempt_runs_and_when_it_is_due(site, clock):
    toml = policy(hook_file="hook.py", deadline="3s")
    found = seen_by(site, clock, toml, hook("state['a'] = state['read']()"))
    assert found == {"a": pytest.approx(3.0)}


def test_the_cells_are_due_at_the_nearest_deadline(site, clock, fake_plugins):
    around = "state['before'] = state['read']()\nyield\nstate['after'] = state['read']()"
    plugins = {
        "outer": {"code": around, "deadline": "2s"},
        "a": {"code": "state['a'] = state['read']()", "deadline": "1s"},
        "b": {"code": "state['b'] = state['read']()"},
    }
    found = seen_by(site, clock, policy(list(plugins), plugins=plugins, deadline="30s"))
    due = {"before": 2.0, "a": 1.0, "b": 30.0, "after": 2.0}
    assert found == {name: pytest.approx(each, abs=0.5) for name, each in due.items()}


def test_an_attempt_within_an_attempt_does_not_stop_the_clock_of_the_outer_one(site, clock):
    body = "if attempt['sendid'] == 'inner': return\nbefore = state['read']()\nstate['ask']()\n"
    body += "assert state['read']() == before\nreturn {'action': 'dump'}"
    toml = policy(hook_file="hook.py", deadline="30s")
    with interrupting(site, toml, hook(body), cells=clock[0]) as host:
        ask = lambda: host.decide(attempt(sendid="inner"))  # noqa: E731
        host.generation.state.update(read=clock[1], ask=ask)
        assert host.decide(ATTEMPT) == DUMP
    assert clock[0][STARTED] == 0.0


def test_an_observer_is_due_by_its_own_clock(site, clock, fake_plugins):
    cells, read = clock
    plugins = {"a": {"code": "state['kept'] = kept", "decided": "kept['seen'] = kept['read']()"}}
    with interrupting(site, policy(["a"], plugins=plugins, deadline="3s"), cells=cells) as host:
        host.decide(ATTEMPT)
        host.generation.state["kept"]["read"] = read
        host.decide(ATTEMPT)
        started, due = host.generation.state["kept"]["seen"]
    assert due - started == pytest.approx(3.0)
    assert cells[STARTED] == 0.0


# Threads, signals, processes


def test_what_another_thread_asks_is_not_interrupted_and_nor_is_the_main_thread(site):
    body = "until = monotonic() + 0.15\nwhile monotonic() < until: pass\nreturn {'action': 'dump'}"
    code = hook(body, "from time import monotonic")
    unharmed = site.file_host(code, deadline="30s")
    answers = []
    with interrupting(site, policy(hook_file="hook.py", deadline="20ms"), code) as host:
        thread = threading.Thread(target=lambda: answers.append(host.decide(ATTEMPT)))
        thread.start()
        assert unharmed.decide(ATTEMPT) == DUMP
        thread.join()
    assert answers == [TEMPFAIL]


def test_a_host_made_in_another_thread_can_not_interrupt_and_says_so(site):
    site.configure(policy(hook_file="hook.py"), hook("return None"))
    caught = []

    def make():
        with pytest.raises(ValueError, match="must be made in the main thread") as error:
            Host.from_config(site.config, watch=False, interrupt=True)
        caught.append(str(error.value))

    thread = threading.Thread(target=make, name="the-other-one")
    thread.start()
    thread.join()
    assert "the-other-one" in caught[0]
    assert "interrupt=True" in caught[0]


def test_the_signal_and_the_timer_are_given_back_when_the_last_host_closes(site):
    def own(number, frame):
        raise AssertionError("nobody sends it")

    before = signal.signal(ALARM, own)
    timer = signal.setitimer(signal.ITIMER_REAL, 3600.0, 60.0)  # a time limit of this test
    try:
        code = hanging_if("hang", "while True: pass")
        with file_host(site, code) as first:
            with file_host(site, code) as second:
                assert second.decide(attempt(sendid="hang")) == TEMPFAIL
            assert signal.getsignal(ALARM) != own
            assert first.decide(attempt(sendid="hang")) == TEMPFAIL
        assert signal.getsignal(ALARM) == own
        left, interval = signal.getitimer(signal.ITIMER_REAL)
        assert left == pytest.approx(3600, abs=60)
        assert interval == 60.0
    finally:
        signal.signal(ALARM, before)
        signal.setitimer(signal.ITIMER_REAL, *timer)


def test_where_a_plugin_takes_the_alarm_an_overdue_hook_is_reported_when_it_ends(site, log):
    body = (
        "signal.signal(signal.SIGALRM, signal.SIG_IGN)\nsignal.setitimer(signal.ITIMER_REAL, 0.01)"
    )
    code = hook(f"{body}\ntime.sleep(0.1)\nstate['whole'] = True", "import signal, time")
    before = signal.getsignal(ALARM)
    try:
        with file_host(site, code, "30ms") as host:
            assert host.decide(ATTEMPT) == TEMPFAIL
            assert host.generation.state == {"whole": True}
        assert signal.getsignal(ALARM) == signal.SIG_IGN
    finally:
        signal.signal(ALARM, before)
    assert "DeadlineExceeded: took " in log.attempts[0]


def test_two_hosts_interrupt_each_its_own_hook(site, tmp_path):
    with file_host(site, hook("while True: pass"), "20ms") as quick:
        site.configure(policy(hook_file="hook.py", deadline="120ms"))
        with Host.from_config(site.config, watch=False, interrupt=True) as slow:
            began = monotonic()
            assert quick.decide(ATTEMPT) == TEMPFAIL
            assert slow.decide(ATTEMPT) == TEMPFAIL
            assert monotonic() - began > 0.12


PROGRAM = """
import os, signal, sys
from loguru import logger
from hookframe import Host
from hookframe.chain.interrupter import ALARM
logger.remove()
attempt = {attempt!r}
host = Host.from_config({config!r}, watch=False, interrupt=True)
"""


def run_program(site, code, then, deadline="50ms"):
    """Run a program with a host of its own."""
    site.configure(policy(hook_file="hook.py", deadline=deadline), code)
    head = PROGRAM.format(attempt=attempt(sendid="hang"), config=str(site.config))
    return run_python(head + then).stdout


@pytest.mark.slow
def test_a_program_may_end_without_closing_its_host(site):
    code = hanging_if("hang", "while True: pass")
    assert run_program(site, code, "print(host.decide(attempt)['action'])") == "pause\n"


@pytest.mark.slow
def test_a_signal_that_comes_after_the_end_of_an_attempt_harms_nothing(site):
    then = """
for _ in range(100):
    os.kill(os.getpid(), ALARM)
print(host.decide({**attempt, "sendid": "well"})["action"])
"""
    assert run_program(site, hanging_if("hang", "pass"), then, "30s") == "dump\n"


@pytest.mark.slow
def test_a_host_may_be_closed_right_after_an_interruption_again_and_again(site):
    then = f"""
host.close()
for _ in range(50):
    with Host.from_config({str(site.config)!r}, watch=False, interrupt=True) as host:
        host.decide(attempt)
assert signal.getsignal(ALARM) == signal.SIG_DFL
print(sum(range(1000)))
"""
    code = hanging_if("hang", "for _ in range(state.setdefault('n', 100_000)): pass")
    assert run_program(site, code, then, "10ms") == "499500\n"


@pytest.mark.slow
def test_a_child_that_a_hook_forks_has_no_alarm_and_may_close_its_host(site):
    body = (
        "import os\nchild = os.fork()\n"
        "if child: return {'action': 'dump', 'message': str(os.waitpid(child, 0)[1])}\n"
        "return {'action': 'pause', 'message': 'child'}"
    )
    then = """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)
answer = host.decide({**attempt, "sendid": "hang"})
host.close()
if answer["message"] == "child":
    os._exit(7)
print(answer["message"])
"""
    assert run_program(site, hook(body), then, "30s") == f"{7 << 8}\n"
