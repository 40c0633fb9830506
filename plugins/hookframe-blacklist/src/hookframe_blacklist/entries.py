"""The format of a list: bytes in, a set of entries out, and the keys to look an address up by."""

from __future__ import annotations

import re
from shlex import quote
from typing import TYPE_CHECKING, Final, NamedTuple

from hookframe import ascii_domain
from hookframe_blacklist.errors import BlacklistError, quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Set
    from mmap import mmap

NULL_SENDER: Final = "<>"
"""The entry that stands for the empty envelope sender of a bounce (RFC 5321, section 4.5.5)."""

# Characters that nobody sees: an entry that carries one came by copy and paste and would never
# match. (The two joiners, U+200C and U+200D, belong to some languages' domain names.)
_INVISIBLE: Final = "\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\ufeff"

# A group is repeated as (?>(?:…)*): Python 3.11.2, which Debian 12 has, takes what does not match
# for a match where a possessive (?:…)*+ stands.
#
# RFC 5321, section 4.1.2, and RFC 6531 for what is not ASCII; dots stand anywhere in a local part,
# as some large providers have given such addresses out. The text is in lower case already.
_DOT_STRING: Final = rf'(?!\*@)[^\x00-\x20"(),:;<>@\[\\\]\x7f-\x9f\s{_INVISIBLE}]++'
_QUOTED_STRING: Final = r'"(?>(?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])*)"'
_LABEL: Final = rf"[^\x00-,./:-^`{{-\x9f\s{_INVISIBLE}]++"
_DOMAIN: Final = rf"(?:{_LABEL}(?>(?:\.{_LABEL})*)|\[[!-Z^-~]++\])"
_LINE: Final = re.compile(
    rf"((?:{_DOT_STRING}|{_QUOTED_STRING})?@{_DOMAIN}|{NULL_SENDER})\.?(?:\s+#.*)?", re.DOTALL
)
_CELLS: Final = re.compile(r'[,;\t|]|^"[^"]*"$')
"""What a row of a table has, or one cell in quotes, and no entry has outside of its comment."""
_HEADING: Final = re.compile(
    r'(?i)(?:^|[,;\t|])[ "]*e?-?mail(?:[ _-]?addr?ess[es]*)?[ "]*(?:$|[,;\t|])'
)
"""A heading of a column of addresses."""
_ADDRESS: Final = re.compile(r"\w@\w")
_FIRST_LINES: Final = 5
"""The number of lines by which a table is known, and refused before it is read."""
_BEGINNING: Final = 1 << 12
"""The number of bytes in which these lines are looked for."""
_COMMENT: Final = re.compile(r"\s#")

# A million lines one by one take four times as long as in blocks of this many bytes, each checked
# by one match. A block with anything else in it (a comment, say) is read line by line.
_BLOCK: Final = 1 << 16
_PLAIN_DOMAIN: Final = rb"@[a-z0-9_-]++(?>(?:\.[a-z0-9_-]++)*)"
_PLAIN_ADDRESS: Final = rb"[a-z0-9!$%&'+/=?^_`{|}~.-]++" + _PLAIN_DOMAIN
_PLAIN_LINE: Final = rb"[a-z0-9!$%&'+/=?^_`{|}~.-]*+" + _PLAIN_DOMAIN
_ADDRESSES: Final = re.compile(rb"(?>(?:%b\n)*)(?:%b)?" % (_PLAIN_ADDRESS, _PLAIN_ADDRESS))
_PLAIN_BLOCK: Final = re.compile(rb"(?>(?:%b\n)*)(?:%b)?" % (_PLAIN_LINE, _PLAIN_LINE))

_UTF8_MARK: Final = b"\xef\xbb\xbf"
_UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
_NUMBERS_SHOWN: Final = 5


class Part(NamedTuple):
    """Some lines of a list, or all of them."""

    text: bytes | mmap
    """the whole list, as `without_marks` gives it"""
    start: int
    """where the first line begins"""
    end: int
    """where the last one is over"""


