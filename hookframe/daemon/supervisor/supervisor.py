"""The supervisor: holds the sockets, forks the workers, and replaces those that die or hang.

It never runs plugin code, so no plugin can crash it.
"""

from __future__ import annotations

import os
import selectors
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Final

from hookframe.daemon.channel import CHANGED, LEAVE, LOADED, LOOK, RELOAD, SERVE, SERVING
from hookframe.daemon.rehearsal import LoadCrashes
from hookframe.daemon.scoreboard import Scoreboard
from hookframe.daemon.signals import RELOAD as SIGNAL_TO_RELOAD
from hookframe.daemon.signals import STOP, SignalPipe
from hookframe.daemon.supervisor.backoff import Backoff
from hookframe.daemon.supervisor.child import Child, Role, fork
from hookframe.daemon.supervisor.death_report import DeathReport
from hookframe.daemon.supervisor.history import History
from hookframe.daemon.supervisor.memory_limit import MemoryLimit
from hookframe.daemon.supervisor.watchdog import Hang
from hookframe.daemon.worker.worker import run_fallback, run_worker
from hookframe.log.exceptions import describe
from hookframe.log.rate import OncePerSecond

if TYPE_CHECKING:
    from hookframe.config.model import Config
    from hookframe.daemon.channel import Post
    from hookframe.daemon.sockets.listener import Listener
    from hookframe.daemon.systemd import Notifier
    from hookframe.host.source import Source
    from hookframe.log.log import Log

_BUSY: Final = 0.02
"""Seconds between two checks of the children while one of them decides."""
_IDLE: Final = 0.5
"""The same while none does, and a standby is ready."""
_FALLBACK_AFTER: Final = 1.0
"""Seconds without a worker after which the fallback is started."""
_HEAD_START: Final = 0.02
"""Seconds that a new worker has for waiting clients before a standby is forked."""
_EXIT_GRACE: Final = 0.5
"""Seconds in which a child that has closed its channel must exit."""


