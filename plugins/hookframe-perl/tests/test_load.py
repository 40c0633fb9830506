"""What becomes of a file: it is compiled, or a load error says why not."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
import time

import importlib_metadata
import pytest
from hookframe_perl import Perl

from hookframe import TEMPFAIL_MESSAGE

TEMPFAIL = {"action": "pause", "message": TEMPFAIL_MESSAGE, "error": True}
NORMAL = {"action": "normal"}
ORIGIN = "(plugin perl, hookframe-perl 0.1.0)"


def says(message: str) -> str:
    return f"sub {{ {{ action => 'pause', message => {message} }} }}"


SUB = says("'fine'")


@pytest.fixture
def refusal(site, attempt, log):
    """Starts a host whose file can't be used; gives what the log says, without its origin."""

    def start(code, top='deadline = "50s"\n', **settings) -> str:
        host = site.host(code, top, **settings)
        assert host.decide(attempt()) == TEMPFAIL
        [said] = log.loading
        assert said.endswith(ORIGIN)
        assert said == host.problem.replace("\n", "\\x0a")
        return said.removesuffix(f" {ORIGIN}").replace(str(site.file), "FILE")

    return start


def test_the_plugin_is_found_by_its_name():
    [entry] = importlib_metadata.entry_points(group="hookframe", name="perl")
    assert entry.dist.name == "hookframe-perl"
    assert entry.load() is Perl


# What it may be

FINE = {
    "a sub": says("'fine'"),
    "return": f"return {SUB};",
    "a byte order mark": f"\ufeffreturn {SUB};",
    "a semicolon": f"{SUB};",
    "a named sub": r"sub hook { { action => 'pause', message => 'fine' } } \&hook",
    "a blessed sub": f"bless {SUB}, 'Mine'",
    "a closure": f"my $word = 'fine'; {says('$word')}",
    "its own strict": f"use strict; use warnings; {SUB}",
    "without strict": f"no strict; $word = 'fine'; {says('$word')}",
    "a package": f"package Mine; our $word = 'fine'; {says('$Mine::word')}",
    "a package block": f"package Mine {{ our $word = 'fine' }} {says('$Mine::word')}",
    "comments": f"# first\n{SUB} # last",
    "leading pod": f"=pod\n\nWhat it is.\n\n=cut\n\n{SUB}",
    "an end": f"{SUB}\n__END__\nsyntax error {{",
    "data": f"{SUB}\n__DATA__\nsyntax error {{",
    "a first line for the shell": f"#!/usr/bin/perl -w\n{SUB}",
    "windows line ends": says("'fine'").replace(" ", "\r\n"),
    "a here document": "my $word = <<'END';\nfine\nEND\nchomp $word; " + says("$word"),
    "begin": f"my $word; BEGIN {{ $word = 'fine' }} {says('$word')}",
    "conditional": "if (1) { return " + says("'fine'") + " } else { return 5 }",
    "an eval that failed": f"eval {{ die }}; {SUB}",
    "features": f"use feature 'state'; use 5.014; {SUB}",
    "utf-8": f"use utf8; my $word = 'ﬁne'; {SUB}",
    "constants": f"use constant WORD => 'fine'; {says('WORD')}",
    "a loop": "for my $n (1, 2) { next if $n == 1; last } " + says("'fine'"),
    "a returning loop": f"for (1) {{ return {SUB} }}",
    "List::Util": f"use List::Util 'first'; {says('first { 1 } qw(fine)')}",
    "POSIX": f"use POSIX 'floor'; {says('POSIX::floor(1.5) == 1 && q(fine)')}",
    "Time::HiRes": f"use Time::HiRes 'time'; {says('time > 0 && q(fine)')}",
    "Data::Dumper": f"use Data::Dumper; {says('Dumper(1) && q(fine)')}",
    "Encode": f"use Encode; {says('encode(q(UTF-8), q(fine))')}",
    "JSON::PP": "use JSON::PP; " + says("decode_json('[\"fine\"]')->[0]"),
    "Socket": f"use Socket; {says('inet_ntoa(inet_aton(q(127.0.0.1))) && q(fine)')}",
    "File::Basename": f"use File::Basename; {says('basename(q(/a/fine))')}",
    "IO::File": "use IO::File; my $f = IO::File->new('/dev/null'); " + says("$f && 'fine'"),
    "Tie::Hash": "use Tie::Hash; tie my %h, 'Tie::StdHash'; $h{a} = 'fine'; " + says("$h{a}"),
    "DB_File or not": "my $x = eval { require DB_File; 1 }; " + says("'fine'"),
}


