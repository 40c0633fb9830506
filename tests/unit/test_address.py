"""`hookframe.config.address`: where the daemon listens."""

from __future__ import annotations

import pytest

from hookframe.config.address import Address, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("unix:/run/h.sock", Address("jsonl", path="/run/h.sock")),
        ("exim+unix:/run/h.sock", Address("exim", path="/run/h.sock")),
        ("explain+tcp:127.0.0.1:8025", Address("explain", host="127.0.0.1", port=8025)),
        ("tcp:127.0.0.1:0", Address("jsonl", host="127.0.0.1", port=0)),
        ("tcp:[::1]:8025", Address("jsonl", host="::1", port=8025)),
        ("unix:/run/a+b:c.sock", Address("jsonl", path="/run/a+b:c.sock")),
    ],
)
def test_an_address_is_read(text, address):
    assert parse_address(text) == address


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not an address"),
        ("/run/h.sock", "not an address"),
        ("http:127.0.0.1:80", "not an address"),
        ("smtp+unix:/run/h.sock", "unknown protocol 'smtp'"),
        ("unix:run/h.sock", "must be absolute"),
        ("unix:", "must be absolute"),
        ("unix:/" + "x" * 107, "at most 107 bytes"),
        ("unix:/a\0b", "NUL"),
        ("tcp:127.0.0.1", "IP address"),
        ("tcp:localhost:8025", "not an IP address"),
        ("tcp:127.0.0.1:x", "127.0.0.1:x"),
        ("tcp:127.0.0.1:65536", "not a port"),
        ("tcp:127.0.0.1:", "127.0.0.1:"),
        ("tcp:192.0.2.1:8025", "not a loopback address"),
        ("tcp:0.0.0.0:8025", "allow_remote"),
        ("tcp:[::]:8025", "allow_remote"),
    ],
)
def test_what_is_no_address_is_refused_in_words(text, words):
    with pytest.raises(ValueError, match=r".") as refusal:
        parse_address(text)
    assert words in str(refusal.value)


def test_an_address_that_is_not_loopback_may_be_allowed():
    assert parse_address("tcp:192.0.2.1:25", allow_remote=True).host == "192.0.2.1"


@pytest.mark.parametrize("text", ["unix:/run/h.sock", "tcp:127.0.0.1:8025", "tcp:[::1]:8025"])
def test_an_address_is_shown_as_it_is_written(text):
    assert str(parse_address(text)) == text
