"""The supervisor: holds the sockets, forks children, and replaces those that die or hang.

It never runs plugin code, so no plugin can crash it. It has one thread, so that it may fork, and it
opens no file after its start, so that no dead file system can stop it. `Plan` decides; this module
does.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Final

from hookframe.daemon import channel
from hookframe.daemon.bundle import Bundle
from hookframe.daemon.channel import Settings
from hookframe.daemon.loop import Loop, Timer
from hookframe.daemon.observer.observer import run_observer
from hookframe.daemon.scoreboard import POLICY, Scoreboard
from hookframe.daemon.signals import RELOAD, STOP
from hookframe.daemon.supervisor.child import Child
from hookframe.daemon.supervisor.children import Children
from hookframe.daemon.supervisor.death_report import DeathReport
from hookframe.daemon.supervisor.history import History
from hookframe.daemon.supervisor.plan import Actions, Plan
from hookframe.daemon.supervisor.policy import Failure, Policy
from hookframe.daemon.supervisor.replacement import Replacement
from hookframe.daemon.supervisor.reporter import Reporter
from hookframe.daemon.supervisor.roles import Role, healthy
from hookframe.daemon.supervisor.watchdog import Hang
from hookframe.daemon.worker.fallback import run_fallback
from hookframe.daemon.worker.worker import run_worker
from hookframe.log.exceptions import describe
from hookframe.log.setup import make_daemon_log

if TYPE_CHECKING:
    from hookframe.config.model import Config
    from hookframe.daemon.channel import Message, Post
    from hookframe.daemon.signals import SignalPipe
    from hookframe.daemon.sockets.listener import Listener
    from hookframe.daemon.systemd import Notifier
    from hookframe.host.source import Source
    from hookframe.log.log import Log
    from hookframe.log.pipe import LogPipe

_MOST_WORKERS: Final = 256
_OTHERS: Final = 8
"""Children besides workers, old and new ones."""
_MOVING: Final = 0.02
"""Seconds between two steps while a child loads, ends or is missing."""
_IDLE: Final = 1.0
"""The same while none does; a shorter deadline is checked more often."""
_SHORTEST: Final = 0.01
_EXIT_GRACE: Final = 0.5
"""Seconds in which a child that has closed its channel must exit."""
_ANSWER_TIME: Final = 1.0
"""Seconds in which the observer answers SIGHUP; then the files that are known are loaded."""
_OBSERVER_END: Final = 2.0
"""Seconds in which the observer writes the rest of the log at the end."""


class Supervisor:
    """The daemon's first process.

    Args:
        source: where the policy comes from.
        config: the configuration at the start.
        listeners: the open sockets.
        log: takes all lines.
        pipe: carries log lines to the observer.
        signals: its signals.
        notifier: reports to the service manager.
    """

    def __init__(
        self,
        source: Source,
        config: Config,
        listeners: Sequence[Listener],
        log: Log,
        pipe: LogPipe,
        signals: SignalPipe,
        notifier: Notifier,
    ) -> None:
        self._source = source
        self._config = config
        self._listeners = listeners
        self._log = log
        self._pipe = pipe
        self._applied = Settings.of(config)
        """the settings that this process has applied"""
        self._signals = signals
        self._notifier = notifier
        self._loop = Loop(self._log_error)
        scoreboard = Scoreboard(2 * _MOST_WORKERS + _OTHERS)
        self._own = scoreboard.own
        self._children = Children(scoreboard, self._loop, log, self._step, self._release_in_child)
        self._plan: Plan[Child] = Plan(self._applied, os.cpu_count() or 1, monotonic())
        self._history = History()
        self._death_report = DeathReport(log)
        self._replacement = Replacement(log)
        self._reporter = Reporter(
            log, listeners, self._applied.listen, notifier, self._history, self._own
        )
        self._reread_at: float | None = None
        """when SIGHUP asked the observer for the files; None once it has answered"""
        self._explained = ""
        """what the fallback was told last"""
        self._next_step: Timer | None = None

    def run(self) -> None:
        """Keep workers running until a signal to stop, and until all of them have ended."""
        gc.freeze()  # what is loaded here is shared by all children, and stays
        self._loop.watch(self._signals.fileno(), self._step)
        self._step()
        self._loop.run()

    def close(self) -> None:
        """Let the observer write the rest of the log, and end it."""
        self._children.end_all(_OBSERVER_END)

    def _step(self, _: int = 0) -> None:
        """React to everything that has happened."""
        if self._next_step is not None:
            self._next_step.cancel()
        self._next_step = self._loop.call_later(_MOVING, self._step)  # whatever happens below
        for number in self._signals.take():
            self._take_signal(number)
        for child, message, descriptor in self._children.receive():
            self._take_message(child, message, descriptor)
        for child, status in self._children.reap():
            self._take_end(child, status)
        now = monotonic()
        for child in self._children.all():
            self._watch(child, now)
        self._force_without_observer(now)
        self._act(self._plan.decide(self._children.all(), now), now)
        self._explain_failures()
        if not self._plan.stopping:
            self._replace_unfit(now)
        self._reporter.report(self._plan, self._children.all(), now)
        if self._plan.stopping and not self._children.all_but_observer():
            self._loop.stop()
        self._next_step.cancel()
        self._next_step = self._loop.call_later(self._find_pause(now), self._step)

    def _force_without_observer(self, now: float) -> None:
        """Load the known files if the observer does not answer SIGHUP."""
        if self._reread_at is not None and now - self._reread_at > _ANSWER_TIME:
            self._reread_at = None
            self._plan.force()

    def _explain_failures(self) -> None:
        """Tell the fallback why attempts fail, if that has changed."""
        text = self._plan.failure.text if self._plan.failure else ""
        if text != self._explained:
            self._explained = text
            for child in self._children.of(Role.FALLBACK):
                child.send(channel.Explain(text))

    def _find_pause(self, now: float) -> float:
        """Return the seconds until the next step."""
        plan, settings = self._plan, self._plan.settings
        children = self._children.all()
        moving = plan.next is not None or len(self._children.of(Role.STANDBY)) != 1 or plan.stopping
        moving = moving or any(
            child.role in (Role.LOADING, Role.LEAVING) or not healthy(child) for child in children
        )
        pause = _MOVING if moving else _IDLE
        if settings.shortest:
            pause = min(pause, max(settings.shortest, _SHORTEST))
        for child in children:
            deadline = plan.settings_of(child).deadline
            pause = min(pause, max(child.watchdog.next_check(now, deadline) - now, 0.001))
        return min(pause, self._notifier.seconds_until_ping())

    def _take_signal(self, number: int) -> None:
        if number in STOP:
            self._stop()
        elif number == RELOAD:
            self._log.info("SIGHUP: loading the policy again")
            self._reread_at = monotonic()
            for child in self._children.of(Role.OBSERVER):
                child.send(channel.Reread())

    def _stop(self) -> None:
        """Stop all children: workers answer what they have read, loading children are killed."""
        if self._plan.stopping:
            self._log.warning("second stop signal: killing workers without waiting for clients")
            for child in self._children.all_but_observer():
                child.kill()
            return
        self._plan.stopping = True
        self._log.info("stopping")
        self._notifier.stopping()
        for child in self._children.all_but_observer():
            if child.role is Role.LOADING:
                child.kill()
            if child.role is not Role.LEAVING:
                self._drain(child, monotonic())

    def _take_message(self, child: Child, message: Message, descriptor: int) -> None:
        plan, now = self._plan, monotonic()
        bundle = Bundle(descriptor) if descriptor >= 0 else None
        match message:
            case channel.Loaded() | channel.Failed() if child.killed:
                pass  # it was woken to be killed; its end counts
            case channel.Read():
                plan.read(child, message.settings)
            case channel.Loaded() if bundle is not None:
                done = Policy(0, bundle, now, None, message.digest, message.versions)
                done.announcement = message.announcement
                plan.loaded(child, done, now)
                self._tell_observer()
            case channel.Failed() if bundle is not None:
                plan.failed(child, Failure(message.text, bundle), self._children.all(), now)
                self._tell_observer()
            case channel.Serving():
                child.serving = True
                self._reporter.announce()
            case channel.Unfit():
                self._replacement.request(child.pid, message.reason, message.text)
            case channel.Changed() if bundle is not None:
                if message.forced:
                    self._reread_at = None
                plan.change(bundle, forced=message.forced)
            case channel.Upgrades():
                self._reporter.upgrades = message.texts

    def _tell_observer(self) -> None:
        """Tell the observer which files and versions are in use or looked for."""
        plan = self._plan
        used = [policy for policy in (plan.current, plan.next) if policy is not None]
        bundles = [each.bundle for each in (*used, plan.failure) if each is not None]
        paths = dict.fromkeys(path for bundle in bundles for path in bundle.code_files)
        versions = {name: seen for each in used for name, seen in each.versions.items()}
        for child in self._children.of(Role.OBSERVER):
            child.send(channel.Watch(tuple(paths), versions))

    def _take_end(self, child: Child, status: int) -> None:
        """Take a child's last messages, and log and count its end."""
        for _, message, descriptor in self._children.receive_from(child):
            self._take_message(child, message, descriptor)
        # The fallback ends by itself as soon as a policy has come into use.
        expected = child.role in (Role.LEAVING, Role.FALLBACK) and status == 0
        if not expected and not child.killed:
            self._death_report.report_death(child, status)
        how = child.reason or self._death_report.describe_end(child, status)
        self._replacement.forget(child.pid)
        self._history.record_end(child)
        if child.role is Role.WORKER:
            self._history.count_restart("hang" if child.killed else "death")
        if expected or child.role is Role.LEAVING or self._plan.stopping:
            return
        self._plan.ended(child, how, self._children.all(), monotonic())

    def _watch(self, child: Child, now: float) -> None:
        """Interrupt a child whose deadline is over; kill one that hangs."""
        if child.killed:
            return
        if child.lost_at is not None and now - child.lost_at > _EXIT_GRACE:
            self._kill(child, "it closed its channel to the supervisor")
            return
        hang = child.watchdog.check(now, self._plan.settings_of(child).deadline)
        if hang is Hang.OVERDUE:
            child.interrupt()
        elif hang is Hang.IN_AN_ATTEMPT:
            trace, request = child.take_traceback(), child.post.slot.in_progress
            if request is not None:  # else it went on at the last moment
                child.kill("its hook did not end")
                self._death_report.report_hang(child, request, trace)
        elif hang is Hang.BETWEEN_ATTEMPTS and child.role is Role.OBSERVER:
            self._kill(child, "it does not notice changes of the policy any more")
        elif hang is Hang.BETWEEN_ATTEMPTS and child.role is not Role.LEAVING:
            self._kill(child, "its loop does not run")

    def _kill(self, child: Child, why: str) -> None:
        if not why:
            child.kill()
            return
        trace = child.take_traceback()
        child.kill(self._death_report.report_killed(child, why, trace))

    def _act(self, actions: Actions[Child], now: float) -> None:
        """Do what the plan has decided."""
        for child, why in actions.kill:
            self._kill(child, why)
        self._own.fields[POLICY] = self._plan.current.number if self._plan.current else 0
        replaced = 0
        for child in actions.drain:
            replaced += child.role is Role.WORKER
            self._drain(child, now)
        for child in actions.promote:
            self._promote(child, now)
        if actions.activated is not None:
            self._history.count_restart("policy", replaced)
            self._activate(actions.activated)
        for role, policy in actions.fork:
            if self._children.fork(role, policy, self._choose_main(role, policy)):
                self._tell_observer()

    def _activate(self, policy: Policy) -> None:
        """Log that a policy has come into use, and apply what it sets for this process."""
        settings = policy.settings or self._applied
        if settings.log != self._applied.log:
            self._log.replace(make_daemon_log(settings.log, self._pipe))
            for child in self._children.of(Role.OBSERVER):
                child.send(channel.WriteLog(settings.log))
        self._applied = settings
        self._log.info(f"generation {policy.number}: {policy.announcement}")
        self._tell_observer()

    def _drain(self, child: Child, now: float) -> None:
        child.role, child.since = Role.LEAVING, now
        child.send(channel.Leave())

    def _promote(self, child: Child, now: float) -> None:
        child.role, child.since = Role.WORKER, now
        child.send(channel.Serve(child.policy.number if child.policy else 0))

    def _replace_unfit(self, now: float) -> None:
        """Replace workers that need too much, by a standby that needs less."""
        workers, spares = self._children.of(Role.WORKER), self._children.of(Role.STANDBY)
        limit = self._plan.settings.max_memory
        for worker, spare, reason in self._replacement.find(workers, spares, limit):
            self._promote(spare, now)
            self._drain(worker, now)
            self._history.count_restart(reason)

    def _choose_main(self, role: Role, policy: Policy | None) -> Callable[[Post], int]:
        """Return the main function of a child."""
        if role is Role.OBSERVER:
            return partial(run_observer, self._source, self._pipe, self._applied.log)
        if policy is None:
            failure = self._plan.failure
            return partial(
                run_fallback,
                self._config,
                self._listeners,
                self._log,
                self._own.fields[POLICY],
                failure.text if failure else "",
            )
        # One process logs what plugins print while they are loaded.
        quiet = any(each.policy is policy for each in self._children.all())
        return partial(
            run_worker,
            self._source,
            policy.bundle,
            self._listeners,
            self._log,
            self._pipe,
            quiet=quiet,
        )

    def _release_in_child(self) -> None:
        """Release what belongs to this process only, in a forked child."""
        self._signals.release_in_child()
        self._loop.close()
        self._notifier.close()

    def _log_error(self, error: Exception) -> None:
        """Log an unexpected error; the next step goes on."""
        self._log.error(f"an error in the supervisor: {describe(error)}")
