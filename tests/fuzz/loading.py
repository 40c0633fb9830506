"""Targets that load something: the configuration, the hook file."""

from __future__ import annotations

import os
import sys
import threading

from hookframe._text import one_line
from hookframe.api.errors import ConfigError, LoadError
from hookframe.config.address import parse_address
from hookframe.config.model import Config, read_config
from hookframe.files.snapshot import Snapshot
from hookframe.plugins.hook_file import load_hook_file
from hookframe.plugins.plugin import Plugin

from .documents import Setting, written

PATH = "/etc/hookframe/hookframe.toml"
HOOK_FILE = "/etc/hookframe/hook.py"
LARGEST = 1 << 62
"""What a limit in bytes can be, with room for a factor of two, before system calls refuse it."""
NEVER_PARSED = b"\n)(\n"
NEVER_RUN = b"raise LookupError\n"


def config(data: bytes) -> None:
    """Try bytes as a configuration: they are one, or all their mistakes are said."""
    configured(data)


def settings(listed: list[Setting]) -> None:
    """Try a configuration whose mistakes are known: it has them on their lines, and no others."""
    text, mistakes = written(listed)
    read = configured(text.encode())
    if isinstance(read, Config):
        assert not mistakes, f"not found: {mistakes}"
    else:
        assert {problem.key: problem.line for problem in read.problems} == mistakes


def configured(data: bytes) -> Config | ConfigError:
    """Read bytes as a configuration; check what comes of it, whatever it is."""
    try:
        read = read_config(Snapshot(PATH, data))
    except ConfigError as error:
        _check_problems(error, data)
        return error
    assert type(read) is Config, read
    _check_limits(read)
    for name in (*(each.name for each in read.entries(("a", "b"))), *read.unused):
        assert type(name) is str, name
        read.table(name)
    for address in read.listen:
        again = parse_address(f"{address.protocol}+{address}", allow_remote=True)
        assert again == address, (again, address)
    return read


def _check_problems(error: ConfigError, data: bytes) -> None:
    """Every mistake has words, and a line of the file on which something stands."""
    assert error.path == PATH
    assert error.problems
    assert one_line(str(error)).isprintable()
    lines = data.split(b"\n")
    for problem in error.problems:
        assert problem.text
        if problem.line is not None:
            assert 1 <= problem.line <= len(lines), problem
            text = lines[problem.line - 1].strip()
            assert text, problem
            assert not text.startswith(b"#"), problem


def _check_limits(read: Config) -> None:
    """Every limit is one that a clock or a system call takes."""
    limits, log = read.limits, read.log
    times = [read.deadline, limits.idle_time, limits.answer_time]
    times += [table.policy.deadline for table in read.plugins.values()]
    for seconds in times:
        assert seconds is None or 0 < seconds < threading.TIMEOUT_MAX, seconds
    for number in (limits.connections, limits.max_memory, limits.output_lines):
        assert 0 < number < LARGEST, number
    for number in (read.workers, log.size, log.files):
        assert 0 < number < LARGEST, number


def hook_file(data: bytes) -> None:
    """Try bytes as the text of a hook file, in two ways that never run a line of them.

    With an error of syntax behind them they are decoded and parsed; behind a line that raises
    they are compiled as well.
    """
    for text in (data + NEVER_PARSED, NEVER_RUN + data):
        assert type(loaded(text)) is LoadError, text


def loaded(text: bytes) -> Plugin | LoadError:
    """Load the text of a hook file; check what comes of it, whatever it is."""
    before = set(sys.modules)
    snapshot = Snapshot(HOOK_FILE, text, os.geteuid(), 0o644)
    result: Plugin | LoadError
    try:
        result = load_hook_file(snapshot, 1)
    except LoadError as error:
        result = error
    if isinstance(result, LoadError):
        assert one_line(str(result)).isprintable()
    else:
        assert type(result) is Plugin
        assert callable(result.decide)
        assert type(result.file) is str
        result.close()
    left = [name for name in set(sys.modules) - before if str(name).startswith("hookframe_file")]
    assert not left, f"in sys.modules stays {left}"
    return result
