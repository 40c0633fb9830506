"""What happens to the daemon's files, and what the system refuses it."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import struct
import subprocess
from contextlib import suppress
from pathlib import Path
from time import time

import pytest

from hookframe.testing import eventually

from ..helpers.attempts import attempt
from .accounts import ENDED, POLICY, TEMPFAILED, Accounts, under_load
from .policies import policy

FAILING = """
def fails():
    raise ValueError("for the log")
"""
PRINTING = """
import itertools
numbers = itertools.count()

def fails():
    print("number", next(numbers), "for the disk")
    raise ValueError("for the log")
"""
FULL_DISK = '[log]\ndirectory = "disk/log"\nsize = "1MiB"\n[limits]\noutput_lines = 10000\n'
TINY_DISK = 'mount -t tmpfs -o size=64k none "$0" && exec "$@"'
MOUNTING = (("unshare", "--mount"), ("unshare", "--user", "--map-root-user", "--mount"))
OWN_LIMITS = ("unshare", "--user", "--map-root-user")
OWN_CLOCK = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile long *offset;

__attribute__((constructor)) static void find(void) {
    int file = open(getenv("CLOCK_OFFSET"), O_RDONLY);
    offset = mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, file, 0);
    close(file);
}

int clock_gettime(clockid_t clock, struct timespec *moment) {
    int failed = syscall(SYS_clock_gettime, clock, moment);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        moment->tv_sec += *offset;
    return failed;
}

int gettimeofday(struct timeval *restrict moment, void *restrict zone) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    moment->tv_sec = now.tv_sec;
    moment->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *seconds) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (seconds) *seconds = now.tv_sec;
    return now.tv_sec;
}
"""
"""A library that shows a program another time of day, and leaves its steady clocks alone.

libfaketime does not serve: with the steady clocks left alone, `time.sleep` fails (EINVAL)."""
WITH_THE_TIME = """
def pre_delivery_attempt(attempt):
    if attempt["recipient"] == "fails":
        raise ValueError("for the log")
    return {"action": "pause", "message": f"%s {attempt['msguid']} {attempt['injtime']}"}
"""
A_DAY, A_YEAR = 86_400, 365 * 86_400
LOST = re.compile(r"([0-9]+) lines? of the log lost")


def runs(*command: str) -> bool:
    """Whether a command runs, and ends well."""
    with suppress(OSError):
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    return False


def own_disk(directory: Path) -> tuple[str, ...]:
    """A command that mounts a tiny disk there, for nobody but the command that follows it."""
    for unshare in MOUNTING:
        command = (*unshare, "sh", "-c", TINY_DISK, str(directory))
        if runs(*command, "true"):
            return command
    pytest.skip("the system does not let this user mount a file system, not even for itself")


def own_limit(name: str, number: int) -> tuple[str, ...]:
    """A command that sets a limit in /proc/sys/user for the command that follows it only."""
    script = f'echo {number} > /proc/sys/user/{name} && exec "$@"'
    command = (*OWN_LIMITS, "sh", "-c", script, "sh")
    if not runs(*command, "true"):
        pytest.skip("the system does not let this user make a user namespace")
    return command


class OwnClock:
    """A time of day for one daemon, that can be set.

    Args:
        directory: an empty one, for its files.
    """

    def __init__(self, directory: Path) -> None:
        compiler = shutil.which("cc")
        if compiler is None:
            pytest.skip("there is no C compiler, and Linux has no namespace for the time of day")
        self._offset = directory / "offset"
        self._library = directory / "clock.so"
        source = directory / "clock.c"
        source.write_text(OWN_CLOCK)
        command = (compiler, "-shared", "-fPIC", "-o", str(self._library), str(source))
        subprocess.run(command, check=True)
        self.set(0)

    @property
    def command(self) -> tuple[str, ...]:
        """A command that runs the command that follows it by this clock."""
        return ("env", f"LD_PRELOAD={self._library}", f"CLOCK_OFFSET={self._offset}")

    def set(self, seconds: int) -> None:
        """Set the clock so many seconds before or behind the machine's."""
        with self._offset.open("r+b" if self._offset.exists() else "wb") as file:
            file.write(struct.pack("l", seconds))


