"""Whether the system allows a start of the daemon, checked without starting it."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hookframe.daemon.sockets.fd_limit import describe_shortage
from hookframe.daemon.sockets.listener import (
    ListenError,
    bind_tcp,
    explain_failure,
    refuse_occupied,
)
from hookframe.daemon.sockets.open_all import adopt
from hookframe.daemon.sockets.unix_file import Occupant, find_occupant

if TYPE_CHECKING:
    from hookframe.config.address import Address
    from hookframe.config.model import Config
    from hookframe.daemon.sockets.activation import PassedSocket


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a check.

    Args:
        problems: what prevents the start, or limits the daemon.
        notes: what is good to know.
    """

    problems: tuple[str, ...]
    notes: tuple[str, ...]


def check_system(
    config: Config, addresses: Sequence[Address], passed: Sequence[PassedSocket] = ()
) -> Report:
    """Check what a start needs: addresses, directories, open files.

    A running daemon is not affected, and no file is left.

    Args:
        config: the configuration to start with.
        addresses: the addresses to listen on.
        passed: the passed sockets.
    """
    problems: list[str] = []
    notes: list[str] = []
    adopted = set()
    for each in passed:
        try:
            listener = adopt(each, addresses)
        except ListenError as error:
            problems.append(str(error))
        else:
            adopted.add(listener.address)
            notes.append(listener.remark)
    for address in addresses:
        if address in adopted:
            continue
        try:
            notes.append(_check_address(address))
        except ListenError as error:
            problems.append(str(error))
    problems += _check_log(config.log.directory)
    problems.append(describe_shortage(config.limits.connections))
    return Report(tuple(filter(None, problems)), tuple(filter(None, notes)))


def _check_address(address: Address) -> str:
    """Check an address; return a note, or an empty text.

    Raises:
        ListenError: the daemon could not listen there.
    """
    try:
        return _check_path(address) if address.path else _check_port(address)
    except OSError as error:
        raise ListenError(explain_failure(address, error)) from None


def _check_path(address: Address) -> str:
    if find_occupant(address.path) is Occupant.ALIVE:
        return _describe_answering(address)
    found = refuse_occupied(address)
    _create_file_in(Path(address.path).parent)
    stale = found is Occupant.STALE
    return f"{address}: a stale socket file is there; a start replaces it" if stale else ""


def _check_port(address: Address) -> str:
    try:
        bind_tcp(address).close()
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        return _describe_answering(address)
    return ""


def _describe_answering(address: Address) -> str:
    return f"{address}: a daemon answers there already"


def _create_file_in(directory: Path) -> None:
    """Create a file, and remove it.

    Raises:
        OSError: this user can't.
    """
    try:
        tempfile.TemporaryFile(dir=directory).close()
    except OSError as error:
        raise OSError(error.errno, error.strerror) from None  # without the random file name


def _check_log(directory: str | None) -> Iterator[str]:
    if directory is None:
        return
    path = there = Path(directory)
    try:
        there = next(each for each in (path, *path.parents) if each.exists())
        _create_file_in(there)
    except OSError as error:
        yield (
            f"log.directory is {directory}: can't create a file in {there}: {error.strerror}; "
            "it must be a directory, writable for the user that runs hookframe"
        )
        return
    for file in (path / "current", path / "lock"):
        if os.path.lexists(file) and not _is_ours(file):
            yield (
                f"log.directory is {directory}: {file} is no regular file that this user can "
                "write; move it away, or make it writable for the user that runs hookframe"
            )


def _is_ours(file: Path) -> bool:
    regular = file.is_file() and not file.is_symlink()
    return regular and os.access(file, os.W_OK, effective_ids=True)
