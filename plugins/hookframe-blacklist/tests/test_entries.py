from __future__ import annotations

import pytest
from hookframe_blacklist import BlacklistError
from hookframe_blacklist.entries import lookup_keys, parse
from hypothesis import given
from hypothesis import strategies as st

from hookframe import ascii_domain

LISTS = "/lists/blocked.txt"


def recipients(text: str | bytes) -> set[str]:
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    return set(parse(data, LISTS, senders=False))


def senders(text: str) -> set[str]:
    return set(parse(text.encode(), LISTS, senders=True))


def complaint(text: str | bytes, read=recipients) -> str:
    with pytest.raises(BlacklistError) as caught:
        read(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("written", "entries"),
    [
        ("", set()),
        ("\n\n  \n\t\n", set()),
        ("user@example.com", {"user@example.com"}),
        ("user@example.com\n", {"user@example.com"}),
        ("  user@example.com\t\n", {"user@example.com"}),
        ("\N{NO-BREAK SPACE}user@example.com\N{NO-BREAK SPACE}\n", {"user@example.com"}),
        ("a@example.com\r\nb@example.com\r\n", {"a@example.com", "b@example.com"}),
        ("a@example.com\r\nb@example.com\r", {"a@example.com", "b@example.com"}),
        ("\ufeffuser@example.com\n", {"user@example.com"}),
        ("User@EXAMPLE.com\n", {"user@example.com"}),
        ("@Example.COM\n", {"@example.com"}),
        ("@example.com.\nuser@example.com.\n", {"@example.com", "user@example.com"}),
        ("# all of it\n   # is comment\n#\n", set()),
        ("#user@example.com\n", set()),
        ("user@example.com # since 2024, see ticket #7\n", {"user@example.com"}),
        ("@example.com.\t# gone\n", {"@example.com"}),
        ("user#1@example.com\n", {"user#1@example.com"}),
        ("user#1@example.com #2\n", {"user#1@example.com"}),
        ('"John # Doe"@example.com # quoted\n', {'"john # doe"@example.com'}),
        ('"a\\"b@c"@example.com\n', {'"a\\"b@c"@example.com'}),
        ("user..name.@example.com\n", {"user..name.@example.com"}),
        ("o'neil+tag=x@sub_domain.example.com\n", {"o'neil+tag=x@sub_domain.example.com"}),
        ("*x@example.com\n", {"*x@example.com"}),
        ("user@[192.0.2.1]\n@[IPv6:2001:db8::1]\n", {"user@[192.0.2.1]", "@[ipv6:2001:db8::1]"}),
        ("MÜLLER@Bücher.example\n", {"müller@xn--bcher-kva.example"}),
        (b"m\xfcller@example.com\n", {"m\udcfcller@example.com"}),
        ("user@localhost\n", {"user@localhost"}),
    ],
)
def test_an_entry_is_read_whatever_stands_around_it(written, entries):
    assert recipients(written) == entries


def test_the_null_sender_is_an_entry_of_a_list_of_senders():
    assert senders("<>\n <> # bounces\n@example.com\n") == {"<>", "@example.com"}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (
            "user at example.com",
            "'user at example.com' is neither an address (user@example.com) nor a domain "
            "(@example.com): correct it, or put # in front of it",
        ),
        (
            "example.com",
            "'example.com' has no @: for the whole domain write '@example.com', else a whole "
            "address",
        ),
        (
            "*@Example.com",
            "'*@Example.com' is not a pattern: for every address of a domain write '@Example.com'",
        ),
        (
            "@.example.com",
            "'@.example.com' is not a pattern: a domain stands for itself alone, list each "
            "subdomain as @domain",
        ),
        (
            "@*.example.com # all",
            "'@*.example.com' is not a pattern: a domain stands for itself alone, list each "
            "subdomain as @domain",
        ),
        (
            "<>",
            "'<>' is the null sender, and this is a list of recipients: move it to a list of "
            "senders",
        ),
    ],
)
def test_a_line_that_is_no_entry_is_an_error_that_says_what_to_write(line, says):
    assert complaint(f"ok@example.com\n\n{line}\n") == f"{LISTS} line 3: {says}"


@pytest.mark.parametrize(
    "line",
    [
        "@",
        "user@",
        "@@example.com",
        "user@@example.com",
        "user@example..com",
        "user@.example.com",
        "user@example.com..",
        "a@example.com,b@example.com",
        "a@example.com;",
        "a@example.com b@example.com",
        "<user@example.com>",
        "John Doe <user@example.com>",
        "mailto:user@example.com",
        '"user@example.com"',
        "user@example.com# no space before the comment",
        "user@exam*ple.com",
        "us\x00er@example.com",
        "user@example\x85.com",
        "user\N{ZERO WIDTH SPACE}@example.com",
        "user@example.com\N{RIGHT-TO-LEFT MARK}",
        "user\ufeff@example.com",
        "a@example.com\rb@example.com",
        "user@[192.0.2.1",
        "user@exa mple.com",
        "example",
    ],
)
@pytest.mark.parametrize("read", [recipients, senders])
def test_what_could_never_match_an_address_is_an_error_rather_than_an_entry(line, read):
    assert complaint(f"{line}\n", read).startswith(f"{LISTS} line 1: ")


def test_a_list_of_senders_says_that_the_null_sender_is_possible():
    assert complaint("<none>", senders) == (
        f"{LISTS} line 1: '<none>' is neither an address (user@example.com), a domain "
        "(@example.com) nor the null sender (<>): correct it, or put # in front of it"
    )


