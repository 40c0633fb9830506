"""What the system, or an administrator, does to the daemon's processes."""

from __future__ import annotations

import json
import os
import resource
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from time import sleep

import pytest

from hookframe.testing import eventually

from ..helpers.attempts import TEMPFAIL, attempt
from ..helpers.processes import gone
from ..helpers.requests import line
from ..helpers.wait import for_a_while
from .accounts import ENDED, POLICY, TEMPFAILED, Accounts, prefixed, under_load
from .daemons import FALLBACK, IDLE, stop
from .policies import SHORT, WHO, policy

HANGING = """
import itertools
import pathlib
import time

begun = pathlib.Path(__file__).with_name("begun")

def asleep():
    begun.touch()
    time.sleep(3600)

def in_c():
    begun.touch()
    sum(itertools.repeat(0))

def slow():
    begun.touch()
    time.sleep(0.005)
"""
OCCUPYING = """
import os
import pathlib
import time

def occupied():
    note = pathlib.Path(__file__).with_name("note")
    note.write_text(str(os.getpid()))
    note.rename(note.with_name("begun"))
    time.sleep(3600)
"""
"""Says which process is occupied."""
NO_DEADLINE = 'deadline = "1h"\n'
AT_EVERY_ATTEMPT = "import os\ndef pre_delivery_attempt(attempt): os._exit(1)\n"
AT_IMPORT = {
    "ends itself": "import os\nos._exit(1)\n",
    "is killed": "import os\nos.kill(os.getpid(), 9)\n",
    "never ends": "import itertools\nsum(itertools.repeat(0))\n",
}
ONCE_ONLY = """
import pathlib
if pathlib.Path(__file__).with_name("taken").exists():
    os._exit(1)
"""
LOAD_TIME = '[limits]\nload_time = "1s"\n'
"""Long enough for a good file: one that is not loaded in it counts as one that kills."""
LOUD = "workers keep ending soon after their start"
SPARE_LOUD = "no standby can be loaded, the workers go on"
LONGEST_SILENCE = 10.0
"""Seconds; a client usually waits for less than one, on a machine that has time for it."""
REQUEST = line(attempt(recipient=WHO))


def begun(daemon):
    """Wait until the hook has begun what the attempt asks for."""
    eventually((daemon.directory / "begun").exists)


def mended(daemon, accounts):
    """Save a policy that works, and wait until it answers."""
    daemon.save(daemon.hook_file, policy())
    accounts.wait_for(POLICY)


def in_a_group_of_its_own(daemon):
    """Start a daemon as a terminal does, with a process group of its own."""
    daemon.write(policy(HANGING), NO_DEADLINE)
    daemon.start("setsid")
    return daemon


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_worker_that_is_killed_is_replaced_at_the_cost_of_what_it_was_answering(fresh, number):
    daemon = fresh().with_policy()
    worker = daemon.worker()
    daemon.ready()
    with under_load(daemon) as accounts:
        os.kill(worker, number)
        daemon.next_worker(worker)
    eventually(lambda: gone(worker))
    assert accounts.outcomes[TEMPFAILED] == 0
    assert accounts.outcomes[ENDED] <= (0 if number == signal.SIGTERM else 3)


def test_a_standby_that_is_killed_is_replaced_at_no_cost(fresh):
    daemon = fresh().with_policy()
    worker, killed = daemon.worker(), daemon.ready()
    with under_load(daemon) as accounts:
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: daemon.ready() != killed)
    assert set(accounts.outcomes) == {POLICY}
    assert daemon.worker() == worker


def test_worker_and_standby_may_be_killed_at_once(fresh):
    daemon = fresh().with_policy()
    both = [daemon.worker(), daemon.ready()]
    with under_load(daemon) as accounts:
        for each in both:
            os.kill(each, signal.SIGKILL)
        eventually(lambda: daemon.worker() not in both)
    assert accounts.outcomes[ENDED] <= 3


