"""The program of the process that reads a large list, so that no attempt has to.

Whoever started it puts the file's bytes into one piece of memory, says on standard input how many
they are, and finds tables in other memory. A line on standard output tells of each:

    one BUCKETS DOMAINS    the whole list is in the first memory
    two BUCKETS DOMAINS    half of it is in the first memory, half in the second: rough tables, made
                           by two processes at a time; one that is searched faster follows
    fine BUCKETS DOMAINS   the whole list is in the third memory, and done
    wrong                  the list can't be used; all the rest of the output says why
"""

from __future__ import annotations

import gc
import os
import sys
from contextlib import contextmanager
from itertools import chain
from mmap import PROT_READ, mmap
from typing import TYPE_CHECKING, Final, NamedTuple

from hookframe_blacklist.compressed import unpack
from hookframe_blacklist.entries import parse, read_blocks, without_marks
from hookframe_blacklist.errors import BlacklistError
from hookframe_blacklist.limits import LARGEST
from hookframe_blacklist.table import Shape, Table, laid_out, shape_for, sort_into_buckets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_WORTH_SHARING: Final = 1 << 22
"""Bytes of a list from which on a second process saves more time than it takes to start."""
_PLAIN, _DOMAINS, _WRONG = range(3)
"""What the process of the second half says that it has found."""


class Memories(NamedTuple):
    """The descriptors of memory that this process shares with whoever started it."""

    content: int
    first: int
    second: int
    fine: int


class _Wrong(Exception):
    """There is a line that is no entry; which one is found out in a second pass."""


def main() -> None:
    """Read the list that the arguments name: `recipients` or `senders`, its path, the memories."""
    gc.disable()  # there are no cycles, and soon there is no process
    _, kind, path, *descriptors = sys.argv
    memories = Memories(*map(int, descriptors))
    size = int(sys.stdin.read())
    try:
        for word, shape in _read(path, memories, size, senders=kind == "senders"):
            _say(f"{word} {shape.buckets} {shape.domains:d}")
    except BlacklistError as error:
        _say(f"wrong\n{error}")
    os._exit(0)  # to free a million objects one by one would take as long as to make them


def read(path: str, memories: Memories, size: int, *, senders: bool) -> list[tuple[str, Shape]]:
    """Read a list to its end, in this process.

    Args:
        path: its name.
        memories: where its content is, and where the tables go.
        size: of the content, in bytes.
        senders: whether it is a list of senders.

    Returns:
        Each table that was made: the word for it, and its shape.

    Raises:
        BlacklistError: the list can't be used.
    """
    return list(_read(path, memories, size, senders=senders))


def _read(
    path: str, memories: Memories, size: int, *, senders: bool
) -> Iterator[tuple[str, Shape]]:
    content = os.pread(memories.content, size, 0) if size else b""
    if len(content) != size:
        raise BlacklistError(f"of {path} only {len(content)} bytes have arrived, not {size}")
    text = without_marks(unpack(content, path, LARGEST), path)
    try:
        yield from _build(text, memories, senders=senders)
    except _Wrong:
        parse(text, path, senders=senders)  # raises: it knows the numbers of the lines


def _build(text: bytes, memories: Memories, *, senders: bool) -> Iterator[tuple[str, Shape]]:
    middle = text.find(b"\n", len(text) // 2) + 1
    fine = shape_for(len(text))
    if len(text) < _WORTH_SHARING or not middle or len(os.sched_getaffinity(0)) == 1:
        yield "one", _fill(memories.first, text, fine, senders=senders)
        return
    shape = shape_for(len(text), rough=True)
    with _second_half(memories.second, text[middle:], shape, senders=senders) as second:
        first = _fill(memories.first, text[:middle], shape, senders=senders)
        rough = shape._replace(domains=first.domains or second())
    yield "two", rough
    os.nice(5)  # the list is in use: nobody waits for this
    halves = (Table(mmap(each, 0, prot=PROT_READ), rough) for each in memories[1:3])
    _write(memories.fine, sort_into_buckets(chain.from_iterable(halves), fine))
    yield "fine", fine._replace(domains=rough.domains)


@contextmanager
def _second_half(
    memory: int, text: bytes, shape: Shape, *, senders: bool
) -> Iterator[Callable[[], bool]]:
    """Fill a table in a process of its own.

    Args:
        memory: where the table goes.
        text: its lines.
        shape: of the table.
        senders: whether these are senders.

    Yields:
        What waits until the table is there, and says whether an entry may stand for a domain. It
        raises `_Wrong` for a line that is no entry, and BlacklistError if the process has died.
    """
    ours, theirs = os.pipe()
    process = os.fork()  # this one has no other thread, and nothing else to do
    if process == 0:
        # The end of a process takes its time, so it says before what it has found.
        os.write(theirs, bytes([_found(memory, text, shape, senders=senders)]))
        os._exit(0)
    os.close(theirs)

    def found() -> bool:
        word = os.read(ours, 1)
        if not word:
            raise BlacklistError("the process that reads half of the list has ended too early")
        if word[0] == _WRONG:
            raise _Wrong
        return word[0] == _DOMAINS

    try:
        yield found
    finally:
        os.close(ours)


def _found(memory: int, text: bytes, shape: Shape, *, senders: bool) -> int:
    try:
        return _DOMAINS if _fill(memory, text, shape, senders=senders).domains else _PLAIN
    except _Wrong:
        return _WRONG


def _fill(memory: int, text: bytes, shape: Shape, *, senders: bool) -> Shape:
    """Write a table of some lines; say whether one may stand for a domain."""
    mistakes: list[tuple[int, str]] = []
    kinds: set[bool] = set()
    buckets = sort_into_buckets(_pieces(text, mistakes, kinds, senders=senders), shape)
    if mistakes:
        raise _Wrong
    _write(memory, buckets)
    return shape._replace(domains=True in kinds)


def _pieces(
    text: bytes, mistakes: list[tuple[int, str]], kinds: set[bool], *, senders: bool
) -> Iterator[list[bytes]]:
    for block in read_blocks(text, mistakes, senders=senders):
        kinds.add(block.domains)
        if block.plain:
            yield block.plain.removesuffix(b"\n").split(b"\n")
        else:
            yield [entry.encode("utf-8", "surrogatepass") for entry in block.entries]


def _write(memory: int, buckets: list[bytes]) -> None:
    with open(memory, "wb", closefd=False) as file:
        file.writelines(laid_out(buckets))


def _say(text: str) -> None:
    sys.stdout.buffer.write(f"{text}\n".encode("utf-8", "surrogateescape"))
    sys.stdout.buffer.flush()