def test_every_wrong_line_is_counted_and_the_next_ones_are_named():
    text = complaint("ok@example.com\none\ntwo\nok@example.com\nthree\n")
    assert text.startswith(f"{LISTS} line 2: 'one' ")
    assert text.endswith("(2 more lines like this: 3, 5)")
    assert complaint("one\ntwo").endswith("(1 more line like this: 2)")
    assert complaint("wrong\n" * 100).endswith("(99 more lines like this: 2, 3, 4, 5, 6, ...)")


def test_the_line_number_is_right_far_into_a_long_list():
    plain = "".join(f"user{number}@example.com\n" for number in range(20_000))
    assert complaint(f"{plain}wrong\n{plain}").startswith(f"{LISTS} line 20001: 'wrong' ")
    assert complaint(f"# list\n{plain}\r\n\n{plain}wrong").startswith(f"{LISTS} line 40004: ")


def test_what_a_wrong_line_holds_is_shown_in_ascii_and_cut():
    text = complaint("\x1b[31mé" + "x" * 10_000)
    assert text.isascii()
    assert text.isprintable()
    assert len(text) < 300


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_list_in_utf_16_is_an_error_that_says_so(encoding):
    data = "\ufeffuser@example.com\r\n".encode(encoding)
    assert complaint(data) == f"{LISTS} is written in UTF-16: save it as UTF-8"


LETTERS = "abcXYZ019-_äßÜжД中\udcfc\udcff"
LABELS = st.text(LETTERS, min_size=1, max_size=6)
DOMAINS = st.lists(LABELS, min_size=1, max_size=3).map(".".join)
LOCALS = st.text(LETTERS + "!#$%&'*+/=?^`{|}~.", min_size=1, max_size=8).filter(
    lambda local: local != "*" and not local.startswith("#")
)
ADDRESSES = st.builds("{}@{}".format, LOCALS, DOMAINS)
ENTRIES = st.one_of(ADDRESSES, DOMAINS.map("@{}".format))
SPACE = st.text(" \t", max_size=3)
COMMENTS = st.one_of(st.just(""), st.text("ab @#,<>é", max_size=9).map(" # {}".format))
NO_ENTRY = st.one_of(SPACE, st.text("ab @#,<>é", max_size=9).map("#{}".format))
LINES = st.one_of(
    st.tuples(NO_ENTRY, st.none()),
    ENTRIES.flatmap(
        lambda entry: st.tuples(
            st.builds("{}{}{}{}{}".format, SPACE, st.just(entry), st.sampled_from(["", "."]),
                      COMMENTS, SPACE),
            st.just(entry),
        )
    ),
)  # fmt: skip


@given(
    lines=st.lists(LINES),
    breaks=st.lists(st.sampled_from(["\n", "\r\n"]), min_size=1),
    mark=st.sampled_from(["", "\ufeff"]),
    end=st.booleans(),
)
def test_a_list_is_read_as_it_was_meant_however_it_was_decorated(lines, breaks, mark, end):
    written = mark + "".join(
        line + (breaks[number % len(breaks)] if end or number < len(lines) - 1 else "")
        for number, (line, _) in enumerate(lines)
    )
    assert recipients(written) == {
        f"{local.lower()}@{ascii_domain(domain)}"
        for local, _, domain in (entry.rpartition("@") for _, entry in lines if entry is not None)
    }


@given(entry=ENTRIES, local=LOCALS, dot=st.sampled_from(["", "."]))
def test_an_address_finds_its_entry_in_any_case_and_with_a_dot_behind_it(entry, local, dot):
    address = (f"{local}{entry}" if entry.startswith("@") else entry) + dot
    for spelling in (address, address.lower(), _ascii_upper(address)):
        assert recipients(f"{entry}\n") & set(lookup_keys(spelling))


def _ascii_upper(text: str) -> str:
    return "".join(letter.upper() if letter.isascii() else letter for letter in text)


ANY_LINE = st.text('ab.@<>"\\#*,; \t[]é\udcfc\N{ZERO WIDTH SPACE}', max_size=12)


@given(st.lists(ANY_LINE, max_size=8))
def test_a_line_means_the_same_alone_and_among_others_with_a_comment_and_without(lines):
    alone = [_read(line) for line in lines]
    assert alone == [_read(f"{line} # comment") for line in lines]
    wrong = [number for number, entries in enumerate(alone, 1) if entries is None]
    whole = "\n".join(lines)
    if wrong:
        assert complaint(whole).startswith(f"{LISTS} line {wrong[0]}: ")
    else:
        assert recipients(whole) == set().union(*alone)


def _read(text: str | bytes) -> set[str] | None:
    try:
        return recipients(text)
    except BlacklistError:
        return None


@given(st.binary())
def test_any_bytes_are_a_list_or_an_error_on_one_line(data):
    entries = _read(data)
    if entries is None:
        assert complaint(data).isprintable()
    else:
        assert all("@" in entry for entry in entries)


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("user@example.com", "@example.com"),
        ("User@Example.COM.", "@example.com"),
        ('"a@b"@example.com', "@example.com"),
        ("user@relay@example.com", "@example.com"),
        ("@example.com", "@example.com"),
    ],
)
def test_the_domain_is_what_follows_the_last_at_sign(address, domain):
    assert lookup_keys(address)[1] == domain


@pytest.mark.parametrize("address", ["", ".", "postmaster", "example.com", "<>"])
def test_an_address_without_an_at_sign_has_no_domain(address):
    assert not lookup_keys(address)[1].startswith("@")
