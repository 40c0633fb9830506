"""What the sub is called with."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NORMAL = {"action": "normal"}
SHOWING = r"""
my $seen = '%s';
return sub {
    my ($attempt) = @_;
    open my $out, '>', $seen or die "can't write $seen: $!";
    for my $key ( sort keys %%$attempt ) {
        my $value = $attempt->{$key};
        my $shown = defined $value ? unpack( 'H*', $value ) : 'undef';
        print $out unpack( 'H*', $key ), " $shown\n";
    }
    close $out or die "can't write $seen: $!";
    return { action => 'normal' };
};
"""


@pytest.fixture(scope="module")
def seen(lasting_site):
    """Asks about an attempt; gives what the sub has seen, bytes by bytes."""
    path = lasting_site.directory / "seen"
    host = lasting_site.host(SHOWING % path)
    assert host.problem == ""

    def ask(asked):
        path.unlink(missing_ok=True)
        assert host.decide(asked) == NORMAL
        pairs = [line.split(" ") for line in path.read_text().splitlines()]
        return {
            bytes.fromhex(key): None if value == "undef" else bytes.fromhex(value)
            for key, value in pairs
        }

    return ask


def test_the_sub_gets_all_nine_keys_with_flags_as_1_and_0(seen, attempt):
    assert seen(attempt()) == {
        b"mtaid": b"smtp1",
        b"sendid": b"trans170101",
        b"listid": b"",
        b"msguid": b"1483391740.41125123",
        b"injtime": b"1483391740",
        b"sender": b"sender@example.net",
        b"recipient": b"user@example.org",
        b"is_first_attempt": b"1",
        b"mtaid_exists": b"0",
    }


def test_a_flag_is_true_and_false_in_perl(site, attempt):
    host = site.host(
        "sub { my ($a) = @_; { action => 'pause', message => join ',', map { $a->{$_} ? 'yes' : "
        "'no' } qw(is_first_attempt mtaid_exists) } }"
    )
    assert host.decide(attempt())["message"] == "yes,no"
    asked = attempt(is_first_attempt=False, mtaid_exists=True)
    assert host.decide(asked)["message"] == "no,yes"


def test_the_null_sender_is_an_empty_string(seen, attempt):
    assert seen(attempt(sender=""))[b"sender"] == b""


@pytest.mark.parametrize(
    ("value", "bytes_in_perl"),
    [
        ("text", b"text"),
        ("", b""),
        (0, b"0"),
        (-17, b"-17"),
        (10**30, b"1" + b"0" * 30),
        (2.5, b"2.5"),
        (True, b"1"),
        (False, b"0"),
        (None, None),
        ([], b"[]"),
        ([1, "two", None, [True]], b'[1, "two", null, [true]]'),
        ({"size": {"of": ["this"]}}, b'{"size": {"of": ["this"]}}'),
    ],
    ids=repr,
)
def test_a_further_key_of_any_json_type_reaches_the_sub(value, bytes_in_perl, seen, attempt):
    found = seen(attempt(more=value))
    assert found[b"more"] == bytes_in_perl
    assert len(found) == 10


@pytest.mark.parametrize("key", ["", "a\0b", "\0", "ключ", "two\nlines", "x" * 300, "recipient "])
@pytest.mark.parametrize("value", ["here", None])
def test_a_further_key_may_be_any_string(key, value, seen, attempt):
    found = seen(attempt(**{key: value}))
    assert found[key.encode()] == (value and value.encode())
    assert len(found) == 10


def test_several_further_keys_may_have_no_value(seen, attempt):
    found = seen(attempt(**{"": None, "a": None, "a\0b": None, "c": "", "d": None}))
    assert [found[key] for key in (b"", b"a", b"a\0b", b"c", b"d")] == [None, None, None, b"", None]
    assert len(found) == 14


@pytest.mark.parametrize(
    "raw",
    [
        "Zoë@exämple.org".encode(),
        "Zoë@example.org".encode("latin-1"),
        b"nul\0inside@example.org",
        b"two\nlines\r\n@example.org",
        b"\xff\xfe\x80@example.org",
        b"\xed\xa0\x80@example.org",
        "🐪@example.org".encode(),
        b'"quoted $var @{[ 1 ]} \\"@example.org',
        b"x" * 65_536,
        b"\xe9" * 65_536,
    ],
    ids=lambda raw: repr(raw[:30]),
)
def test_a_string_reaches_the_sub_as_the_bytes_it_was_read_from(raw, seen, attempt):
    read = raw.decode("utf-8", "surrogateescape")
    assert seen(attempt(recipient=read))[b"recipient"] == raw


def test_half_of_a_surrogate_pair_which_json_can_spell_harms_nothing(seen, attempt):
    found = seen(attempt(sendid=json.loads('"\\ud83d"'), listid="after it"))
    assert (found[b"sendid"], found[b"listid"]) == (b"\xed\xa0\xbd", b"after it")


def read(raw: bytes) -> str:
    """Read bytes as the daemon does."""
    return raw.decode("utf-8", "surrogateescape")


WIRE = st.binary(max_size=60) | st.text(max_size=30).map(str.encode)
"""What a mail server may send: any bytes, and the same often enough as proper text."""
STRINGS = ("mtaid", "sendid", "listid", "msguid", "sender", "recipient")


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    strings=st.fixed_dictionaries(dict.fromkeys(STRINGS, WIRE)),
    more=st.dictionaries(WIRE.filter(lambda key: read(key) not in STRINGS), WIRE, max_size=4),
    flags=st.tuples(st.booleans(), st.booleans()),
    injtime=st.integers(0, 2**40),
)
def test_every_string_of_any_attempt_reaches_the_sub_unchanged(
    strings, more, flags, injtime, seen, attempt
):
    given_strings = {key.encode(): value for key, value in strings.items()} | more
    rest = {"is_first_attempt": flags[0], "mtaid_exists": flags[1], "injtime": injtime}
    asked = attempt(**{read(key): read(value) for key, value in given_strings.items()} | rest)
    expected = given_strings | {key.encode(): str(int(each)).encode() for key, each in rest.items()}
    assert seen(asked) == expected


@pytest.mark.slow
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(value=st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=100))
def test_every_text_that_the_sub_returns_comes_back_unchanged(value, lasting_echo, attempt):
    assert lasting_echo(attempt(listid=value)) == {"action": "pause", "message": value}


@pytest.fixture(scope="module")
def lasting_echo(tmp_path_factory, lasting_site):
    site = type(lasting_site)(tmp_path_factory.mktemp("echo"))
    host = site.host("sub { { action => 'pause', message => $_[0]{listid} } }")
    yield host.decide
    site.close()


def test_the_sub_may_change_what_it_is_given_and_nobody_else_notices(site, attempt):
    (site.directory / "hook.py").write_text(
        "def pre_delivery_attempt(attempt):\n"
        "    return {'action': 'pause', 'message': attempt['recipient']}\n"
    )
    (site.directory / "hook.py").chmod(0o644)
    host = site.host(
        "sub { my ($a) = @_; $a->{recipient} = 'other'; delete $a->{sendid}; %$a = () if "
        "$a->{listid}; $_[0] = undef; { action => 'normal' } }",
        'deadline = "50s"\nhook_file = "hook.py"\n',
        chain=("perl", "file"),
    )
    for listid in ("", "clear"):
        assert host.decide(attempt(listid=listid))["message"] == "user@example.org"
