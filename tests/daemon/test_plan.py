"""Which policy is in use, and which children there are: the plan, without processes."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookframe.daemon.channel import Settings
from hookframe.daemon.supervisor.plan import Plan
from hookframe.daemon.supervisor.policy import Failure, Policy
from hookframe.daemon.supervisor.roles import Role


class Files:
    """A bundle as the plan sees it: the digest of each file."""

    def __init__(self, **files):
        self.files = files

    def agrees_with(self, other):
        return all(other.files.get(path, digest) == digest for path, digest in self.files.items())


@dataclass(eq=False)
class Process:
    role: Role
    policy: Policy | None
    born: float
    since: float
    serving: bool = False
    killed: bool = False
    lost: bool = False
    answered_at: float = 0.0


class World:
    """Children that do what the plan says; a test says how their loads go."""

    def __init__(self, workers=1, processors=2, on_load_error="tempfail", load_time=30.0):
        self.now = 100.0
        self.settings = Settings(
            workers=workers, on_load_error=on_load_error, load_time=load_time, deadline=1.0
        )
        self.plan = Plan(self.settings, processors, self.now)
        self.processors = processors
        self.children = []
        self.activated = []
        self.killed = []

    def step(self, seconds=0.0):
        self.now += seconds
        while True:
            actions = self.plan.decide(self.children, self.now)
            for child, why in actions.kill:
                child.killed = True
                self.killed.append((child, why))
            for child in actions.drain:
                child.role, child.since = Role.LEAVING, self.now
            for child in actions.promote:
                child.role, child.since, child.serving = Role.WORKER, self.now, True
            if actions.activated:
                self.activated.append(actions.activated)
            for role, policy in actions.fork:
                child = Process(role, policy, self.now, self.now)
                child.serving = role is Role.FALLBACK
                self.children.append(child)
            if not (actions.fork or actions.activated or actions.promote or actions.drain):
                return
            for child in [each for each in self.children if each.killed]:
                self.end(child, "it was killed")

    def save(self, **files):
        self.plan.change(Files(**files))
        self.step()

    def of(self, role):
        return [child for child in self.children if child.role is role]

    def read(self, child, **more):
        self.plan.read(
            child,
            Settings(
                **{
                    name: getattr(self.settings, name)
                    for name in ("workers", "on_load_error", "load_time", "deadline")
                }
                | more
            ),
        )
        self.step()

    def load(self, child, digest="", **more):
        """Let a child load its policy."""
        self.read(child, **more)
        files = child.policy.bundle.files
        digest = digest or str(sorted(files.items()))
        self.plan.loaded(child, Policy(0, Files(**files), 0, None, digest), self.now)
        self.step()

    def load_all(self):
        while loading := self.of(Role.LOADING):
            self.load(loading[0])
        self.leave_all()

    def leave_all(self):
        for child in self.of(Role.LEAVING):
            self.children.remove(child)
        self.step()

    def fail(self, child, text="broken", **looked_for):
        bundle = Files(**child.policy.bundle.files, **looked_for)
        self.plan.failed(child, Failure(text, bundle), self.children, self.now)
        self.step()

    def end(self, child, how="it exited with status 3"):
        self.children.remove(child)
        if child.role is not Role.LEAVING:
            self.plan.ended(child, how, self.children, self.now)

    def crash(self, child):
        self.end(child)
        self.step()

    @property
    def in_use(self):
        return self.plan.current.bundle.files if self.plan.current else None


@pytest.fixture
def world():
    """A daemon of one worker that serves its first policy, with a standby."""
    world = World()
    world.save(hook="1")
    world.load_all()
    return world


def test_at_the_start_an_observer_is_forked_and_nothing_else():
    world = World()
    world.step()
    assert [child.role for child in world.children] == [Role.OBSERVER]


def test_the_first_policy_is_loaded_by_one_child_and_comes_into_use(world):
    assert world.in_use == {"hook": "1"}
    assert len(world.of(Role.WORKER)) == len(world.of(Role.STANDBY)) == 1
    assert len(world.activated) == 1


def test_as_many_children_load_at_once_as_there_are_processors():
    world = World(workers=5)
    world.save(hook="1")
    assert len(world.of(Role.LOADING)) == 1  # how many there shall be is not known yet
    world.read(world.of(Role.LOADING)[0])
    assert len(world.of(Role.LOADING)) == 2
    world.load_all()
    assert len(world.of(Role.WORKER)) == 5


def test_no_worker_serves_a_policy_before_all_have_loaded_it():
    world = World(workers=2)
    world.save(hook="1")
    world.load(world.of(Role.LOADING)[0])
    assert world.in_use is None
    world.load_all()
    assert len(world.of(Role.WORKER)) == 2


def test_a_change_is_loaded_by_new_children_and_the_old_ones_go_on_until_then(world):
    (old,) = world.of(Role.WORKER)
    world.save(hook="2")
    assert (world.in_use, old.role) == ({"hook": "1"}, Role.WORKER)
    world.load(world.of(Role.LOADING)[0])
    assert (world.in_use, old.role) == ({"hook": "2"}, Role.LEAVING)


def test_the_number_of_workers_changes_with_the_policy(world):
    world.save(hook="2")
    world.load(world.of(Role.LOADING)[0], workers=3)
    assert world.in_use == {"hook": "1"}
    while loading := world.of(Role.LOADING):
        world.load(loading[0], workers=3)
    assert len(world.of(Role.WORKER)) == 3


def test_the_same_files_again_change_nothing(world):
    before = list(world.children)
    world.save(hook="1")
    assert world.children == before


def test_a_forced_load_takes_the_same_files_again(world):
    world.plan.force()
    world.step()
    world.load_all()
    assert [policy.bundle.files for policy in world.activated] == [{"hook": "1"}] * 2


def test_a_forced_load_comes_after_the_one_in_flight(world):
    world.save(hook="2")
    world.plan.force()
    world.step()
    world.load(world.of(Role.LOADING)[0])
    assert world.plan.next is not None
    world.load_all()
    assert len(world.activated) == 3


def test_an_observer_that_keeps_dying_at_once_is_started_half_a_second_later_at_most(world):
    started = 0
    for _ in range(100):
        for child in world.of(Role.OBSERVER):
            started += 1
            world.crash(child)
        world.step(0.1)
    assert 20 <= started <= 30
    world.step(0.5)
    assert len(world.of(Role.OBSERVER)) == 1


def test_a_broken_change_makes_every_attempt_fail_until_it_is_fixed(world):
    world.save(hook="broken")
    world.fail(world.of(Role.LOADING)[0])
    assert (world.in_use, world.plan.failure.text) == (None, "broken")
    assert not world.of(Role.WORKER)
    assert len(world.of(Role.FALLBACK)) == 1
    world.save(hook="1")
    world.load_all()
    assert world.in_use == {"hook": "1"}
    assert world.plan.failure is None
    assert not world.of(Role.FALLBACK)


def test_with_keep_the_policy_in_use_goes_on_after_a_broken_change():
    world = World(on_load_error="keep")
    world.save(hook="1")
    world.load_all()
    (worker,) = world.of(Role.WORKER)
    world.save(hook="broken")
    world.fail(world.of(Role.LOADING)[0])
    assert (world.in_use, worker.role) == ({"hook": "1"}, Role.WORKER)
    assert world.plan.failure.text == "broken"
    world.save(hook="1")
    assert world.plan.failure is None
    assert world.of(Role.WORKER) == [worker]


def test_a_configuration_that_can_not_be_read_keeps_as_the_last_one_says():
    world = World(on_load_error="keep")
    world.save(config="1")
    world.load_all()
    world.save(config="not toml")
    world.fail(world.of(Role.LOADING)[0])
    assert world.in_use == {"config": "1"}


def test_a_broken_policy_is_loaded_again_after_longer_and_longer_waits(world):
    world.save(hook="broken")
    world.fail(world.of(Role.LOADING)[0])
    waits, since = [], world.now
    while len(waits) < 8:
        world.leave_all()
        world.step(0.25)
        if loading := world.of(Role.LOADING):
            waits.append(world.now - since)
            since = world.now
            world.fail(loading[0])
    assert waits == pytest.approx([1, 2, 5, 10, 30, 60, 60, 60], abs=0.3)


def test_a_broken_policy_is_loaded_again_when_a_file_that_it_looked_for_is_there(world):
    world.save(hook="2")
    world.fail(world.of(Role.LOADING)[0], list="missing")
    world.leave_all()
    world.save(hook="2", list="there")
    assert world.plan.next.bundle.files == {"hook": "2", "list": "there"}


def test_two_ends_without_a_result_are_a_load_error_and_one_is_not(world):
    world.save(hook="deadly")
    world.crash(world.of(Role.LOADING)[0])
    assert world.plan.failure is None
    world.crash(world.of(Role.LOADING)[0])
    assert "it exited with status 3" in world.plan.failure.text


def test_a_child_that_loads_for_longer_than_load_time_is_killed(world):
    world.save(hook="slow")
    (child,) = world.of(Role.LOADING)
    world.read(child, load_time=2.0)
    world.step(1.9)
    assert not child.killed
    world.step(0.2)
    assert child.killed
    assert "limits.load_time = 2 s" in world.killed[0][1]


def test_the_limits_of_a_policy_bound_its_own_load(world):
    world.save(hook="slow")
    (child,) = world.of(Role.LOADING)
    world.read(child, load_time=100.0)
    world.step(50)
    assert not child.killed


def test_a_standby_that_can_not_be_loaded_changes_nothing_while_a_worker_serves(world):
    (worker,), (standby,) = world.of(Role.WORKER), world.of(Role.STANDBY)
    world.crash(standby)
    world.fail(world.of(Role.LOADING)[0])
    assert world.plan.failure is None
    assert world.plan.no_standby_since is not None
    assert (world.in_use, worker.role) == ({"hook": "1"}, Role.WORKER)
    world.leave_all()
    assert not world.of(Role.LOADING)  # tried again later, not at once
    world.step(1.1)
    world.load(world.of(Role.LOADING)[0])
    assert world.plan.no_standby_since is None


def test_a_replacement_that_can_not_be_loaded_is_a_load_error_once_no_worker_serves(world):
    world.crash(world.of(Role.STANDBY)[0])
    world.crash(world.of(Role.WORKER)[0])
    world.fail(world.of(Role.LOADING)[0])
    assert world.plan.failure is not None
    assert world.in_use is None


def test_a_standby_takes_the_place_of_a_worker_at_once(world):
    (standby,) = world.of(Role.STANDBY)
    world.crash(world.of(Role.WORKER)[0])
    assert world.of(Role.WORKER) == [standby]
    assert len(world.of(Role.LOADING)) == 1


def test_a_replacement_that_loads_other_versions_is_a_change_for_all_workers():
    world = World(workers=2)
    world.save(hook="1")
    world.load_all()
    old = world.of(Role.WORKER)
    world.crash(world.of(Role.STANDBY)[0])
    world.load(world.of(Role.LOADING)[0], digest="with the upgraded plugin")
    assert all(worker.role is Role.WORKER for worker in old)
    while loading := world.of(Role.LOADING):
        world.load(loading[0], digest="with the upgraded plugin")
    assert all(worker.role is Role.LEAVING for worker in old)
    assert world.plan.current.digest == "with the upgraded plugin"


def test_a_replacement_that_loads_other_versions_during_a_change_serves_nobody():
    world = World(on_load_error="keep")
    world.save(hook="1")
    world.load_all()
    world.crash(world.of(Role.STANDBY)[0])
    (standby,) = world.of(Role.LOADING)
    world.save(hook="broken")
    world.load(standby, digest="with the upgraded plugin")
    world.fail(world.of(Role.LOADING)[0])
    world.crash(world.of(Role.WORKER)[0])
    assert not world.of(Role.WORKER)
    for _ in range(3):
        world.step(1)
        for child in world.of(Role.LOADING):
            if child.policy.bundle.files == {"hook": "1"}:
                world.load(child, digest="with the upgraded plugin")
            else:
                world.fail(child)
    (worker,) = world.of(Role.WORKER)
    assert worker.policy.digest == world.plan.current.digest == "with the upgraded plugin"


def test_a_load_that_is_not_much_slower_than_the_last_one_is_finished_before_the_next(world):
    world.save(hook="2")
    world.step(0.4)
    world.save(hook="3")
    world.load(world.of(Role.LOADING)[0])
    assert world.in_use == {"hook": "2"}
    assert world.plan.next.bundle.files == {"hook": "3"}


def test_a_load_that_takes_too_long_gives_way_to_a_newer_save_without_blame(world):
    world.save(hook="2")
    world.step(0.4)
    world.save(hook="3")
    world.step(1.0)
    assert world.plan.next.bundle.files == {"hook": "3"}
    assert [why for _, why in world.killed] == [""]
    world.load_all()
    assert (world.in_use, world.plan.failure) == ({"hook": "3"}, None)


@pytest.mark.parametrize("seconds", [0.4, 2.0, 5.0, 20.0])
def test_saves_without_a_pause_let_a_policy_that_loads_more_slowly_than_before_come_into_use(
    world, seconds
):
    began, number = world.now, 1
    while len(world.activated) == 1:
        number += 1
        world.save(hook=str(number))
        world.step(0.3)
        for child in world.of(Role.LOADING):
            if world.now - child.born >= seconds:
                world.load(child)
    assert world.now - began <= 3 * seconds + 2


def test_a_save_that_is_undone_before_it_is_loaded_changes_nothing(world):
    (worker,) = world.of(Role.WORKER)
    world.save(hook="2")
    world.save(hook="1")
    assert (world.plan.next, world.of(Role.WORKER)) == (None, [worker])


def test_no_standby_is_loaded_while_a_change_is(world):
    world.save(hook="2")
    world.crash(world.of(Role.STANDBY)[0])
    assert [child.policy.bundle.files for child in world.of(Role.LOADING)] == [{"hook": "2"}]


def test_a_change_does_not_wait_for_the_load_of_a_standby():
    world = World(processors=1)
    world.save(hook="1")
    world.load(world.of(Role.LOADING)[0])
    world.save(hook="2")
    assert [each.policy.bundle.files for each in world.of(Role.LOADING)] == [
        {"hook": "1"},
        {"hook": "2"},
    ]


def test_a_worker_that_dies_is_replaced_at_once_though_no_standby_could_be_loaded(world):
    world.crash(world.of(Role.STANDBY)[0])
    for _ in range(5):
        world.step(60)
        world.fail(world.of(Role.LOADING)[0])
    world.step(1)
    assert not world.of(Role.LOADING)
    world.crash(world.of(Role.WORKER)[0])
    world.step(1)
    world.load_all()
    assert len(world.of(Role.WORKER)) == 1


def test_a_missing_worker_is_replaced_while_a_change_is_loaded(world):
    world.save(hook="2")
    world.crash(world.of(Role.STANDBY)[0])
    world.crash(world.of(Role.WORKER)[0])
    files = [child.policy.bundle.files for child in world.of(Role.LOADING)]
    assert sorted(map(str, files)) == ["{'hook': '1'}", "{'hook': '2'}"]


def test_the_fallback_is_there_after_a_second_without_a_worker_and_goes_when_one_serves(world):
    world.crash(world.of(Role.STANDBY)[0])
    world.crash(world.of(Role.WORKER)[0])
    world.step(0.9)
    assert not world.of(Role.FALLBACK)
    world.step(0.2)
    assert len(world.of(Role.FALLBACK)) == 1
    world.load_all()
    assert not world.of(Role.FALLBACK)


def test_with_keep_a_broken_change_is_no_reason_for_the_fallback_while_a_worker_is_replaced():
    world = World(on_load_error="keep")
    world.save(hook="1")
    world.load_all()
    world.save(hook="broken")
    world.fail(world.of(Role.LOADING)[0])
    world.crash(world.of(Role.STANDBY)[0])
    world.crash(world.of(Role.WORKER)[0])
    world.step(0.9)
    assert not world.of(Role.FALLBACK)


def test_a_child_that_can_not_be_reaped_blocks_another_of_its_purpose(world):
    world.save(hook="2")
    (child,) = world.of(Role.LOADING)
    child.killed = True
    for _ in range(10):
        world.step(1)
    assert len([each for each in world.children if each.policy is child.policy]) == 1


def change(world, number):
    world.save(hook=str(number))
    while loading := world.of(Role.LOADING):
        world.load(loading[0])


def test_a_change_waits_for_old_workers_that_still_answer(world):
    slow = []
    for number in range(2, 9):
        slow += world.of(Role.WORKER)
        change(world, number)
        world.children = [
            each for each in world.children if each.role is not Role.LEAVING or each in slow
        ]
        for _ in range(5):
            for each in slow:
                each.answered_at = world.now
            world.step(0.1)
    assert [each.role for each in slow[:3]] == [Role.LEAVING] * 3
    assert (world.in_use, world.killed) == ({"hook": "5"}, [])
    world.leave_all()
    world.load_all()
    assert world.in_use == {"hook": "8"}


def test_a_policy_that_ends_temporary_failures_waits_for_nobody():
    world = World(workers=5)
    for number in range(4):
        world.save(hook=f"broken {number}")
        world.fail(world.of(Role.LOADING)[0])
        change(world, number)
        for worker in world.of(Role.WORKER):
            worker.answered_at = world.now + 60
        assert world.in_use == {"hook": str(number)}


def test_old_workers_that_wait_for_silent_clients_are_killed_when_they_are_too_many(world):
    for number in range(2, 9):
        change(world, number)
        world.step(2.0)
    assert world.in_use == {"hook": "8"}
    assert {why for _, why in world.killed} == {
        "too many processes of earlier policies are still ending"
    }


def test_a_child_that_leaves_for_longer_than_answer_time_is_killed(world):
    (worker,) = world.of(Role.WORKER)
    world.save(hook="2")
    world.load(world.of(Role.LOADING)[0])
    world.step(9)
    assert not worker.killed
    world.step(2)
    assert worker.killed


def test_code_files_that_a_load_has_read_belong_to_the_policy_from_then_on(world):
    world.save(hook="2")
    (child,) = world.of(Role.LOADING)
    world.read(child)
    world.plan.loaded(child, Policy(0, Files(hook="2", routes="a"), 0, None, "digest"), world.now)
    world.step()
    world.save(hook="2", routes="a")
    assert world.plan.next is None
    world.save(hook="2", routes="b")
    assert world.plan.next is not None


def test_when_two_children_of_a_change_have_loaded_different_bytes_it_is_loaded_again():
    world = World(workers=2)
    world.save(hook="1")
    first = world.of(Role.LOADING)[0]
    world.load(first, digest="a")
    second = next(each for each in world.of(Role.LOADING) if each is not first)
    world.load(second, digest="b")
    assert world.in_use is None
    while loading := world.of(Role.LOADING):
        world.load(loading[0], digest="b")
    assert len(world.of(Role.WORKER)) == 2
    assert world.plan.current.digest == "b"


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["save", "load", "fail", "crash", "end", "wait", "force", "kill worker"]),
        st.integers(0, 4),
    ),
    max_size=60,
)


@settings(deadline=None)
@given(
    events=EVENTS,
    workers=st.integers(1, 3),
    on_load_error=st.sampled_from(["keep", "tempfail"]),
)
def test_whatever_happens_the_newest_policy_is_in_use_in_the_end(events, workers, on_load_error):
    world = World(workers=workers, on_load_error=on_load_error)
    world.save(hook="0")
    for kind, number in events:
        loading = world.of(Role.LOADING)
        match kind:
            case "save":
                world.save(hook=str(number))
            case "force":
                world.plan.force()
                world.step()
            case "wait":
                world.step(number / 2)
            case "end":
                world.leave_all()
            case "kill worker" if world.of(Role.WORKER):
                world.crash(world.of(Role.WORKER)[0])
            case "load" if loading:
                world.load(loading[0])
            case "fail" if loading:
                world.fail(loading[0])
            case "crash" if loading:
                world.crash(loading[0])
        assert len(world.of(Role.LOADING)) <= 2 * world.processors
        assert len(world.of(Role.OBSERVER)) == 1
        assert all(child.policy is world.plan.current for child in world.of(Role.WORKER))
        if world.plan.failure and on_load_error == "tempfail":
            assert not world.of(Role.WORKER) or world.plan.current is not None
    world.save(hook="last")
    for _ in range(40):
        world.leave_all()
        world.load_all()
        world.step(2)
    assert (world.in_use, world.plan.failure) == ({"hook": "last"}, None)
    assert len(world.of(Role.WORKER)) == workers
    assert len(world.of(Role.STANDBY)) == 1
    assert not world.of(Role.FALLBACK)
