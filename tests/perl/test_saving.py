"""CONTRACT 4, of a Perl file: however it is saved, it is live within a second, or not at all."""

from __future__ import annotations

import shutil
import threading

import pytest

from hookframe.testing import eventually

from ..contract.test_4_file import (
    WAYS,
    after_the_directory_was_made_anew,
    as_vim_does,
    by_a_move_from_elsewhere,
    by_rename_over_it,
    in_place,
    mounted,
    with_the_old_time_stamp,
    written_slowly,
)
from ..helpers.attempts import ATTEMPT, TEMPFAIL, attempt
from ..helpers.wait import for_a_while

SECOND = 1.0
"""The contract's own: a saved change is live within one second."""
PAUSE = 0.001
"""Seconds between two attempts of a thread that asks again and again, so that others get a turn."""


def says(message):
    """Write a Perl file that answers with a message, its process, and how often it was asked."""
    return (
        "return sub {\n    my ( $attempt, $state ) = @_;\n"
        "    exit if $attempt->{recipient} eq 'exit';\n"
        f"    my $message = join ' ', '{message}', $$, ++$state->{{n}};\n"
        "    return { action => 'pause', message => $message };\n"
        "};\n"
    )


def message(host):
    """Ask; give the message, the process, and how often it was asked."""
    word, *rest = host.decide(ATTEMPT).get("message", "").split(" ")
    return (word, *rest)


def live(host, word):
    """Wait until a message is live; give the process, and how often it was asked."""
    found = []

    def is_live():
        found[:] = message(host)
        return found[0] == word

    eventually(is_live, SECOND)
    return found[1:]


@pytest.mark.parametrize("save", WAYS, ids=lambda way: way.__name__)
def test_a_saved_change_is_live_within_one_second_with_a_new_process_and_state(save, site):
    host = site.perl_host(says("0"))
    processes = {message(host)[1]}
    for number in (1, 2):
        save(site, says(number))
        process, asked = live(host, str(number))
        assert asked == "1"
        processes.add(process)
        if save is after_the_directory_was_made_anew:
            shutil.rmtree(site.directory.parent / "aside")
    assert len(processes) == 3


@pytest.mark.parametrize("save", WAYS, ids=lambda way: way.__name__)
def test_a_saved_change_is_live_within_one_second_without_change_events(save, site, no_events):
    host = site.perl_host(says("old"))
    save(site, says("new"))
    live(host, "new")


@pytest.mark.parametrize("events", [True, False])
def test_a_swapped_symbolic_link_as_of_a_configmap_is_live_within_one_second(events, site, request):
    if not events:
        request.getfixturevalue("no_events")
    mounted(site, says("0"), 0)
    host = site.host(site.policy(), watch=True)
    for number in (1, 2):
        mounted(site, says(number), number)
        shutil.rmtree(site.directory / f"..2026_{number - 1}")
        live(host, str(number))


def test_a_change_behind_a_symbolic_link_to_another_directory_is_live_within_one_second(site):
    elsewhere = site.directory.parent / "elsewhere"
    elsewhere.mkdir()
    real = elsewhere / "policy.pl"
    real.write_text(says("old"))
    real.chmod(0o644)
    site.file.symlink_to(real)
    host = site.host(site.policy(), watch=True)
    assert message(host)[0] == "old"
    real.write_text(says("new"))
    live(host, "new")


def test_a_broken_file_temp_fails_and_once_mended_is_live_within_one_second(site, log):
    host = site.perl_host(says("old"))
    site.save("return sub { my $x = };\n")
    eventually(lambda: host.decide(ATTEMPT) == TEMPFAIL, SECOND)
    eventually(lambda: log.loading)
    assert "error compiling: " in log.loading[0]
    assert "at (eval 1) line 1" in log.loading[0]
    site.save(says("mended"))
    live(host, "mended")
    assert host.problem == ""


@pytest.mark.slow
def test_a_file_that_needs_what_is_not_there_yet_is_live_once_it_is(site):
    module = site.directory / "Wanted.pm"
    code = f"use lib '{site.directory}'; use Wanted;\n{says('there')}"
    host = site.perl_host(code)
    assert "Wanted.pm" in host.problem
    module.write_text("package Wanted; 1;\n")
    eventually(lambda: message(host)[0] == "there")


