"""`hookframe decide --address`: the decisions of a running daemon."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any, Final

import click

from hookframe.cli.commands.status.client import NoStatus, exchange
from hookframe.cli.console import print_error
from hookframe.cli.stdio import read_lines
from hookframe.config.address import PROTOCOLS, Address, parse_address

_JSONL: Final = PROTOCOLS[0]
_EXPLAIN: Final = "explain"


def ask_daemon(where: str, given: dict[str, Any] | None, *, explain: bool) -> int:
    """Ask a daemon about one attempt, or about each line of standard input; print its answers.

    The daemon really decides: its plugins count the attempts.

    Args:
        where: an address of the daemon, of the jsonl protocol, or of explain with `explain`.
        given: the attempt; None to read lines.
        explain: whether to ask for the trace.

    Returns:
        The exit status: 1 if there is no answer, or a decision was an error.
    """
    address = _read_address(where, explain=explain)
    failed = False
    for request in _list_requests(given):
        try:
            answer = exchange(address, request)
        except NoStatus as error:
            print_error(str(error))
            return 1
        sys.stdout.write(answer.decode("utf-8", "backslashreplace"))
        sys.stdout.flush()
        document = _parse(answer)
        if explain and "trace" not in document:
            print_error(
                f"the answer has no trace: {address} must be an explain address of the daemon"
            )
            return 1
        failed = failed or _is_error(document)
    return 1 if failed else 0


def _read_address(where: str, *, explain: bool) -> Address:
    try:
        address = parse_address(where, allow_remote=True)
    except ValueError as error:
        raise click.UsageError(f"--address: {error}") from None
    named = "+" in where.partition(":")[0]
    if explain and not named:
        address = parse_address(f"{_EXPLAIN}+{where}", allow_remote=True)
    wanted = _EXPLAIN if explain else _JSONL
    if address.protocol != wanted:
        hint = "" if explain else "; add --explain, or use a jsonl address"
        raise click.UsageError(
            f"--address: this needs the {wanted} protocol, not {address.protocol}{hint}"
        )
    return address


def _list_requests(given: dict[str, Any] | None) -> Iterator[bytes]:
    if given is not None:
        return iter([json.dumps(given).encode() + b"\n"])
    return (line.rstrip(b"\r\n") + b"\n" for _, line, _ in read_lines(sys.stdin.buffer))


def _parse(answer: bytes) -> dict[str, Any]:
    """Parse an answer; it is empty if that is no JSON object."""
    try:
        document = json.loads(answer)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _is_error(document: dict[str, Any]) -> bool:
    """Return whether an answer is no decision, or a temporary failure after an error."""
    decision = document.get("decision", document)
    return not isinstance(decision, dict) or "error" in decision or "action" not in decision