def test_while_workers_are_killed_as_soon_as_they_serve_every_attempt_comes_to_an_end(fresh):
    daemon = fresh().with_policy()
    with under_load(daemon) as accounts:
        for _ in range(8):
            worker = daemon.worker()
            os.kill(worker, signal.SIGKILL)
            daemon.next_worker(worker)
    assert accounts.outcomes[ENDED] <= 8 * 3
    assert accounts.longest < LONGEST_SILENCE


def test_all_processes_end_with_the_supervisor_and_the_next_daemon_takes_over_at_once(fresh):
    daemon = fresh().with_policy()
    daemon.ready()
    family = daemon.descendants()
    accounts = Accounts(daemon, may_refuse=True)
    with accounts.load(), accounts.load(keep=False), accounts.load(daemon.exim):
        accounts.wait_for(POLICY)
        daemon.signal(signal.SIGKILL)
        assert daemon.wait() == -signal.SIGKILL
        eventually(lambda: all(gone(each.pid) for each in family))
        assert len(family) >= 2
        daemon.launch()
        daemon.wait_for("listening on", times=2)
        accounts.wait_for(POLICY, 30)
    assert set(accounts.all_closed()) <= {POLICY, ENDED}
    assert daemon.logged("replaced the stale socket file") == 3


def test_a_worker_or_a_standby_that_is_stopped_is_replaced(fresh):
    one, other = fresh().with_policy(), fresh().with_policy()
    worker, waiting = one.worker(), other.ready()
    with one.connect() as connected:
        connected.ask(attempt())
        # Nobody asks at this moment: whoever is stopped is woken to say where it is, and one that
        # was in an attempt may go on with that, and live.
        os.kill(worker, signal.SIGSTOP)
        connected.send(REQUEST)
        with under_load(one) as accounts, under_load(other) as untouched:
            os.kill(waiting, signal.SIGSTOP)
            connected.rest()
            one.next_worker(worker)
            eventually(lambda: gone(waiting))
            eventually(lambda: other.ready() != waiting)
    assert gone(worker)
    assert accounts.outcomes[ENDED] <= 3
    assert accounts.outcomes[TEMPFAILED] == 0
    assert set(untouched.outcomes) == {POLICY}


def test_an_idle_worker_that_is_stopped_is_replaced_although_no_client_comes(fresh):
    daemon = fresh().with_policy()
    worker = daemon.worker()
    sleep(IDLE)
    stop(worker)
    eventually(lambda: gone(worker))
    assert Accounts(daemon).ask() is POLICY


def test_an_idle_worker_that_is_stopped_is_replaced_though_another_one_is_busy(fresh):
    daemon = fresh()
    daemon.write(policy(OCCUPYING), f"workers = 2\n{NO_DEADLINE}")
    daemon.start()
    both = eventually(lambda: len(now := daemon.having("worker")) == 2 and set(now))
    with daemon.connect() as occupying:
        occupying.send(line(attempt(recipient="occupied@fault.test")))
        begun(daemon)
        busy = int((daemon.directory / "begun").read_text())
        [idle] = both - {busy}
        sleep(IDLE)
        stop(idle)
        eventually(lambda: gone(idle))
    os.kill(busy, signal.SIGKILL)  # it would not end before its hook does


def test_a_daemon_whose_idle_worker_is_stopped_ends_as_soon_as_any_other(fresh):
    daemon = fresh().with_policy()
    worker = daemon.worker()
    sleep(IDLE)
    stop(worker)
    daemon.signal(signal.SIGTERM)
    eventually(lambda: not daemon.is_running)


def test_while_the_standby_that_should_serve_is_stopped_somebody_answers(fresh):
    daemon = fresh().with_policy()
    worker, stopped = daemon.worker(), daemon.ready()
    with under_load(daemon) as accounts:
        os.kill(stopped, signal.SIGSTOP)
        os.kill(worker, signal.SIGKILL)
        eventually(lambda: daemon.worker() not in {worker, stopped})
    assert accounts.outcomes[ENDED] <= 6  # once woken the standby may serve until it is killed
    assert accounts.longest < LONGEST_SILENCE


