"""Loads of the policy: built, swapped in, and reported; errors as `on_load_error` says."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from time import monotonic, sleep, time
from typing import TYPE_CHECKING, Final

from hookframe.api.errors import ConfigError, HookframeError
from hookframe.config.model import Config
from hookframe.files.snapshot import Writers
from hookframe.host.builder import Builder
from hookframe.host.rehearsal import REFUSED
from hookframe.log.exceptions import describe
from hookframe.log.rate import OncePerSecond

if TYPE_CHECKING:
    from hookframe.api.errors import PluginError
    from hookframe.host.attempts import Attempts
    from hookframe.host.generation import Generation
    from hookframe.host.rehearsal import Rehearsal
    from hookframe.host.source import PolicyFiles, Source
    from hookframe.log.log import Log

_FIRST_READ_TIMEOUT: Final = 1.0
"""Seconds to wait at the start for a process that is writing one of the files."""
_YIELD_TIME: Final = 0.0003
"""Seconds that a thread sleeps after a change of the chain, as waiting attempts would not get the
interpreter before a thread that goes on."""


class PolicyLoader:
    """Loads a policy for the attempts of one host.

    Args:
        attempts: uses what is loaded.
        log: receives errors.
        rehearsal: tells other processes what is loaded.
    """

    def __init__(self, attempts: Attempts, log: Log, rehearsal: Rehearsal) -> None:
        self._attempts = attempts
        self._log = log
        self._rehearsal = rehearsal
        self._builder = Builder(attempts.capture, attempts.reload_lock, self._report)
        self._reminder_limit = OncePerSecond()
        self._built_count = 0
        self.problem = ""
        """the error of the policy; empty without one"""
        self.last_error: tuple[str, float] | None = None
        """the last load error and its UNIX time"""
        self.config: Config | None = None
        """the last valid configuration"""
        self.loading_since = 0.0
        """the monotonic time since which a generation is being built or closed; 0 while none is"""
        self.changing: Callable[[], object] = _do_nothing
        """called by that thread at the beginning and the end, and when a generation is swapped"""
        attempts.remind = self.remind

    def load(self, policy_files: PolicyFiles) -> PolicyFiles:
        """Build a generation and swap it in, or fall back as `on_load_error` is configured.

        Returns:
            The files with the code files of the generation's plugins.
        """
        current = self._attempts.generation
        if isinstance(policy_files.config, Config):
            self.config = policy_files.config
            lines = policy_files.config.limits.output_lines
            self._attempts.limit.lines = lines if self._log.limited else None
        self._rehearsal.begin(policy_files.numbers)
        self.loading_since = monotonic()
        self.changing()
        try:
            with _exit_forked_children():  # before taking the lock, which the parent may hold
                new = self._builder.build(policy_files, self._built_count + 1, current)
            with _exit_forked_children():
                self._activate(new)
        except HookframeError as error:
            self._handle_load_error(error, current)
        except (Exception, SystemExit) as error:  # noqa: BLE001  (no policy may end the host)
            self._handle_load_error(
                HookframeError(f"can't build the chain: {describe(error)}"), current
            )
        finally:
            self.loading_since = 0.0
            self.changing()
            loaded = replace(policy_files, code_files=self._builder.code_files)
            self._rehearsal.survived(policy_files.numbers, loaded.numbers)
        return loaded

    def refuse(self) -> None:
        """Record that every process that loaded the policy crashed."""
        self._handle_load_error(HookframeError(REFUSED), self._attempts.generation)

    def is_broken(self) -> bool:
        """Return whether the policy has an error."""
        return bool(self.problem)

    def remind(self) -> None:
        """Log the error of the policy, at most once a second."""
        if self.problem and self._reminder_limit.due():
            self._log.loading(self.problem)

    def announce(self) -> None:
        """Log the chain in use, or the error of the policy."""
        if self._attempts.generation is not None:
            self._log.info(_format_announcement(self._attempts.generation))
        self.remind()

    def forget_installed(self) -> None:
        """Read the metadata of installed plugins again at the next load."""
        self._builder.forget_installed()

    def close(self) -> None:
        """Close every plugin."""
        self.loading_since = monotonic()
        self.changing()
        self._builder.retain(())
        self.loading_since = 0.0
        self.changing()

    def _report(self, error: PluginError) -> None:
        self._log.error(str(error))

    def _activate(self, new: Generation) -> None:
        """Swap a generation in, and close the plugins that it no longer uses."""
        self._built_count += 1
        old = self._attempts.generation
        self._swap(new, "")
        self._builder.retain(new.plugins)
        self._log.info(_format_announcement(new))
        for plugin in new.plugins:
            if old is None or not old.uses(plugin):  # log its deprecations once per load
                for notice in plugin.deprecations:
                    self._log.deprecated(plugin.origin, notice)

    def _handle_load_error(self, error: HookframeError, current: Generation | None) -> None:
        self.last_error = (_format_error(error), time())
        keep = self.config is not None and self.config.on_load_error == "keep"
        kept = current if keep and getattr(error, "keepable", True) else None
        self._swap(kept, _format_error(error))
        self.remind()

    def _swap(self, generation: Generation | None, problem: str) -> None:
        """Replace the generation in use, between two attempts."""
        with self._attempts.reload_lock:
            self.problem = problem
            self._attempts.use(generation)
            self.changing()
        if self._rehearsal.serving:
            sleep(_YIELD_TIME)


def read_when_stable(source: Source) -> PolicyFiles:
    """Read a policy; wait up to a second for a writer to finish."""
    until = monotonic() + _FIRST_READ_TIMEOUT
    while (policy_files := source.read()).writers is Writers.SOME and monotonic() < until:
        sleep(0.01)
    return policy_files


def _do_nothing() -> None:
    """Do nothing."""


@contextmanager
def _exit_forked_children() -> Iterator[None]:
    """Exit in a child that a plugin has forked while it was loaded."""
    process = os.getpid()
    try:
        yield
    finally:
        if os.getpid() != process:
            os._exit(0)


def _format_error(error: HookframeError) -> str:
    """Format a load error for the log."""
    if isinstance(error, ConfigError):
        return "; ".join(f"{error.path}: {problem}" for problem in error.problems)
    return str(error)


def _format_announcement(generation: Generation) -> str:
    """Format the log line of a new chain."""
    names = ", ".join(str(plugin.origin).removeprefix("plugin ") for plugin in generation.plugins)
    unused = "".join(f"; {name} is configured but not in it" for name in generation.config.unused)
    chain = names or "empty, every attempt is normal"
    return f"generation {generation.number}: chain: {chain}{unused}"
