"""A hook file that never gets as far as to be a hook."""

from __future__ import annotations

import os
import signal
from time import sleep

import pytest

from hookframe.testing import eventually

from ..helpers.attempts import TEMPFAIL, attempt
from .accounts import POLICY, TEMPFAILED, Accounts, prefixed, under_load
from .daemons import IDLE, stop
from .policies import policy

DEADLY = {
    "leaves": "import os\nos._exit(0)\n",
    "segmentation_fault": "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n",
}
HANGING = {
    "busy": "while True: pass\n",
    "asleep": "import time\ntime.sleep(3600)\n",
    "at_configure": "def configure(settings):\n    while True: pass\n",
}
IN_C = "import itertools\nsum(itertools.repeat(0))\n"
RAISING = {
    "exit": "raise SystemExit(0)\n",
    "memory": "more = bytearray(1 << 50)\n",
    "memory_by_and_by": "more = []\nwhile True:\n    more.append(bytearray(1 << 20))\n",
}
NO_DESCRIPTOR = "import os\nwhile True:\n    os.open(os.devnull, 0)\n"
SURROGATE = "raise ValueError('at \\udc80')\n"
LOAD_TIME = '[limits]\nload_time = "1s"\n'
"""Long enough for a good file on a busy machine, and for attempts while a bad one is loaded."""
KEEP = 'on_load_error = "keep"\n'
NOTING = """
import pathlib
pathlib.Path(__file__).with_name("begun").touch()
"""
GATED = """
import pathlib
pathlib.Path(__file__).with_name("gate").open().close()
"""


def parametrized(*sources):
    """Make a parameter of each of these, with its name as its id."""
    return pytest.mark.parametrize(
        "source", [pytest.param(code, id=name) for each in sources for name, code in each.items()]
    )


BAD = """
import ctypes
import os

from hookframe import hookimpl

{at_import}

@hookimpl
def configure():
    {at_configure}

@hookimpl
def pre_delivery_attempt():
    return None
"""
"""A plugin that goes wrong while it is imported, or configured."""
PHASES = {
    "exits at import": ({"at_import": "os._exit(0)"}, "importing bad"),
    "crashes at import": ({"at_import": "ctypes.string_at(0)"}, "importing bad"),
    "hangs at import": ({"at_import": "while True: pass"}, "importing bad"),
    "crashes at configure": ({"at_configure": "ctypes.string_at(0)"}, "configuring bad"),
    "hangs at configure": ({"at_configure": "while True: pass"}, "configuring bad"),
}
ONCE_FROZEN = """
import os
import pathlib

gate = pathlib.Path(__file__).with_name("gate")
gate.with_name("loading").write_text(str(os.getpid()))
if gate.exists():
    gate.open().close()
"""
LACKING = """
import pathlib

here = pathlib.Path(__file__)
with here.with_name("loads").open("a") as loads:
    loads.write("x")
PREFIX = here.with_name("lacking").read_text()
"""
"""Needs a file of which hookframe knows nothing."""

ANSWER_TIME = '[limits]\nanswer_time = "1s"\n'


@parametrized(DEADLY, {"busy": HANGING["busy"], "in_c": IN_C})
def test_what_crashes_or_hangs_at_the_start_is_served_as_temp_fails_and_mended_live(fresh, source):
    daemon = fresh()
    daemon.write(source + policy(), LOAD_TIME)
    daemon.launch()
    daemon.wait_for("listening on")
    accounts = Accounts(daemon)
    with accounts.load(), accounts.load(keep=False), accounts.load(daemon.exim):
        accounts.wait_for(TEMPFAILED)
        assert accounts.outcomes[POLICY] == 0
        daemon.save(daemon.hook_file, policy())
        accounts.wait_for(POLICY)
    accounts.all_closed()
    assert daemon.is_running


@parametrized(DEADLY)
def test_what_crashes_when_it_is_saved_is_served_as_temp_fails_and_mended_live(fresh, source):
    daemon = fresh().with_policy()
    with under_load(daemon) as accounts:
        daemon.save(daemon.hook_file, source + policy())
        accounts.wait_for(TEMPFAILED)
        daemon.save(daemon.hook_file, policy())
        accounts.wait_for(POLICY)
    daemon.wait_for("has died: ")


@parametrized(DEADLY, HANGING, {"in_c": IN_C})
def test_what_crashes_or_hangs_when_it_is_saved_never_reaches_the_worker_that_keeps(fresh, source):
    daemon = fresh().with_policy("", KEEP + LOAD_TIME)
    worker = daemon.worker()
    with under_load(daemon, prefixed("", "mended ")) as accounts:
        daemon.standby()
        daemon.save(daemon.hook_file, source + policy())
        line = daemon.wait_for("error loading pre_delivery_attempt_hook: loading the policy ended")
        assert "hook.py" in line
        accounts.wait_for(POLICY)
        assert daemon.worker() == worker
        daemon.save(daemon.hook_file, policy("", "mended "))
        daemon.live("mended ")
    assert set(accounts.outcomes) == {POLICY}


