"""What a hook prints reaches the log, in order, with the plugin's name, and disturbs nothing."""

from __future__ import annotations

import pytest

from hookframe import TEMPFAIL_MESSAGE
from hookframe.testing import eventually

TEMPFAIL = {"action": "pause", "message": TEMPFAIL_MESSAGE, "error": True}
NORMAL = {"action": "normal"}


@pytest.fixture
def prints(site, attempt, log, capfd):
    """Asks twice about a hook that prints; gives what has reached the log, of one call."""

    def ask(body: str, *, head: str = "") -> list[str]:
        host = site.host(f"{head}\nsub {{ {body};\nreturn {{ action => 'normal' }} }}")
        capfd.readouterr()
        found = []
        for _ in range(2):
            log.lines.clear()
            assert host.decide(attempt()) == NORMAL
            assert all(line.startswith("plugin perl: ") for line in log.printed)
            found.append([line.removeprefix("plugin perl: ") for line in log.printed])
        assert found[0] == found[1]
        assert log.errors == []
        assert capfd.readouterr().out == ""
        return found[0]

    return ask


PRINTING = {
    "print": (r'print "out\n"', ["out"]),
    "print STDERR": (r'print STDERR "err\n"', ["err"]),
    "warn": ("warn 'warned'", ["warned at (eval 1) line 2."]),
    "warn with a line": (r'warn "warned\n"', ["warned"]),
    "printf": (r"printf '%05d' . qq(\n), 17", ["00017"]),
    "say": ("use feature 'say'; say 'said'", ["said"]),
    "write": ("syswrite STDOUT, qq(raw\n)", ["raw"]),
    "several lines": (r'print "one\ntwo\n"', ["one", "two"]),
    "pieces of a line": (r'print "in "; print STDERR "two "; print "pieces\n"', ["in two pieces"]),
    "no newline": ("print 'unfinished'", ["unfinished"]),
    "nothing": ("print ''", []),
    "an empty line": (r'print "\n"', [""]),
    "bytes": (r'print "\xff\xfe\n"', [r"\xff\xfe"]),
    "utf-8": ("print 'Zoë', qq(\n)", ["Zoë"]),
    "control characters": (
        r'print "forged\r2026 ERROR\e[31m\n"',
        [r"forged\x0d2026 ERROR\x1b[31m"],
    ),
    "braces": ("print '{0} {} {x} <red>', qq(\n)", ["{0} {} {x} <red>"]),
    "another program": ("system 'echo', 'echoed'", ["echoed"]),
    "a shell": ("system 'echo out; echo err >&2'", ["out", "err"]),
    "all in order": (
        r"print qq(1\n); print STDERR qq(2\n); warn qq(3\n); system 'echo 4'; print qq(5\n); "
        r"print STDERR qq(6\n)",
        list("123456"),
    ),
    "a selected handle": (
        r"my $old = select STDERR; print qq(selected\n); select $old",
        ["selected"],
    ),
    "separators": (
        r"local ( $\, $, ) = ( qq(!\n), '-' ); print 1, 2, 3",
        ["1-2-3!"],
    ),
    "separators that stay behind": (r"( $\, $, ) = ( qq(!\n), '-' ); print 1, 2, 3", ["1-2-3!"]),
    "another line end for reading": (r"$/ = undef; $/ = \3; print qq(read\n)", ["read"]),
    "buffering": (r"$| = 0; print qq(late\n)", ["late"]),
    "a variable that is in use everywhere": (r"$_ = 'mine'; print; print qq(\n)", ["mine"]),
    "closing standard output": (r"print qq(before\n); close STDOUT", ["before"]),
    "closing standard error": (r"print STDERR qq(before\n); close STDERR", ["before"]),
    "closing all three": (
        r"close STDIN; close STDOUT; system 'echo err >&2'; close STDERR",
        ["err"],
    ),
    "another standard output for a while": (
        r"{ local *STDOUT; open STDOUT, '>', '/dev/null'; print qq(lost\n) } print qq(there\n)",
        ["there"],
    ),
    "a layer": (r"binmode STDOUT, ':encoding(UTF-8)'; print qq(\x{263a}\n); binmode STDOUT", ["☺"]),
    "a string in place of standard error": (
        r"my $s = ''; { local *STDERR; open STDERR, '>', \$s; warn qq(kept\n) } print $s",
        ["kept"],
    ),
}


@pytest.mark.parametrize(("body", "lines"), PRINTING.values(), ids=PRINTING)
def test_what_a_hook_prints_reaches_the_log_a_line_each(body, lines, prints):
    assert prints(body) == lines


def test_a_warning_of_perls_reaches_the_log_in_perls_own_words(prints, perls_words):
    body = "use warnings; my $x; my $y = 'a' . $x"
    _, warning = perls_words(f"\nsub {{ {body};\nreturn }}")
    assert warning.endswith(" at (eval 1) line 2.")
    assert prints(body) == [warning]


