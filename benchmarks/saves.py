"""Hook files of some length, and the ways in which they are saved."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

Save = Callable[[Path, str], None]
_RULES = 23
"""Two lines each, in a function of fifty lines with what stands around them."""


def source(number: int, lines: int = 50) -> str:
    """Write a hook file whose decision says a number.

    Args:
        number: makes its text another one than that of other numbers.
        lines: so many it has, more or less.
    """
    functions = "".join(
        f"\n\ndef rules_{each}(attempt):\n{_rules(each)}    return None\n"
        for each in range(max(1, lines // 50))
    )
    return (
        f"{functions}\n\ndef pre_delivery_attempt(attempt):\n"
        f"    return rules_0(attempt) or {{'action': 'pause', 'message': '{number}'}}\n"
    )


def _rules(function: int) -> str:
    return "".join(
        f"    if attempt['sendid'] == 'campaign-{function}-{rule}':\n"
        f"        return {{'action': 'pause', 'message': 'campaign {function} is on hold'}}\n"
        for rule in range(_RULES)
    )


def in_place(path: Path, text: str) -> None:
    """Write over the file."""
    path.write_text(text)


def rename_over(path: Path, text: str) -> None:
    """Write beside the file, and rename over it."""
    beside = path.with_suffix(".new")
    beside.write_text(text)
    beside.replace(path)


def move_from_elsewhere(path: Path, text: str) -> None:
    """Write in another directory, and move it here."""
    elsewhere = path.parent.parent / "elsewhere.py"
    elsewhere.write_text(text)
    elsewhere.replace(path)


def same_size_and_time(path: Path, text: str) -> None:
    """Write over the file, and give it back its time stamp."""
    before = path.stat()
    path.write_text(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def swapped_link(path: Path, text: str) -> None:
    """Swap a symbolic link to a directory, as a ConfigMap is updated."""
    volume = path.parent
    version = volume / f"..{perf_counter()}"
    version.mkdir()
    (version / path.name).write_text(text)
    link = volume / "..data"
    fresh = volume / "..data_tmp"
    fresh.symlink_to(version.name)
    fresh.replace(link)
    if not path.is_symlink():
        path.unlink()
        path.symlink_to(f"..data/{path.name}")
