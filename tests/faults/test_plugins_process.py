"""A hook that changes what its whole process shares."""

from __future__ import annotations

import pytest

from .accounts import ENDED, POLICY, TEMPFAILED, Accounts, prefixed, under_load
from .policies import SHORT, names, policy

LASTING = """
import gc
import locale
import resource
import signal
import sys
import tempfile
import threading
import time

def changes_directory():
    os.chdir("/")

def changes_to_a_directory_that_goes():
    gone = tempfile.mkdtemp()
    os.chdir(gone)
    os.rmdir(gone)

def sets_a_umask():
    os.umask(0o777)

def empties_the_environment():
    os.environ.clear()

def sets_a_locale():
    os.environ["LC_ALL"] = "C"
    locale.setlocale(locale.LC_ALL, "C")

def collects_no_garbage():
    gc.disable()

def switches_threads_seldom():
    sys.setswitchinterval(3600)

def allows_little_recursion():
    sys.setrecursionlimit(200)

def empties_the_path():
    sys.path.clear()
    sys.meta_path.clear()

def forgets_modules():
    ours = ("hookframe", "hookframe.host.host", "hookframe.host.watcher")
    for name in ("json", "asyncio", "msgspec", *ours):
        sys.modules.pop(name, None)

def has_no_streams():
    sys.stdout = sys.stderr = sys.stdin = None

def has_no_hooks_for_errors():
    sys.excepthook = sys.unraisablehook = threading.excepthook = None

def lets_no_file_grow():
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))

def lets_no_process_start():
    resource.setrlimit(resource.RLIMIT_NPROC, (0, resource.getrlimit(resource.RLIMIT_NPROC)[1]))

def wakes_nobody():
    signal.set_wakeup_fd(-1)

def measures_its_own_time():
    signal.signal(signal.SIGPROF, lambda number, frame: None)
    signal.setitimer(signal.ITIMER_PROF, 0.05)

def sets_an_alarm():
    signal.signal(signal.SIGALRM, lambda number, frame: None)
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
"""
SIGNALS = """
import itertools
import signal
import time

def everything():
    return [number for number in signal.valid_signals() if number not in (9, 19)]

def ignores_all_signals():
    for number in everything():
        signal.signal(number, signal.SIG_IGN)

def takes_all_signals():
    for number in everything():
        signal.signal(number, lambda number, frame: None)

def blocks_all_signals():
    signal.pthread_sigmask(signal.SIG_BLOCK, everything())

def lets_all_signals_kill():
    for number in everything():
        signal.signal(number, signal.SIG_DFL)

def busy_loop():
    while True: pass

def in_c():
    sum(itertools.repeat(0))
"""
ALARM = """
import signal

def sets_an_alarm():
    signal.setitimer(signal.ITIMER_REAL, 0.05)
"""
FILES = """
import resource

def opens_no_more_files():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (5, hard))

def never_opens_more_files():
    resource.setrlimit(resource.RLIMIT_NOFILE, (5, 5))
"""
EXITS = """
import atexit
import threading
import time

def hangs_at_exit():
    atexit.register(time.sleep, 3600)

def starts_a_thread_that_never_ends():
    threading.Thread(target=time.sleep, args=(3600,)).start()
"""


@pytest.fixture(scope="module")
def daemon(lasting):
    """A daemon for everything that harms nobody: it goes on with all that came before."""
    return lasting().with_policy(LASTING)


@pytest.mark.parametrize("name", names(LASTING))
def test_what_a_hook_changes_in_its_process_keeps_no_save_from_being_live(daemon, name):
    prefix = f"{name} "
    right = prefixed(*(f"{each} " for each in names(LASTING)), "")
    with under_load(daemon, right) as accounts:
        assert accounts.fault(name) is POLICY
        accounts.wait_for(POLICY)
        daemon.save(daemon.hook_file, policy(LASTING, prefix))
        daemon.live(prefix)
    assert set(accounts.outcomes) == {POLICY}


def test_a_relative_path_of_the_configuration_survives_a_change_of_directory(fresh):
    daemon = fresh()
    daemon.write(policy(LASTING))
    daemon.start("sh", "-c", 'exec "$1" -m hookframe serve --config hookframe.toml', "sh")
    accounts = Accounts(daemon)
    assert accounts.fault("changes_directory") is POLICY
    daemon.save(daemon.hook_file, policy("", "new "))
    daemon.live("new ")


@pytest.mark.parametrize(
    "name", [each for each in names(SIGNALS) if each.endswith(("signals", "kill"))]
)
def test_whatever_a_hook_does_with_signals_hooks_that_hang_are_ended_and_the_daemon_stops(
    fresh, name
):
    daemon = fresh().with_policy(SIGNALS, deadline=SHORT)
    with under_load(daemon) as accounts:
        assert accounts.fault(name) is POLICY
        assert accounts.fault("busy_loop") in {TEMPFAILED, ENDED}
        assert accounts.fault(name) is POLICY
        assert accounts.fault("in_c") is ENDED
        accounts.wait_for(POLICY)
        assert accounts.fault(name) is POLICY
    assert daemon.stop() == 0


def test_an_alarm_that_kills_its_process_after_the_hook_loses_no_more_than_who_is_connected(fresh):
    daemon = fresh().with_policy(ALARM)
    worker = daemon.worker()
    with under_load(daemon) as accounts:
        # Usually it is answered long before; but nobody promises a busy machine's pace.
        assert accounts.fault("sets_an_alarm") in {POLICY, ENDED}
        daemon.next_worker(worker)
    assert accounts.outcomes[ENDED] <= 4
    assert f"{worker}" in daemon.wait_for("SIGALRM")


@pytest.mark.parametrize("name", names(FILES))
def test_a_hook_that_lowers_the_limit_of_open_files_shuts_no_client_out(fresh, name):
    daemon = fresh().with_policy(FILES)
    with under_load(daemon) as accounts:
        assert accounts.fault(name) is POLICY
        assert " to 5" in daemon.wait_for("a plugin lowered the limit of open files from")
        accounts.wait_for(POLICY, 20)


@pytest.mark.parametrize("name", names(EXITS))
def test_what_never_ends_when_its_process_does_holds_up_no_stop(fresh, name):
    daemon = fresh().with_policy(EXITS)
    children = daemon.children()
    with under_load(daemon) as accounts:
        assert accounts.fault(name) is POLICY
    assert daemon.stop() == 0
    assert not daemon.children() & children