class Block(NamedTuple):
    """Some lines of a list, read."""

    plain: bytes
    """entries in ASCII, in lower case, a line each; empty where `entries` has them"""
    entries: Collection[str]
    """the entries of a block that had to be read line by line"""
    domains: bool
    """whether an entry may stand for a domain; where not, none does"""


class Parsed(NamedTuple):
    """What a list has."""

    entries: Set[str]
    """addresses, domains with `@` before them, and perhaps `<>`: in lower case, domains with
    A-labels and without the dot that may end them"""
    left_out: str
    """what is wrong with the lines that were left out; empty where none was"""


def parse(data: bytes, path: str, *, senders: bool) -> Set[str]:
    """Read a list, and refuse one with a line that is no entry; see `read_list`."""
    return read_list(data, path, senders=senders, skip=False).entries


def read_list(data: bytes, path: str, *, senders: bool, skip: bool) -> Parsed:
    """Read a list: one entry a line, `#` comments, white space and case forgiven.

    Bytes that are not UTF-8 are read as surrogate escapes (PEP 383), as hookframe reads those of
    an attempt, so that the same bytes match.

    Args:
        data: the whole file.
        path: the file's name, for error texts.
        senders: whether this is a list of senders, in which `<>` is an entry.
        skip: whether lines that are no entries are left out.

    Raises:
        BlacklistError: a line is no entry, or with `skip` most lines are none; the text names the
            file and the line, and counts what else is wrong.
    """
    data = without_marks(data, path)
    refuse_table(data, path)
    entries: set[str] = set()
    mistakes: list[tuple[int, str]] = []
    for block in read_blocks(Part(data, 0, len(data)), mistakes, senders=senders):
        if block.plain:
            entries.update(block.plain.decode("ascii").split("\n"))
        else:
            entries.update(block.entries)
    left_out = ""
    if mistakes and skip:
        left_out = leave_out(path, mistakes, data.count(b"\n") + 1, senders=senders)
    elif mistakes:
        raise BlacklistError(_complaint(path, mistakes, senders=senders))
    entries.discard("")  # what stands behind a block's last line break
    return Parsed(entries, left_out)


def leave_out(path: str, mistakes: list[tuple[int, str]], lines: int, *, senders: bool) -> str:
    """Describe the lines that are left out of a list.

    Args:
        path: the list.
        mistakes: these lines, each with its number.
        lines: the number of all lines.
        senders: whether this is a list of senders.

    Raises:
        BlacklistError: these are most lines: whatever this file is, it is not the list.
    """
    text, count = _complaint(path, mistakes, senders=senders), len(mistakes)
    if 2 * count > lines:
        raise BlacklistError(f"{text}; these are most of its lines, so none is left out")
    return f"{count:,} {'line is' if count == 1 else 'lines are'} left out: {text}"


def without_marks(data: bytes, path: str) -> bytes:
    """Take what other systems put into text out of it: a byte order mark, and carriage returns.

    Raises:
        BlacklistError: this is UTF-16.
    """
    if data.startswith(_UTF16_MARKS):
        raise BlacklistError(f"{path} is written in UTF-16: save it as UTF-8")
    data = data.removeprefix(_UTF8_MARK)
    return data.replace(b"\r\n", b"\n") if b"\r" in data else data


def refuse_table(text: bytes | mmap, path: str) -> None:
    """Refuse a table that another program has exported, by its first lines.

    Raises:
        BlacklistError: this is one; the text has the command that makes it a list.
    """
    beginning = text[:_BEGINNING].decode("utf-8", "replace").split("\n")
    numbered = [(number, line.strip()) for number, line in enumerate(beginning, 1)]
    lines = [each for each in numbered if each[1] and not each[1].startswith("#")][:_FIRST_LINES]
    if not lines or _LINE.fullmatch(lines[0][1].lower()):
        return
    number, first = lines[0]
    rows = [line for _, line in lines[_ADDRESS.search(first) is None :]]
    is_table = len(lines) > 1 and any(map(_ADDRESS.search, rows)) and all(map(_is_row, rows))
    if is_table or _HEADING.search(first):
        raise BlacklistError(
            f"{path} line {number}: {quoted(first)}: this is a table, not a list; make a list of "
            f"it: hookframe blacklist import {quote(path)} --list LIST"
        )


