"""The plugin: looks an attempt's recipient and sender up in the lists."""

from __future__ import annotations

from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast
from weakref import finalize

from hookframe import hookimpl
from hookframe_blacklist.entries import NULL_SENDER, lookup_keys
from hookframe_blacklist.errors import BlacklistError, TooLarge
from hookframe_blacklist.follower import Follower, News
from hookframe_blacklist.limits import SMALL
from hookframe_blacklist.listfile import Entries, ListFile, ListPath, being_written, look
from hookframe_blacklist.settings import Settings, read_settings
from hookframe_blacklist.store import Store, open_store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookframe import Attempt, Decision

_PATIENCE: Final = 1.0
"""Seconds for which `configure` waits for who is writing a list that is not known yet."""
_SOON: Final = 0.1
"""Seconds between two looks, at most, as long as somebody is writing a list."""


class Blacklist:
    """Stops attempts whose recipient, sender, or the domain of either is on a list."""

    hookframe_api_version = 1

    def __init__(self) -> None:
        self._policy: _Policy | None = None

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
        self._policy = _policy(wanted, open_store(state_directory, len(wanted.lists())))
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
    def close(self) -> None:
        """Let go of the lists, which may be large, and of what follows them."""
        if self._policy is not None:
            self._policy.close()
        self._policy = None


class _Lists(NamedTuple):
    """All lists as one look found them, swapped in one assignment."""

    files: Mapping[ListPath, ListFile]
    """every list that could be read, by its file, for the next look to compare with"""
    problems: Mapping[ListPath, str]
    """what is wrong with the others"""
    recipients: tuple[tuple[ListPath, Entries], ...]
    """each list of recipients with its entries"""
    senders: tuple[tuple[ListPath, Entries], ...]
    """the same of senders"""

    @classmethod
    def of(cls, files: Mapping[ListPath, ListFile], problems: Mapping[ListPath, str]) -> _Lists:
        """Sort the entries by what they list."""
        entries = [(where, each.entries) for where, each in files.items()]
        recipients = tuple(each for each in entries if not each[0].senders)
        senders = tuple(each for each in entries if each[0].senders)
        return cls(files, problems, recipients, senders)

    @property
    def only_wait(self) -> bool:
        """Whether all that is wrong is that lists are being written."""
        texts = self.problems.items()
        return bool(texts) and all(text == being_written(where) for where, text in texts)


def _policy(settings: Settings, store: Store | None) -> _Policy:
    """Make a policy, and read its lists.

    Raises:
        BlacklistError: a list can't be read, or somebody is writing one and does not come to an
            end.
    """
    policy = _Policy(settings, store)
    try:
        policy.read_all()
    except BaseException:
        policy.close()
        raise
    return policy


class _Policy:
    """The settings, and the lists as they are now.

    Args:
        settings: checked settings.
        store: has the tables of large lists that were made before, or None.
    """

    def __init__(self, settings: Settings, store: Store | None) -> None:
        self.settings = settings
        self._wanted = settings.lists()
        self._check_every = settings.seconds()
        self._store = store
        self._lists = _Lists.of({}, {})
        self._next_look = 0.0  # at once
        self._news = News()
        self._followers: dict[ListPath, Follower] = {}
        # For whoever forgets to close it; the threads hold followers, and those hold no policy.
        self._end = finalize(self, _close, self._followers)

    def read_all(self) -> None:
        """Read every list, and wait for those that are not known.

        Raises:
            BlacklistError: as `_policy`.
        """
        give_up = monotonic() + _PATIENCE
        self._look()
        for follower in self._followers.values():
            follower.wait()
        self._look()
        while self._lists.only_wait and monotonic() < give_up:
            sleep(_SOON)
            self._look()
        self._checked()

    def close(self) -> None:
        """Follow no list any more."""
        self._end()

    def lists(self) -> _Lists:
        """Give the lists, after a look at their files if it is time for one.

        Raises:
            BlacklistError: what the last look found wrong, again at every attempt until a look
                finds it mended.
        """
        if self._news.any or monotonic() >= self._next_look:
            self._look()
        return self._checked()

    def _checked(self) -> _Lists:
        if self._lists.problems:
            # A new exception each time: one that is raised again collects a traceback each time.
            raise BlacklistError("; ".join(self._lists.problems.values()))
        return self._lists

    def _look(self) -> None:
        """Look at every file.

        One that somebody is writing stays as the look before found it, list or problem, and the
        next look is soon. When it is due is set last: a look that a deadline cut short is made
        again at the next attempt, rather than forgotten.
        """
        now = monotonic()
        self._news.any = False
        before = self._lists
        files: dict[ListPath, ListFile] = {}
        problems: dict[ListPath, str] = {}
        waits = False
        for where in self._wanted:
            known = before.files.get(where)
            try:
                found = self._found(where, known)
            except BlacklistError as error:
                problems[where] = str(error)
                continue
            waits = waits or found is None
            if kept := found or known or self._recall(where):
                files[where] = kept
            else:
                problems[where] = before.problems.get(where) or being_written(where)
        self._lists = _Lists.of(files, problems)
        self._next_look = now + (min(_SOON, self._check_every) if waits else self._check_every)

    def _recall(self, where: ListPath) -> ListFile | None:
        """Find what another process has made of a list that this one does not know."""
        return None if self._store is None else self._store.recall(where)

    def _found(self, where: ListPath, known: ListFile | None) -> ListFile | None:
        """Look at one file; read it here if it is small, and have it followed if it is large."""
        follower = self._followers.get(where)
        if follower is not None and follower.is_current():
            return follower.found()
        try:
            found = look(where, known, SMALL)
        except TooLarge:
            if follower is None:
                known = known or self._recall(where)
                follower = Follower(where, known, self._check_every, self._news, self._store)
                self._followers[where] = follower
            follower.look_now()
            return follower.found()
        if follower is not None and found is not None:
            self._followers.pop(where).close()
        return found


def _close(followers: dict[ListPath, Follower]) -> None:
    while followers:
        followers.popitem()[1].close()


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
