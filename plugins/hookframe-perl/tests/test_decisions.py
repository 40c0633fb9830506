"""What the sub may return, and the state that it keeps."""

from __future__ import annotations

import os
import re
import signal

import pytest

from hookframe import TEMPFAIL_MESSAGE

TEMPFAIL = {"action": "pause", "message": TEMPFAIL_MESSAGE, "error": True}
NORMAL = {"action": "normal"}

DECISIONS = {
    "normal": ("{ action => 'normal' }", NORMAL),
    "normal, with a domain": (
        "{ action => 'normal', deliver_as_if_to_domain => 'other.example' }",
        {"action": "normal", "deliver_as_if_to_domain": "other.example"},
    ),
    "pause": ("{ action => 'pause' }", {"action": "pause"}),
    "pause, with a message": (
        "{ action => 'pause', message => 'Later.' }",
        {"action": "pause", "message": "Later."},
    ),
    "dump": ("{ action => 'dump' }", {"action": "dump"}),
    "dump, with a message": (
        "{ action => 'dump', message => 'Never. (#5.7.1)' }",
        {"action": "dump", "message": "Never. (#5.7.1)"},
    ),
    "new_mtaid": (
        "{ action => 'new_mtaid', new_mtaid => 'smtp2' }",
        {"action": "new_mtaid", "new_mtaid": "smtp2"},
    ),
    "new_mtaid, a number": (
        "{ action => 'new_mtaid', new_mtaid => 17 }",
        {"action": "new_mtaid", "new_mtaid": "17"},
    ),
    "new_mtaid, a computed number": (
        "{ action => 'new_mtaid', new_mtaid => 10 / 2 }",
        {"action": "new_mtaid", "new_mtaid": "5"},
    ),
    "new_mtaid, with a domain": (
        "{ action => 'new_mtaid', new_mtaid => 'smtp2', deliver_as_if_to_domain => 'o.example' }",
        {"action": "new_mtaid", "new_mtaid": "smtp2", "deliver_as_if_to_domain": "o.example"},
    ),
    "new_config, a sender": (
        r"{ action => 'new_config', new_sender => 'a@b.example' }",
        {"action": "new_config", "new_sender": "a@b.example"},
    ),
    "new_config, the null sender": (
        "{ action => 'new_config', new_sender => '' }",
        {"action": "new_config", "new_sender": ""},
    ),
    "new_config, both": (
        r"{ action => 'new_config', new_sender => 'a@b.example', new_mtaid => 3 }",
        {"action": "new_config", "new_sender": "a@b.example", "new_mtaid": "3"},
    ),
    "a key that is undefined is absent": (
        "{ action => 'normal', deliver_as_if_to_domain => undef, message => undef, x => undef }",
        NORMAL,
    ),
    "an empty message": (
        "{ action => 'pause', message => '' }",
        {"action": "pause", "message": ""},
    ),
    "a number as a message": (
        "{ action => 'dump', message => 550 }",
        {"action": "dump", "message": "550"},
    ),
    "a string of bytes that are utf-8": (
        r'{ action => "dump", message => "Zo\xc3\xab" }',
        {"action": "dump", "message": "Zoë"},
    ),
    "a string of characters": (
        r'{ action => "dump", message => "Zo\x{eb} \x{263a} \x{1f42a}" }',
        {"action": "dump", "message": "Zoë ☺ 🐪"},
    ),
    "characters that fit into bytes each": (
        r'my $x = "Zo\xeb"; utf8::upgrade($x); { action => "dump", message => $x }',
        {"action": "dump", "message": "Zoë"},
    ),
    "characters as a key": (
        r'my $x = "act\x{263a}"; chop $x; $x .= "ion"; return { $x, "dump" }',
        {"action": "dump"},
    ),
    "a blessed hash": ("bless { action => 'dump' }, 'Mine'", {"action": "dump"}),
    "a tied hash": (
        "require Tie::Hash; tie my %h, 'Tie::StdHash'; $h{action} = 'dump'; \\%h",
        {"action": "dump"},
    ),
    "a tied value": (
        "require Tie::Scalar; tie my $v, 'Tie::StdScalar', 'dump'; my %h; "
        "tie $h{action}, 'Tie::StdScalar', 'dump'; \\%h",
        {"action": "dump"},
    ),
    "a restricted hash": (
        "require Hash::Util; my %h = ( action => 'dump' ); Hash::Util::lock_hashref(\\%h); \\%h",
        {"action": "dump"},
    ),
    "a constant": (
        "use constant DUMP => { action => 'dump' }; return DUMP",
        {"action": "dump"},
    ),
    "a dualvar": (
        "require Scalar::Util; my $both = Scalar::Util::dualvar(5, 'x'); "
        "return { action => 'new_mtaid', new_mtaid => $both }",
        {"action": "new_mtaid", "new_mtaid": "x"},
    ),
    "a version string": (
        "{ action => 'new_mtaid', new_mtaid => v65.66 }",
        {"action": "new_mtaid", "new_mtaid": "AB"},
    ),
    "a copy of the attempt's": (
        "{ action => 'new_config', new_sender => $_[0]{recipient} }",
        {"action": "new_config", "new_sender": "user@example.org"},
    ),
}