def prefixed(asked, decision) -> bool:
    """Say whether a decision is what `policy` with any prefix says about an attempt."""
    return decision["action"] == "pause" and decision["message"].endswith(asked["msguid"])


def answers_with(daemon, prefix: str) -> bool:
    """Whether an attempt is answered by the policy with this prefix now."""
    answer = daemon.ask(attempt())
    return answer["message"].startswith(prefix)


def in_a_directory(daemon, more: str = ""):
    """Start a daemon whose hook file has a directory of its own."""
    daemon.hook_file = daemon.directory / "hooks" / "hook.py"
    daemon.hook_file.parent.mkdir()
    daemon.write(policy(), more)
    text = daemon.configuration.read_text().replace('"hook.py"', '"hooks/hook.py"')
    daemon.save(daemon.configuration, text)
    return daemon.start()


def test_while_the_disk_of_the_log_is_full_attempts_are_answered_and_lines_counted(fresh):
    daemon = fresh()
    daemon.write(policy(PRINTING), FULL_DISK)
    disk = daemon.directory / "disk"
    disk.mkdir()
    daemon.launch(*own_disk(disk))
    daemon.until_it_listens()
    disk = Path(f"/proc/{daemon.pid}/root{disk}")
    current, ballast = disk / "log" / "current", disk / "ballast"
    worker = daemon.worker()
    with under_load(daemon) as accounts:
        assert accounts.fault("fails") is TEMPFAILED
        fill(ballast)
        assert {accounts.fault("fails") for _ in range(100)} == {TEMPFAILED}
        daemon.wait_for("the log can't be written to")
        ballast.unlink()
        assert accounts.fault("fails") is TEMPFAILED
        eventually(lambda: LOST.search(current.read_text()))
    text = current.read_text()
    written = text.count("for the disk")
    lost = sum(map(int, LOST.findall(text)))
    assert 0 < written < 102
    assert lost >= 102 - written
    assert set(accounts.outcomes) == {POLICY, TEMPFAILED}
    assert daemon.worker() == worker


def fill(ballast: Path) -> None:
    """Fill the disk on which a file is."""
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)


def test_a_worker_that_dies_while_the_disk_of_the_log_is_full_is_replaced(fresh):
    daemon = fresh()
    daemon.write(policy(FAILING), '[log]\ndirectory = "disk/log"\n')
    disk = daemon.directory / "disk"
    disk.mkdir()
    daemon.launch(*own_disk(disk))
    daemon.until_it_listens()
    disk = Path(f"/proc/{daemon.pid}/root{disk}")
    worker = daemon.worker()
    fill(disk / "ballast")
    with under_load(daemon) as accounts:
        while not daemon.logged("the log can't be written to"):
            assert accounts.fault("fails") is TEMPFAILED
        os.kill(worker, signal.SIGKILL)
        daemon.next_worker(worker)
        accounts.wait_for(POLICY, 30)
        current = disk / "log" / "current"
        full = current.stat().st_size
        (disk / "ballast").unlink()
        assert accounts.fault("fails") is TEMPFAILED
        # The other processes say there as well, each when it comes to it, what they have lost.
        eventually(lambda: b"(plugin file)\n" in current.read_bytes()[full:])


@pytest.mark.parametrize("gone", [False, True], ids=["nobody reads", "nobody is there"])
def test_a_standard_error_that_nobody_reads_keeps_nobody_waiting(fresh, gone):
    daemon = fresh()
    daemon.write(policy(FAILING))
    pipe = daemon.directory / "stderr"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
    try:
        daemon.launch("sh", "-c", f'exec "$@" 2>{pipe}', "sh")
        daemon.until_it_listens()
        worker = daemon.worker()
        if gone:
            os.close(reader)
        with under_load(daemon) as accounts:
            assert {accounts.fault("fails") for _ in range(100)} == {TEMPFAILED}
            if not gone:
                os.set_blocking(reader, True)
                said = os.read(reader, 65536).decode()
                assert accounts.fault("fails") is TEMPFAILED
                while not LOST.search(said):
                    said += os.read(reader, 65536).decode()
        assert set(accounts.outcomes) == {POLICY, TEMPFAILED}
        assert daemon.worker() == worker
        assert daemon.stop() == 0
    finally:
        if not gone:
            os.close(reader)


