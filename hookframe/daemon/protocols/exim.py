r"""The exim protocol: what Exim's `${readsocket}` can build and `${extract}` can take apart.

A request is lines `name=BASE64`, so that nothing in an address needs escaping. The answer is one
line of `name="value"` with `end="1"` last, which shows that it is complete.
"""

from __future__ import annotations

import re
from binascii import Error, a2b_base64
from typing import TYPE_CHECKING, Any, Final, cast

from hookframe._text import short_repr
from hookframe.api.attempt import ATTEMPT_TYPES, BOOLEANS
from hookframe.api.decision import NORMAL
from hookframe.api.domains import ascii_domain
from hookframe.api.errors import InvalidAttempt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookframe.api.decision import Decision
    from hookframe.daemon.protocols.base import Decider

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_NAMES: Final = {name.encode(): name for name in ATTEMPT_TYPES}
_CONVERTED: Final = {name for name, kind in ATTEMPT_TYPES.items() if kind is not str}
_NORMAL_LINE: Final = b'action="normal" end="1"\n'
"""The most frequent answer, formatted once."""
_DIGITS: Final = re.compile(r"[0-9]{1,19}")
_EMPTY_LINE: Final = re.compile(rb"^\r?\n", re.MULTILINE)


def split_request(data: bytes) -> list[bytes]:
    """Split a connection's request off at its empty line.

    Args:
        data: all received bytes; lines may end in CRLF.

    Returns:
        The request with the end of its last line, and what follows the empty line; all of `data`
        while there is no empty line.
    """
    empty_line = _EMPTY_LINE.search(data)
    if empty_line is None:
        return [data]
    return [data[: empty_line.start()], data[empty_line.end() :]]


def parse_request(request: bytes) -> dict[str, Any]:
    """Parse a request.

    Args:
        request: lines `name=BASE64`, without the empty line at the end.

    Returns:
        The attempt: strings, `injtime` as an int, the two flags as bools.

    Raises:
        InvalidAttempt: a line can't be parsed, or a name is there twice.
    """
    attempt: dict[str, Any] = {}
    for number, line in enumerate(request.split(b"\n"), start=1):
        if not line:
            continue
        key, equals, encoded = line.partition(b"=")
        name = _NAMES.get(key) if equals else None
        if name is None:
            name = _parse_extra_name(number, line)
        if name in attempt:
            raise InvalidAttempt(f"{name} is in the request twice", name)
        try:
            value = a2b_base64(encoded.strip(b" \r"), strict_mode=True)
        except Error as error:
            raise InvalidAttempt(f"{name} is not base64: {error}", name) from None
        text = value.decode("utf-8", "surrogateescape")
        attempt[name] = _convert(name, text) if name in _CONVERTED else text
    return attempt


def _parse_extra_name(number: int, line: bytes) -> str:
    """Parse the name of a line that is not one of the nine keys."""
    key, equals, _ = line.partition(b"=")
    name = key.decode("ascii", "replace")
    if not equals or not _NAME.fullmatch(name):
        raise InvalidAttempt(f"line {number} of the request is not name=BASE64: {line[:40]!r}")
    return name


def _convert(name: str, value: str) -> Any:
    """Convert a value to its key's type; a wrong value stays text, and the host rejects it."""
    kind = ATTEMPT_TYPES[name]
    if kind is bool:
        return BOOLEANS.get(value.lower(), value)
    if kind is int and _DIGITS.fullmatch(value):
        return int(value)
    return value


def format_answer(decision: Decision) -> bytes:
    """Format a decision as the line that Exim reads.

    Args:
        decision: a decision as `Host.decide` returns it.
    """
    if decision == NORMAL:
        return _NORMAL_LINE
    fields = [
        f'{name}="{_escape("1" if value is True else str(value))}"'
        for name, value in decision.items()
    ]
    return f'{" ".join(fields)} end="1"\n'.encode()


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def answer(host: Decider, request: bytes) -> bytes:
    """Decide about an attempt."""
    try:
        attempt = parse_request(request)
    except InvalidAttempt as error:
        return refuse(host, str(error))
    decision = host.decide(attempt)
    if "new_sender" in decision or "deliver_as_if_to_domain" in decision:
        decision = _make_sendable(host, attempt, decision)
    return format_answer(decision)


def _make_sendable(host: Decider, attempt: Mapping[str, Any], decision: Any) -> Decision:
    """Write domains as A-labels, which every server accepts; refuse a sender that needs SMTPUTF8.

    A message with addresses that are not ASCII is sent with SMTPUTF8 anyway (RFC 6531).
    """
    domain = decision.get("deliver_as_if_to_domain", "")
    if not domain.isascii():
        decision["deliver_as_if_to_domain"] = ascii_domain(domain)
    sender = decision.get("new_sender", "")
    if sender.isascii() or not f"{attempt['sender']}{attempt['recipient']}".isascii():
        return cast("Decision", decision)
    local_part, at, domain = sender.rpartition("@")
    if not local_part.isascii():
        problem = (
            f"new_sender is {short_repr(sender)}: Exim can't send this message with a sender whose "
            "local part is not ASCII, as its own addresses are; return one in ASCII"
        )
        return host.refuse_decision(problem, attempt, decision)
    decision["new_sender"] = f"{local_part}{at}{ascii_domain(domain)}"
    return cast("Decision", decision)


def refuse(host: Decider, problem: str) -> bytes:
    """Answer an invalid attempt."""
    return format_answer(host.refuse(problem))