@pytest.mark.parametrize(("body", "decision"), DECISIONS.values(), ids=DECISIONS)
def test_what_the_sub_returns_is_the_decision(body, decision, site, attempt, log):
    code = body if "return" in body or ";" in body else f"return {body}"
    host = site.host(f"sub {{ {code} }}")
    assert (host.problem, log.errors) == ("", [])
    assert [host.decide(attempt()) for _ in range(2)] == [decision] * 2


def test_the_trace_names_the_plugin_and_its_vote(site, attempt):
    host = site.host("sub { return { action => 'dump', message => 'x' } }")
    [vote] = host.explain(attempt()).trace
    assert (vote["plugin"], vote["distribution"]) == ("perl", "hookframe-perl")
    assert vote["vote"] == {"action": "dump", "message": "x"}


@pytest.mark.slow
def test_the_operators_policy_applies_to_perl_as_to_any_plugin(site, attempt, log):
    host = site.host("sub { return { action => 'dump' } }")
    text = site.config.read_text()
    site.config.write_text(text + '[plugins.perl]\nmay = ["pause"]\n')
    host.reload()
    assert host.decide(attempt()) == TEMPFAIL
    site.config.write_text(text + '[plugins.perl]\nmode = "shadow"\n')
    host.reload()
    assert host.decide(attempt()) == NORMAL
    site.save("sub { die }")
    site.config.write_text(text + '[plugins.perl]\non_error = "skip"\n')
    host.reload()
    assert host.decide(attempt()) == NORMAL


# State

COUNTING = (
    "sub { my ($attempt, $state) = @_; exit if $attempt->{recipient} eq 'exit';\n"
    "{ action => 'pause', message => join ' ', ++$state->{n}, $state } }"
)


def counted(host, attempt) -> tuple[str, str]:
    number, identity = host.decide(attempt())["message"].split()
    return number, identity


def test_the_state_is_the_same_hash_in_every_call(site, attempt):
    host = site.host(COUNTING)
    found = [counted(host, attempt) for _ in range(5)]
    assert [number for number, _ in found] == list("12345")
    assert len({identity for _, identity in found}) == 1
    assert found[0][1].startswith("HASH(0x")


@pytest.mark.slow
def test_the_state_is_new_when_the_file_is_loaded_again(site, attempt):
    host = site.host(COUNTING)
    counted(host, attempt)
    site.save(f"# changed\n{COUNTING}")
    host.reload()
    assert counted(host, attempt)[0] == "1"


def test_the_state_is_new_when_the_chain_is_built_anew_for_another_reason(site, attempt):
    host = site.host(COUNTING)
    counted(host, attempt)
    site.configure('deadline = "49s"\n')
    host.reload()
    assert counted(host, attempt)[0] == "1"


@pytest.mark.slow
def test_the_state_is_new_in_a_new_process(site, attempt):
    host = site.host(COUNTING)
    counted(host, attempt)
    assert host.decide(attempt(recipient="exit")) == TEMPFAIL
    assert counted(host, attempt)[0] == "1"


