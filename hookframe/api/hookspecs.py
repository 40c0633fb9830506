"""What a plugin may implement. These docstrings are the plugin author's contract."""

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
"""The version of the hook API; a plugin may declare the one it was written for as
`hookframe_api_version`, on its module or its object."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

State = dict[str, Any]
Settings = dict[str, Any]
CodeFiles = dict[str, "Snapshot"]
"""The files that a plugin's `code_files` has named, by path, each as it was read."""


class Vote(TypedDict):
    """What one plugin did in one attempt: an entry of the trace."""

    plugin: str
    distribution: str
    version: str
    mode: str
    """"enforce" or "shadow\""""
    vote: Decision | None
    """what it returned, once checked; None where it returned nothing or failed"""
    decision: Decision
    """the accumulated decision after it"""
    changed: bool
    """whether it changed the accumulated decision"""
    error: str | None
    """the error's text, if it failed"""
    microseconds: float


@hookspec(firstresult=True)
def pre_delivery_attempt(attempt: Attempt, decision: Decision, state: State) -> Decision | None:
    """Look at one delivery attempt, and decide about it.

    Take any of the three arguments, by name. With `@hookimpl(wrapper=True)` the plugin surrounds
    the whole chain instead: it yields once, receives the folded decision and returns its own.

    Args:
        attempt: the attempt, read-only.
        decision: what the plugins before this one have decided, read-only; it starts as
            `{"action": "normal"}`.
        state: one dict for every plugin and every call, until the chain is rebuilt.

    Returns:
        A decision, or None to leave the accumulated one alone. Anything that the action schema
        does not allow is an invalid return, and the attempt temp-fails.

    Raises:
        Anything: the attempt temp-fails, and the log names the plugin.
    """


@hookspec
def code_files(settings: Settings) -> Sequence[str]:
    """Name the files of code that the plugin runs, as `file` of a plugin for another language.

    The host does with each what it does with the hook file: it refuses one that another user may
    write, reads it when nobody is writing it, and builds the chain anew when it has changed. The
    plugin's object then belongs to one generation and is made anew for each, so that the old one
    goes on until the new one is complete: its entry point must name a class or a factory.

    Args:
        settings: the table `[plugins.NAME.settings]`; empty where there is none. They have not
            been checked: of wrong ones name nothing, and let `configure` refuse them.

    Returns:
        Absolute paths.

    Raises:
        Anything: a load error of this plugin.
    """
    raise NotImplementedError


@hookspec
def configure(settings: Settings, files: CodeFiles) -> None:
    """Take the plugin's own settings, before the first attempt of each generation of the chain.

    The plugin object outlives a generation, unless it has code files, and the old generation is
    in use until the new one is complete: build aside what the settings ask for, and assign it
    last.

    Args:
        settings: the table `[plugins.NAME.settings]`; empty where there is none.
        files: what `code_files` has named, each as it was read.

    Raises:
        ValueError: a setting is unknown or wrong; the text reaches the administrator as this
            plugin's load error. Any other exception is a load error too.
        CodeFileError: a code file can't be used; the text is the load error as it stands.
    """


@hookspec
def decided(attempt: Attempt, decision: Decision, trace: Sequence[Vote]) -> None:
    """Observe a decision after it was made; it can't be changed any more.

    Args:
        attempt: the attempt, read-only.
        decision: the final decision, read-only.
        trace: what each plugin did, in the order of the chain.

    Raises:
        Anything: it is logged with the plugin's name, and changes nothing.
    """


@hookspec
def remarks() -> Sequence[str]:
    """Say what an administrator should know who tries the policy with `hookframe check`.

    It is called after the sample attempts, and never while the policy is in use.

    Returns:
        Sentences about what is legal, and worth a look.

    Raises:
        Anything: `check` says so.
    """
    raise NotImplementedError


@hookspec
def close() -> None:
    """Give back what the plugin holds: it has left the chain, or the host stops.

    Raises:
        Anything: it is logged with the plugin's name.
    """


HOOKS: Final[Mapping[str, tuple[str, ...]]] = {
    hook.__name__: hook.__code__.co_varnames[: hook.__code__.co_argcount]
    for hook in (pre_delivery_attempt, code_files, configure, decided, remarks, close)
}
"""Every hook with the names of its arguments, in their order."""