def test_a_hook_file_is_found_again_when_its_directory_was_removed_and_made_again(fresh):
    daemon = in_a_directory(fresh())
    accounts = Accounts(daemon, prefixed)
    with accounts.load(), accounts.load(keep=False), accounts.load(daemon.exim):
        for number in range(3):
            accounts.wait_for(POLICY)
            shutil.rmtree(daemon.hook_file.parent)
            accounts.wait_for(TEMPFAILED)
            daemon.hook_file.parent.mkdir()
            daemon.save(daemon.hook_file, policy(prefix=f"{number} "))
            eventually(lambda new=f"{number} ": answers_with(daemon, new))
    assert set(accounts.all_closed()) == {POLICY, TEMPFAILED}
    assert daemon.logged("error loading")


def test_whoever_serves_next_knows_the_file_of_a_directory_that_was_exchanged(fresh):
    daemon = in_a_directory(fresh())
    new = daemon.directory / "new"
    new.mkdir()
    (new / "hook.py").write_text(policy(prefix="new "))
    daemon.hook_file.parent.rename(daemon.directory / "old")
    new.rename(daemon.hook_file.parent)
    eventually(lambda: answers_with(daemon, "new "))
    worker, _ = daemon.worker(), daemon.ready()
    accounts = Accounts(daemon, lambda asked, said: said["message"] == f"new {asked['msguid']}")
    with accounts.load(), accounts.load(daemon.exim):
        accounts.wait_for(POLICY)
        os.kill(worker, signal.SIGKILL)
        accounts.wait_for(POLICY, 50)
    assert accounts.all_closed()[TEMPFAILED] == 0


@pytest.mark.parametrize("kept", [False, True], ids=["tempfail", "keep"])
def test_a_configuration_that_was_removed_and_made_again_is_in_force_again(fresh, kept):
    more = 'on_load_error = "keep"\n' if kept else ""
    daemon = fresh().with_policy(more=more)
    text = daemon.configuration.read_text()
    (daemon.directory / "other.py").write_text(policy(prefix="other "))
    accounts = Accounts(daemon, prefixed)
    with accounts.load(), accounts.load(keep=False), accounts.load(daemon.exim):
        accounts.wait_for(POLICY)
        daemon.configuration.unlink()
        daemon.wait_for("error loading")
        accounts.wait_for(POLICY if kept else TEMPFAILED)
        daemon.save(daemon.configuration, text.replace('"hook.py"', '"other.py"'))
        eventually(lambda: answers_with(daemon, "other "))
        accounts.wait_for(POLICY)
    assert set(accounts.all_closed()) == ({POLICY} if kept else {POLICY, TEMPFAILED})


@pytest.mark.parametrize("limit", ["max_inotify_instances", "max_inotify_watches"])
def test_where_the_system_has_no_inotify_left_changes_are_noticed_all_the_same(fresh, limit):
    daemon = fresh()
    daemon.write(policy())
    daemon.start(*own_limit(limit, 0))
    daemon.wait_for("can't watch")
    accounts = Accounts(daemon, prefixed)
    with accounts.load(), accounts.load(daemon.exim):
        daemon.save(daemon.hook_file, policy(prefix="renamed "))
        eventually(lambda: answers_with(daemon, "renamed "))
        daemon.hook_file.write_text(policy(prefix="in place "))
        eventually(lambda: answers_with(daemon, "in place "))
        assert set(accounts.outcomes) <= {POLICY}
        daemon.ready()
        os.kill(daemon.worker(), signal.SIGKILL)
        accounts.wait_for(POLICY, 50)
        eventually(lambda: answers_with(daemon, "in place "))
    assert accounts.all_closed()[TEMPFAILED] == 0


