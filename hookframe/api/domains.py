"""Domains in ASCII, as the DNS and SMTP without SMTPUTF8 have them."""

from __future__ import annotations

from unicodedata import normalize


def ascii_domain(domain: str) -> str:
    """Return a domain in lower case, and its labels that are not ASCII as A-labels.

    So equal domains are equal strings: `MÜLLER.example` and `xn--mller-kva.example` give the same.
    What is no valid internationalised domain gives some string, and never an error (RFC 5890,
    2.3.2.1, and RFC 3492; no mapping is made as IDNA 2003 did, so `ß` stays a letter of its own).

    Args:
        domain: a domain, or anything that stands in the place of one.
    """
    lowered = domain.lower()
    if lowered.isascii():
        return lowered
    return ".".join(map(_encode_label, lowered.split(".")))


def _encode_label(label: str) -> str:
    if label.isascii():
        return label
    return f"xn--{normalize('NFC', label).encode('punycode').decode('ascii')}"
