r"""The exim protocol: what Exim's `${readsocket}` can build and `${extract}` can take apart.

A request is lines `name=BASE64`, so that nothing in an address needs escaping. The answer is one
line of `name="value"` with `end="1"` last, so that a cut answer shows.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from typing import TYPE_CHECKING, Any, Final

from hookframe.attempt import ATTEMPT_TYPES
from hookframe.errors import InvalidAttempt

if TYPE_CHECKING:
    from hookframe.decision import Decision

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_BOOLEANS: Final = {"1": True, "true": True, "0": False, "false": False}
_DIGITS: Final = re.compile(r"[0-9]{1,19}")
_EMPTY_LINE: Final = re.compile(rb"^\r?\n", re.MULTILINE)


def cut_request(data: bytes) -> list[bytes]:
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
        name, value = _field(number, line)
        if name in attempt:
            raise InvalidAttempt(f"{name} stands twice in the request", name)
        attempt[name] = _typed(name, value)
    return attempt


def _field(number: int, line: bytes) -> tuple[str, str]:
    name, equals, encoded = line.partition(b"=")
    text = name.decode("ascii", "replace")
    if not equals or not _NAME.fullmatch(text):
        raise InvalidAttempt(f"line {number} of the request is not name=BASE64: {line[:40]!r}")
    try:
        value = b64decode(encoded.strip(b" \r"), validate=True)
    except binascii.Error as error:
        raise InvalidAttempt(f"{text} is not base64: {error}", text) from None
    return text, value.decode("utf-8", "surrogateescape")


def _typed(name: str, value: str) -> Any:
    """Give a value the type that its key has; what has another form is left to the check."""
    kind = ATTEMPT_TYPES.get(name, str)
    if kind is bool:
        return _BOOLEANS.get(value.lower(), value)
    if kind is int and _DIGITS.fullmatch(value):
        return int(value)
    return value


def format_answer(decision: Decision) -> bytes:
    """Write a decision as the one line that Exim reads.

    Args:
        decision: a decision as `Host.decide` returns it.
    """
    fields = [
        f'{name}="{_escaped("1" if value is True else str(value))}"'
        for name, value in decision.items()
    ]
    return f'{" ".join(fields)} end="1"\n'.encode()


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
