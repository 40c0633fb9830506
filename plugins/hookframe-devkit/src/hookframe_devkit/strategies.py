"""Attempts that hypothesis generates: `hookframe.testing.attempts`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from hypothesis import strategies as st

from hookframe.testing.samples import ATTEMPT

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from hookframe.api.attempt import Attempt

_LONGEST_LOCAL_PART: Final = 64
_LONGEST_ADDRESS: Final = 254
"""RFC 5321, 4.5.3.1: a local part has 64 octets at most, a path 256 with its angle brackets."""
_LARGEST_TIME: Final = 1 << 63


def _decode_bytes(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")


_CONTROLS: Final = st.characters(categories=["Cc", "Cf", "Zl", "Zp"])
_ANY_TEXT: Final = st.one_of(
    st.text(st.characters(codec="ascii"), max_size=40),
    st.text(max_size=40),
    st.text(_CONTROLS, max_size=8),
    st.builds("{}{}".format, st.sampled_from(("\0", "a\r\nb", "a\u2028b")), st.text(max_size=4)),
    st.binary(min_size=1, max_size=40).map(_decode_bytes),
)
"""Text that is neither an address nor an identifier."""

_LOCAL_PARTS: Final = st.sampled_from(
    ("someone", "Jane.Doe", "o'brien+tag", "x!y%z#1", "postmaster", "a", "-", "john..doe.")
)
_DOMAINS: Final = st.sampled_from(
    (
        *("example.net", "EXAMPLE.net", "mail.example.org", "example.net.", "localhost"),
        *("xn--bcher-kva.example", "a.b.c.d.e.f.example", "[192.0.2.1]", "[IPv6:2001:db8::1]"),
    )
)
_LETTERS: Final = st.characters(categories=["Ll", "Lo", "Nd"], min_codepoint=0x80)
_INTERNATIONAL: Final = st.builds(
    "{}@{}.{}".format,
    st.text(_LETTERS, min_size=1, max_size=12),
    st.text(_LETTERS, min_size=1, max_size=12),
    st.sampled_from(("example", "例子", "дом")),
)
"""SMTPUTF8 (RFC 6531)."""
_QUOTED_TEXT: Final = st.text(
    st.one_of(
        st.characters(codec="ascii", min_codepoint=0x20, max_codepoint=0x7E),
        st.sampled_from('@"\\ ,<>%{}$'),
    ),
    max_size=20,
)


def _quote_local_part(local_part: str, domain: str) -> str:
    """Build an address with a quoted local part (RFC 5321, 4.1.2)."""
    escaped = local_part.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"@{domain}'


def _build_long_address(length: int) -> str:
    """Build an address of this length, with labels of at most 63 characters."""
    local_part = "l" * _LONGEST_LOCAL_PART
    domain = ".".join(["d" * 59] * (length // 60))
    return f"{local_part}@{domain}"[: length - len(".example")] + ".example"


_LONG: Final = st.sampled_from((_LONGEST_ADDRESS, _LONGEST_ADDRESS + 1, 2000)).map(
    _build_long_address
)
_ADDRESSES: Final = st.one_of(
    st.builds("{}@{}".format, _LOCAL_PARTS, _DOMAINS),
    st.emails(),
    st.builds(_quote_local_part, _QUOTED_TEXT, _DOMAINS),
    _INTERNATIONAL,
    _LONG,
    st.builds("{}@{}".format, _ANY_TEXT, _DOMAINS),
    st.builds("{}@{}".format, _LOCAL_PARTS, _ANY_TEXT),
    st.builds("{}@{}".format, _LOCAL_PARTS, st.builds("{}@{}".format, _LOCAL_PARTS, _DOMAINS)),
    _LOCAL_PARTS,
    _ANY_TEXT,
)
_RECIPIENTS: Final = st.one_of(st.just(ATTEMPT["recipient"]), _ADDRESSES)
_SENDERS: Final = st.one_of(st.just(ATTEMPT["sender"]), st.just(""), _ADDRESSES)


def _build_ids(usual: str, *others: str) -> st.SearchStrategy[str]:
    """Generate identifiers: usual ones, none, a number, any text."""
    numbers = st.integers(min_value=0, max_value=10**6).map(str)
    return st.one_of(st.sampled_from((usual, *others, "")), numbers, _ANY_TEXT)


_NOW: Final = st.integers(min_value=1_483_391_740, max_value=4_102_444_800)
"""from the day of the usual attempt until 2100"""
_TIMES: Final = st.one_of(
    st.just(ATTEMPT["injtime"]),
    _NOW,
    st.sampled_from((0, -1, 2**31 - 1, 2**31, 253_402_300_800)),
    st.integers(min_value=-_LARGEST_TIME, max_value=_LARGEST_TIME - 1),
)
_JSON: Final = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), _ANY_TEXT),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(_ANY_TEXT, inner, max_size=3)
    ),
    max_leaves=6,
)
_FURTHER_KEYS: Final = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"size": st.integers(min_value=0, max_value=1 << 32)}),
    st.dictionaries(_ANY_TEXT, _JSON, max_size=3),
)
_NINE_KEYS: Final = st.fixed_dictionaries(
    {
        "mtaid": _build_ids(ATTEMPT["mtaid"], "smtp1-3"),
        "sendid": _build_ids(ATTEMPT["sendid"], "trans170101"),
        "listid": _build_ids(ATTEMPT["listid"]),
        "msguid": _build_ids(ATTEMPT["msguid"]),
        "injtime": _TIMES,
        "sender": _SENDERS,
        "recipient": _RECIPIENTS,
        "is_first_attempt": st.sampled_from((True, False)),
        "mtaid_exists": st.sampled_from((True, False)),
    }
)


def _merge(further: dict[str, Any], nine: dict[str, Any]) -> Attempt:
    return cast("Attempt", {**further, **nine})


_ATTEMPTS: Final = st.builds(_merge, _FURTHER_KEYS, _NINE_KEYS)


def attempts() -> SearchStrategy[Attempt]:
    """Generate attempts with hypothesis: realistic ones, and everything an MTA may send.

    There are bounces, with the null sender; internationalised and quoted addresses, address
    literals, addresses of 254 characters and longer, without `@` or with several; control
    characters; bytes that are not UTF-8 (as surrogate escapes, PEP 383); times before 1970 and far
    in the future; further keys. A failing example shrinks towards `make_attempt()`.

    Returns:
        A strategy of dicts that `Host.decide` takes.
    """
    return _ATTEMPTS
