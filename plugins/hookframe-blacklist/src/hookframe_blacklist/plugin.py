"""The plugin: looks an attempt's recipient and sender up in the lists."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

from hookframe import hookimpl
from hookframe_blacklist.entries import NULL_SENDER, lookup_keys
from hookframe_blacklist.errors import BlacklistError
from hookframe_blacklist.listfile import ListFile, ListPath, look
from hookframe_blacklist.settings import Settings, read_settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Set

    from hookframe import Attempt, Decision


class Blacklist:
    """Stops attempts whose recipient, sender, or the domain of either is on a list."""

    hookframe_api_version = 1

    def __init__(self) -> None:
        self._policy: _Policy | None = None

    @hookimpl
    def configure(self, settings: dict[str, Any]) -> None:
        """Take the settings, and read every list that is not known already.

        Args:
            settings: the table `[plugins.blacklist.settings]`; see `Settings`.

        Raises:
            BlacklistError: a setting is wrong, or a list can't be read. What was configured
                before stays in force.
        """
        wanted = read_settings(settings)
        self._policy = _Policy(wanted, self._policy.files if self._policy else {})

    @hookimpl
    def pre_delivery_attempt(self, attempt: Attempt) -> Decision | None:
        """Look the recipient up, then the sender; of each the address, then its domain.

        Args:
            attempt: the attempt.

        Returns:
            The configured action and message, or None where nothing matches.

        Raises:
            BlacklistError: a list has gone or is broken: until it is mended, every attempt fails.
        """
        policy = self._policy
        if policy is None:
            raise BlacklistError("the blacklist has no settings yet: call configure first")
        lists = policy.lists()
        if _listed(attempt["recipient"], lists.recipients) or _listed(
            attempt["sender"] or NULL_SENDER, lists.senders
        ):
            return policy.settings.decision()
        return None

    @hookimpl
    def close(self) -> None:
        """Let go of the lists, which may be large."""
        self._policy = None


@dataclass(frozen=True, slots=True)
class _Lists:
    """All lists as one look found them, swapped in one assignment.

    Args:
        files: every list by its file, for the next look to compare with.
    """

    files: Mapping[ListPath, ListFile]
    recipients: tuple[Set[str], ...]
    senders: tuple[Set[str], ...]


class _Policy:
    """The settings of one generation, and the lists as they are now.

    Args:
        settings: checked settings.
        known: lists that were read before; those that have not changed are not read again.

    Raises:
        BlacklistError: a list can't be read.
    """

    def __init__(self, settings: Settings, known: Mapping[ListPath, ListFile]) -> None:
        self.settings = settings
        self._wanted = settings.lists()
        self._check_every = settings.seconds()
        self._lists = _Lists(known, (), ())
        self._error = ""
        self._next_look = 0.0  # at once
        self.lists()

    @property
    def files(self) -> Mapping[ListPath, ListFile]:
        """Every list as it was last read."""
        return self._lists.files

    def lists(self) -> _Lists:
        """Give the lists, after a look at their files if it is time for one.

        Raises:
            BlacklistError: what the last look found wrong, again at every attempt until a look
                finds it mended.
        """
        if monotonic() >= self._next_look:
            self._look()
        if self._error:
            # A new exception each time: one that is raised again collects a traceback each time.
            raise BlacklistError(self._error)
        return self._lists

    def _look(self) -> None:
        """Look at every file; take over all lists or, if one of them is broken, none.

        When the next look is due is set last: a look that a deadline cut short is made again at
        the next attempt, rather than forgotten.
        """
        now = monotonic()
        files: dict[ListPath, ListFile] = {}
        problems: list[str] = []
        for where in self._wanted:
            try:
                files[where] = look(where, self.files.get(where))
            except BlacklistError as error:
                problems.append(str(error))
        if not problems:
            self._lists = _Lists(
                files,
                tuple(each.entries for where, each in files.items() if not where.senders),
                tuple(each.entries for where, each in files.items() if where.senders),
            )
        self._error = "; ".join(problems)
        self._next_look = now + self._check_every


def _listed(address: str, lists: tuple[Set[str], ...]) -> bool:
    """Whether an address or its domain is on one of the lists; their length does not matter."""
    if not lists:
        return False
    whole, domain = lookup_keys(address)
    for entries in lists:  # noqa: SIM110  (this runs in every attempt; a generator costs more)
        if whole in entries or domain in entries:
            return True
    return False
