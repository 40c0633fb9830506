"""Which policy is in use, and which children there shall be: the supervisor's decisions.

The plan sees children and events, and returns what to do. It does nothing itself: no process, no
clock, no file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from hookframe.daemon.channel import Settings
from hookframe.daemon.supervisor.backoff import Backoff
from hookframe.daemon.supervisor.policy import GRACE, Failure, Policy
from hookframe.daemon.supervisor.roles import Member, Role, healthy
from hookframe.host.loader import Retry

if TYPE_CHECKING:
    from hookframe.daemon.bundle import Bundle

_FALLBACK_AFTER: Final = 1.0
"""Seconds without a worker after which the fallback is started, if the policy is not broken."""
_MORE_LEAVING: Final = 2
"""The most leaving children, beyond the number of workers, beside which a policy comes into use."""
_DRAINED_AFTER: Final = 1.5
"""Seconds without an answer after which a leaving child only waits for silent clients."""
_LEAVE_GRACE: Final = 0.5
"""Seconds beyond `limits.answer_time` in which a leaving child must have ended."""
_CERTAIN: Final = 2
"""The number of ends without a result after which a policy can't be loaded: one may be chance."""


AnyMember = TypeVar("AnyMember", bound=Member)


@dataclass(slots=True)
class Actions(Generic[AnyMember]):
    """What to do now.

    Args:
        fork: the children to start: a role, and the policy to load.
        activated: the policy that comes into use.
        promote: the standbys that begin to serve.
        drain: the children that answer what they have received, and end.
        kill: the children to kill, each with the reason; an empty one is not logged.
    """

    fork: list[tuple[Role, Policy | None]] = field(default_factory=list)
    activated: Policy | None = None
    promote: list[AnyMember] = field(default_factory=list)
    drain: list[AnyMember] = field(default_factory=list)
    kill: list[tuple[AnyMember, str]] = field(default_factory=list)