@pytest.mark.parametrize("code", FINE.values(), ids=FINE)
def test_any_perl_that_gives_a_reference_to_a_sub_is_fine(code, site, attempt):
    host = site.host(code)
    assert host.problem == ""
    assert host.decide(attempt())["message"] == "fine"


@pytest.mark.slow
def test_the_file_sees_no_variable_of_the_plugins_and_is_in_package_main(
    site, attempt, perls_words
):
    words = ["$requests", "$answers", "$output", "$process", "$hook", "$state", "%ours"]
    for word in words:
        code = f"my $x = {word}; sub {{ 1 }}"
        unknown, _ = perls_words(code)
        assert word in unknown
        assert unknown in site.host(code).problem.replace("\n", r"\x0a")
    assert site.host(says("__PACKAGE__")).decide(attempt())["message"] == "main"


def test_the_program_has_the_name_of_the_file(site, attempt):
    assert site.host(says("$0")).decide(attempt())["message"] == str(site.file)


def test_the_file_gets_no_arguments_and_hookframes_environment(site, attempt, monkeypatch):
    monkeypatch.setenv("A_WORD", "environment")
    assert site.host(says("scalar(@ARGV) . $ENV{A_WORD}")).decide(attempt())["message"] == (
        "0environment"
    )


def test_a_feature_that_a_perl_version_brings_is_not_switched_on_unasked(site, attempt):
    host = site.host("sub say { { action => 'pause', message => shift } }\nsub { say('mine') }")
    assert host.decide(attempt())["message"] == "mine"


def test_lines_are_counted_from_the_first_of_the_file(site, attempt, log):
    code = "#!/usr/bin/perl\n\n=head1 POD\n\n=cut\n\nsub {\n    die 'here';\n}\n__END__\n"
    site.host(code).decide(attempt())
    assert "here at (eval 1) line 8. (" in log.lines[-1]


@pytest.mark.slow
def test_the_file_is_always_eval_1_whatever_it_uses(site, attempt, log):
    host = site.host("use POSIX; use JSON::PP; use Encode; sub { eval '1'; die 'x' }")
    host.decide(attempt())
    for number in range(2, 5):
        assert "x at (eval 1) line " in log.lines[-1]
        site.save("\n" * number + "sub { die 'x' }")
        host.reload()
        host.decide(attempt())


# What it may not be

IN_PERLS_WORDS = {
    "no strict variable": ("$word = 1; sub { 1 }", 1),
    "bareword": ("my $x;\n\nmy $y = foo; sub { 1 }", 3),
    "open block": ("sub {\n", 2),
    "open string": ("my $x = 'abc;\nsub { 1 }", 1),
    "a module that there is not": ("use No::Such::Module; sub { 1 }", 1),
    "a perl that there is not": ("use 99.0; sub { 1 }", 1),
    "die": ("die 'no list'", 1),
    "die in begin": ("BEGIN { die 'early' } sub { 1 }", 1),
}
"""Files, and the line that Perl finds fault with."""


@pytest.mark.parametrize(("code", "line"), IN_PERLS_WORDS.values(), ids=IN_PERLS_WORDS)
def test_a_file_that_can_not_be_compiled_is_a_load_error_in_perls_own_words(
    code, line, refusal, perls_words
):
    words, _ = perls_words(code)
    assert f" at (eval 1) line {line}" in words
    assert refusal(code) == f"error compiling: {words} (FILE)"


