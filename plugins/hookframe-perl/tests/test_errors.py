"""What a sub may do wrong: each is a temp-fail of that attempt, in the log in Perl's own words."""

from __future__ import annotations

import re

import pytest

from hookframe import TEMPFAIL_MESSAGE
from hookframe.testing import eventually

TEMPFAIL = {"action": "pause", "message": TEMPFAIL_MESSAGE, "error": True}
NORMAL = {"action": "normal"}
IN_ATTEMPT = "Exception running pre_delivery_attempt_hook: "
INVALID = "Invalid return from pre_delivery_attempt_hook: "


def failing(body: str, head: str = "") -> str:
    """Write a file that does this on line 4 where the recipient is "bad", and counts otherwise."""
    return (
        f"{head}\nreturn sub {{ my ($attempt, $state) = @_;\n"
        "if ( $attempt->{recipient} ne 'bad' ) { return { action => 'pause', message => "
        "join ' ', $$, ++$state->{n} } }\n"
        f"{body};\n}};"
    )


@pytest.fixture
def fails(site, attempt, log):
    """Asks once, with recipient "bad": it must temp-fail; gives what the log says of it.

    All other attempts must be answered by the same process before and after, with the same state.
    """

    def ask(body: str, *, head: str = "", **settings) -> str:
        host = site.host(failing(body, head), **settings)
        assert host.problem == ""
        before = host.decide(attempt())["message"]
        assert host.decide(attempt(recipient="bad")) == TEMPFAIL
        process, number = before.split()
        assert number == "1"
        assert host.decide(attempt())["message"] == f"{process} 2"
        [error] = log.errors
        assert error.endswith("(plugin perl)")
        return error.removesuffix(" (plugin perl)").replace(str(site.file), "FILE")

    return ask


IN_PERLS_WORDS = {
    "die with a text": "die 'no list'",
    "die without a text": "die",
    "division by zero": "my $none = 0; 1 / $none",
    "an unknown sub": "no_such_sub()",
    "a method of undef": "my $x; $x->run",
    "strict references": "my $x = 'name'; @$x",
    "a missing module": "require No::Such::Module",
    "a string eval of its own": r"eval 'die qq(inner\n)'; die $@ . 'outer'",
    "last with a label": "last FOO",
    "goto": "goto FOO",
}


@pytest.mark.parametrize("body", IN_PERLS_WORDS.values(), ids=IN_PERLS_WORDS)
def test_a_sub_that_dies_temp_fails_its_attempt_in_perls_own_words(body, fails, perls_words):
    words, _ = perls_words(failing(body))
    assert words.endswith(" at (eval 1) line 4.")
    assert fails(body) == f"{IN_ATTEMPT}{words} (FILE)"