def test_variables_of_the_file_live_as_long_as_the_state(site, attempt):
    host = site.host("my $n; our $m; sub { { action => 'pause', message => ++$n + ++$m } }")
    assert [host.decide(attempt())["message"] for _ in range(3)] == ["2", "4", "6"]
    site.save("my $n; our $m;\nsub { { action => 'pause', message => ++$n + ++$m } }")
    host.reload()
    assert host.decide(attempt())["message"] == "2"


def test_the_state_holds_whatever_perl_has(site, attempt):
    host = site.host(
        "sub { my ($attempt, $state) = @_; $state->{next} ||= do { my $n; sub { ++$n } };\n"
        "open $state->{file}, '<', $0 if !$state->{file};\n"
        "$state->{lines} .= readline $state->{file};\n"
        "{ action => 'pause', message => $state->{next}->() . length $state->{lines} } }"
    )
    first, second = (host.decide(attempt())["message"] for _ in range(2))
    assert (first[0], second[0]) == ("1", "2")
    assert int(first[1:]) < int(second[1:])


@pytest.mark.parametrize("deed", ["$_[1] = undef", "$_[1] = {}", "undef $_[1]", "@_ = ()"])
def test_what_becomes_of_the_second_argument_is_no_matter_of_the_state(deed, site, attempt):
    host = site.host(
        f"sub {{ my $n = ++$_[1]{{n}}; {deed}; {{ action => 'pause', message => $n }} }}"
    )
    assert [host.decide(attempt())["message"] for _ in range(3)] == ["1", "2", "3"]


@pytest.mark.parametrize("deed", ["%$state = ()", "bless $state", "delete $state->{n}"])
def test_the_hook_may_do_with_the_state_what_it_wants(deed, site, attempt):
    host = site.host(
        f"sub {{ my $state = $_[1]; $state->{{n}}++; {deed}; "
        "{ action => 'pause', message => $state->{n} || 'none' } }"
    )
    assert all(host.decide(attempt()) != TEMPFAIL for _ in range(3))


def test_a_call_does_not_disturb_the_next(site, attempt):
    host = site.host(
        r"my $n; $SIG{__WARN__} = sub { }; sub { $n++; $_ = 'changed'; @_ = (); $/ = undef; "
        r"$\ = 'x'; "
        r"$, = 'y'; $; = 'z'; $0 = 'renamed'; $| = 0; $! = 5; $@ = 'error'; $? = 1; chdir '/'; "
        r"umask 0777; %ENV = (); @INC = (); %INC = (); select STDERR; local $SIG{ALRM} = 'IGNORE'; "
        r"binmode STDOUT, ':utf8'; close STDIN; srand 1; undef *STDOUT; "
        "{ action => 'pause', message => $n } }"
    )
    assert [host.decide(attempt())["message"] for _ in range(4)] == list("1234")


def test_a_stopped_process_that_goes_on_in_time_answers(site, attempt):
    host = site.host("sub { { action => 'pause', message => $$ } }")
    process = int(host.decide(attempt())["message"])
    os.kill(process, signal.SIGSTOP)
    os.kill(process, signal.SIGCONT)
    assert host.decide(attempt())["message"] == str(process)


def test_remarks_say_what_a_reader_of_python_should_know(site, attempt, perls_words):
    code = (
        "use POSIX ();\nmy $unused; sub { my ($a, $state) = @_; $state->{seen} = 1; "
        "$state->{\"Zo\\xeb\"} = 1; $unused; { action => 'normal' } }"
    )
    host = site.host(code)
    host.decide(attempt())
    [plugin] = host.generation.plugins
    runs, state, modules, *warnings = plugin.subject.remarks()
    version, _ = perls_words("die sprintf qq(%vd\\n), $^V")
    assert runs.startswith(f"{site.file} runs on Perl {version} (/")
    assert runs.endswith("in its own process")
    assert state.startswith(r"its state holds Zo\xeb, seen; it is a hash of Perl's own")
    assert "POSIX.pm" in modules
    _, said = perls_words(f"use warnings; {code}")
    assert " line 2." in said
    told = [re.sub(r"\(eval [0-9]+\)", "(eval 1)", warning) for warning in warnings]
    assert told == [f"with `use warnings` Perl says: {line}" for line in said.splitlines()]
    assert host.decide(attempt()) == NORMAL