def test_the_last_good_file_goes_on_with_its_process_and_state_where_the_operator_keeps_it(site):
    host = site.perl_host(says("old"), on_load_error="keep")
    process = message(host)[1]
    for broken in ("return sub {", "die 'no'", "exit 5", "1;", "kill KILL => $$"):
        site.save(broken)
        eventually(lambda: message(host) and host.problem, SECOND)
        asked = [message(host) for _ in range(2)]
        assert {(each[0], each[1]) for each in asked} == {("old", process)}
        site.save(says("old"))
        eventually(lambda: message(host) and not host.problem, SECOND)
        process = message(host)[1]
    site.save("syntax error {")
    eventually(lambda: message(host) and host.problem, SECOND)
    numbers = [int(message(host)[2]) for _ in range(3)]
    assert numbers == list(range(numbers[0], numbers[0] + 3))
    assert numbers[0] > 1


def test_a_kept_file_is_what_a_replaced_process_runs_as_well(site):
    host = site.perl_host(says("old"), on_load_error="keep")
    site.save("syntax error {")
    eventually(lambda: message(host) and host.problem, SECOND)
    assert host.decide(attempt(recipient="exit")) == TEMPFAIL
    assert message(host)[0] == "old"


@pytest.mark.slow
def test_another_file_that_the_configuration_names_is_live_within_one_second_and_watched(site):
    host = site.perl_host(says("old"))
    other = site.directory / "other.pl"
    other.write_text(says("other"))
    other.chmod(0o644)
    site.config.write_text(site.policy(other))
    live(host, "other")
    other.write_text(says("changed"))
    live(host, "changed")
    number = host.generation.number
    in_place(site, says("nobody asks for it"))
    assert set(for_a_while(0.5, lambda: message(host)[0])) == {"changed"}
    assert host.generation.number == number


def test_a_file_that_is_removed_never_vanishes_silently(site, log):
    host = site.perl_host(says("old"))
    site.file.unlink()
    eventually(lambda: host.decide(ATTEMPT) == TEMPFAIL, SECOND)
    assert "does not exist" in host.problem
    site.save(says("again"))
    live(host, "again")


def test_a_change_of_permissions_alone_is_noticed(site):
    host = site.perl_host(says("old"))
    site.file.chmod(0o666)
    eventually(lambda: host.decide(ATTEMPT) == TEMPFAIL, SECOND)
    site.file.chmod(0o644)
    live(host, "old")


def test_no_attempt_is_lost_while_the_file_is_saved_again_and_again(site, log):
    host = site.perl_host(says("0"))
    stop, wrong = threading.Event(), []

    def ask():
        while not stop.wait(PAUSE):
            decision = host.decide(ATTEMPT)
            if decision == TEMPFAIL or not decision["message"].split(" ")[0].isdigit():
                wrong.append(decision)

    asking = threading.Thread(target=ask)
    asking.start()
    ways = [in_place, by_rename_over_it, by_a_move_from_elsewhere, with_the_old_time_stamp]
    ways.append(as_vim_does)
    try:
        for number in range(1, 16):
            ways[number % len(ways)](site, says(number))
            live(host, str(number))
    finally:
        stop.set()
        asking.join()
    assert wrong == []
    assert log.errors == []


HALF = f"""
return sub {{ return {{ action => 'normal' }} }} if !$main::whole;

# a comment that is long enough to fill a piece of its own, and another, and another, and more of it
#
BEGIN {{ $main::whole = 1 }}
# the end of it, which is as long as the others are
{says("whole")}"""
"""Its first half is a policy of its own, and runs if the rest is not there."""


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["w", "r+"])
@pytest.mark.parametrize("place", ["the file itself", "without events"])
def test_a_half_written_file_is_never_run_however_slow_its_writer(mode, place, site, request):
    if place == "without events":
        request.getfixturevalue("no_events")
    host = site.perl_host(says("old"))
    writing = threading.Thread(target=written_slowly, args=(site.file, HALF, mode, 0.5))
    writing.start()
    seen = []
    while writing.is_alive():
        seen += for_a_while(0.05, lambda: message(host)[0])
    writing.join()
    assert set(seen) <= {"old", "whole"}
    live(host, "whole")