class Plan(Generic[AnyMember]):
    """The state of the policies. All times are seconds of one steady clock.

    Args:
        settings: those of the start, until a child has read others.
        processors: how many children load at the same time.
        now: the time of the start.
    """

    def __init__(self, settings: Settings, processors: int, now: float) -> None:
        self._processors = processors
        self._last_read = settings
        self.current: Policy | None = None
        """the policy in use; None while every attempt is a temporary failure"""
        self.next: Policy | None = None
        """the policy that is being loaded for a change"""
        self.newest: Bundle | None = None
        """the files that the observer has seen last"""
        self.failure: Failure | None = None
        """why the newest policy can't be loaded; None if it is in use, or not tried yet"""
        self.stopping = False
        self._forced = False
        """whether the newest files are to be loaded though they are not new"""
        self._activated = 0
        """the number of policies that have come into use"""
        self._load_time = 0.0
        """seconds that a load may need: those of the last good one, or twice those of one that
        gave way to a newer change"""
        self._retry = Retry()
        self._spare_retry = Retry()
        self.no_standby_since: float | None = None
        """since when no child can load the policy in use, though workers have loaded it"""
        self.no_standby_reason = ""
        self.backoff = Backoff()
        self._fallback_backoff = Backoff()
        self._observer_backoff = Backoff()
        self._unserved_since: float | None = now

    @property
    def settings(self) -> Settings:
        """The settings of the policy in use, or of the last one that was read."""
        if self.current is not None and self.current.settings is not None:
            return self.current.settings
        return self._last_read

    def settings_of(self, member: AnyMember) -> Settings:
        """Return the settings that bound a child."""
        policy = member.policy
        return policy.settings if policy is not None and policy.settings else self.settings

    # Events.

    def change(self, bundle: Bundle, *, forced: bool = False) -> None:
        """Take the newest files.

        Args:
            bundle: the files, settled.
            forced: whether to load them even if they are those in use.
        """
        self._forced = self._forced or forced
        if self.failure is not None and not self.failure.bundle.agrees_with(bundle):
            self._retry.reset()
        self.newest = bundle

    def force(self) -> None:
        """Load the newest files that are known again."""
        self._forced = self.newest is not None

    def read(self, member: AnyMember, settings: Settings) -> None:
        """Take the settings of a policy, as a child has read them."""
        if member.policy is not None:
            member.policy.settings = settings
        if member.policy is self.next:
            self._last_read = settings

    def loaded(self, member: AnyMember, done: Policy, now: float) -> None:
        """Take the success of a child.

        Args:
            member: the child.
            done: what it has loaded: bundle with all files, digest, versions, announcement.
            now: the time.
        """
        policy = member.policy
        member.role, member.since = Role.STANDBY, now
        if policy is None:
            return
        if policy is self.current:
            self.no_standby_since = None
            self._spare_retry.reset()
            if done.digest == policy.digest:
                return
            if self.next is None:
                self._adopt(member, policy, done, now)
            else:  # another change is being loaded, which has the new versions too
                member.policy = done
                self._spare_retry.fail(now)
            return
        if policy.digest and policy.digest != done.digest:
            # Something has changed between two loads of one policy: the others load again.
            self._adopt(member, policy, done, now)
            return
        self._complete(policy, done)

    def _adopt(self, member: AnyMember, policy: Policy, done: Policy, now: float) -> None:
        """Make what one child has loaded the change that is being loaded."""
        number = self._activated + 1
        self.next = member.policy = Policy(number, policy.bundle, now, policy.settings)
        self._complete(self.next, done)

    def _complete(self, policy: Policy, done: Policy) -> None:
        """Record what a child has loaded."""
        if self.newest is policy.bundle:
            self.newest = done.bundle
        policy.bundle, policy.digest = done.bundle, done.digest
        policy.versions, policy.announcement = done.versions, done.announcement

    def failed(
        self, member: AnyMember, failure: Failure, members: Sequence[AnyMember], now: float
    ) -> None:
        """Take the failure of a child.

        Args:
            member: the child.
            failure: why.
            members: all children.
            now: the time.
        """
        policy, member.role, member.since = member.policy, Role.LEAVING, now
        if policy is not None and policy is self.next:
            self._fail(policy, failure, now)
        elif policy is not None and policy is self.current:
            if any(each.serving and each.policy is policy and healthy(each) for each in members):
                self.no_standby_since = self.no_standby_since or now
                self.no_standby_reason = failure.text
                self._spare_retry.fail(now)
            else:
                self._fail(policy, failure, now)

    def ended(self, member: AnyMember, how: str, members: Sequence[AnyMember], now: float) -> None:
        """Take the end of a child that was not told to leave.

        Args:
            member: the child; it is no longer among `members`.
            how: how it ended, for the log.
            members: the other children.
            now: the time.
        """
        policy = member.policy
        if member.role is Role.FALLBACK:
            self._fallback_backoff.record_death(now, member.born, served=member.serving)
        if member.role is Role.OBSERVER:
            self._observer_backoff.record_death(now, member.born)
        if policy is None or policy not in (self.current, self.next):
            return
        if member.role is not Role.LOADING:
            self.backoff.record_death(now, member.since)
            self._spare_retry.reset()  # it is needed at once
            return
        policy.ends.append(how)
        if len(policy.ends) >= _CERTAIN:
            failure = Failure(_describe_ends(policy.ends), policy.bundle)
            policy.ends.clear()
            self.failed(member, failure, members, now)

    def _fail(self, policy: Policy, failure: Failure, now: float) -> None:
        """Record that a policy can't be loaded."""
        if self.newest is policy.bundle:
            self.newest = failure.bundle
        self.failure = failure
        self._retry.fail(now)
        if policy is self.next:
            self.next = None
        keeps = (policy.settings or self.settings).on_load_error == "keep"
        if policy is self.current or not keeps:
            self.current = None

    # Decisions.

    def decide(self, members: Sequence[AnyMember], now: float) -> Actions[AnyMember]:
        """Decide what to do.

        Args:
            members: all children that have not been reaped.
            now: the time.
        """
        actions = Actions[AnyMember]()
        actions.kill += self._find_slow(members, now)
        if self.stopping:
            return actions
        self._observe(actions, members, now)
        self._choose(now)
        self._activate(actions, members, now)
        self._drop_others(actions, members)
        self._replace(actions, members)
        self._load(actions, members, now)
        self._manage_fallback(actions, members, now)
        return actions

    def _observe(
        self, actions: Actions[AnyMember], members: Sequence[AnyMember], now: float
    ) -> None:
        """Start the observer, if there is none."""
        there = any(each.role is Role.OBSERVER for each in members)
        if not there and not self._observer_backoff.wait(now):
            actions.fork.append((Role.OBSERVER, None))

    def _choose(self, now: float) -> None:
        """Choose the policy to load next, if there is a new one."""
        newest = self.newest
        if newest is None:
            return
        loading = self.next
        if loading is not None:
            self._choose_again(loading, newest, now)
            return
        in_use = self.current is not None and self.current.bundle.agrees_with(newest)
        if in_use and not self._forced:
            self.failure = None  # a broken save was undone
        elif self._forced or self._is_new(newest) or self._retry.due(now):
            self._begin(newest, now)

    def _choose_again(self, loading: Policy, newest: Bundle, now: float) -> None:
        """Let a load go on, or begin with newer files."""
        if loading.bundle.agrees_with(newest) and not self._forced:
            return
        in_use = self.current is not None and self.current.bundle.agrees_with(newest)
        if in_use and not self._forced:
            self.next = None  # undone before it was loaded
            return
        passed = now - loading.asked_at
        if passed > self._load_time + GRACE:
            self._load_time = 2 * passed  # else loads that have become slower would never end
            self._begin(newest, now)

    def _is_new(self, newest: Bundle) -> bool:
        """Return whether files are not known to be broken."""
        return self.failure is None or not self.failure.bundle.agrees_with(newest)

    def _begin(self, newest: Bundle, now: float) -> None:
        self._forced = False
        self.next = Policy(self._activated + 1, newest, now)

    def _activate(
        self, actions: Actions[AnyMember], members: Sequence[AnyMember], now: float
    ) -> None:
        """Put the loaded policy into use once all its workers are ready."""
        policy = self.next
        if policy is None or policy.settings is None:
            return
        ready = [each for each in _of(members, policy, Role.STANDBY) if healthy(each)]
        if len(ready) < policy.settings.workers or self._is_crowded(actions, members, now):
            return
        self._activated += 1
        self._load_time = now - policy.asked_at
        self.current, self.next, self.failure, self.no_standby_since = policy, None, None, None
        self._retry.reset()
        self._spare_retry.reset()
        policy.ends.clear()
        actions.activated = policy
        actions.promote += ready[: policy.settings.workers]

    def _drop_others(self, actions: Actions[AnyMember], members: Sequence[AnyMember]) -> None:
        """Drain the children of other policies, and kill those that still load one."""
        for each in members:
            if each.policy is None or each.policy in (self.current, self.next) or each.killed:
                continue
            if each.role is Role.LOADING:
                actions.kill.append((each, ""))
            elif each.role is not Role.LEAVING:
                actions.drain.append(each)

    def _replace(self, actions: Actions[AnyMember], members: Sequence[AnyMember]) -> None:
        """Promote standbys of the policy in use for missing workers."""
        policy = self.current
        if policy is None or actions.activated is not None:
            return
        workers = [each for each in _of(members, policy, Role.WORKER) if healthy(each)]
        spares = [each for each in _of(members, policy, Role.STANDBY) if healthy(each)]
        actions.promote += spares[: max(0, self.settings.workers - len(workers))]

    def _load(self, actions: Actions[AnyMember], members: Sequence[AnyMember], now: float) -> None:
        """Fork children that load: for a change, for missing workers, for a standby."""
        wanted: list[tuple[Policy, int]] = []
        if self.next is not None:
            settings = self.next.settings
            wanted.append((self.next, settings.workers if settings is not None else 1))
        if self.current is not None and not self.backoff.wait(now) and self._spare_retry.due(now):
            standby = 1 if self.next is None else 0
            wanted.append((self.current, self.settings.workers + standby))
        for policy, number in wanted:
            # The load of one policy does not wait for that of the other.
            room = self._processors - len(_of(members, policy, Role.LOADING))
            missing = number - _count(members, policy)
            actions.fork += [(Role.LOADING, policy)] * max(0, min(room, missing))

    def _manage_fallback(
        self, actions: Actions[AnyMember], members: Sequence[AnyMember], now: float
    ) -> None:
        """Start the fallback while no worker serves; drain it afterwards."""
        there = [each for each in members if each.role is Role.FALLBACK]
        serving = [
            each for each in members if each.serving and each.role is Role.WORKER and healthy(each)
        ]
        if serving:
            self._unserved_since = None
            for each in serving:
                self.backoff.record_survival(now, each.since)
            actions.drain += [each for each in there if healthy(each)]
            return
        if self._unserved_since is None:
            self._unserved_since = now
        broken = self.current is None and self.failure is not None
        due = broken or self.backoff.waits
        due = due or now - self._unserved_since > _FALLBACK_AFTER
        if due and not actions.promote and not there and not self._fallback_backoff.wait(now):
            actions.fork.append((Role.FALLBACK, None))

    def _is_crowded(
        self, actions: Actions[AnyMember], members: Sequence[AnyMember], now: float
    ) -> bool:
        """Return whether too many children are still leaving; kill the oldest that can be spared.

        One that still answers is awaited, so that no change costs an attempt, unless there is no
        policy in use.
        """
        leaving = [each for each in members if each.role is Role.LEAVING and healthy(each)]
        excess = len(leaving) - self.settings.workers - _MORE_LEAVING
        before = now - _DRAINED_AFTER
        spared = [each for each in leaving if max(each.since, each.answered_at) < before]
        spared = sorted(spared, key=lambda each: each.since)[: max(0, excess)]
        why = "too many processes of earlier policies are still ending"
        actions.kill += [(each, why) for each in spared]
        return self.current is not None and excess > len(spared)

    def _find_slow(
        self, members: Sequence[AnyMember], now: float
    ) -> Iterator[tuple[AnyMember, str]]:
        """Find children whose load or end takes too long."""
        for each in members:
            settings = self.settings_of(each)
            if each.killed:
                continue
            if each.role is Role.LOADING and now - each.born > settings.load_time:
                limit = f"limits.load_time = {settings.load_time:g} s"
                yield each, f"loading the policy takes longer than {limit}"
            if each.role is Role.LEAVING and now - each.since > settings.answer_time + _LEAVE_GRACE:
                yield each, "it did not end within limits.answer_time"


def _of(members: Sequence[AnyMember], policy: Policy, role: Role) -> list[AnyMember]:
    return [each for each in members if each.policy is policy and each.role is role]


def _count(members: Sequence[Member], policy: Policy) -> int:
    """Count the children of a policy that serve, will serve, or could not be reaped yet."""
    # One that was killed and does not end, as on a dead file system, blocks another.
    return sum(
        each.policy is policy
        and each.role is not Role.LEAVING
        and not (each.lost and each.role is Role.WORKER)
        for each in members
    )


def _describe_ends(ends: Sequence[str]) -> str:
    causes = " and ".join(dict.fromkeys(ends))
    return f"loading the policy ended {len(ends)} processes: {causes}"