def test_a_worker_that_dies_after_a_quiet_time_leaves_its_standby_as_long_as_ever_to_serve(fresh):
    daemon = fresh().with_policy()
    worker, standby = daemon.worker(), daemon.ready()
    stop(standby)
    sleep(1.5)  # the supervisor looks at nothing but what may hang meanwhile
    os.kill(worker, signal.SIGKILL)
    substitutes = for_a_while(0.5, lambda: daemon.children(FALLBACK))
    os.kill(standby, signal.SIGCONT)
    assert set().union(*substitutes) == set()
    assert daemon.worker() == standby


def test_a_daemon_that_was_stopped_as_a_whole_goes_on_where_it_stood(fresh):
    daemon = fresh().with_policy(deadline=SHORT)
    worker = daemon.worker()
    family = [daemon.pid, worker, daemon.ready()]
    accounts = Accounts(daemon)
    with accounts.load(), accounts.load(keep=False):
        accounts.wait_for(POLICY)
        for number in (signal.SIGSTOP, signal.SIGCONT):
            for each in family:
                os.kill(each, number)
            if number == signal.SIGSTOP:
                sleep(1.5)  # longer than any deadline, as a machine sleeps
        accounts.wait_for(POLICY)
    assert set(accounts.all_closed()) <= {POLICY, TEMPFAILED}  # the deadline of one may be over
    assert daemon.worker() == worker


def test_a_daemon_that_nobody_asked_and_that_was_stopped_as_a_whole_goes_on_where_it_stood(fresh):
    daemon = fresh().with_policy()
    family = [daemon.pid, daemon.worker(), daemon.ready()]
    for each in family:
        os.kill(each, signal.SIGSTOP)
    sleep(8)  # longer than one that is awake may show no life
    for each in family:
        os.kill(each, signal.SIGCONT)
    sleep(0.5)
    assert [daemon.pid, daemon.worker(), daemon.ready()] == family
    assert not daemon.logged("killed")


def test_while_the_supervisor_is_stopped_its_worker_answers(fresh):
    daemon = fresh().with_policy()
    before = [daemon.worker(), daemon.ready()]
    with under_load(daemon) as accounts:
        daemon.signal(signal.SIGSTOP)
        try:
            sleep(1.5)  # longer than it may look away
            accounts.wait_for(POLICY)
        finally:
            daemon.signal(signal.SIGCONT)
    assert set(accounts.outcomes) == {POLICY}
    assert [daemon.worker(), daemon.ready()] == before


def test_what_was_read_before_sigterm_is_answered_however_much_it_is(fresh):
    daemon = fresh()
    daemon.write(policy(HANGING), NO_DEADLINE)
    daemon.start()
    accounts = Accounts(daemon, may_refuse=True)
    with ExitStack() as stack, ThreadPoolExecutor(12) as pool:
        callers = [stack.enter_context(accounts.caller()) for _ in range(10)]
        callers += [stack.enter_context(accounts.caller(daemon.exim))]
        sizes = [20] * 10 + [1]
        asked = [
            pool.submit(each.pipeline, size, recipient="slow@fault.test")
            for each, size in zip(callers, sizes, strict=True)
        ]
        accounts.wait_for(POLICY, 30)  # all have been read, and most of it is not answered
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0
        outcomes = [outcome for each in asked for outcome in each.result()]
    assert outcomes == [POLICY] * 201
    accounts.all_closed()


