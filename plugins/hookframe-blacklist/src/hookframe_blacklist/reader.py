"""The program of the process that reads a large list, so that no attempt has to.

Whoever started it puts the file's bytes into one piece of memory, says so on standard input, and
finds tables in other memory. A line on standard output tells of each:

    one BUCKETS DOMAINS    the whole list is in the first memory
    left BUCKETS DOMAINS TEXT  the list without the lines that TEXT describes is in the third memory
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
from itertools import chain, starmap
from mmap import PROT_READ, mmap
from typing import TYPE_CHECKING, Final, NamedTuple

from hookframe_blacklist.compressed import is_compressed, unpack
from hookframe_blacklist.entries import Part, read_blocks, read_list, refuse_table, without_marks
from hookframe_blacklist.errors import BlacklistError
from hookframe_blacklist.limits import LARGEST
from hookframe_blacklist.table import Shape, Table, laid_out, shape_for, sort_into_buckets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_WORTH_SHARING: Final = 1 << 22
"""Bytes of a list from which on a second process saves more time than it takes to start."""
_BEGINNING: Final = 1 << 16
"""Bytes at the start of a list that tell whether it is compressed, or has marks in it."""
_BUFFER: Final = 1 << 17
"""Bytes that are written at a time."""
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
    """Read the list that the arguments name.

    They are `recipients` or `senders`, `skip` or `error`, its path, the memories.
    """
    gc.disable()  # there are no cycles, and soon there is no process
    _, kind, on_bad_line, path, *descriptors = sys.argv
    skip = on_bad_line == "skip"
    memories = Memories(*map(int, descriptors))
    if not sys.stdin.read():
        os._exit(0)  # whoever started it has gone, or wants it no more
    try:
        for made in _read(path, memories, senders=kind == "senders", skip=skip):
            end = f" {_one_line(made.left_out)}" if made.left_out else ""
            _say(f"{made.word} {made.shape.buckets} {made.shape.domains:d}{end}")
    except BlacklistError as error:
        _say(f"wrong\n{error}")
    os._exit(0)  # to free a million objects one by one would take as long as to make them


class Made(NamedTuple):
    """A table that was made."""

    word: str
    """which memory it is in"""
    shape: Shape
    left_out: str = ""
    """what is wrong with the lines that were left out; empty where none was"""


def read(path: str, memories: Memories, *, senders: bool, skip: bool = False) -> list[Made]:
    """Read a list to its end, in this process.

    Args:
        path: its name.
        memories: where its content is, and where the tables go.
        senders: whether it is a list of senders.
        skip: whether lines that are no entries are left out.

    Returns:
        Each table that was made.

    Raises:
        BlacklistError: the list can't be used.
    """
    return list(_read(path, memories, senders=senders, skip=skip))


def _read(path: str, memories: Memories, *, senders: bool, skip: bool) -> Iterator[Made]:
    text = _text(memories.content, path)
    try:
        yield from starmap(Made, _build(text, memories, senders=senders))
    except _Wrong:
        # What the first pass has written lies in the other memories, and is of no use.
        parsed = read_list(text[:], path, senders=senders, skip=skip)  # raises unless it may skip
        lines = [entry.encode("utf-8", "surrogatepass") for entry in parsed.entries]
        shape = shape_for(len(text), domains=any(line.startswith(b"@") for line in lines))
        _write(memories.fine, sort_into_buckets([lines], shape))
        yield Made("left", shape, parsed.left_out)


def _text(memory: int, path: str) -> bytes | mmap:
    """Give the text of a list: as it lies there, if it is neither compressed nor marked."""
    if not os.fstat(memory).st_size:
        return unpack(b"", path, LARGEST)
    content = mmap(memory, 0, prot=PROT_READ)
    beginning = content[:_BEGINNING]
    if not is_compressed(beginning, path) and without_marks(beginning, path) == beginning:
        refuse_table(content, path)
        return content
    text = without_marks(unpack(content[:], path, LARGEST), path)
    refuse_table(text, path)
    return text


def _build(text: bytes | mmap, memories: Memories, *, senders: bool) -> Iterator[tuple[str, Shape]]:
    middle, end = text.find(b"\n", len(text) // 2) + 1, len(text)
    fine = shape_for(end)
    if end < _WORTH_SHARING or not middle or len(os.sched_getaffinity(0)) == 1:
        yield "one", _fill(memories.first, Part(text, 0, end), fine, senders=senders)
        return
    shape = shape_for(middle, rough=True)
    with _aside(memories.second, Part(text, middle, end), shape, senders=senders) as second:
        first = _fill(memories.first, Part(text, 0, middle), shape, senders=senders)
        second_domains = second()  # until then that table is not whole
        rough = shape._replace(domains=first.domains or second_domains)
    yield "two", rough
    os.nice(5)  # the list is in use: nobody waits for this
    halves = (Table(mmap(each, 0, prot=PROT_READ), rough) for each in memories[1:3])
    _write(memories.fine, sort_into_buckets(chain.from_iterable(halves), fine))
    yield "fine", fine._replace(domains=rough.domains)


@contextmanager
def _aside(memory: int, part: Part, shape: Shape, *, senders: bool) -> Iterator[Callable[[], bool]]:
    """Fill a table in a process of its own.

    Args:
        memory: where the table goes.
        part: the lines that go there.
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
        os.write(theirs, bytes([_found(memory, part, shape, senders=senders)]))
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


def _found(memory: int, part: Part, shape: Shape, *, senders: bool) -> int:
    try:
        return _DOMAINS if _fill(memory, part, shape, senders=senders).domains else _PLAIN
    except _Wrong:
        return _WRONG


def _fill(memory: int, part: Part, shape: Shape, *, senders: bool) -> Shape:
    """Write a table of some lines; say whether one may stand for a domain."""
    mistakes: list[tuple[int, str]] = []
    kinds: set[bool] = set()
    buckets = sort_into_buckets(_pieces(part, mistakes, kinds, senders=senders), shape)
    if mistakes:
        raise _Wrong
    _write(memory, buckets)
    return shape._replace(domains=True in kinds)


def _pieces(
    part: Part, mistakes: list[tuple[int, str]], kinds: set[bool], *, senders: bool
) -> Iterator[list[bytes]]:
    for block in read_blocks(part, mistakes, senders=senders):
        kinds.add(block.domains)
        if block.plain:
            yield block.plain.removesuffix(b"\n").split(b"\n")
        else:
            yield [entry.encode("utf-8", "surrogatepass") for entry in block.entries]


def _write(memory: int, buckets: list[bytes]) -> None:
    with open(memory, "wb", _BUFFER, closefd=False) as file:
        file.writelines(laid_out(buckets))


def _one_line(text: str) -> str:
    """Keep a text that may have the name of a file in it on one line."""
    return text.replace("\n", "\\n")


def _say(text: str) -> None:
    sys.stdout.buffer.write(f"{text}\n".encode("utf-8", "surrogateescape"))
    sys.stdout.buffer.flush()
