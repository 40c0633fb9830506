from __future__ import annotations

import pytest
from hookframe_perl import Perl, SettingsError
from hookframe_perl.settings import Settings, named_file, read_settings

FILE = "/etc/hookframe/hook.pl"
FILE_EXPECTED = 'the path of the Perl file, such as "/etc/hookframe/hook.pl"'
PERL_EXPECTED = 'the Perl interpreter, as a name on the PATH or an absolute path; default "perl"'
INSTALL = (
    "and there is no such program: install it (Debian: apt-get install perl), or set perl to its "
    "absolute path"
)


def refusal(**given: object) -> str:
    with pytest.raises(SettingsError) as caught:
        read_settings(given)
    return str(caught.value)


def test_a_file_is_all_that_is_needed():
    settings = read_settings({"file": FILE})
    assert (settings.file, settings.deadline) == (FILE, 0.5)
    assert settings.perl.startswith("/")
    assert settings.perl.endswith("/perl")


def test_every_setting_is_the_operators(tmp_path):
    perl = tmp_path / "perl5.14"
    perl.write_text("")
    perl.chmod(0o755)
    given = {"file": FILE, "perl": str(perl), "deadline": "1.5s"}
    assert read_settings(given) == Settings(FILE, str(perl), 1.5)


def test_perl_is_looked_for_on_the_path(tmp_path, monkeypatch):
    (tmp_path / "perl").write_text("")
    (tmp_path / "perl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_settings({"file": FILE}).perl == str(tmp_path / "perl")


def test_without_perl_it_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refusal(file=FILE) == f"perl is 'perl', {INSTALL}"


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("file", 7, f"file is 7: expected {FILE_EXPECTED}"),
        ("file", "", f"file is '': expected {FILE_EXPECTED}"),
        ("file", "hook.pl", f"file is 'hook.pl': expected {FILE_EXPECTED}"),
        ("file", "~/hook.pl", f"file is '~/hook.pl': expected {FILE_EXPECTED}"),
        ("file", "/a\0b", f"file is '/a\\x00b': expected {FILE_EXPECTED}"),
        ("file", [FILE], f"file is ['{FILE}']: expected {FILE_EXPECTED}"),
        ("file", "x" * 500, f"file is '{'x' * 79}...: expected {FILE_EXPECTED}"),
        ("perl", 5.14, f"perl is 5.14: expected {PERL_EXPECTED}"),
        ("perl", "", f"perl is '': expected {PERL_EXPECTED}"),
        ("perl", "bin/perl", f"perl is 'bin/perl': expected {PERL_EXPECTED}"),
        ("perl", "./perl", f"perl is './perl': expected {PERL_EXPECTED}"),
        ("perl", "/a\0b", f"perl is '/a\\x00b': expected {PERL_EXPECTED}"),
        ("perl", "perl -w", f"perl is 'perl -w', {INSTALL}"),
        ("perl", "no-such-perl", f"perl is 'no-such-perl', {INSTALL}"),
        ("perl", "/no/such/perl", f"perl is '/no/such/perl', {INSTALL}"),
        ("perl", "/etc", f"perl is '/etc', {INSTALL}"),
        ("perl", "/etc/passwd", f"perl is '/etc/passwd', {INSTALL}"),
    ],
)
def test_a_wrong_setting_is_refused_with_what_was_expected(key, value, says):
    assert refusal(**({"file": FILE} | {key: value})) == says


@pytest.mark.parametrize("value", [1, "", "soon", "-1s", "0s", True, None, ["1s"]])
def test_a_wrong_deadline_is_refused_with_what_was_expected(value):
    assert refusal(file=FILE, deadline=value) == (
        f'deadline must be a time such as "50ms", "1s" or "5m", not {value!r}'
    )


def test_without_a_file_it_says_what_to_set():
    assert refusal() == f"file is missing: set it to {FILE_EXPECTED}"


def test_an_unknown_setting_is_refused_with_those_that_there_are():
    assert refusal(file=FILE, fiel=FILE) == (
        "unknown setting 'fiel'; there are: file, perl, deadline"
    )


def test_all_mistakes_are_reported_at_once():
    said = refusal(colour="red", file=1, perl="", deadline=2)
    for key in ("unknown setting 'colour'", "file is 1", "perl is ''", "deadline "):
        assert key in said


@pytest.mark.parametrize("value", [FILE, "/a b/c", "//x"])
def test_an_absolute_path_is_a_code_file(value):
    assert named_file({"file": value}) == value
    assert Perl().code_files({"file": value}) == (value,)


@pytest.mark.parametrize("given", [{}, {"file": 7}, {"file": "hook.pl"}, {"file": "/a\0b"}])
def test_wrong_settings_name_no_code_file(given):
    assert Perl().code_files(given) == ()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"file": None}, "rejects its settings: file is missing: set it to"),
        ({"file": "no.pl"}, "can't read its code file: "),
        ({"perl": "no-such-perl"}, "rejects its settings: perl is 'no-such-perl', and there is no"),
        ({"deadline": "soon"}, "rejects its settings: deadline "),
        ({"x": 1}, "rejects its settings: unknown setting 'x'; there are: file, perl, deadline"),
    ],
)
def test_a_wrong_setting_is_a_load_error_with_the_plugins_name(site, attempt, settings, says):
    host = site.host("sub { { action => 'normal' } }", **settings)
    assert host.decide(attempt())["error"]
    assert host.problem.startswith(says)
    assert "(plugin perl, hookframe-perl 0.1.0)" in host.problem


def test_a_relative_path_starts_at_the_directory_of_the_configuration(site, attempt):
    host = site.host("sub { { action => 'dump' } }", file="hook.pl")
    assert (host.problem, host.decide(attempt())) == ("", {"action": "dump"})


def test_a_plugin_that_was_not_configured_says_so(attempt):
    with pytest.raises(RuntimeError, match="call configure first"):
        Perl().pre_delivery_attempt(attempt())


def test_a_plugin_that_was_not_configured_can_be_closed_and_has_nothing_to_say():
    plugin = Perl()
    plugin.close()
    assert plugin.remarks() == []