def test_standard_output_that_was_closed_is_open_again_in_the_next_call(site, attempt, log):
    host = site.host(
        "my $n = 0; sub { print STDOUT qq(out $n\n); print STDERR qq(err $n\n); "
        "system qq(echo sub $n); close STDIN; close STDOUT; close STDERR; $n++; "
        "{ action => 'normal' } }"
    )
    for _ in range(3):
        assert host.decide(attempt()) == NORMAL
    assert log.printed == [
        f"plugin perl: {what} {number}" for number in range(3) for what in ("out", "err", "sub")
    ]


TIED = """
package Tied;
sub TIEHANDLE {{ bless [] }}
sub PRINT {{ my $self = shift; push @$self, @_; 1 }}
package main;
my $log = tie *{handle}, 'Tied';
"""


@pytest.mark.parametrize("handle", ["STDOUT", "STDERR", "STDIN"])
def test_a_handle_may_be_tied_as_modules_do_that_capture_what_is_printed(handle, site, attempt):
    host = site.host(
        TIED.format(handle=handle)
        + f"sub {{ print {handle} 'x'; {{ action => 'pause', message => scalar @$log }} }}"
    )
    assert host.problem == ""
    assert [host.decide(attempt())["message"] for _ in range(3)] == ["1", "2", "3"]


def test_what_is_printed_while_the_file_is_compiled_reaches_the_log_in_order(site, log):
    site.host(
        r"print qq(1\n); print STDERR qq(2\n); warn qq(3\n); system 'echo 4'; print qq(5\n);"
        "BEGIN { print STDERR qq(0\n) } sub { { action => 'normal' } }"
    )
    assert log.printed == [f"plugin perl: {number}" for number in range(6)]


def test_what_is_printed_before_a_death_reaches_the_log_before_the_error(site, attempt, log):
    host = site.host("sub { print 'last '; print STDERR 'words'; die 'now' }")
    assert host.decide(attempt()) == TEMPFAIL
    said = [line for line in log.lines if "last words" in line or "now at" in line]
    assert len(said) == 2
    assert said[0] == "plugin perl: last words"


@pytest.mark.parametrize("end", ["exit", "kill KILL => $$", "exec 'echo', 'executed'"])
def test_what_a_process_prints_before_its_end_reaches_the_log(end, site, attempt, log):
    host = site.host(f"sub {{ print STDERR qq(before\n); {end} }}")
    assert host.decide(attempt()) == TEMPFAIL
    expected = ["before", "executed"] if "exec" in end else ["before"]
    assert log.printed == [f"plugin perl: {line}" for line in expected]


@pytest.mark.slow
@pytest.mark.parametrize("handle", ["STDOUT", "STDERR"])
def test_megabytes_are_no_obstacle(handle, site, attempt, log):
    host = site.host(
        f"sub {{ print {handle} 'x' x 99, qq(\n) for 1 .. 50_000; "
        f"print {handle} 'y' x 3_000_000, qq(\n); {{ action => 'normal' }} }}"
    )
    for _ in range(2):
        assert host.decide(attempt()) == NORMAL
    assert log.printed
    assert log.errors == []


def test_a_letter_of_several_bytes_is_whole_wherever_the_pieces_are_cut(site, attempt, log):
    host = site.host(
        r'my @pieces = ( "Zo\xc3", "\xab\n", "\xf0\x9f", "\x90", "\xaa\n" );' + "\n"
        "sub { syswrite STDERR, shift @pieces; { action => 'normal' } }"
    )
    for _ in range(5):
        assert host.decide(attempt()) == NORMAL
    assert "".join(line.removeprefix("plugin perl: ") for line in log.printed) == "Zoë🐪"


def test_what_a_program_in_the_background_prints_later_is_the_hooks(site, attempt, log):
    host = site.host(
        "my $n; sub { system 'sh -c \"echo from behind\" &' if !$n++; { action => 'normal' } }"
    )

    def printed():
        assert host.decide(attempt()) == NORMAL
        return log.printed

    eventually(printed)
    assert log.printed == ["plugin perl: from behind"]


def test_each_line_has_the_name_of_the_plugin_that_printed_it(site, attempt, log):
    (site.directory / "hook.py").write_text("def pre_delivery_attempt(): print('python')\n")
    (site.directory / "hook.py").chmod(0o644)
    top = 'deadline = "50s"\nhook_file = "hook.py"\n'
    host = site.host(
        r"sub { print qq(perl\n); print 'unfinished'; { action => 'normal' } }",
        top,
        chain=("perl", "file"),
    )
    host.decide(attempt())
    assert log.printed == ["plugin perl: perl", "plugin perl: unfinished", "plugin file: python"]


def test_standard_input_is_empty(site, attempt):
    host = site.host("sub { my @lines = <STDIN>; { action => 'pause', message => scalar @lines } }")
    assert [host.decide(attempt())["message"] for _ in range(2)] == ["0", "0"]
