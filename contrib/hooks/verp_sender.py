"""Put the recipient into the envelope sender (VERP), so that a bounce says whom it is about.

Why: many bounces do not tell which address has failed, at least not in a form that can be parsed.
Does: makes `bounces+jane=example.net@example.com` of the sender `bounces@example.com` in mail to
    `jane@example.net`, for some domains of senders. What is not a letter, a digit or one of `-._`
    is written as its UTF-8 bytes, `+` and two hexadecimal digits each, so it can be read back.
Reads: `sender`, `recipient`; no file.
Costs: some three microseconds an attempt, for the domains in the table; no memory.
Edit: `DOMAINS`.
Mind: a bounce, which has the null sender, is left alone, or bounces would be answered with bounces.
    So is what can't be written: a sender with a quoted local part, a recipient without a domain, a
    local part that would be longer than 64 bytes, an address longer than 254 (RFC 5321, 4.5.3.1).
    The mail server of the sender's domain must take what stands behind a `+` for a detail.
"""

import re

DOMAINS = {"example.com"}
"""the sender domains, in lower case, whose bounces you process"""

LOCAL_PART_BYTES, ADDRESS_BYTES = 64, 254
NEEDS_QUOTES = frozenset(' "(),:;<>@[\\]')
NOT_AS_IT_IS = re.compile(rb"[^A-Za-z0-9._-]|\.(?=\.|\Z)")  # a name has no two dots in a row

hookframe_pure = True


def parts_of(address):
    """Give the local part and the domain, in lower case and with no dot at its end."""
    local_part, _, domain = address.rpartition("@")
    return local_part, domain.lower().removesuffix(".")


def is_plain(local_part):
    """Say whether a local part can stand without quotes (RFC 5321, 4.1.2: Dot-string)."""
    return (
        local_part.isprintable()
        and NEEDS_QUOTES.isdisjoint(local_part)
        and all(local_part.split("."))
    )


def encoded(text):
    """Write as +XX what could not stand in a local part, and what parts the pieces: + and =."""
    return NOT_AS_IT_IS.sub(
        lambda found: b"+%02X" % found[0][0], text.encode("utf-8", "surrogatepass")
    ).decode()


def pre_delivery_attempt(attempt):
    bounces, sender_domain = parts_of(attempt["sender"])
    name, domain = parts_of(attempt["recipient"])
    if sender_domain not in DOMAINS or not is_plain(bounces) or not name or not domain:
        return None
    local_part = f"{bounces}+{encoded(name)}={encoded(domain)}"
    sender = f"{local_part}@{sender_domain}"
    if len(local_part.encode()) > LOCAL_PART_BYTES or len(sender.encode()) > ADDRESS_BYTES:
        return None
    return {"action": "new_config", "new_sender": sender}
