"""Perl files that misbehave under load: an attempt temp-fails each time, and the daemon goes on."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from importlib.metadata import entry_points

import pytest

from hookframe.testing import eventually

from ..helpers.attempts import attempt
from ..helpers.processes import gone
from ..helpers.requests import line
from .accounts import POLICY, TEMPFAILED, under_load
from .daemons import Daemon

_FILE = """
{faults}

return sub {{
    my ( $attempt, $state ) = @_;
    my ( $name, $domain ) = split /\\@/, $attempt->{{recipient}};
    return {{ action => 'pause', message => getppid }} if $name eq 'who';
    if ( $domain eq 'fault.test' ) {{
        my $fault = main->can($name);
        return $fault->();
    }}
    return {{ action => 'pause', message => $attempt->{{msguid}} }};
}};
"""
DYING = r"""
sub divides { my $none = 0; return 1 / $none }
sub dies { die "no list\n" }
sub dies_with_an_object { die bless {}, 'My::Error' }
sub dies_with_a_reference { die { code => 5 } }
sub forks { fork; return { action => 'normal' } }
sub is_left { last }
sub returns_undef { return }
sub returns_a_deep_structure { return { action => 'dump', message => [ { a => [ {} ] } ] } }
sub returns_code { return { action => sub { 'dump' } } }
sub returns_megabytes { return { action => 'dump', message => 'x' x 5_000_000 } }
"""
ANOTHER_SECOND = 1.0
"""Errors of one line of Python, here the plugin's, are equal: ten a second are logged."""
IN_THE_LOG = {
    "dies": "no list",
    "dies_with_an_object": "(it died with a reference that has no text)",
    "dies_with_a_reference": "(it died with a reference that has no text)",
    "forks": "fork is not possible in a hook: it must return at once at (eval 1) line 7.",
    "is_left": "it was left by next, last or redo, outside of a loop of its own",
    "returns_undef": "expected a reference to a hash; got undef",
    "returns_a_deep_structure": "message must be a string, not a reference to ARRAY",
    "returns_code": "action must be a string, not a reference to CODE",
    "returns_megabytes": "message has 5000000 bytes",
}
ENDING = r"""
sub exits { exit 3 }
sub execs { exec 'sleep', 1000 }
sub is_killed { kill KILL => $$ }
sub breaks_down { kill SEGV => $$ }
sub is_ended_by_its_alarm { alarm 1; sleep 1000 }
sub prints_and_exits { print STDERR 'x' x 1_000_000; exit 4 }
sub writes_rubbish {
    for my $fd ( 3 .. 50 ) { open my $to, '>&=', $fd or next; syswrite $to, 'rubbish' }
    return { action => 'normal' };
}
"""
HOW_IT_ENDED = {
    "exits": "ended itself with exit status 3, by exit or exec",
    "execs": "closed its line to hookframe, by exec or by closing what it had not opened",
    "is_killed": "was ended by SIGKILL",
    "breaks_down": "was ended by SIGSEGV",
    "is_ended_by_its_alarm": "was ended by SIGALRM",
    "prints_and_exits": "ended itself with exit status 4, by exit or exec",
    "writes_rubbish": "gave an answer that can't be read: the hook wrote to its line to hookframe",
}
STUCK = r"""
sub loops { 1 while 1 }
sub sleeps { sleep 1000 while 1 }
sub is_stopped { kill STOP => $$ }
sub waits_for_a_program { system 'sleep 1000' }
sub ignores_all_signals { $SIG{$_} = 'IGNORE' for keys %SIG; 1 while 1 }
"""
GREEDY = r"""
sub eats { my @all; push @all, 'x' x 1_000_000 while 1 }
sub recurses { return recurses( @_, 1 ) }
"""


@pytest.fixture(scope="module", autouse=True)
def installed():
    if "perl" not in {point.name for point in entry_points(group="hookframe")}:
        lacking = "needs the plugins of this repository installed: perl"
        if os.environ.get("NOTHING_SKIPPED") == "1":
            pytest.fail(lacking)
        pytest.skip(lacking)


def with_perl(daemon: Daemon, faults: str, own: str = "5s", chain: str = "20s", more: str = ""):
    """Write a Perl file with these faults and a configuration, and start.

    Args:
        daemon: the daemon.
        faults: Perl subs; an attempt for the recipient NAME@fault.test calls the one of that name.
        own: the plugin's own deadline.
        chain: the deadline of the whole chain.
        more: more of the configuration.
    """
    file = daemon.directory / "hook.pl"
    file.write_text(_FILE.format(faults=faults))
    daemon.write(
        more=f'chain = ["perl"]\ndeadline = "{chain}"\n{more}\n[plugins.perl.settings]\n'
        f'file = "{file}"\ndeadline = "{own}"\n'
    )
    daemon.start()
    return daemon


def perls_words(code: str) -> str:
    """Have Perl say, without hookframe, what is wrong with this code, but for the place."""
    done = subprocess.run(["perl", "-e", code], capture_output=True, text=True, check=False)
    words, found, _ = done.stderr.partition(" at -e line 1")
    assert found, done.stderr
    return words