@pytest.mark.parametrize("group", [False, True], ids=["SIGTERM", "Ctrl-C in a terminal"])
def test_a_daemon_that_is_stopped_under_load_ends_well_and_refuses_what_comes_later(fresh, group):
    daemon = in_a_group_of_its_own(fresh())
    accounts = Accounts(daemon, may_refuse=True)
    with accounts.load(pipeline=10), accounts.load(keep=False), accounts.load(daemon.exim):
        accounts.wait_for(POLICY, 100)
        if group:
            os.killpg(daemon.pid, signal.SIGINT)
        else:
            daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0
        accounts.wait_for(ENDED)
    assert set(accounts.all_closed()) == {POLICY, ENDED}
    assert not daemon.jsonl.exists()
    assert not daemon.logged("ERROR")


@pytest.mark.parametrize(("name", "outcome"), [("asleep", TEMPFAILED), ("in_c", ENDED)])
def test_a_hook_that_hangs_does_not_keep_a_daemon_from_stopping(fresh, name, outcome):
    daemon = fresh().with_policy(HANGING, deadline=SHORT)
    accounts = Accounts(daemon)
    with ThreadPoolExecutor() as pool:
        hung = pool.submit(accounts.fault, name)
        begun(daemon)
        daemon.signal(signal.SIGTERM)
        assert hung.result() is outcome
        assert daemon.wait() == 0
    assert f"recipient=[{name}@fault.test]" in daemon.output


@pytest.mark.parametrize("closed", ["<&- >&-", "2>&-", "<&- >&- 2>&-", ">/dev/full 2>&1"])
def test_a_daemon_needs_no_standard_streams(fresh, closed):
    daemon = fresh()
    daemon.write(policy())
    daemon.launch("sh", "-c", f'exec "$@" {closed}', "sh")
    daemon.until_it_listens()
    worker = daemon.worker()
    daemon.ready()
    with under_load(daemon):
        os.kill(worker, signal.SIGKILL)
        daemon.next_worker(worker)
    assert daemon.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_to_stop_waits_for_nobody(fresh, number):
    daemon = in_a_group_of_its_own(fresh())
    accounts = Accounts(daemon)
    with ThreadPoolExecutor() as pool:
        hung = pool.submit(accounts.fault, "in_c")
        begun(daemon)
        daemon.signal(number)
        daemon.wait_for("stopping")
        daemon.signal(number)
        assert hung.result() is ENDED
        assert daemon.wait() == 0
    assert daemon.logged("second stop signal") == 1


def test_a_hundred_sighups_lose_no_attempt_and_no_save(fresh):
    daemon = fresh().with_policy()
    accounts = Accounts(daemon, lambda asked, said: said["message"].endswith(asked["msguid"]))
    with accounts.load(), accounts.load(keep=False), accounts.load(daemon.exim):
        for number in range(100):
            daemon.signal(signal.SIGHUP)
            if number == 50:
                daemon.save(daemon.hook_file, policy(prefix="new "))
            sleep(0.002)
        eventually(lambda: daemon.ask(attempt())["message"].startswith("new "))
    assert set(accounts.all_closed()) == {POLICY}
    assert daemon.logged("SIGHUP") <= 100


def test_sighup_builds_the_chain_anew_in_every_worker_and_in_the_standby(fresh):
    daemon = fresh()
    daemon.write(policy(), "workers = 2\n")
    daemon.start()
    daemon.ready()
    before = daemon.status()
    daemon.signal(signal.SIGHUP)

    def reloaded():
        found = daemon.status()["workers"]
        serving = [each for each in found if each["role"] in ("worker", "standby")]
        return len(serving) == 3 and all(each["generation"] == 2 for each in serving)

    assert len(before["workers"]) == 3
    eventually(reloaded)


