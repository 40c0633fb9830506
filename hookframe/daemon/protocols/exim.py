r"""The exim protocol: what Exim's `${readsocket}` can build and `${extract}` can take apart.

A request is lines `name=BASE64`, so that nothing in an address needs escaping. The answer is one
line of `name="value"` with `end="1"` last, so that a cut answer shows.
"""

from __future__ import annotations

import re
from binascii import Error, a2b_base64
from typing import TYPE_CHECKING, Any, Final

from hookframe.api.attempt import ATTEMPT_TYPES, BOOLEANS
from hookframe.api.errors import InvalidAttempt

if TYPE_CHECKING:
    from hookframe.api.decision import Decision
    from hookframe.daemon.protocols.base import Decider

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_NAMES: Final = {name.encode(): name for name in ATTEMPT_TYPES}
_CONVERTED: Final = {name for name, kind in ATTEMPT_TYPES.items() if kind is not str}
_NORMAL: Final = {"action": "normal"}
_NORMAL_LINE: Final = b'action="normal" end="1"\n'
"""The answer to most attempts, written once."""
_DIGITS: Final = re.compile(r"[0-9]{1,19}")
_EMPTY_LINE: Final = re.compile(rb"^\r?\n", re.MULTILINE)


def split_request(data: bytes) -> list[bytes]:
    """Cut the request of a connection off at its empty line.

    Args:
        data: all that has come; lines may end in CRLF.

    Returns:
        The request with the end of its last line, and what follows the empty line; or, while no
        empty line has come, what there is.
    """
    empty_line = _EMPTY_LINE.search(data)
    if empty_line is None:
        return [data]
    return [data[: empty_line.start()], data[empty_line.end() :]]


def parse_request(request: bytes) -> dict[str, Any]:
    """Read a request.

    Args:
        request: lines `name=BASE64`, without the empty line that ends them.

    Returns:
        The attempt: strings, `injtime` as an int, the two flags as bools.

    Raises:
        InvalidAttempt: a line that can't be read, or a name that stands twice.
    """
    attempt: dict[str, Any] = {}
    for number, line in enumerate(request.split(b"\n"), start=1):
        if not line:
            continue
        key, equals, encoded = line.partition(b"=")
        name = _NAMES.get(key) if equals else None
        if name is None:
            name = _read_other_name(number, line)
        if name in attempt:
            raise InvalidAttempt(f"{name} stands twice in the request", name)
        try:
            value = a2b_base64(encoded.strip(b" \r"), strict_mode=True)
        except Error as error:
            raise InvalidAttempt(f"{name} is not base64: {error}", name) from None
        text = value.decode("utf-8", "surrogateescape")
        attempt[name] = _convert(name, text) if name in _CONVERTED else text
    return attempt


def _read_other_name(number: int, line: bytes) -> str:
    """Take the name of a line that is none of the nine."""
    key, equals, _ = line.partition(b"=")
    name = key.decode("ascii", "replace")
    if not equals or not _NAME.fullmatch(name):
        raise InvalidAttempt(f"line {number} of the request is not name=BASE64: {line[:40]!r}")
    return name


def _convert(name: str, value: str) -> Any:
    """Give a value the type that its key has; what has another form is left to the check."""
    kind = ATTEMPT_TYPES[name]
    if kind is bool:
        return BOOLEANS.get(value.lower(), value)
    if kind is int and _DIGITS.fullmatch(value):
        return int(value)
    return value


def format_answer(decision: Decision) -> bytes:
    """Write a decision as the one line that Exim reads.

    Args:
        decision: a decision as `Host.decide` returns it.
    """
    if decision == _NORMAL:
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
    return format_answer(host.decide(attempt))


def refuse(host: Decider, problem: str) -> bytes:
    """Answer what is no attempt."""
    return format_answer(host.refuse(problem))