BROKEN = {
    "die with a line": (r'die "no list\n"', "no list"),
    "die with a reference": (
        "die [ 1 ]",
        r"ARRAY\(0x[0-9a-f]+\) \(it died with a reference that has no text\)",
    ),
    "fork": (
        "fork; sub { 1 }",
        r"fork is not possible in a hook: it must return at once at \(eval 1\) line 1\.",
    ),
    "last": (
        "last; sub { 1 }",
        "it was left by next, last or redo, outside of a loop of its own",
    ),
    "next": (
        "next; sub { 1 }",
        "it was left by next, last or redo, outside of a loop of its own",
    ),
    "redo": (
        "redo; sub { 1 }",
        "it was left by next, last or redo, outside of a loop of its own",
    ),
    "empty": ("", "the file must return a reference to a sub; it returned undef"),
    "comments only": (
        "# nothing\n",
        "the file must return a reference to a sub; it returned undef",
    ),
    "undef": ("undef", "the file must return a reference to a sub; it returned undef"),
    "true": ("1;", "the file must return a reference to a sub; it returned a string or a number"),
    "a name": (
        "'hook'",
        "the file must return a reference to a sub; it returned a string or a number",
    ),
    "a hash": (
        "return { action => 'normal' }",
        "the file must return a reference to a sub; it returned a reference to HASH",
    ),
    "an object": (
        "bless {}, 'Hook'",
        "the file must return a reference to a sub; it returned a reference to Hook",
    ),
    "a sub that is only defined": (
        "sub hook { return { action => 'normal' } }",
        "the file must return a reference to a sub; it returned undef",
    ),
    "exit": (
        "exit 3; sub { 1 }",
        r"the Perl process ended itself with exit status 3, by exit or exec \(run by /.*perl\)",
    ),
    "a signal": (
        "kill KILL => $$; sub { 1 }",
        r"the Perl process was ended by SIGKILL \(run by /.*perl\)",
    ),
}


@pytest.mark.parametrize(("code", "text"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_gives_no_sub_is_a_load_error_that_says_what_it_gave(code, text, refusal):
    assert re.fullmatch(rf"error compiling: {text} \(FILE\)", refusal(code))


def test_the_documented_form_of_a_load_error_is_exactly_what_the_log_has(site, log, perls_words):
    code = 'return sub {\n    my $x = 1;\n    print "a" foo;\n};\n'
    site.host(code)
    assert log.lines[-1] == (
        f"error loading pre_delivery_attempt_hook: error compiling: {perls_words(code)[0]} "
        f"({site.file}) {ORIGIN}"
    )
    assert " at (eval 1) line 3, " in log.lines[-1]


def test_a_file_that_is_missing_is_a_load_error(site, attempt):
    site.configure()
    host = site.start()
    assert host.problem == f"can't read its code file: {site.file} does not exist {ORIGIN}"
    assert host.decide(attempt()) == TEMPFAIL


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo], ids=["directory", "fifo"])
def test_what_is_no_file_is_a_load_error(make, site, attempt):
    make(site.file)
    site.configure()
    assert "not a regular file" in site.start().problem


@pytest.mark.parametrize("mode", [0o646, 0o666])
def test_a_file_that_others_may_write_is_a_load_error_unless_it_is_trusted(mode, site, attempt):
    host = site.host(says("'run'"))
    site.file.chmod(mode)
    host.reload()
    assert f"{site.file} may be written by its group or by everyone" in host.problem
    assert host.decide(attempt()) == TEMPFAIL
    site.configure('deadline = "50s"\ntrust_file_permissions = true\n')
    host.reload()
    assert host.decide(attempt())["message"] == "run"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_a_load_error_unless_it_is_trusted(site, attempt):
    host = site.host(says("'run'"))
    os.chown(site.file, 12345, -1)
    host.reload()
    assert "belongs to user 12345" in host.problem
    assert host.decide(attempt()) == TEMPFAIL
    site.configure('deadline = "50s"\ntrust_file_permissions = true\n')
    host.reload()
    assert host.decide(attempt())["message"] == "run"


# What is not Perl

PROGRAMS = {
    "true": ("/bin/true", "the Perl process ended itself with exit status 0, by exit or exec"),
    "false": ("/bin/false", "the Perl process ended itself with exit status 1, by exit or exec"),
}