DYING = {
    "die with a line": (r'die "no list\n"', "no list"),
    "die with white space": (r'die "\n\n"', "died with an empty text"),
    "several lines": (r'die "one\ntwo\n"', r"one\\x0atwo"),
    "a forged line": (r'die "x\r\n2026 ERROR \e[31m\n"', r"x\\x0d\\x0a2026 ERROR \\x1b\[31m"),
    "bytes": (r'die "\xff\n"', r"\\xff"),
    "characters": (r'die "\x{263a}\n"', "☺"),
    "an unblessed reference": (
        "die { code => 5 }",
        r"HASH\(0x[0-9a-f]+\) \(it died with a reference that has no text\)",
    ),
    "a code reference": (
        "die sub { 1 }",
        r"CODE\(0x[0-9a-f]+\) \(it died with a reference that has no text\)",
    ),
    "an object": (
        "die bless {}, 'My::Error'",
        r"My::Error=HASH\(0x[0-9a-f]+\) \(it died with a reference that has no text\)",
    ),
    "an object that has a text": (
        "package My::Text; use overload '\"\"' => sub { 'text of ' . ref shift }; die bless []",
        "text of My::Text",
    ),
    "an object that is false": (
        "package My::Text; use overload bool => sub { 0 }, '\"\"' => sub { q() }; die bless []",
        "died with an empty text",
    ),
    "an object whose text dies": (
        "package My::Text; use overload '\"\"' => sub { die 'again' }; die bless []",
        "died with an object whose text can't be had",
    ),
    "an object whose text is an object": (
        "package My::Text; use overload '\"\"' => sub { $_[0] }; die bless []",
        r"My::Text=ARRAY\(0x[0-9a-f]+\) \(it died with a reference that has no text\)",
    ),
    "last": ("last", "it was left by next, last or redo, outside of a loop of its own"),
    "next": ("next", "it was left by next, last or redo, outside of a loop of its own"),
    "redo": ("redo", "it was left by next, last or redo, outside of a loop of its own"),
    "fork": (
        "fork",
        r"fork is not possible in a hook: it must return at once at \(eval 1\) line 4\.",
    ),
    "an alarm of its own": (
        r"local $SIG{ALRM} = sub { die qq(took too long\n) }; alarm 1; 1 while 1",
        "took too long",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize(("body", "text"), DYING.values(), ids=DYING)
def test_a_sub_that_dies_temp_fails_its_attempt_and_the_log_says_with_what(body, text, fails):
    assert re.fullmatch(f"{IN_ATTEMPT}{text} \\(FILE\\)", fails(body))


def test_the_documented_form_of_an_error_is_exactly_what_the_log_has(
    site, attempt, log, perls_words
):
    code = "return sub { my $none = 0;\nreturn 1 / $none };"
    host = site.host(code)
    assert (
        host.decide(attempt(msguid="1483391740.41125123", recipient="jane@example.org")) == TEMPFAIL
    )
    assert log.lines[-1] == (
        "error in pre_delivery_attempt_hook: msguid=[1483391740.41125123], "
        "recipient=[jane@example.org], error: Exception running pre_delivery_attempt_hook: "
        f"{perls_words(code)[0]} ({site.file}) (plugin perl)"
    )
    assert " at (eval 1) line 2. (" in log.lines[-1]


def test_an_endless_text_is_cut(fails):
    assert len(fails("die 'x' x 10_000_000")) < 5000


def test_a_handler_for_deaths_of_the_hooks_own_is_called_and_may_change_the_text(fails, log):
    head = "$SIG{__DIE__} = sub { print 'handler'; die 'for ', @_ };"
    assert fails("die 'it'", head=head) == (f"{IN_ATTEMPT}for it at (eval 1) line 4. (FILE)")
    assert log.printed == ["plugin perl: handler"]


def test_a_handler_for_deaths_that_stays_behind_harms_nothing(site, attempt, log):
    host = site.host(
        "$SIG{__DIE__} = sub { die 'handled' }; my $n;\n"
        "sub { $n++ ? { action => 'normal' } : die 'first' }"
    )
    assert host.decide(attempt()) == TEMPFAIL
    assert host.decide(attempt()) == NORMAL


RETURNS = {
    "nothing": ("return", "expected a reference to a hash; got undef (FILE)"),
    "undef": ("return undef", "expected a reference to a hash; got undef (FILE)"),
    "a string": ("'normal'", "expected a reference to a hash; got a string or a number (FILE)"),
    "a number": ("17", "expected a reference to a hash; got a string or a number (FILE)"),
    "an array": ("[]", "expected a reference to a hash; got a reference to ARRAY (FILE)"),
    "a sub": ("sub { 1 }", "expected a reference to a hash; got a reference to CODE (FILE)"),
    "a scalar": (r"\1", "expected a reference to a hash; got a reference to SCALAR (FILE)"),
    "a list": (
        "return ( action => 'normal' )",
        "expected a reference to a hash; got a string or a number (FILE)",
    ),
    "an object that is an array": (
        "bless [], 'Mine'",
        "expected a reference to a hash; got a reference to Mine (FILE)",
    ),
    "a hash as a value": (
        "{ action => 'dump', message => {} }",
        "message must be a string, not a reference to HASH (FILE)",
    ),
    "a deep structure": (
        "{ action => 'dump', message => [ { a => [ 1, 2, { b => 3 } ] } ] }",
        "message must be a string, not a reference to ARRAY (FILE)",
    ),
    "a structure that holds itself": (
        "my %h = ( action => 'dump' ); $h{message} = \\%h; \\%h",
        "message must be a string, not a reference to HASH (FILE)",
    ),
    "a code reference as a value": (
        "{ action => sub { 'dump' } }",
        "action must be a string, not a reference to CODE (FILE)",
    ),
    "an object that has a text": (
        "package My::Text; use overload '\"\"' => sub { 'dump' }; { action => bless [] }",
        "action must be a string, not a reference to My::Text (FILE)",
    ),
    "a value that is too long": (
        "{ action => 'dump', message => 'x' x 100_000 }",
        "message has 100000 bytes (FILE)",
    ),
}


@pytest.mark.parametrize(("body", "text"), RETURNS.values(), ids=RETURNS)
def test_a_wrong_return_temp_fails_its_attempt_and_the_log_says_what_it_was(body, text, fails):
    assert fails(body) == f"{INVALID}{text}"


REFUSED = {
    "no action": "{}",
    "an undefined action": "{ action => undef }",
    "an unknown action": "{ action => 'bounce' }",
    "an action in capitals": "{ action => 'DUMP' }",
    "an unknown key": "{ action => 'normal', mesage => 'x' }",
    "a key of another action": "{ action => 'normal', message => 'x' }",
    "no virtual mta": "{ action => 'new_mtaid' }",
    "an empty virtual mta": "{ action => 'new_mtaid', new_mtaid => '' }",
    "two lines": r'{ action => "dump", message => "two\nlines" }',
    "a long message": "{ action => 'dump', message => 'x' x 501 }",
    "bytes that are no utf-8": r'{ action => "dump", message => "caf\xe9" }',
    "a key that is a reference": "{ action => 'normal', [] => 1 }",
    "an empty key": "{ action => 'normal', '' => 1 }",
    "a thousand keys": "{ action => 'normal', map { $_ => 1 } 1 .. 1000 }",
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_what_the_action_schema_does_not_allow_is_refused_by_the_host(body, fails):
    assert fails(f"return {body}").startswith(INVALID)


TIED = """
package Tied;
require Tie::Hash;
our @ISA = 'Tie::StdHash';
sub {method} {{ {body} }}
package main;
"""


@pytest.mark.parametrize("method", ["FETCH", "FIRSTKEY", "NEXTKEY"])
def test_a_tied_hash_that_dies_when_it_is_read_is_an_exception(method, fails):
    head = TIED.format(method=method, body="die 'not today'")
    said = fails("tie my %h, 'Tied'; $h{action} = 'normal'; \\%h", head=head)
    assert said == f"{IN_ATTEMPT}not today at (eval 1) line 5. (FILE)"


def test_a_tied_hash_may_be_left_by_last_as_well(fails):
    head = TIED.format(method="FETCH", body="last")
    fails("tie my %h, 'Tied'; $h{action} = 'normal'; \\%h", head=head)


RUBBISH = "for my $fd ( 3 .. 50 ) { open my $to, '>&=', $fd or next; syswrite $to, %s }"
ENDING = {
    "exit": ("exit", "ended itself with exit status 0, by exit or exec"),
    "exit with a status": ("exit 3", "ended itself with exit status 3, by exit or exec"),
    "POSIX::_exit": (
        "require POSIX; POSIX::_exit(4)",
        "ended itself with exit status 4, by exit or exec",
    ),
    "exec of what ends": ("exec 'true'", "ended itself with exit status 0, by exit or exec"),
    "exec of what goes on": (
        "exec 'sleep', 1000",
        "closed its line to hookframe, by exec or by closing what it had not opened",
    ),
    "exec of what there is not": (
        "exec '/no/such/program' or exit 7",
        "ended itself with exit status 7, by exit or exec",
    ),
    "an alarm": ("alarm 1; sleep 1000", "was ended by SIGALRM"),
    "kill": ("kill KILL => $$", "was ended by SIGKILL"),
    "segmentation fault": ("kill SEGV => $$", "was ended by SIGSEGV"),
    "abort": ("require POSIX; POSIX::abort()", "was ended by SIGABRT"),
    "a broken pipe": ("pipe my $r, my $w; close $r; syswrite $w, 'x'", "was ended by SIGPIPE"),
    "a real-time signal": ("kill 40 => $$", "was ended by signal 40"),
    "an exception that exits": (
        "package My::Text; use overload '\"\"' => sub { exit 9 }; die bless []",
        "ended itself with exit status 9, by exit or exec",
    ),
    "rubbish": (
        RUBBISH % "'rubbish'",
        "gave an answer that can't be read: the hook wrote to its line to hookframe",
    ),
    "a frame of rubbish": (
        RUBBISH % r'"\0\0\0\4\0\0\0\7"',
        "gave an answer that can't be read: the hook wrote to its line to hookframe",
    ),
    "two answers": (
        RUBBISH % r'"\0\0\0\4\0\0\0\0" x 2',
        "gave an answer that can't be read: the hook wrote to its line to hookframe",
    ),
    "closing all descriptors": (
        "require POSIX; POSIX::close($_) for 0 .. 50; sleep 1000",
        "closed its line to hookframe, by exec or by closing what it had not opened",
    ),
}


@pytest.fixture
def replaced(site, attempt, log):
    """Asks once, with recipient "bad": it must temp-fail, and the next gets a new process."""

    def ask(body: str, **settings) -> str:
        host = site.host(
            "return sub { my ($attempt, $state) = @_;\n"
            "if ( $attempt->{recipient} ne 'bad' ) { return { action => 'pause', message => "
            "join ' ', $$, ++$state->{n} } }\n"
            f"{body}; return {{ action => 'normal' }};\n}};",
            **settings,
        )
        assert host.problem == ""
        process, number = host.decide(attempt())["message"].split()
        assert host.decide(attempt(recipient="bad")) == TEMPFAIL
        another, again = host.decide(attempt())["message"].split()
        assert process != another
        assert number == again == "1"
        assert host.generation.number == 1
        [error] = log.errors
        assert error.endswith(f" ({site.file}) (plugin perl)")
        return error.removesuffix(f" ({site.file}) (plugin perl)")

    return ask


@pytest.mark.slow
@pytest.mark.parametrize(("body", "text"), ENDING.values(), ids=ENDING)
def test_a_process_that_is_lost_temp_fails_its_attempt_and_is_replaced(body, text, replaced):
    assert replaced(body) == (
        f"{IN_ATTEMPT}the Perl process {text}; the next attempt gets a new one, with an empty state"
    )


STUCK = {
    "an endless loop": "1 while 1",
    "a sleep": "sleep 1000",
    "a sleep that ignores all signals": "$SIG{$_} = 'IGNORE' for keys %SIG; sleep 1000 while 1",
    "a program that does not end": "system 'sleep 1000'",
    "a stopped process": "kill STOP => $$",
    "a backtracking pattern": "('a' x 40) =~ /^(a|aa|aaa)*(b|(?{0})c)$/ while 1",
    "reading what nobody writes": "pipe my $r, my $w; <$r>",
    "a tied hash that never ends": (
        "package T; sub TIEHASH { bless [] } sub FIRSTKEY { 1 } sub NEXTKEY { 1 } "
        "sub FETCH { 1 } package main; tie my %h, 'T'; return \\%h"
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("body", STUCK.values(), ids=STUCK)
def test_a_call_that_does_not_end_in_time_temp_fails_and_its_process_is_replaced(
    body, site, attempt, log
):
    host = site.host(
        "return sub { my ($attempt) = @_;\n"
        "if ( $attempt->{recipient} ne 'bad' ) { return { action => 'pause', message => $$ } }\n"
        f"{body};\n}};",
        deadline="300ms",
    )
    eventually(lambda: host.decide(attempt()) != TEMPFAIL)
    process = host.decide(attempt())
    log.lines.clear()
    assert host.decide(attempt(recipient="bad")) == TEMPFAIL
    assert log.errors == [
        f"{IN_ATTEMPT}a call took longer than 0.3 s, so the Perl process was ended; the next "
        f"attempt gets a new one, with an empty state ({site.file}) (plugin perl)"
    ]
    eventually(lambda: host.decide(attempt()) != TEMPFAIL)
    assert host.decide(attempt()) != process


@pytest.mark.slow
def test_the_hosts_own_deadline_interrupts_a_call_that_may_take_longer(site, attempt, log):
    host = site.host(
        "sub { sleep 1000 if $_[0]{recipient} eq 'bad'; { action => 'normal' } }",
        'deadline = "300ms"\n',
        interrupt=True,
    )
    eventually(lambda: host.decide(attempt()) == NORMAL)
    log.lines.clear()
    assert host.decide(attempt(recipient="bad")) == TEMPFAIL
    [error] = log.errors
    assert "the whole chain's deadline is 0.3 s" in error
    assert error.endswith("(plugin perl)")
    eventually(lambda: host.decide(attempt()) == NORMAL)


@pytest.mark.slow
def test_memory_without_end_ends_the_process_and_nothing_else(site, attempt, log):
    limited = site.program('#!/bin/sh\nulimit -v 200000\nexec perl "$@"\n')
    host = site.host(
        "sub { if ( $_[0]{recipient} eq 'bad' ) { my @a; push @a, 'x' x 1_000_000 while 1 } "
        "{ action => 'normal' } }",
        perl=limited,
    )
    assert host.decide(attempt()) == NORMAL
    assert host.decide(attempt(recipient="bad")) == TEMPFAIL
    assert host.decide(attempt()) == NORMAL
    assert log.printed != [], "what Perl says of it is in the log"
    # It may have no memory left to exit with that, and break down on the way.
    [error] = log.errors
    assert re.search(
        "the Perl process (ended itself with exit status [1-9]|was ended by SIG)", error
    )


@pytest.mark.slow
def test_a_recursion_without_end_ends_the_process_and_nothing_else(site, attempt, log):
    limited = site.program('#!/bin/sh\nulimit -v 300000\nexec perl "$@"\n')
    host = site.host(
        "sub deep { deep( @_, 1 ) }\n"
        "sub { deep() if $_[0]{recipient} eq 'bad'; { action => 'normal' } }",
        perl=limited,
    )
    assert host.decide(attempt(recipient="bad")) == TEMPFAIL
    assert "the Perl process " in log.errors[0]
    assert host.decide(attempt()) == NORMAL


def test_a_recursion_of_a_reasonable_depth_is_fine(site, attempt):
    host = site.host(
        "sub depth { my $n = shift; $n ? 1 + depth( $n - 1 ) : 0 }\n"
        "sub { { action => 'pause', message => depth(20_000) } }"
    )
    assert host.decide(attempt())["message"] == "20000"


IGNORED = ["HUP", "INT", "TERM"]


@pytest.mark.parametrize("name", IGNORED)
def test_a_signal_that_is_meant_for_hookframe_does_not_end_the_process(name, site, attempt):
    host = site.host(
        f"sub {{ kill {name} => $$; {{ action => 'pause', message => $$ }} }}",
    )
    assert host.decide(attempt()) == host.decide(attempt())
    assert host.decide(attempt()) != TEMPFAIL


def test_what_a_hook_starts_hears_these_signals(site, attempt):
    host = site.host(
        "sub { my $pid = open my $out, '-|', 'echo started; exec sleep 1000' or die; <$out>; "
        "kill TERM => $pid; close $out; { action => 'pause', message => $? & 127 } }"
    )
    assert host.decide(attempt())["message"] == "15"


CHILDREN = {
    "POSIX::fork": "require POSIX; my $child = POSIX::fork();",
    "CORE::fork": "my $child = CORE::fork();",
    "open": "my $child = open my $from, '-|';",
}


@pytest.mark.parametrize("fork", CHILDREN.values(), ids=CHILDREN)
@pytest.mark.parametrize("end", ["", "die 'in the child' if !$child;"], ids=["returns", "dies"])
def test_a_child_that_was_forked_by_other_means_never_answers(fork, end, site, attempt, log):
    host = site.host(
        f"sub {{ {fork} {end} waitpid $child, 0 if $child; "
        "{ action => 'pause', message => $child && \"$$ $_[0]{listid}\" } }"
    )
    answers = [host.decide(attempt(listid=str(number)))["message"] for number in range(5)]
    assert [answer.split()[1] for answer in answers] == list("01234")
    assert len({answer.split()[0] for answer in answers}) == 1
    assert log.errors == []