def test_workers_that_die_at_every_attempt_come_slowly_and_no_client_waits_in_silence(fresh):
    daemon = fresh().with_policy()
    accounts = Accounts(daemon)
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(accounts.load())
            stack.enter_context(accounts.load(keep=False))
            stack.enter_context(accounts.load(daemon.exim, pipeline=5))
        daemon.save(daemon.hook_file, AT_EVERY_ATTEMPT)
        daemon.wait_for(LOUD)
        accounts.wait_for(TEMPFAILED, 200)
        accounts.wait_for(ENDED, 1)
        mended(daemon, accounts)
        daemon.wait_for("workers stay up again")
        accounts.wait_for(POLICY, 200)
    accounts.all_closed()
    assert daemon.logged(LOUD) == 1
    assert accounts.longest < LONGEST_SILENCE


@pytest.mark.parametrize("code", AT_IMPORT.values(), ids=AT_IMPORT)
def test_while_a_file_kills_who_imports_it_attempts_temp_fail_until_it_is_mended(fresh, code):
    # While the file holds the interpreter an attempt may wait for it, and is then what is killed.
    daemon = fresh().with_policy(more=LOAD_TIME, deadline=SHORT)
    accounts = Accounts(daemon)
    with accounts.load(), accounts.load(keep=False), accounts.load(daemon.exim):
        accounts.wait_for(POLICY)
        daemon.save(daemon.hook_file, code)
        accounts.wait_for(TEMPFAILED)
        daemon.wait_for("error loading pre_delivery_attempt_hook: loading the policy ended")
        accounts.wait_for(TEMPFAILED, 100)
        mended(daemon, accounts)
        accounts.wait_for(POLICY, 100)
    accounts.all_closed()
    assert accounts.longest < LONGEST_SILENCE


def test_standbys_that_die_as_soon_as_they_start_come_slowly_while_the_worker_answers(fresh):
    daemon = fresh().with_policy(ONCE_ONLY)
    worker, waiting = daemon.worker(), daemon.ready()
    taken = daemon.directory / "taken"
    with under_load(daemon) as accounts:
        taken.touch()
        os.kill(waiting, signal.SIGKILL)
        daemon.wait_for(SPARE_LOUD)
        daemon.wait_for("the loading process", times=6)
        taken.unlink()
        daemon.wait_for("a standby can be loaded again")
        daemon.ready()
    assert set(accounts.outcomes) == {POLICY}
    assert daemon.worker() == worker
    assert daemon.logged(SPARE_LOUD) == 1


def test_a_daemon_that_starts_with_a_file_that_kills_temp_fails_until_it_is_mended(fresh):
    daemon = fresh()
    daemon.write(AT_IMPORT["ends itself"])
    daemon.launch()
    daemon.wait_for("listening on")
    accounts = Accounts(daemon)
    with accounts.load(), accounts.load(daemon.exim):
        daemon.wait_for("error loading pre_delivery_attempt_hook: loading the policy ended")
        accounts.wait_for(TEMPFAILED, 100)
        assert accounts.outcomes[ENDED] == 0
        mended(daemon, accounts)
    assert set(accounts.all_closed()) <= {POLICY, TEMPFAILED, ENDED}


def test_a_stand_in_that_is_killed_is_replaced_like_everybody(fresh):
    daemon = fresh()
    daemon.write(AT_IMPORT["ends itself"])
    daemon.launch()
    daemon.wait_for("listening on")
    accounts = Accounts(daemon)
    with accounts.load(), accounts.load(keep=False), accounts.load(daemon.exim):
        for _ in range(3):
            accounts.wait_for(TEMPFAILED)
            (stand_in,) = eventually(lambda: daemon.children(FALLBACK))
            os.kill(stand_in, signal.SIGKILL)
            eventually(lambda killed=stand_in: daemon.children(FALLBACK) - {killed})
        accounts.wait_for(TEMPFAILED)
        mended(daemon, accounts)
        eventually(lambda: not daemon.children(FALLBACK))
        accounts.wait_for(POLICY)
    accounts.all_closed()
    assert accounts.longest < LONGEST_SILENCE