def test_a_standby_that_is_frozen_brands_no_good_policy(fresh):
    daemon = fresh().with_policy()
    with under_load(daemon, prefixed("", "new ")) as accounts:
        standby = daemon.ready()
        stop(standby)
        daemon.save(daemon.hook_file, policy("", "new "))
        daemon.live("new ")
        os.kill(standby, signal.SIGCONT)
    assert set(accounts.outcomes) == {POLICY}
    assert not daemon.logged("error loading")


@pytest.mark.parametrize(("where", "phase"), PHASES.values(), ids=PHASES)
def test_a_plugin_that_ends_or_hangs_the_process_that_loads_it_is_blamed_by_name_and_phase(
    fresh, where, phase
):
    daemon = fresh()
    source = BAD.format(**{"at_import": "", "at_configure": "pass", **where})
    daemon.install("bad", source)
    daemon.with_plugins(KEEP + LOAD_TIME)
    worker = daemon.worker()
    good = daemon.configuration.read_text()
    with under_load(daemon) as accounts:
        chain = good.replace("[limits]", 'chain = ["bad", "file"]\n[limits]')
        daemon.save(daemon.configuration, chain)
        line = daemon.wait_for("error loading pre_delivery_attempt_hook: loading the policy ended")
        assert f"while {phase}" in line
        assert phase in daemon.status()["problem"]
        accounts.wait_for(POLICY)
        daemon.save(daemon.configuration, good)
        eventually(lambda: not daemon.status()["problem"])
    assert set(accounts.outcomes) == {POLICY}
    assert daemon.worker() == worker


def test_a_process_that_is_frozen_while_it_loads_brands_no_good_policy(fresh):
    daemon = fresh().with_policy("", LOAD_TIME.replace("1s", "2s"))
    gate, loading = daemon.directory / "gate", daemon.directory / "loading"
    os.mkfifo(gate)
    with under_load(daemon, prefixed("", "new ")) as accounts:
        daemon.save(daemon.hook_file, ONCE_FROZEN + policy("", "new "))
        stop(int(eventually(lambda: loading.exists() and loading.read_text())))
        gate.unlink()  # what it says of that when it is woken to be killed is no verdict
        daemon.live("new ")
    assert set(accounts.outcomes) == {POLICY}
    assert daemon.logged("limits.load_time") == 1
    assert not daemon.logged("error loading")
    assert daemon.status()["last_load_error"] is None


def test_a_sighup_loads_a_broken_policy_again_at_once(fresh):
    daemon = fresh().with_policy()
    loads = daemon.directory / "loads"
    daemon.save(daemon.hook_file, f"{policy()}{LACKING}")
    eventually(lambda: loads.exists() and loads.read_text() == "xxx")  # the next one is 5 s later
    (daemon.directory / "lacking").write_text("now ")
    daemon.signal(signal.SIGHUP)
    daemon.live("now ", patience=4.0)
    eventually(lambda: daemon.status()["problem"] == "")


def test_while_nothing_is_known_to_be_broken_failures_are_not_counted_as_load_errors(fresh):
    daemon = fresh()
    gate = daemon.directory / "gate"
    daemon.write(GATED + "1 / 0\n" + policy())
    os.mkfifo(gate)
    daemon.launch()
    daemon.wait_for("listening on")
    assert daemon.ask(attempt()) == TEMPFAIL
    before = daemon.status()["temporary_failures"]
    with gate.open("w"):
        daemon.wait_for("error loading")
    gate.unlink()
    gate.touch()
    assert daemon.ask(attempt()) == TEMPFAIL
    after = daemon.status()["temporary_failures"]
    assert (before["no_worker"], before["load_error"]) == (1, 0)
    assert (after["no_worker"], after["load_error"]) == (1, 1)


def test_saves_that_come_faster_than_they_load_end_in_the_newest(fresh):
    daemon = fresh().with_policy()
    right = prefixed("", "1 ", "2 ", "3 ")
    with under_load(daemon, right) as accounts:
        for number in (1, 2, 3):
            daemon.save(
                daemon.hook_file, f"import time\ntime.sleep(0.6)\n{policy('', f'{number} ')}"
            )
            accounts.wait_for(POLICY, 20)
        daemon.live("3 ")
        accounts.wait_for(POLICY, 50)
        assert Accounts(daemon, prefixed("3 ")).ask() is POLICY
    assert set(accounts.outcomes) == {POLICY}
    assert daemon.status()["generation"] <= 4