def test_a_clock_that_is_set_back_and_forth_changes_nothing_but_the_stamps_of_the_log(
    fresh, tmp_path
):
    daemon, clock = fresh(), OwnClock(tmp_path)
    daemon.write(WITH_THE_TIME % 0, '[log]\ndirectory = "log"\nsize = "4KiB"\nfiles = 1000\n')
    daemon.launch(*clock.command)
    daemon.until_it_listens()
    log = daemon.directory / "log"
    accounts = Accounts(daemon, with_the_time)
    with accounts.load(), accounts.load(keep=False), accounts.load(daemon.exim):
        for number, seconds in enumerate((-A_DAY, 60 * A_YEAR, -30 * A_YEAR, 3600, 0), 1):
            accounts.wait_for(POLICY)
            clock.set(seconds)
            assert {accounts.ask("fails") for _ in range(20)} == {TEMPFAILED}
            eventually(lambda offset=seconds: abs(last_stamp(log) - time() - offset) < A_DAY / 2)
            # Not by a rename: watchdog lets such an event wait by the clock that is set here.
            daemon.hook_file.write_text(WITH_THE_TIME % number)
            eventually(lambda new=f"{number} ": answers_with(daemon, new))
    assert accounts.all_closed() == {POLICY: accounts.outcomes[POLICY], TEMPFAILED: 100}
    restarts = daemon.status()["restarts"]
    assert (restarts["death"], restarts["hang"]) == (0, 0)
    old = sorted(path for path in log.iterdir() if path.suffix in (".s", ".u"))
    assert old
    text = "".join(path.read_text() for path in (*old, log / "current"))
    failed = re.findall(r"msguid=\[([^]]+)\], recipient=\[fails\]", text)
    assert failed  # equal ones are counted beyond ten a second
    assert failed == sorted(failed)


def last_stamp(log: Path) -> int:
    """The UNIX time in seconds of the last line of the log."""
    with suppress(FileNotFoundError, IndexError):  # it is being rotated
        label = (log / "current").read_text().splitlines()[-1]
        return int(label[1:17], 16) - (1 << 62) - 10
    return 0


def workers(daemon) -> set[int]:
    """The processes that serve, as the daemon says."""
    return set(daemon.having("worker"))


def with_the_time(asked, decision) -> bool:
    """Say whether a policy with the time has answered."""
    return decision["message"].endswith(f" {asked['msguid']} {asked['injtime']}")


def test_a_socket_file_that_somebody_removes_costs_no_connected_client_anything(fresh):
    daemon = fresh().with_policy()
    accounts = Accounts(daemon)
    with accounts.caller() as connected, accounts.load(daemon.exim):
        assert connected.ask() is POLICY
        daemon.jsonl.unlink()
        assert [connected.ask() for _ in range(10)] == [POLICY] * 10
        accounts.wait_for(POLICY)
    assert daemon.stop() == 0
    daemon.launch()
    daemon.until_it_listens()
    assert Accounts(daemon).ask() is POLICY
    assert accounts.all_closed()[ENDED] == 0


def exchange(directory: Path, source: str) -> None:
    """Put another directory with a hook file in the place of one; the system tells nobody."""
    new = directory.with_name("new")
    new.mkdir()
    (new / "hook.py").write_text(source)
    if directory.exists():
        directory.rename(directory.with_name(f"old-{time()}"))
    new.rename(directory)


def with_a_policy_far_away(fresh):
    """Start a daemon of which the system does not tell that its policy's directory is exchanged."""
    daemon = fresh()
    directory = daemon.directory / "far" / "policy"
    directory.parent.mkdir()
    exchange(directory, policy())
    daemon.write()
    configuration = daemon.configuration.read_text()
    daemon.save(daemon.configuration, configuration.replace('"hook.py"', '"far/policy/hook.py"'))
    daemon.start()
    return daemon, directory


def test_a_change_that_only_a_look_can_show_is_live_too(fresh):
    daemon, directory = with_a_policy_far_away(fresh)
    for prefix in ("1-", "2-"):
        exchange(directory, policy(prefix=prefix))
        daemon.live(prefix)
