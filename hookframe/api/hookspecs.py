"""The hooks that a plugin may implement; their docstrings are the plugin author's contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypedDict

import pluggy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hookframe.api.attempt import Attempt
    from hookframe.api.decision import Decision
    from hookframe.files.snapshot import Snapshot

PROJECT: Final = "hookframe"
API_VERSION: Final = 1
"""The version of the hook API; a plugin may declare the version that it was written for as
`hookframe_api_version`, on its module or its object."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

State = dict[str, Any]
Settings = dict[str, Any]
CodeFiles = dict[str, "Snapshot"]
"""The files that a plugin's `code_files` has returned, by path, each as it was read."""


class Vote(TypedDict):
    """The call of one plugin in one attempt: an entry of the trace."""

    plugin: str
    distribution: str
    version: str
    mode: str
    """"enforce" or "shadow\""""
    vote: Decision | None
    """the checked return value; None if the plugin returned None or failed"""
    reason: str | None
    """why, in the plugin's words, on one line; None if it returned no reason"""
    decision: Decision
    """the accumulated decision after it"""
    changed: bool
    """whether it changed the accumulated decision"""
    error: str | None
    """the error's text, if it failed"""
    microseconds: float


@hookspec(firstresult=True)
def pre_delivery_attempt(attempt: Attempt, decision: Decision, state: State) -> Decision | None:
    """Decide about one delivery attempt.

    A plugin gets only the arguments it names. With `@hookimpl(wrapper=True)` it surrounds the
    whole chain instead: it yields once, receives the folded decision and returns its own.

    Args:
        attempt: the attempt, read-only.
        decision: the accumulated decision of the plugins before this one, read-only; it starts as
            `{"action": "normal"}`.
        state: one dict for all plugins and all calls, until the chain is rebuilt.

    Returns:
        A decision, or None to leave the accumulated one unchanged. Anything that the action schema
        does not allow is an invalid return, and the attempt temp-fails. Every action may carry
        `reason`: why, on one line of at most 300 characters, for those who read the log and the
        trace; no other plugin and no mail server sees it.

    Raises:
        Anything: the attempt temp-fails, and the log has the plugin's name.
    """


@hookspec
def code_files(settings: Settings, directory: str) -> Sequence[str]:
    """Return the paths of the code files that the plugin runs, in whatever language.

    The host treats each like the hook file: it rejects a file that another user may write, waits
    until its writer has finished, and rebuilds the chain when it has changed. A plugin with code
    files is created again for each generation, so that the old generation works until the new one
    is complete: its entry point must name a class or a factory.

    Args:
        settings: the table `[plugins.NAME.settings]`; empty if there is none. They are not checked
            yet: return nothing for wrong ones, and let `configure` reject them.
        directory: the directory of `hookframe.toml`, to which relative paths in settings are
            relative; without a file the current directory.

    Returns:
        Absolute paths.

    Raises:
        Anything: a load error of this plugin.
    """
    raise NotImplementedError


@hookspec
def configure(
    settings: Settings, files: CodeFiles, state_directory: str | None, directory: str
) -> None:
    """Set the plugin's settings, once for each load of the policy, before its first attempt.

    Each load calls a class or a function for a new object. In a program a module, or one object, is
    the same in the next load: it is closed before it is configured again.

    Args:
        settings: the table `[plugins.NAME.settings]`; empty if there is none.
        files: the files that `code_files` has returned, by path, each as it was read.
        state_directory: the absolute path of a directory that only this user may read and write,
            for files that must survive a restart; shared by all plugins and all processes. None
            if the administrator has set none.
        directory: the directory of `hookframe.toml`, to which relative paths in settings are
            relative; without a file the current directory.

    Raises:
        ValueError: a setting is unknown or wrong; the text reaches the administrator as this
            plugin's load error. Any other exception is a load error too.
        CodeFileError: a code file can't be used; its text is the load error, unchanged.
    """


@hookspec
def decided(attempt: Attempt, decision: Decision, trace: Sequence[Vote]) -> None:
    """Observe a final decision.

    Args:
        attempt: the attempt, read-only.
        decision: the final decision, read-only.
        trace: the call of each plugin, in the order of the chain.

    Raises:
        Anything: it is logged with the plugin's name; the decision stands.
    """


@hookspec
def remarks() -> Sequence[str]:
    """Return remarks for an administrator who runs `hookframe check`.

    It is called after the sample attempts, and never while the policy is in use.

    Returns:
        Sentences about settings that are legal but may be a mistake.

    Raises:
        Anything: `check` reports it.
    """
    raise NotImplementedError


@hookspec
def close() -> None:
    """Release the plugin's resources: it has left the chain, or the host stops.

    Raises:
        Anything: it is logged with the plugin's name.
    """


HOOKS: Final[Mapping[str, tuple[str, ...]]] = {
    hook.__name__: hook.__code__.co_varnames[: hook.__code__.co_argcount]
    for hook in (pre_delivery_attempt, code_files, configure, decided, remarks, close)
}
"""Every hook with the names of its arguments, in their order."""
