"""The hook file: one Python file, compiled and loaded as one plugin."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable
from contextlib import suppress
from difflib import get_close_matches
from functools import lru_cache, partial
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final

from hookframe.api.errors import LoadError, Origin
from hookframe.api.hookspecs import HOOKS, PROJECT
from hookframe.api.plugin_code import calls_plugins
from hookframe.config.entries import FILE
from hookframe.files.snapshot import Snapshot
from hookframe.log.exceptions import describe
from hookframe.plugins.code_files import refuse_unsafe
from hookframe.plugins.plugin import MAIN_HOOK, HookCheck, Plugin
from hookframe.plugins.signature import find_source_file

_OPTIONAL_HOOKS: Final = ("configure", "decided", "remarks", "close")
"""The hooks that a hook file may define besides its main one."""
_NEARLY: Final = 0.8
"""How similar a name must be to that of a hook to be a slip."""


@calls_plugins
def load_hook_file(
    snapshot: Snapshot,
    generation: int,
    name: str = FILE,
    *,
    trust_permissions: bool = False,
) -> Plugin:
    """Compile and run a hook file in a fresh module, and check its hooks.

    Args:
        snapshot: the file's bytes, owner and permissions at one moment.
        generation: the number of the generation, for a unique module name.
        name: its name in the chain.
        trust_permissions: whether to accept a file that others may write.

    Returns:
        The plugin. Its `close` removes the module, which belongs to one generation.

    Raises:
        LoadError: the file is missing, unsafe, does not compile or run, or has no usable hook.
    """
    plugin = Origin(name, snapshot.path)
    if snapshot.error is not None:
        raise LoadError(plugin, f"can't read the hook file: {snapshot.error}")
    if not trust_permissions:
        refuse_unsafe(snapshot, plugin)
    # The same file may stand in a chain twice.
    module_name = f"hookframe_file_{generation}_{id(snapshot):x}_{name}"
    try:
        module = _run_module(module_name, snapshot, plugin)
        return _build_plugin(module, plugin, end=partial(sys.modules.pop, module_name, None))
    except LoadError:
        sys.modules.pop(module_name, None)
        raise
    except BaseException as error:
        sys.modules.pop(module_name, None)
        text = f"can't look at what the file defines: {describe(error, snapshot.path)}"
        raise LoadError(plugin, text, error) from error


def _run_module(name: str, snapshot: Snapshot, origin: Origin) -> ModuleType:
    """Compile and run the file's bytes in a new module."""
    # A fresh module never runs stale bytecode and keeps no deleted name.
    module = ModuleType(name)
    module.__file__ = snapshot.path
    try:
        code = _compile(snapshot)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        raise LoadError(origin, f"error compiling: {describe(error)}", error) from error
    sys.modules[name] = module  # where dataclasses and pickle look for it
    _cache_source_lines(snapshot)
    try:
        exec(code, module.__dict__)  # noqa: S102  (running this file is the purpose)
    except BaseException as error:
        text = f"error running the file: {describe(error, snapshot.path)}"
        raise LoadError(origin, text, error) from error
    return module


@calls_plugins
def compile_aside(snapshot: Snapshot) -> None:
    """Compile a hook file before its load, in a thread that has the time; errors wait for it."""
    plugin = Origin(FILE, snapshot.path)  # noqa: F841  (whose output a SyntaxWarning is)
    with suppress(Exception):
        _compile(snapshot)


def _compile(snapshot: Snapshot) -> CodeType:
    return _compile_content(snapshot.content, snapshot.path)


@lru_cache(maxsize=32)
def _compile_content(content: bytes, path: str) -> CodeType:
    return compile(content, path, "exec", dont_inherit=True)


def _cache_source_lines(snapshot: Snapshot) -> None:
    """Cache the source lines that run, for tracebacks."""
    lines = snapshot.content.decode("utf-8", "replace").splitlines(keepends=True)
    linecache.cache[snapshot.path] = (len(snapshot.content), None, lines, snapshot.path)


def _build_plugin(module: ModuleType, origin: Origin, end: Callable[[], object]) -> Plugin:
    path, hook = origin.distribution, getattr(module, MAIN_HOOK, None)
    check = HookCheck(module, origin)
    _refuse_other_hooks(module, check)
    if hook is None:
        check.refuse(f"{path} defines no {MAIN_HOOK}; write `def {MAIN_HOOK}(attempt):`")
    hooks = {hook: _find_optional_hook(module, hook, check) for hook in _OPTIONAL_HOOKS}
    return Plugin(
        origin,
        module,
        decide=_check_hook(hook, MAIN_HOOK, check),
        file=find_source_file(hook) or path,
        configure=hooks["configure"],
        decided=hooks["decided"],
        remarks=hooks["remarks"],
        close=partial(_close, end, hooks["close"]),
        keeps_state=check.keeps_state,
        deprecations=tuple(check.deprecations),
    )


def _refuse_other_hooks(module: ModuleType, check: HookCheck) -> None:
    """Reject functions whose names are nearly those of hooks, and hooks that files can't have."""
    own = [
        name
        for name, value in vars(module).items()
        if isinstance(value, FunctionType) and value.__module__ == module.__name__
    ]
    for name in own:
        if name in HOOKS and name not in (MAIN_HOOK, *_OPTIONAL_HOOKS):
            check.refuse(
                f"defines {name}, which a hook file can't have; it may have "
                f"{', '.join((MAIN_HOOK, *_OPTIONAL_HOOKS))}: make it an installed plugin"
            )
        close = get_close_matches(name.lower(), HOOKS, n=1, cutoff=_NEARLY)
        if close and name not in HOOKS and not name.startswith("_"):
            check.refuse(
                f"defines {name}, which is nearly the hook {close[0]}: rename it to {close[0]}, "
                f"or to _{name} if it is a function of your own"
            )


def _find_optional_hook(
    module: ModuleType, hook: str, check: HookCheck
) -> Callable[..., Any] | None:
    function = getattr(module, hook, None)
    return None if function is None else _check_hook(function, hook, check)


def _check_hook(function: object, hook: str, check: HookCheck) -> Callable[..., Any]:
    if not callable(function):
        check.refuse(
            f"{hook} is not callable: it is {type(function).__name__}, expected a function"
        )
    mark = getattr(function, f"{PROJECT}_impl", {})
    check.refuse_order_mark(hook, marked=bool(mark.get("tryfirst") or mark.get("trylast")))
    if mark.get("wrapper") or mark.get("hookwrapper"):
        check.refuse(
            f"{hook} is marked as a wrapper, which a hook file can't be; "
            "return the decision, or make it an installed plugin"
        )
    return check.call(function, hook)


def _close(forget: Callable[[], object], close: Callable[[], object] | None) -> None:
    forget()
    if close is not None:
        close()