def fault(daemon: Daemon, name: str, times: int = 2) -> str:
    """Meet a fault under load; give what the log says of it."""
    time.sleep(ANOTHER_SECOND)
    worker = daemon.worker()
    with under_load(daemon) as accounts:
        for _ in range(times):
            assert accounts.fault(name) is TEMPFAILED
    assert daemon.worker() == worker
    said = daemon.wait_for(f"recipient=[{name}@fault.test]")
    assert f"({daemon.directory / 'hook.pl'}) (plugin perl)" in said
    return said


@pytest.fixture(scope="module")
def daemon(lasting):
    """A daemon for all faults that end no Python process, which is all of them."""
    return with_perl(lasting(), DYING + ENDING)


@pytest.fixture(scope="module")
def hurried(lasting):
    """The same with a short deadline."""
    return with_perl(lasting(), STUCK, own="300ms")


@pytest.mark.parametrize("name", IN_THE_LOG)
def test_a_perl_file_that_dies_or_returns_nonsense_temp_fails_each_attempt(name, daemon):
    assert IN_THE_LOG[name] in fault(daemon, name)


def test_an_error_of_perls_temp_fails_each_attempt_in_perls_own_words(daemon):
    assert f"{perls_words('1 / 0')} at (eval 1) line 3." in fault(daemon, "divides")


@pytest.mark.parametrize("name", HOW_IT_ENDED)
def test_a_perl_process_that_ends_is_replaced_and_its_worker_goes_on(name, daemon):
    said = fault(daemon, name)
    assert f"the Perl process {HOW_IT_ENDED[name]}; the next attempt gets a new one" in said


@pytest.mark.parametrize("name", ["loops", "sleeps", "is_stopped", "waits_for_a_program"])
def test_a_perl_file_that_does_not_end_costs_its_deadline_and_its_process(name, hurried):
    said = fault(hurried, name, 1)
    assert "a call took longer than 0.3 s, so the Perl process was ended" in said


def test_the_chains_deadline_interrupts_a_perl_file_whose_own_is_longer(fresh):
    daemon = with_perl(fresh(), STUCK, own="20s", chain="300ms")
    worker = daemon.worker()
    with under_load(daemon) as accounts:
        assert accounts.fault("ignores_all_signals") is TEMPFAILED
    assert daemon.worker() == worker
    said = daemon.wait_for("recipient=[ignores_all_signals@fault.test]")
    assert "the whole chain's deadline is 0.3 s" in said
    assert "(plugin perl)" in said


@pytest.mark.parametrize("name", ["eats", "recurses"])
def test_the_memory_of_perl_is_bounded_by_twice_the_workers(name, fresh):
    daemon = with_perl(fresh(), GREEDY, own="15s", more='limits.max_memory = "128MiB"')
    worker = daemon.worker()
    with under_load(daemon) as accounts:
        assert accounts.fault(name) is TEMPFAILED
    assert daemon.worker() == worker
    daemon.wait_for("plugin perl: ")  # what Perl says of it
    # Perl exits then, but may have no memory left for that and break down on the way.
    said = daemon.wait_for(f"recipient=[{name}@fault.test]")
    assert re.search(
        "the Perl process (ended itself with exit status [1-9]|was ended by SIG)", said
    )


def test_each_worker_and_standby_has_a_perl_process_and_takes_it_along(fresh):
    daemon = with_perl(fresh(), STUCK)
    worker, standby = daemon.worker(), daemon.standby()

    def of(pid):
        return {each.pid for each in daemon.descendants() if each.parent == pid}

    eventually(lambda: [len(of(pid)) for pid in (worker, standby)] == [1, 1])
    perl = of(worker)
    with daemon.connect() as client:
        client.send(_looping())
        os.kill(worker, signal.SIGKILL)
    daemon.next_worker(worker)
    eventually(lambda: all(map(gone, perl)))


def _looping() -> bytes:
    return line(attempt(recipient="ignores_all_signals@fault.test"))


def test_a_daemon_that_is_stopped_leaves_no_perl_process(fresh):
    daemon = with_perl(fresh(), STUCK)
    daemon.standby()
    family = daemon.descendants()
    assert daemon.stop() == 0
    eventually(lambda: all(gone(each.pid) for each in family))


def test_a_supervisor_that_is_killed_takes_all_perl_processes_along(fresh):
    daemon = with_perl(fresh(), STUCK)
    perl = eventually(daemon.strays)
    with daemon.connect() as client:
        client.send(_looping())
        daemon.signal(signal.SIGKILL)
        daemon.wait()
        eventually(lambda: all(map(gone, perl)))


def test_a_perl_file_that_breaks_and_is_mended_under_load(fresh):
    daemon = with_perl(fresh(), DYING)
    file = daemon.directory / "hook.pl"
    whole = file.read_text()
    with under_load(daemon) as accounts:
        daemon.save(file, whole + "\n}")
        accounts.wait_for(TEMPFAILED)
        assert f"error compiling: {perls_words('}')} at (eval 1) line " in daemon.wait_for(
            "error loading pre_delivery_attempt_hook"
        )
        daemon.save(file, whole)
        accounts.wait_for(POLICY)
