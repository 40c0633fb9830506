"""The supervisor's children: forked, found by role, reaped."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from time import monotonic, sleep
from typing import TYPE_CHECKING, Final

from hookframe.daemon import channel
from hookframe.daemon.supervisor.child import Child, fork
from hookframe.daemon.supervisor.roles import Role, healthy
from hookframe.log.exceptions import describe
from hookframe.log.rate import OncePerSecond

if TYPE_CHECKING:
    from hookframe.daemon.channel import Message, Post
    from hookframe.daemon.loop import Loop
    from hookframe.daemon.scoreboard import Scoreboard
    from hookframe.daemon.supervisor.policy import Policy
    from hookframe.log.log import Log

_PAUSE: Final = 0.005
"""Seconds between two looks for children that end."""


class Children:
    """The children of this process.

    Args:
        scoreboard: provides the slot of each.
        loop: calls `ready` when a child has sent something.
        log: takes why one can't be forked, or exits.
        ready: reacts to what children have sent.
        release: releases what a child does not need, in the child.
    """

    def __init__(
        self,
        scoreboard: Scoreboard,
        loop: Loop,
        log: Log,
        ready: Callable[[int], object],
        release: Callable[[], object],
    ) -> None:
        self._scoreboard = scoreboard
        self._loop = loop
        self._log = log
        self._ready = ready
        self._release = release
        self._by_pid: dict[int, Child] = {}
        self._warning = OncePerSecond()

    def all(self) -> list[Child]:
        """Return all that have not been reaped."""
        return list(self._by_pid.values())

    def of(self, *roles: Role) -> list[Child]:
        """Return the healthy ones of some roles."""
        return [child for child in self.all() if child.role in roles and healthy(child)]

    def all_but_observer(self) -> list[Child]:
        """Return all whose end the daemon waits for."""
        return [child for child in self.all() if child.role is not Role.OBSERVER]

    def fork(self, role: Role, policy: Policy | None, main: Callable[[Post], int]) -> bool:
        """Fork a child; return whether the system had room for it.

        Args:
            role: its purpose.
            policy: the policy that it loads.
            main: its main function, which returns the exit status.
        """

        def run(post: Post) -> int:
            self._release()
            try:
                return main(post)
            except BaseException as error:
                self._log.unmute()
                self._log.error(f"the {role.noun} {os.getpid()} exits: {describe(error)}")
                raise

        try:
            child = fork(role, policy, self._scoreboard, run, self.all())
        except OSError as error:
            if self._warning.due():
                self._log.error(f"can't start another process: {error}; retrying")
            return False
        self._by_pid[child.pid] = child
        self._loop.watch(child.post.channel.fileno(), self._ready)
        return True

    def receive(self) -> Iterator[tuple[Child, Message, int]]:
        """Yield each message of a child, with its descriptor; -1 if it has none."""
        for child in self.all():
            yield from self.receive_from(child)

    def receive_from(self, child: Child) -> Iterator[tuple[Child, Message, int]]:
        """Yield the messages of one child."""
        if child.lost:
            return
        for message, descriptor in child.post.channel.receive():
            yield child, message, descriptor
        if child.post.channel.closed:
            child.lost_at = monotonic()
            self._loop.forget(child.post.channel.fileno())

    def reap(self) -> Iterator[tuple[Child, int]]:
        """Yield each child that has ended, with its exit code; it is not among the others any more.

        As process 1 this process also reaps orphans.
        """
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            child = self._by_pid.pop(pid, None)
            if child is not None:
                yield child, os.waitstatus_to_exitcode(status)
                if not child.lost:
                    self._loop.forget(child.post.channel.fileno())
                child.release()

    def end_all(self, seconds: float) -> None:
        """Tell all children to leave, wait for them, and kill those that are left."""
        for child in self.all():
            child.send(channel.Leave())
        until = monotonic() + seconds
        while self._by_pid and monotonic() < until:
            sleep(_PAUSE)
            for _ in self.reap():
                pass
        for child in self.all():
            child.kill()