@parametrized({**HANGING, "in_c": IN_C})
def test_a_load_that_hangs_while_nobody_asks_is_noticed(fresh, source):
    daemon = fresh().with_policy("", KEEP + LOAD_TIME)
    daemon.ready()
    sleep(IDLE)
    daemon.save(daemon.hook_file, source + policy())
    eventually(lambda: daemon.logged("limits.load_time"))
    assert Accounts(daemon).ask() is POLICY


@parametrized(HANGING)
def test_while_a_load_hangs_the_generation_before_answers_until_it_is_given_up(fresh, source):
    daemon = fresh().with_policy("", LOAD_TIME)
    with under_load(daemon) as accounts:
        daemon.save(daemon.hook_file, source + policy())
        accounts.wait_for(POLICY, 3)
        assert accounts.outcomes[TEMPFAILED] == 0
        daemon.wait_for("limits.load_time")
        daemon.save(daemon.hook_file, policy())
        accounts.wait_for(POLICY)


def test_a_load_that_takes_long_holds_up_no_attempt_and_is_live_afterwards(fresh):
    daemon = fresh().with_policy()
    gate = daemon.directory / "gate"
    os.mkfifo(gate)
    with under_load(daemon, prefixed("", "new ")) as accounts:
        daemon.standby()
        daemon.save(daemon.hook_file, GATED + policy("", "new "))
        accounts.wait_for(POLICY, 30)
        assert Accounts(daemon).ask() is POLICY
        with gate.open("w"):
            daemon.wait_for("generation 2")
        daemon.live("new ")
    assert set(accounts.outcomes) == {POLICY}


@parametrized(RAISING)
@pytest.mark.parametrize("keep", [False, True], ids=["tempfail", "keep"])
def test_whatever_a_hook_file_raises_the_worker_lives_and_the_operators_choice_holds(
    fresh, source, keep
):
    daemon = fresh().with_policy("", KEEP if keep else "")
    worker = daemon.worker()
    with under_load(daemon) as accounts:
        daemon.save(daemon.hook_file, source + policy())
        daemon.wait_for("error loading pre_delivery_attempt_hook")
        accounts.wait_for(POLICY if keep else TEMPFAILED)
        daemon.save(daemon.hook_file, policy())
        eventually(lambda: not daemon.status()["problem"])
        accounts.wait_for(POLICY)
    assert set(accounts.outcomes) == ({POLICY} if keep else {POLICY, TEMPFAILED})
    assert (daemon.worker() == worker) is keep


def test_a_close_that_never_ends_holds_up_a_stop_no_longer_than_answer_time(fresh):
    daemon = fresh()
    daemon.write("def close():\n    while True: pass\n" + policy(), ANSWER_TIME)
    daemon.start()
    daemon.ready()
    assert daemon.stop() == 0
    killed = "was killed: it did not end within limits.answer_time while closing file"
    assert daemon.logged(f"{killed} at {daemon.hook_file} line 2 (plugin file)") == 2


def test_a_close_that_never_ends_keeps_no_later_save_from_being_live(fresh):
    closing = "import time\ndef close(): time.sleep(3600)\n"
    daemon = fresh()
    daemon.write(closing + policy(), ANSWER_TIME)
    daemon.start()
    with under_load(daemon, prefixed("", "second ", "third ")):
        daemon.save(daemon.hook_file, policy("", "second "))
        daemon.wait_for("limits.answer_time")
        daemon.save(daemon.hook_file, policy("", "third "))
        daemon.live("third ")


def test_what_the_compiler_warns_of_is_logged_once_for_each_save(fresh):
    daemon = fresh().with_policy()
    daemon.tolerated = "SyntaxWarning: "
    daemon.ready()
    for number in range(1, 4):
        daemon.save(daemon.hook_file, f"SAME = {number} is {number}\n{policy()}")
        daemon.wait_for(f"generation {number + 1}")
        assert daemon.logged("SyntaxWarning: ") == number


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (SURROGATE, r"error running the file: ValueError: at \udc80"),
        (NO_DESCRIPTOR, "error running the file: OSError: [Errno 24] Too many open files"),
    ],
)
def test_a_load_error_is_told_whatever_it_says_and_whatever_is_left(fresh, source, said):
    daemon = fresh().with_policy(more=KEEP)
    daemon.save(daemon.hook_file, source)
    logged = daemon.wait_for("error loading")
    assert said in logged
    assert str(daemon.hook_file) in logged
    assert daemon.status()["notes"] == [
        "the policy can't be loaded: generation 1 goes on until that is fixed"
    ]


def test_a_load_that_takes_long_shows_in_the_status(fresh):
    daemon = fresh().with_policy()
    daemon.save(daemon.hook_file, "import time\ntime.sleep(2.5)\n" + policy())
    eventually(lambda: daemon.status()["notes"] == ["a change is being loaded, for 1 s now"])
    eventually(lambda: daemon.status()["notes"] == [])
    assert daemon.status()["generation"] == 2