def test_every_one_of_three_workers_answers_and_the_others_go_on_when_one_is_killed(fresh):
    daemon = fresh().with_policy(more="workers = 3\n")
    with ExitStack() as stack:
        clients = {}

        def another() -> int:
            client = stack.enter_context(daemon.connect())
            clients[client] = int(client.ask(attempt(recipient=WHO))["message"])
            return len(set(clients.values()))

        eventually(lambda: another() == 3)
        assert set(daemon.having("worker")) == set(clients.values())
        killed = min(clients.values())
        with under_load(daemon) as accounts:
            os.kill(killed, signal.SIGKILL)
            for client, worker in clients.items():
                if worker == killed:
                    assert client.rest() == b""
                else:
                    told = client.ask(attempt(recipient=WHO))
                    assert told == {"action": "pause", "message": str(worker)}
            eventually(lambda: another() and len(set(clients.values()) - {killed}) == 3)
        assert accounts.outcomes[ENDED] <= 3
        assert accounts.outcomes[TEMPFAILED] == 0
        assert set(daemon.having("worker")) == set(clients.values()) - {killed}


def test_each_of_two_workers_lets_in_as_many_clients_as_the_limit_says(fresh):
    daemon = fresh()
    daemon.write(policy(), "workers = 2\n[limits]\nconnections = 5\n")
    daemon.start()
    with ExitStack() as stack:
        clients = [stack.enter_context(daemon.connect()) for _ in range(60)]
        answered = {}
        for client in clients:
            try:
                client.send(REQUEST)
                answered[client] = client.socket.recv(4096)
            except ConnectionError:
                answered[client] = b""
        let_in = [client for client, answer in answered.items() if answer]
        workers = [json.loads(answered[client])["message"] for client in let_in]
        assert max(workers.count(each) for each in workers) <= 5
        assert 5 <= len(let_in) <= 10
        for client in let_in:
            assert client.ask(attempt(recipient=WHO)) != TEMPFAIL
    with Accounts(daemon).caller() as caller:
        assert caller.pipeline(10) == [POLICY] * 10


def test_a_system_without_room_for_another_process_costs_no_more_than_the_standby(fresh):
    daemon = fresh().with_policy()
    before = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
    worker, ready = daemon.worker(), daemon.ready()
    with under_load(daemon) as accounts:
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (3, before[1]))
        os.kill(worker, signal.SIGKILL)
        assert daemon.next_worker(worker) == ready
        daemon.wait_for("can't start another process")
        accounts.wait_for(POLICY)
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, before)
        daemon.ready()
    assert accounts.outcomes[ENDED] <= 3
    assert accounts.outcomes[TEMPFAILED] == 0


def test_a_change_that_comes_while_the_supervisor_can_open_nothing_is_loaded_afterwards(fresh):
    daemon = fresh().with_policy()
    daemon.ready()
    before = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
    with under_load(daemon, prefixed("", "new ")) as accounts:
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (3, before[1]))
        daemon.save(daemon.hook_file, policy("", "new "))
        daemon.wait_for("can't start another process")
        accounts.wait_for(POLICY)
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, before)
        daemon.live("new ")
    assert set(accounts.outcomes) == {POLICY}


def test_as_the_first_process_of_a_container_it_reaps_what_hooks_have_left(fresh):
    daemon = fresh()
    leaves = """
    import subprocess

    def leaves():
        subprocess.run(["sh", "-c", "sleep 0.01 & exit 0"])
    """
    daemon.write(policy(leaves), 'deadline = "10s"\n')
    daemon.start("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
    (first,) = (each.pid for each in daemon.descendants() if each.parent == daemon.pid)
    names = {each.name for each in daemon.descendants()}  # a zombie keeps its name
    accounts = Accounts(daemon)
    assert {accounts.fault("leaves") for _ in range(50)} == {POLICY}
    eventually(lambda: all(each.name in names for each in daemon.descendants()))
    os.kill(first, signal.SIGTERM)
    eventually(lambda: not daemon.is_running)
