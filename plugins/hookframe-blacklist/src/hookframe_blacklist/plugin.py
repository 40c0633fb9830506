"""The plugin: looks an attempt's recipient and sender up in the lists."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hookframe import hookimpl
from hookframe_blacklist.entries import NULL_SENDER, lookup_keys
from hookframe_blacklist.errors import BlacklistError
from hookframe_blacklist.listfile import Entries, ListPath
from hookframe_blacklist.policy import Policy, open_policy
from hookframe_blacklist.settings import read_settings
from hookframe_blacklist.store import open_store

if TYPE_CHECKING:
    from hookframe import Attempt, Decision


class Blacklist:
    """Stops attempts whose recipient, sender, or the domain of either is on a list."""

    hookframe_api_version = 1

    def __init__(self) -> None:
        self._policy: Policy | None = None

    @hookimpl
    def configure(
        self,
        settings: dict[str, Any],
        state_directory: str | None = None,
        directory: str | None = None,
    ) -> None:
        """Take the settings, and read every list, or find what was made of it before.

        Args:
            settings: the table `[plugins.blacklist.settings]`; see `Settings`.
            state_directory: where the tables of large lists are kept; None keeps none.
            directory: the directory to which relative paths are relative; None refuses them.

        Raises:
            BlacklistError: a setting is wrong, or a list can't be read. What was configured
                before stays in force.
        """
        wanted = read_settings(settings, directory)
        before = self._policy
        self._policy = open_policy(wanted, open_store(state_directory, len(wanted.lists())))
        if before is not None:
            before.close()

    @hookimpl
    def pre_delivery_attempt(self, attempt: Attempt) -> Decision | None:
        """Look the recipient up, then the sender; of each the address, then its domain.

        Args:
            attempt: the attempt.

        Returns:
            The configured action and message, with the list and its entry as the reason, or None
            where nothing matches.

        Raises:
            BlacklistError: a list has gone or is broken: until it is mended, every attempt fails.
        """
        policy = self._policy
        if policy is None:
            raise BlacklistError("the blacklist has no settings yet: call configure first")
        lists = policy.lists()
        found = _find(attempt["recipient"], lists.recipients) or _find(
            attempt["sender"] or NULL_SENDER, lists.senders
        )
        return cast("Decision", {**policy.settings.decision(), "reason": found}) if found else None

    @hookimpl
    def remarks(self) -> list[str]:
        """List what is wrong with lists that are in use all the same.

        Returns:
            For each: the lines that are left out, or why and since when the last good list goes on.
        """
        return [] if self._policy is None else self._policy.remarks()

    @hookimpl
    def close(self) -> None:
        """Let go of the lists, which may be large, and of what follows them."""
        if self._policy is not None:
            self._policy.close()
        self._policy = None


def _find(address: str, lists: tuple[tuple[ListPath, Entries], ...]) -> str:
    """Find an address or its domain on one of the lists, whose length does not matter.

    Returns:
        The name of the list and its entry; empty if it is on none.
    """
    if not lists:
        return ""
    whole, domain = lookup_keys(address)
    for where, entries in lists:
        if whole in entries or domain in entries:
            return f"{Path(where.path).name}: {whole if whole in entries else domain}"
    return ""