def _is_row(line: str) -> bool:
    return _CELLS.search(line) is not None and not _LINE.fullmatch(line.lower())


def read_blocks(part: Part, mistakes: list[tuple[int, str]], *, senders: bool) -> Iterator[Block]:
    """Read a list block by block.

    Args:
        part: the lines to read.
        mistakes: takes each line that is no entry, with its number.
        senders: whether `<>` is an entry.
    """
    text = part.text
    for start, end in _blocks(part):
        block = text[start:end]
        if _ADDRESSES.fullmatch(block) or _ADDRESSES.fullmatch(block := block.lower()):
            yield Block(block, (), domains=False)
        elif _PLAIN_BLOCK.fullmatch(block):
            yield Block(block, (), domains=True)
        else:
            entries: set[str] = set()
            wrong = _read_lines(text[start:end], entries, senders=senders)
            if wrong:
                before = text[:start].count(b"\n")
                mistakes += [(before + number, line) for number, line in wrong]
            yield Block(b"", entries, domains=True)


def lookup_keys(address: str) -> tuple[str, str]:
    """Give the two entries that an address matches: itself, and its domain.

    Args:
        address: an envelope address as the MTA gives it.

    Returns:
        The address as a list has it, and `@domain`, which is what follows the last `@`. Of an
        address without `@` the second is its last character, which is never an entry.
    """
    whole = _in_ascii(address.lower().removesuffix("."))
    return whole, whole[whole.rfind("@") :]


def _blocks(part: Part) -> Iterator[tuple[int, int]]:
    """Cut lines behind line breaks into pieces of about the same size."""
    text, start, last = part
    while start < last:
        end = text.find(b"\n", start + _BLOCK, last) + 1 or last
        yield start, end
        start = end


def _read_lines(block: bytes, entries: set[str], *, senders: bool) -> list[tuple[int, str]]:
    """Add a block's entries, line by line; return the lines that are none, with their numbers."""
    mistakes = []
    for number, line in enumerate(block.decode("utf-8", "surrogateescape").split("\n"), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = _LINE.fullmatch(text.lower())
        if match is None or (match[1] == NULL_SENDER and not senders):
            mistakes.append((number, _COMMENT.split(text, maxsplit=1)[0].rstrip()))
        else:
            entries.add(_in_ascii(match[1]))
    return mistakes


def _in_ascii(entry: str) -> str:
    """Spell the domain of an entry as A-labels, by which two spellings of one are equal."""
    if entry.isascii():
        return entry
    local, at, domain = entry.rpartition("@")
    return f"{local}{at}{ascii_domain(domain)}"


def _complaint(path: str, mistakes: list[tuple[int, str]], *, senders: bool) -> str:
    """Say what is wrong with the first bad line, and where the others are."""
    number, entry = mistakes[0]
    text = f"{path} line {number}: {quoted(entry)} {_expected(entry, senders=senders)}"
    others = [str(number) for number, _ in mistakes[1:]]
    if not others:
        return text
    shown = ", ".join(others[:_NUMBERS_SHOWN]) + (", ..." if len(others) > _NUMBERS_SHOWN else "")
    noun = "line" if len(others) == 1 else "lines"
    return f"{text} ({len(others)} more {noun} like this: {shown})"


def _expected(entry: str, *, senders: bool) -> str:
    """Say what the entry should have been; guess what its author meant."""
    if entry == NULL_SENDER and not senders:
        return "is the null sender, and this is a list of recipients: move it to a list of senders"
    if entry.startswith("*@"):
        return f"is not a pattern: for every address of a domain write {quoted(entry[1:])}"
    if entry.startswith(("@.", "@*.")):
        return "is not a pattern: a domain stands for itself alone, list each subdomain as @domain"
    if _LINE.fullmatch(f"@{entry.lower()}"):
        return f"has no @: for the whole domain write {quoted(f'@{entry}')}, else a whole address"
    kinds = "an address (user@example.com) nor a domain (@example.com)"
    if senders:
        kinds = "an address (user@example.com), a domain (@example.com) nor the null sender (<>)"
    return f"is neither {kinds}: correct it, or put # in front of it"
