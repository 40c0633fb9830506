"""The Perl process: one for each host, which lives and ends with it, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys

import pytest

from hookframe import TEMPFAIL_MESSAGE
from hookframe.testing import eventually

pytestmark = pytest.mark.slow

TEMPFAIL = {"action": "pause", "message": TEMPFAIL_MESSAGE, "error": True}
NORMAL = {"action": "normal"}
WHO = "sub { { action => 'pause', message => $$ } }"


def test_where_descriptors_run_out_attempts_temp_fail_and_none_is_lost(site, attempt, log, family):
    host = site.host("sub { exit if $_[0]{recipient} eq 'bad'; { action => 'normal' } }")
    host.decide(attempt(recipient="bad"))
    before = family.descriptors()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, limits[1]))
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        for _ in range(12):
            for _ in range(3):
                host.decide(attempt())
            host.decide(attempt(recipient="bad"))
            os.close(taken.pop())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for descriptor in taken:
            os.close(descriptor)
    assert any("can't start " in error and "Too many open files" in error for error in log.errors)
    assert family.descriptors() == before
    assert host.decide(attempt()) == NORMAL


IN_BACKGROUND = "my $started = `sleep 1000 %s & echo \\$!`;"
STARTING = {
    "a program in the background": IN_BACKGROUND % "> /dev/null 2>&1",
    "a program in the background that prints": IN_BACKGROUND % ">&2",
    "a pipe from a program": "my $started = open $state->{pipe}, '-|', 'sleep 1000';",
    "POSIX::fork": "require POSIX; my $started = POSIX::fork() || do { 1 while 1 };",
    "CORE::fork": "my $started = CORE::fork() || sleep 1000;",
}
ENDS = [(name, end) for name in STARTING for end in ("reload", "close")]
# A child of the other kinds holds the line to hookframe as well, and Perl waits at exit for a pipe.
ENDS += [(name, end) for name in list(STARTING)[:2] for end in ("exit", "kill")]


@pytest.mark.parametrize(("name", "end"), ENDS)
def test_what_a_hook_has_started_ends_with_its_process(name, end, site, attempt, family):
    host = site.host(
        "sub { my ($attempt, $state) = @_; exit if $attempt->{recipient} eq 'exit';\n"
        f"{STARTING[name]}\n{{ action => 'pause', message => qq($$ ) . int $started }} }}"
    )
    process, started = map(int, host.decide(attempt())["message"].split())
    assert family.alive(started)
    if end == "exit":
        assert host.decide(attempt(recipient="exit")) == TEMPFAIL
    elif end == "kill":
        os.kill(process, signal.SIGKILL)
        assert host.decide(attempt()) == TEMPFAIL
    else:
        getattr(host, end)()
    eventually(lambda: not family.alive(started))
    eventually(lambda: not family.alive(process))


def test_a_script_that_stands_for_the_interpreter_ends_as_one_with_it(site, attempt, family):
    before = family.living()
    script = site.program('#!/bin/sh\nperl "$@"\n')
    host = site.host("sub { sleep 1000 }", perl=script, deadline="200ms")
    assert len(family.living() - before) == 2
    assert host.decide(attempt()) == TEMPFAIL
    eventually(lambda: family.living() == before)


CHILD = """
import sys
from hookframe import Host
host = Host.from_config(sys.argv[1], watch=False)
print(host.problem, flush=True)
host.decide({attempt!r})
"""


@pytest.mark.parametrize("name", [signal.SIGKILL, signal.SIGTERM, signal.SIGABRT])
@pytest.mark.parametrize(
    "interpreter", [None, '#!/bin/sh\nperl "$@"\n'], ids=["perl", "within a script"]
)
def test_a_looping_hook_ends_with_the_python_process_however_that_is_killed(
    name, interpreter, site, attempt, family
):
    told = site.directory / "told"
    site.save(
        "sub { require POSIX; my $child = POSIX::fork(); $SIG{$_} = 'IGNORE' for keys %SIG;\n"
        f"open my $out, '>>', '{told}'; syswrite $out, qq($$\\n); close $out; 1 while 1 }}"
    )
    site.configure(**({"perl": site.program(interpreter)} if interpreter else {}))
    program = subprocess.Popen(
        [sys.executable, "-c", CHILD.format(attempt=attempt()), str(site.config)],
        stdout=subprocess.PIPE,
    )
    with program:
        assert program.stdout.readline() == b"\n"
        eventually(lambda: told.exists() and told.read_bytes().count(b"\n") == 2)
        processes = [int(pid) for pid in told.read_text().split()]
        assert all(map(family.alive, processes))
        program.send_signal(name)
        assert program.wait() == -name
    eventually(lambda: not any(map(family.alive, processes)))


def test_a_process_that_waits_ends_with_the_python_process_too(site, attempt, family):
    site.save(WHO)
    site.configure()
    code = CHILD.replace("host.decide(", "print(host.decide(").rstrip()
    program = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"{code}['message'], flush=True)\nsys.stdin.read()".format(attempt=attempt()),
            str(site.config),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with program:
        assert program.stdout.readline() == b"\n"
        process = int(program.stdout.readline())
        assert family.alive(process)
        program.kill()
    eventually(lambda: not family.alive(process))


def test_closing_the_host_ends_the_process_at_once(site, attempt, family):
    host = site.host(WHO)
    process = int(host.decide(attempt())["message"])
    assert family.alive(process)
    host.close()
    assert not family.alive(process)


def test_a_process_that_stands_still_can_be_closed(site, attempt, family):
    host = site.host(WHO)
    process = int(host.decide(attempt())["message"])
    os.kill(process, signal.SIGSTOP)
    host.close()
    assert not family.alive(process)


def test_nothing_is_left_of_fifty_reloads(site, attempt, family):
    host = site.host(WHO)
    host.decide(attempt())
    descriptors, living = family.descriptors(), len(family.living())
    for number in range(50):
        site.save(f"# {number}\n{WHO}")
        host.reload()
        assert host.decide(attempt()) != TEMPFAIL
    assert host.generation.number == 51
    eventually(lambda: (family.descriptors(), len(family.living())) == (descriptors, living))


def test_nothing_is_left_of_fifty_broken_reloads(site, attempt, family):
    host = site.host(WHO, 'on_load_error = "keep"\ndeadline = "50s"\n')
    process = host.decide(attempt())
    descriptors, living = family.descriptors(), family.living()
    for number in range(50):
        site.save(("syntax error {", "die", "exit", "5")[number % 4])
        host.reload()
        assert host.problem
    assert host.decide(attempt()) == process
    eventually(lambda: (family.descriptors(), family.living()) == (descriptors, living))


@pytest.mark.parametrize("body", ["exit", "kill KILL => $$", "exec 'true'"])
def test_nothing_is_left_of_fifty_processes_that_are_replaced(body, site, attempt, family):
    host = site.host(f"sub {{ {body} if $_[0]{{recipient}} eq 'bad'; {{ action => 'normal' }} }}")
    assert host.decide(attempt()) == NORMAL
    descriptors, living = family.descriptors(), len(family.living())
    for _ in range(50):
        assert host.decide(attempt(recipient="bad")) == TEMPFAIL
    assert host.decide(attempt()) == NORMAL
    eventually(lambda: (family.descriptors(), len(family.living())) == (descriptors, living))


def test_a_process_that_was_killed_between_two_attempts_costs_one_of_them(site, attempt, log):
    host = site.host(WHO)
    process = int(host.decide(attempt())["message"])
    os.kill(process, signal.SIGKILL)
    assert host.decide(attempt()) == TEMPFAIL
    assert "the Perl process was ended by SIGKILL" in log.errors[0]
    assert int(host.decide(attempt())["message"]) != process


def test_two_hosts_have_a_process_each(site, attempt):
    first, second = site.host(WHO), site.start()
    assert first.decide(attempt()) != second.decide(attempt())
    first.close()
    assert second.decide(attempt()) != TEMPFAIL


def test_the_perl_process_holds_no_descriptor_but_its_own(site, attempt):
    with (site.directory / "hook.pl").open("w"):
        host = site.host(
            "sub { opendir my $d, '/proc/self/fd'; my @l = map { readlink qq(/proc/self/fd/$_) } "
            "grep { /^[0-9]+$/ } readdir $d; { action => 'pause', message => join ' ', "
            "map { /^(\\w+:)/ ? $1 : $_ } grep { !m{/fd$} } map { defined $_ ? $_ : () } @l } }"
        )
        found = host.decide(attempt())["message"].split()
    assert sorted(found) == ["/dev/null", *["pipe:"] * 6]


def test_a_program_that_lets_the_system_reap_its_children_gets_temp_fails_all_the_same(
    site, attempt, log
):
    host = site.host("sub { exit if $_[0]{recipient} eq 'bad'; { action => 'normal' } }")
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert host.decide(attempt(recipient="bad")) == TEMPFAIL
        assert host.decide(attempt()) == NORMAL
        assert host.decide(attempt(recipient="bad")) == TEMPFAIL
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert all("the Perl process ended itself with exit status" in error for error in log.errors)


def test_nothing_is_left_where_a_deadline_ends_the_wait_for_a_process_that_ends(
    site, attempt, family
):
    host = site.host(
        "use Time::HiRes; sub { if ( $_[0]{recipient} eq 'bad' ) {\n"
        "Time::HiRes::sleep 0.45; exec 'sleep', 1000 }\n"
        "return { action => 'normal' } }",
        'deadline = "500ms"\n',
        interrupt=True,
    )
    eventually(lambda: host.decide(attempt()) == NORMAL)
    descriptors, living = family.descriptors(), len(family.living())
    for _ in range(5):
        assert host.decide(attempt(recipient="bad")) == TEMPFAIL
    eventually(lambda: host.decide(attempt()) == NORMAL)
    eventually(lambda: (family.descriptors(), len(family.living())) == (descriptors, living))