class Supervisor:
    """The daemon's first process.

    Args:
        source: where the policy comes from.
        config: the configuration at the start.
        listeners: the open sockets.
        log: takes all lines.
        signals: its signals.
        notifier: reports to the service manager.
    """

    def __init__(
        self,
        source: Source,
        config: Config,
        listeners: Sequence[Listener],
        log: Log,
        signals: SignalPipe,
        notifier: Notifier,
    ) -> None:
        self._source = source
        self._config = config
        self._listeners = listeners
        self._log = log
        self._signals = signals
        self._notifier = notifier
        self._scoreboard = Scoreboard(2 * config.workers + 6)
        self._children: dict[int, Child] = {}
        self._history = History()
        self._backoff = Backoff()
        self._fallback_backoff = Backoff()
        self._fork_warning = OncePerSecond()
        self._selector = selectors.DefaultSelector()
        self._selector.register(signals, selectors.EVENT_READ)
        self._unserved_since: float | None = monotonic()
        """when the last worker stopped serving; None while one serves"""
        self._announced = False
        self._stopping = False
        self._death_report = DeathReport(log)
        self._memory_limit = MemoryLimit(log)
        self._load_crashes = LoadCrashes(self._scoreboard.own)

    def run(self) -> None:
        """Keep workers running until a signal to stop, and until all children have exited."""
        self._history.publish(self._scoreboard.own, ())
        while self._children or not self._stopping:
            self._selector.select(min(self._find_timeout(), self._notifier.seconds_until_ping()))
            for number in self._signals.take():
                self._take_signal(number)
            for child in list(self._children.values()):
                self._read_messages(child)
            self._reap_children()
            for child in list(self._children.values()):
                self._watch(child)
            if not self._stopping:
                self._replace_over_limit()
                self._fill()
            self._history.publish(self._scoreboard.own, self._all())
            self._notifier.ping()
            self._log.run_upkeep()

    def _find_timeout(self) -> float:
        """Return the seconds until the next check of the children."""
        if not self._children:
            return min(_BUSY, self._backoff.wait(monotonic()))
        busy = any(child.watchdog.busy for child in self._children.values())
        return _IDLE if self._all(Role.STANDBY) and not busy else _BUSY

    def _take_signal(self, number: int) -> None:
        if number in STOP:
            self._stop()
        elif number == SIGNAL_TO_RELOAD:
            self._log.info("SIGHUP: rebuilding the chain")
            for child in self._all():
                child.send_command(RELOAD)

    def _stop(self) -> None:
        """Stop all children: workers answer what they have read, loading children are killed."""
        if self._stopping:
            self._log.warning("second stop signal: killing workers without waiting for clients")
            for child in self._all():
                child.kill()
            return
        self._stopping = True
        self._log.info("stopping")
        self._notifier.stopping()
        for child in self._all():
            if child.role is Role.LOADING:
                child.kill()
            self._drain_child(child)

    def _drain_child(self, child: Child) -> None:
        child.role = Role.LEAVING
        child.send_command(LEAVE)

    def _all(self, *roles: Role) -> list[Child]:
        """Return all children, or the healthy ones of some roles."""
        children = self._children.values()
        return [
            child
            for child in children
            if not roles or (child.role in roles and not child.killed and not child.disconnected)
        ]

    def _read_messages(self, child: Child) -> None:
        if child.disconnected:
            return
        messages = child.receive()
        if child.disconnected:
            self._selector.unregister(child.post.channel)
        if LOADED in messages and child.role is Role.LOADING:
            child.role = Role.STANDBY
        if CHANGED in messages:
            for spare in self._all(Role.STANDBY):
                spare.send_command(LOOK)
        if SERVING in messages:
            child.serving = True
            self._announce()

    def _announce(self) -> None:
        """Log once that the daemon is serving."""
        if not self._announced:
            self._announced = True
            where = f"listening on {', '.join(map(str, self._listeners))}"
            self._log.info(where)
            self._notifier.ready(where)

    def _reap_children(self) -> None:
        dead = []
        for child in self._all():
            pid, status = os.waitpid(child.pid, os.WNOHANG)
            if pid:
                dead.append((self._children.pop(pid), os.waitstatus_to_exitcode(status)))
        self._promote_missing()  # before the report: clients wait
        for child, status in dead:
            self._reap(child, status)

    def _reap(self, child: Child, status: int) -> None:
        now = monotonic()
        if child.role is not Role.LEAVING or status != 0:
            if not child.killed:
                self._death_report.report_death(child, status)
            counts = child.role is not Role.FALLBACK and not self._stopping
            served = child.role is not Role.LOADING
            if counts and self._backoff.record_death(now, child.since, served=served):
                goes_on = not served and any(each.serving for each in self._all(Role.WORKER))
                self._log.error(
                    "standbys keep ending while they load the policy; backing off. "
                    "The worker goes on"
                    if goes_on
                    else "workers keep crashing at startup; backing off. "
                    "All attempts get a temporary failure until one stays up"
                )
        if child.role is Role.FALLBACK:
            self._fallback_backoff.record_death(now, child.born, served=child.serving)
        self._history.record_death(child)
        self._load_crashes.record_death(child.post.slot)
        if not child.disconnected:
            self._selector.unregister(child.post.channel)
        child.reap()
        self._history.publish(self._scoreboard.own, self._all())

    def _watch(self, child: Child) -> None:
        """Kill a child that hangs, and log where it was."""
        if child.killed:
            return
        now = monotonic()
        if child.disconnected_at is not None and now - child.disconnected_at > _EXIT_GRACE:
            self._kill(child, "it closed its channel to the supervisor")
            return
        hang = child.watchdog.check(now)
        if hang is Hang.NONE:
            if child.role is Role.LOADING and now - child.born > self._config.limits.load_time:
                self._kill(child, "building the chain takes longer than limits.load_time")
            return
        if hang is Hang.OVERDUE:
            child.interrupt()
        elif hang is Hang.IN_AN_ATTEMPT:
            trace, request = child.take_traceback(), child.post.slot.in_progress
            if request is None:
                return  # it went on at the last moment
            child.kill()
            self._promote_missing()
            self._death_report.report_hang(child, request, trace)
        elif hang is Hang.IN_A_LOAD:
            leaving = child.role is Role.LEAVING
            what = "closing its plugins" if leaving else "rebuilding the chain"
            self._kill(child, f"{what} takes longer than limits.load_time")
        else:
            self._kill(child, "its event loop does not run")

    def _kill(self, child: Child, why: str) -> None:
        trace = child.take_traceback()
        child.kill()
        self._load_crashes.record_death(child.post.slot, certain=True)
        self._death_report.report_killed(child, why, trace)

    def _replace_over_limit(self) -> None:
        """Replace workers that are over the memory limit with standbys."""
        workers, spares = self._all(Role.WORKER), self._all(Role.STANDBY)
        for worker, spare in self._memory_limit.find_over_limit(workers, spares):
            self._promote(spare)
            self._drain_child(worker)

    def _fill(self) -> None:
        """Keep enough workers serving, one standby ready, and a fallback if needed."""
        now = monotonic()
        self._promote_missing()
        workers = self._all(Role.WORKER)
        # A worker that begins or exits gets the processor alone: clients wait for it.
        beginning = any(
            not worker.serving or now - worker.since < _HEAD_START for worker in workers
        )
        ending = any(child.disconnected and not child.killed for child in self._all())
        ready = self._all(Role.LOADING, Role.STANDBY)
        room = not (beginning or ending or ready or self._scoreboard.full)
        if room and not self._backoff.wait(now):
            quiet = len(workers) >= self._config.workers
            self._fork(Role.LOADING, partial(run_worker, self._source, quiet=quiet))
        for child in [*workers, *self._all(Role.STANDBY)]:
            alive = child.serving or child.role is Role.STANDBY
            if alive and self._backoff.record_survival(now, child.since):
                self._log.info("processes stay up again")
        self._manage_fallback(now)

    def _manage_fallback(self, now: float) -> None:
        """Start the fallback while no worker serves; stop it afterwards."""
        if any(worker.serving for worker in self._all(Role.WORKER)):
            self._unserved_since = None
            for child in self._all(Role.FALLBACK):
                self._drain_child(child)
            return
        if self._unserved_since is None:
            self._unserved_since = now
        if not (
            self._all(Role.FALLBACK) or self._scoreboard.full or self._fallback_backoff.wait(now)
        ) and (self._backoff.waits or now - self._unserved_since > _FALLBACK_AFTER):
            fallback = self._fork(Role.FALLBACK, run_fallback)
            if fallback is not None:
                fallback.send_command(SERVE)

    def _promote_missing(self) -> None:
        """Promote a standby for each missing worker."""
        missing = self._config.workers - len(self._all(Role.WORKER))
        if not self._stopping:
            for spare in self._all(Role.STANDBY)[: max(0, missing)]:
                self._promote(spare)

    def _promote(self, spare: Child) -> None:
        spare.role = Role.WORKER
        spare.since = monotonic()
        spare.send_command(SERVE)

    def _fork(self, role: Role, main: Callable[..., int]) -> Child | None:
        """Fork a child; return None if the system has no room for it at the moment."""

        def run(post: Post) -> int:
            self._signals.release_in_child()
            self._selector.close()
            self._notifier.close()
            try:
                return main(self._config, self._listeners, self._log, post)
            except BaseException as error:
                self._log.unmute()
                self._log.error(f"the {role} {os.getpid()} exits: {describe(error)}")
                raise

        try:
            child = fork(role, self._scoreboard, run, self._all())
        except OSError as error:
            if self._fork_warning.due():
                self._log.error(f"can't start another process: {error}; retrying")
            return None
        self._children[child.pid] = child
        self._selector.register(child.post.channel, selectors.EVENT_READ)
        return child
