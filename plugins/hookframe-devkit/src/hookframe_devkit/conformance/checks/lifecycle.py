"""The lifecycle of a plugin: loaded, configured again, closed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from hookframe._text import short_repr
from hookframe.api.errors import ChainError, Origin
from hookframe.log.exceptions import describe
from hookframe_devkit.conformance.probes.process_state import ProcessState
from hookframe_devkit.conformance.probes.stdout import CapturedStdout
from hookframe_devkit.conformance.result import Violation

if TYPE_CHECKING:
    from hookframe.plugins.plugin import Plugin
    from hookframe_devkit.conformance.checks.harness import Harness
    from hookframe_devkit.conformance.checks.violations import Violations
    from hookframe_devkit.conformance.progress import Progress

_THREADS_END: Final = 1.0
"""Seconds in which a thread must end after the plugin is closed."""


class Lifecycle:
    """Runs a plugin through its lifecycle, as a host does.

    Args:
        harness: builds the plugin.
        violations: collects violations.
        progress: records each phase.
    """

    def __init__(self, harness: Harness, violations: Violations, progress: Progress) -> None:
        self._harness = harness
        self._violations = violations
        self._progress = progress
        self._printed = CapturedStdout()
        self._threads = set(threading.enumerate())

    def load(self) -> Plugin | Origin:
        """Load and configure the plugin.

        Returns:
            The plugin, or the origin of its load error.
        """
        try:
            with self._watched("load"):
                return self._harness.build()
        except ChainError as error:
            for each in error.errors:
                self._violations.add(Violation(rule="load-error", seen=each.text, doing="load"))
            return error.errors[0].origin

    def configure_again(self) -> bool:
        """Build the next generation, as a reload does; return whether it succeeded."""
        try:
            with self._watched("configure"):
                self._harness.build()
        except ChainError as error:
            for each in error.errors:
                seen = f"when it is configured again: {each.text}"
                self._violations.add(Violation(rule="reconfigure", seen=seen, doing="configure"))
            return False
        return True

    def check_remarks(self) -> None:
        """Call `remarks`, as `hookframe check` does."""
        with self._watched("remarks"):
            error = self._harness.remarks()
        if error is not None:
            seen = describe(error, self._harness.plugin.file)
            self._violations.add(Violation(rule="exception", seen=seen, doing="remarks"))

    def close(self) -> None:
        """Close the plugin; report threads that keep running."""
        file = self._harness.plugin.file
        with self._watched("close"):
            errors = self._harness.close()
        for error in errors:
            self._violations.add(
                Violation(rule="exception", seen=error.text, doing="close", file=file)
            )
        for name in self._left_over():
            seen = f"the thread {short_repr(name)} keeps running after close"
            self._violations.add(Violation(rule="leak", seen=seen, doing="close", file=file))

    def _left_over(self) -> list[str]:
        """Return the names of new threads that do not end within a moment."""
        threads = [each for each in threading.enumerate() if each not in self._threads]
        for each in threads:
            each.join(_THREADS_END)
        return [each.name for each in threads if each.is_alive()]

    @contextmanager
    def _watched(self, doing: str) -> Iterator[None]:
        """Report output and changes of the process during a phase."""
        self._progress.note(doing)
        before, printed = ProcessState(), self._printed.size()
        try:
            yield
        finally:
            if self._printed.size() != printed:
                seen = f"it writes to standard output: {short_repr(self._printed.since(printed))}"
                self._violations.add(Violation(rule="prints", seen=seen, doing=doing))
            for change in ProcessState().changes(before, at_load=True):
                seen = f"it changes {change}"
                self._violations.add(Violation(rule="changes-globals", seen=seen, doing=doing))
