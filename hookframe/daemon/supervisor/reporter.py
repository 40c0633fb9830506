"""What the supervisor tells people, the service manager and the status about its plan."""

from __future__ import annotations

from collections.abc import Sequence
from time import localtime, monotonic, strftime, time
from typing import TYPE_CHECKING

from hookframe.daemon.scoreboard import HEARTBEAT, MICROSECONDS
from hookframe.daemon.server.server import LISTEN_CHANGED
from hookframe.daemon.supervisor.roles import Role, healthy
from hookframe.daemon.supervisor.watchdog import HEARTBEAT_TIMEOUT
from hookframe.log.rate import OncePerSecond

if TYPE_CHECKING:
    from hookframe.daemon.scoreboard import Slot
    from hookframe.daemon.sockets.listener import Listener
    from hookframe.daemon.supervisor.child import Child
    from hookframe.daemon.supervisor.history import History
    from hookframe.daemon.supervisor.plan import Plan
    from hookframe.daemon.supervisor.policy import Failure, Policy
    from hookframe.daemon.systemd import Notifier
    from hookframe.log.log import Log


class Reporter:
    """Reports changes of the plan.

    Args:
        log: takes the lines.
        listeners: where the daemon listens.
        listen: the same, as `hookframe.toml` had it.
        notifier: reports to the service manager.
        history: publishes the supervisor's part of the status.
        slot: where it is published.
    """

    def __init__(
        self,
        log: Log,
        listeners: Sequence[Listener],
        listen: Sequence[str],
        notifier: Notifier,
        history: History,
        slot: Slot,
    ) -> None:
        self._log = log
        self._where = f"listening on {', '.join(map(str, listeners))}"
        self._listen = listen
        self._listen_differs = False
        self._notifier = notifier
        self._history = history
        self._slot = slot
        self._serving = False
        self._loading: Policy | None = None
        self._failure: Failure | None = None
        self._load_warning = OncePerSecond()
        self._unnoticed_warning = OncePerSecond()
        self._delayed = False
        self._no_standby: float | None = None
        self._noticed_at = monotonic()
        """when the observer showed last that it notices changes"""
        self.upgrades: tuple[str, ...] = ()
        """which installed versions are not those that run"""

    def announce(self) -> None:
        """Report that the daemon serves; once."""
        if not self._serving:
            self._serving = True
            self._log.info(self._where)
            self._notifier.ready(self._where)

    def report(self, plan: Plan[Child], children: Sequence[Child], now: float) -> None:
        """Publish, log and notify what has changed; whoever reads the log finds it in the status.

        Args:
            plan: which policy is in use.
            children: all children.
            now: the monotonic time.
        """
        problem = self._find_problem(plan, children, now)
        notes = self._find_notes(plan, now)
        self._history.publish(self._slot, children, plan, problem, notes)
        self._report_failure(plan)
        self._report_listen(plan)
        self._report_delays(delayed=plan.backoff.waits)
        self._report_standby(plan)
        if plan.next is not self._loading:
            begins, self._loading = plan.next is not None, plan.next
            if self._serving and begins:
                self._notifier.reloading()
            elif self._serving:
                self._notifier.ready(self._where)
        self._notifier.ping()
        self._log.run_upkeep()

    def _report_failure(self, plan: Plan[Child]) -> None:
        """Log each second why the newest policy can't be loaded, and once what follows from it."""
        failure = plan.failure
        if failure is not None and self._load_warning.due():
            self._log.loading(failure.text)
        if failure is not self._failure:
            self._failure = failure
            if failure is not None:
                self._log.warning(_describe_consequence(plan))

    def _report_listen(self, plan: Plan[Child]) -> None:
        """Log when `listen` is not any more what the daemon listens on."""
        differs = self._differs_in_listen(plan)
        if differs and not self._listen_differs:
            self._log.warning(LISTEN_CHANGED)
        self._listen_differs = differs

    def _differs_in_listen(self, plan: Plan[Child]) -> bool:
        return plan.settings.listen != self._listen

    def _report_delays(self, *, delayed: bool) -> None:
        """Log when starts begin to be delayed, and when they are not any more."""
        if delayed and not self._delayed:
            self._log.error(
                "workers keep ending soon after their start; backing off. Attempts get a "
                "temporary failure while none serves"
            )
        elif self._delayed and not delayed:
            self._log.info("workers stay up again")
        self._delayed = delayed

    def _report_standby(self, plan: Plan[Child]) -> None:
        """Log when no standby can be loaded, and when one can be again."""
        since = plan.no_standby_since
        if since is not None and self._no_standby is None:
            reason = plan.no_standby_reason
            self._log.error(f"no standby can be loaded, the workers go on: {reason}")
        elif self._no_standby is not None and since is None:
            self._log.info("a standby can be loaded again")
        self._no_standby = since

    def _find_problem(self, plan: Plan[Child], children: Sequence[Child], now: float) -> str:
        """Return what is wrong with the policy, or with noticing its changes."""
        for child in children:
            if child.role is Role.OBSERVER and healthy(child):
                heartbeat = child.post.slot.fields[HEARTBEAT] / MICROSECONDS
                self._noticed_at = max(self._noticed_at, heartbeat)
        problems = [plan.failure.text] if plan.failure is not None else []
        silence = now - self._noticed_at
        if silence > HEARTBEAT_TIMEOUT:
            since = strftime("%Y-%m-%d %H:%M:%S", localtime(time() - silence))
            text = f"changes of the policy are not noticed since {since}"
            problems.append(text)
            if self._unnoticed_warning.due():
                self._log.error(text)
        return "; ".join(problems)

    def _find_notes(self, plan: Plan[Child], now: float) -> list[str]:
        """Return what an administrator should know besides."""
        notes = list(self.upgrades)
        if plan.failure is not None:
            notes.append(_describe_consequence(plan))
        if plan.no_standby_since is not None:
            seconds = int(now - plan.no_standby_since)
            notes.append(f"no standby for {seconds} s: the policy in use can't be loaded again")
        if plan.next is not None and (seconds := int(now - plan.next.asked_at)):
            notes.append(f"a change is being loaded, for {seconds} s now")
        if self._differs_in_listen(plan):
            notes.append(LISTEN_CHANGED)
        return notes


def _describe_consequence(plan: Plan[Child]) -> str:
    """Describe what becomes of attempts while the newest policy can't be loaded."""
    if plan.current is None:
        return "the policy can't be loaded: attempts get a temporary failure until that is fixed"
    return (
        f"the policy can't be loaded: generation {plan.current.number} goes on until that is fixed"
    )
