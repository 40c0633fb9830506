"""Loads of the policy: built, swapped in, and reported; errors as `on_load_error` says."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from time import monotonic, time
from typing import TYPE_CHECKING, Final

from hookframe.api.errors import ConfigError, HookframeError
from hookframe.config.model import Config
from hookframe.host.builder import Builder
from hookframe.log.exceptions import describe
from hookframe.log.rate import OncePerSecond

if TYPE_CHECKING:
    from hookframe.api.errors import Origin, PluginError
    from hookframe.host.attempts import Attempts
    from hookframe.host.generation import Generation
    from hookframe.host.source import PolicyFiles
    from hookframe.log.log import Log

_DELAYS: Final = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""Seconds until the next try, after each failure in a row; the last one repeats."""


class Retry:
    """The delay of the next try. Times are seconds of one steady clock."""

    def __init__(self) -> None:
        self._failures = 0
        self._not_before = 0.0

    def fail(self, now: float) -> None:
        """Record a failure."""
        self._not_before = now + _DELAYS[min(self._failures, len(_DELAYS) - 1)]
        self._failures += 1

    def reset(self) -> None:
        """Record that it is worth a new try at once."""
        self._failures, self._not_before = 0, 0.0

    def due(self, now: float) -> bool:
        """Return whether it may be tried."""
        return now >= self._not_before


class PolicyLoader:
    """Loads a policy for the attempts of one host, in the thread that asks for it.

    Each load makes each plugin's object again, so that nothing in memory outlives a change. The
    new chain is configured and put into use, then the old one is closed. But a plugin whose entry
    point names a module or one object has the same object in both: then the old chain is closed
    before the new one is configured, and if that fails, `on_load_error = "keep"` loads the old
    policy again from the files that it was loaded from.

    Args:
        attempts: uses what is loaded; its lock is held during a load.
        log: receives errors.
        phase: called with what is being done; see `Builder`.
        logs_loads: whether to log which chain comes into use, and load errors.
    """

    def __init__(
        self,
        attempts: Attempts,
        log: Log,
        phase: Callable[[str], None] | None = None,
        *,
        logs_loads: bool = True,
    ) -> None:
        self._attempts = attempts
        self._log = log
        self._builder = Builder(self._report, phase)
        self._reminder_limit = OncePerSecond()
        self._built_count = 0
        self._logs = logs_loads
        self.files: PolicyFiles | None = None
        """the files of the last load with the code files that it read or looked for"""
        self._files_in_use: PolicyFiles | None = None
        self.problem = ""
        """the error of the policy; empty without one"""
        self.last_error: tuple[str, float] | None = None
        """the last load error and its UNIX time"""
        self.config: Config | None = None
        """the last valid configuration"""
        self._retry = Retry()
        """when a broken policy is loaded again, as what it lacked may be there"""
        attempts.remind = self.remind

    def load(self, policy_files: PolicyFiles) -> None:
        """Build a generation and swap it in, or fall back as `on_load_error` is configured."""
        if isinstance(policy_files.config, Config):
            self.config = policy_files.config
            lines = policy_files.config.limits.output_lines
            self._attempts.limit.lines = lines if self._log.limited else None
        if self.files is None or not policy_files.agrees_with(self.files):
            self._retry.reset()
        served = self._attempts.generation is not None
        try:
            with _exit_forked_children():
                self._replace(policy_files)
        except HookframeError as error:
            self._handle_load_error(error, served=served)
        except (Exception, SystemExit) as error:  # noqa: BLE001  (no policy may end the host)
            text = f"can't build the chain: {describe(error)}"
            self._handle_load_error(HookframeError(text), served=served)
        finally:
            self.files = replace(policy_files, code_files=self._builder.code_files)
        if not self.problem:
            self._files_in_use = self.files

    @property
    def retry_due(self) -> bool:
        """Whether a broken policy is to be loaded again."""
        return bool(self.problem) and self._retry.due(monotonic())

    def remind(self) -> None:
        """Log the error of the policy, at most once a second."""
        if self._logs and self.problem and self._reminder_limit.due():
            self._log.loading(self.problem)

    def announce(self) -> None:
        """Log the chain in use, or the error of the policy."""
        if self._attempts.generation is not None:
            generation = self._attempts.generation
            self._log.info(f"generation {generation.number}: {format_chain(generation)}")
        self.remind()

    def close(self) -> None:
        """Close every plugin."""
        self.problem = self.problem or "the host is closed"
        self._retire()

    def _report(self, error: PluginError) -> None:
        self._log.error(str(error))

    def _replace(self, policy_files: PolicyFiles) -> None:
        """Build a generation, and use it instead of the current one.

        Raises:
            HookframeError: it can't be built; the current one is in use still, or closed.
        """
        old = self._attempts.generation
        new = self._builder.load(policy_files, self._built_count + 1, old)
        if old is not None and old.shares(new.plugins):
            self._retire()
            old = None
        self._builder.configure(new)
        self._built_count += 1
        self._attempts.use(new)
        self._attempts.name_files(
            {each.file: each.name for each in new.plugins if each.origin.distribution}
        )
        self.problem = ""
        if old is not None:
            self._builder.close(old.plugins)
        if self._logs:
            self._log.info(f"generation {new.number}: {format_chain(new)}")
        for plugin in new.plugins:
            for notice in plugin.deprecations:
                self._log.deprecated(plugin.origin, notice)

    def _retire(self) -> None:
        """Use no generation, and close the current one."""
        old = self._attempts.generation
        self._attempts.use(None)
        if old is not None:
            self._builder.close(old.plugins)

    def _handle_load_error(self, error: HookframeError, *, served: bool) -> None:
        """Report an error, and go on as `on_load_error` says, if a chain was in use before."""
        text = format_load_error(error)
        self.last_error = (text, time())
        self._retry.fail(monotonic())
        if self.config is None or self.config.on_load_error != "keep":
            self._retire()
        elif served and self._attempts.generation is None and self._files_in_use is not None:
            self._restore(self._files_in_use)
        self.problem = text
        self.remind()

    def _restore(self, policy_files: PolicyFiles) -> None:
        """Load the policy that was in use, whose chain had to be closed for the failed one."""
        builder = Builder(self._report)
        try:
            with _exit_forked_children():
                old = builder.build(policy_files, self._built_count + 1)
        except (Exception, SystemExit) as error:  # noqa: BLE001  (no policy may end the host)
            self._log.error(f"the last good policy can't be loaded again: {describe(error)}")
        else:
            self._built_count += 1
            self._attempts.use(old)


@contextmanager
def _exit_forked_children() -> Iterator[None]:
    """Exit in a child that a plugin has forked while it was loaded."""
    process = os.getpid()
    try:
        yield
    finally:
        if os.getpid() != process:
            os._exit(0)


def format_load_error(error: HookframeError) -> str:
    """Format a load error for the log."""
    if isinstance(error, ConfigError):
        return "; ".join(f"{error.path}: {problem}" for problem in error.problems)
    return str(error)


def _format_plugin(origin: Origin) -> str:
    source = " ".join(filter(None, (origin.distribution, origin.version)))
    return f"{origin.plugin} ({source})" if source else origin.plugin


def format_chain(generation: Generation) -> str:
    """Format a chain for the log."""
    names = ", ".join(_format_plugin(plugin.origin) for plugin in generation.plugins)
    unused = "".join(f"; {name} is configured but not in it" for name in generation.config.unused)
    chain = names or "empty, every attempt is normal"
    return f"chain: {chain}{unused}"
