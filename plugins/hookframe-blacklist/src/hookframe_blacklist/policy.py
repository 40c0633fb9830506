"""The settings in use, and the lists as they are now."""

from __future__ import annotations

from threading import Thread
from time import monotonic, sleep, time
from typing import TYPE_CHECKING, Final, NamedTuple
from weakref import finalize

from hookframe import duration
from hookframe_blacklist.errors import BlacklistError, TooLarge, quoted
from hookframe_blacklist.follower import Follower, News
from hookframe_blacklist.lastgood import LastGood
from hookframe_blacklist.limits import SMALL
from hookframe_blacklist.listfile import Entries, ListFile, ListPath, being_written, look
from hookframe_blacklist.notices import Notice, Notices, show_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookframe_blacklist.settings import Settings
    from hookframe_blacklist.store import Store

_PATIENCE: Final = 1.0
"""Seconds for which `open_policy` waits for who is writing a list that is not known yet."""
_SOON: Final = 0.1
"""Seconds between two looks, at most, as long as somebody is writing a list."""


class Lists(NamedTuple):
    """All lists as one look found them, swapped in one assignment."""

    files: Mapping[ListPath, ListFile]
    """every list that could be read, by its file, for the next look to compare with"""
    kept: Mapping[ListPath, ListFile]
    """the last good list for each that could not, but goes on"""
    problems: Mapping[ListPath, str]
    """what is wrong with the others"""
    recipients: tuple[tuple[ListPath, Entries], ...]
    """each list of recipients with its entries"""
    senders: tuple[tuple[ListPath, Entries], ...]
    """the same of senders"""

    @classmethod
    def of(
        cls,
        files: Mapping[ListPath, ListFile],
        kept: Mapping[ListPath, ListFile],
        problems: Mapping[ListPath, str],
    ) -> Lists:
        """Sort the entries by what they list."""
        entries = [(where, each.entries) for where, each in (*files.items(), *kept.items())]
        recipients = tuple(each for each in entries if not each[0].senders)
        senders = tuple(each for each in entries if each[0].senders)
        return cls(files, kept, problems, recipients, senders)

    @property
    def only_wait(self) -> bool:
        """Whether all that is wrong is that lists are being written."""
        texts = self.problems.items()
        return bool(texts) and all(text == being_written(where) for where, text in texts)


def open_policy(settings: Settings, store: Store | None) -> Policy:
    """Make a policy, and read its lists.

    Raises:
        BlacklistError: a list can't be read, or somebody is writing one and does not come to an
            end.
    """
    policy = Policy(settings, store)
    try:
        policy.read_all()
    except BaseException:
        policy.close()
        raise
    return policy