@pytest.mark.parametrize(("program", "text"), PROGRAMS.values(), ids=PROGRAMS)
def test_an_interpreter_that_is_not_perl_is_a_load_error_that_names_it(program, text, refusal):
    assert refusal(SUB, perl=program) == f"error compiling: {text} (run by {program}) (FILE)"


def test_an_interpreter_that_complains_of_its_arguments_is_a_load_error(refusal, log):
    assert re.fullmatch(
        r"error compiling: the Perl process ended itself with exit status [1-9][0-9]*, by exit or "
        r"exec \(run by /bin/cat\) \(FILE\)",
        refusal(SUB, perl="/bin/cat"),
    )
    assert log.printed != [], "what it complains of is in the log"


def test_an_interpreter_that_does_not_start_is_a_load_error(site, refusal):
    program = site.program("neither a script nor a program\n")
    why = os.strerror(errno.ENOEXEC)
    assert refusal(SUB, perl=program) == f"can't start {program}: {why} (FILE)"


@pytest.mark.slow
def test_an_interpreter_that_says_nothing_is_a_load_error_after_a_while(site, refusal):
    program = site.program("#!/bin/sh\nexec sleep 1000 > /dev/null 2>&1\n")
    before = time.process_time()
    assert refusal(SUB, perl=program) == (
        "error compiling: it took longer than 10 s, so the Perl process was ended (run by "
        f"{program}) (FILE)"
    )
    assert time.process_time() - before < 3  # it waits, and does not look again and again


def test_what_an_interpreter_says_before_it_gives_up_reaches_the_log(site, refusal, log):
    told = "Perl v5.14.0 required--this is only v5.8.8"
    program = site.program(f"#!/bin/sh\necho '{told}' >&2\nexit 255\n")
    assert "exit status 255" in refusal(SUB, perl=program)
    assert log.printed == [f"plugin perl: {told}"]


def test_another_perl_may_be_named(site, attempt):
    wrapper = site.program('#!/bin/sh\nA_WORD=wrapped exec perl "$@"\n')
    assert site.host(says("$ENV{A_WORD}"), perl=wrapper).decide(attempt())["message"] == "wrapped"


def test_a_replaced_process_runs_what_was_loaded_whatever_the_file_holds_by_then(site, attempt):
    host = site.host("sub { exit if $_[0]{recipient} eq 'bad'; { action => 'normal' } }")
    site.save("syntax error {")
    assert host.decide(attempt(recipient="bad")) == TEMPFAIL
    assert host.decide(attempt()) == NORMAL


def test_a_file_that_compiles_no_more_in_a_replaced_process_temp_fails_until_it_does(
    site, attempt, log
):
    mark = site.directory / "mark"
    host = site.host(
        f"die 'there is a mark' if -e '{mark}';\n"
        "sub { exit if $_[0]{recipient} eq 'bad'; { action => 'normal' } }"
    )
    mark.touch()
    for _ in range(3):
        assert host.decide(attempt(recipient="bad")) == TEMPFAIL
    assert log.errors[-1] == (
        "Exception running pre_delivery_attempt_hook: error compiling: there is a mark at (eval 1) "
        f"line 1. ({site.file}) (plugin perl)"
    )
    mark.unlink()
    assert host.decide(attempt()) == NORMAL


@pytest.mark.slow
def test_a_chain_without_perl_imports_nothing_of_the_plugin(site, attempt):
    site.config.write_text('chain = ["file"]\nhook_file = "hook.py"\n')
    (site.directory / "hook.py").write_text("def pre_delivery_attempt(): pass\n")
    (site.directory / "hook.py").chmod(0o644)
    code = (
        "import sys\nfrom hookframe import Host\n"
        "with Host.from_config(sys.argv[1], watch=False) as host:\n"
        f"    assert host.decide({attempt()!r}) == {NORMAL!r}, host.problem\n"
        "    host.reload()\n"
        "print([name for name in sys.modules if 'perl' in name])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(site.config)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_file_in_utf_16_is_refused_with_what_it_is(encoding, site):
    host = site.host(f"\ufeff{SUB}".encode(encoding))
    assert "hook.pl is written in UTF-16; save it as UTF-8" in host.problem
