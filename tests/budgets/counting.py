"""Counts what attempts and starts cost. It runs in processes of its own, which print JSON.

What is counted is the same on every machine with the same version of Python: the instructions of
hookframe's code that the interpreter executes, and the modules that are imported. No clock is read.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

PLUGINS = """
from hookframe import hookimpl

class Nothing:
    @hookimpl
    def pre_delivery_attempt(self, attempt, decision, state):
        return None

class Decides:
    @hookimpl
    def pre_delivery_attempt(self, attempt, decision, state):
        return {"action": "new_mtaid", "new_mtaid": "smtp2"}

class Wraps:
    @hookimpl(wrapper=True)
    def pre_delivery_attempt(self):
        return (yield)
"""
CHAINS = {
    "1 plugin that returns nothing": ("nothing0",),
    "3 plugins that return nothing": tuple(f"nothing{each}" for each in range(3)),
    "10 plugins that return nothing": tuple(f"nothing{each}" for each in range(10)),
    "10 plugins of which the last decides": (*(f"nothing{each}" for each in range(9)), "decides9"),
    "10 plugins that decide": tuple(f"decides{each}" for each in range(10)),
    "3 plugins that return nothing, and a wrapper": ("nothing0", "nothing1", "nothing2", "wraps0"),
}
STARTS = {
    "from hookframe import hookimpl": None,
    "hookframe --version": ["--version"],
    "hookframe decide": ["decide", "--hook-file", "hook.py"],
    "hookframe serve --check": ["serve", "--check", "--hook-file", "hook.py"],
}
PROGRAM = """
import sys
before, output = set(sys.modules), sys.stdout
sys.stdout = sys.stderr
arguments = {arguments!r}
try:
    if arguments is None:
        from hookframe import hookimpl
    else:
        from hookframe.__main__ import main
        sys.argv[1:] = arguments
        main()
except SystemExit as end:
    assert not end.code, end.code
print(*sorted(set(sys.modules) - before), file=output)
"""
SLOW = ("asyncio", "click", "importlib_metadata", "logging", "loguru", "msgspec", "pluggy", "rich")
SLOW += ("uvloop", "watchdog")
REPEAT = 3
"""The first attempts fill caches."""


def instructions():
    """Count the instructions of one attempt, by function, for each chain."""
    from loguru import logger

    from hookframe import Host
    from hookframe.config import Config
    from hookframe.testing import make_attempt

    logger.remove()
    found, attempt = {}, make_attempt()
    with tempfile.TemporaryDirectory() as name:
        _install(Path(name))
        for what, chain in CHAINS.items():
            with Host.of(Config(chain=chain), watch=False) as host:
                assert not host.problem, host.problem
                for _ in range(REPEAT):
                    counts = _counted(lambda: host.decide(attempt))
            found[what] = dict(sorted(counts.items()))
    return found


def _install(directory):
    (directory / "counted_plugins.py").write_text(PLUGINS)
    metadata = directory / "counted_plugins-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: counted\nVersion: 1.0\n")
    points = "".join(
        f"{kind.lower()}{number} = counted_plugins:{kind}\n"
        for kind in ("Nothing", "Decides", "Wraps")
        for number in range(10)
    )
    (metadata / "entry_points.txt").write_text(f"[hookframe]\n{points}")
    sys.path.insert(0, str(directory))


def _counted(call):
    """Count the instructions of hookframe's functions while something is called."""
    import hookframe

    home = str(Path(hookframe.__file__).parent / "")
    counts = Counter()

    def trace(frame, event, argument):
        code = frame.f_code
        if not code.co_filename.startswith(home):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if event == "opcode":
            counts[code.co_qualname] += 1
        return trace

    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(None)
    return counts


def imports():
    """List what each start imports: hookframe's modules, and the packages that take long."""
    return {what: _imported(arguments) for what, arguments in STARTS.items()}


def _imported(arguments):
    with tempfile.TemporaryDirectory() as name:
        hook = Path(name) / "hook.py"
        hook.write_text("def pre_delivery_attempt(): return None\n")
        hook.chmod(0o644)
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM.format(arguments=arguments)],
            cwd=name,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    modules = done.stdout.splitlines()[-1].split()
    return sorted({each for each in map(_shown, modules) if each})


def _shown(module):
    """Give a module of ours by its name, and one of those that take long by its package's."""
    package = module.partition(".")[0]
    return module if package == "hookframe" else package if package in SLOW else ""


def version():
    """Name the version of Python, as instructions are each version's own."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


if __name__ == "__main__":
    print(json.dumps({"instructions": instructions(), "imports": imports()}))