class Policy:
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
        self._lists = Lists.of({}, {}, {})
        self._next_look = 0.0  # at once
        self._news = News()
        self._followers: dict[ListPath, Follower] = {}
        self._notices = Notices()
        self._last_good = LastGood(store) if settings.on_broken_list == "keep" else None
        self._wrong: dict[ListPath, str] = {}
        self._read_here: dict[ListPath, ListFile] = {}
        self._copies: dict[ListPath, ListPath] = {}
        self._copied: dict[ListPath, bytes] = {}
        self._is_open = False
        # For whoever forgets to close it; the threads hold followers, and those hold no policy.
        self._end = finalize(self, _close, self._followers)

    def read_all(self) -> None:
        """Read every list, and wait for those that are not known.

        Raises:
            BlacklistError: as `open_policy`.
        """
        give_up = monotonic() + _PATIENCE
        for _ in range(2):  # a large list that is broken may have a copy, which is as large
            self._look()
            for follower in list(self._followers.values()):
                follower.wait()
        self._look()
        while self._lists.only_wait and monotonic() < give_up:
            sleep(_SOON)
            self._look()
        self._is_open = True
        if self._lists.only_wait:  # now it counts as broken
            self._look()
        self._checked()

    def remarks(self) -> list[str]:
        """List what is wrong with lists that are in use all the same."""
        return [str(notice) for notice in self._notices.now.values()]

    def close(self) -> None:
        """Follow no list any more."""
        self._end()

    def lists(self) -> Lists:
        """Give the lists, after a look at their files if it is time for one.

        Raises:
            BlacklistError: what the last look found wrong, again at every attempt until a look
                finds it mended.
        """
        if self._news.any or monotonic() >= self._next_look:
            self._look()
        return self._checked()

    def _checked(self) -> Lists:
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
        kept: dict[ListPath, ListFile] = {}
        problems: dict[ListPath, str] = {}
        notices: dict[ListPath, Notice] = {}
        waits = False
        for where in self._wanted:
            known = before.files.get(where)
            try:
                found = self._found(where, known)
                waits = waits or found is None
                files[where] = good = found or known or self._recall(where)
                if found is not None:
                    self._mark_good(where, found)
                if good.left_out:
                    notices[where] = Notice(good.left_out)
            except BlacklistError as error:
                self._wrong[where] = str(error)
                try:
                    kept[where], notices[where] = self._go_on(where, str(error))
                except BlacklistError as final:
                    problems[where] = str(final)
        self._lists = Lists.of(files, kept, problems)
        self._notices.tell(notices, problems)
        self._copy_good()
        self._next_look = now + (min(_SOON, self._check_every) if waits else self._check_every)

    def _mark_good(self, where: ListPath, found: ListFile) -> None:
        """Note that a list can be used, and end what has stood in for it."""
        self._wrong.pop(where, None)
        if self._last_good is not None:
            self._last_good.mended(where)
            self._read_here[where] = found
            copy = self._copies.pop(where, None)
            if copy is not None and (follower := self._followers.pop(copy, None)) is not None:
                follower.close()

    def _go_on(self, where: ListPath, problem: str) -> tuple[ListFile, Notice]:
        """Find the last good list for one that can't be used.

        Raises:
            BlacklistError: it may not go on, or there is none.
        """
        if self._last_good is None or (not self._is_open and problem == being_written(where)):
            raise BlacklistError(problem)
        since = self._last_good.broken(where)
        if time() - since > duration(self.settings.max_age):
            raise BlacklistError(
                f"{problem}. The last good list has gone on since {show_time(since)}, which is "
                f"longer than max_age = {quoted(self.settings.max_age)}"
            )
        good = self._read_here.get(where) or self._read_copy(where, self._last_good, problem)
        return good, Notice(problem, since)

    def _read_copy(self, where: ListPath, last_good: LastGood, problem: str) -> ListFile:
        """Read the copy of a list that this process has never seen right."""
        copy = last_good.copy_of(where)
        if copy is None:
            raise BlacklistError(f"{problem}. There is no last good list that could go on")
        self._copies[where] = copy
        good = self._found(copy, self._lists.kept.get(where))
        if good is None:  # a moment later it is there
            raise BlacklistError(being_written(where))
        return good

    def _copy_good(self) -> None:
        """Copy each list that has changed, and after the start without making an attempt wait."""
        last_good = self._last_good
        if last_good is None:
            return
        changed = {
            where: each.fingerprint[0]
            for where, each in self._lists.files.items()
            if each.fingerprint and each.fingerprint[0] != self._copied.get(where)
        }
        if not changed:
            return
        self._copied |= changed

        def copy() -> None:
            for where, digest in changed.items():
                last_good.keep(where, digest)

        if self._is_open:
            Thread(target=copy, name="hookframe-blacklist", daemon=True).start()
        else:
            copy()

    def _recall(self, where: ListPath) -> ListFile:
        """Find what another process has made of a list that this one does not know.

        Raises:
            BlacklistError: nothing is known, or the list was wrong before somebody wrote it.
        """
        if where not in self._lists.kept and (found := self._table(where)) is not None:
            return found
        raise BlacklistError(self._wrong.get(where) or being_written(where))

    def _table(self, where: ListPath) -> ListFile | None:
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
                known = known or self._table(where)
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
