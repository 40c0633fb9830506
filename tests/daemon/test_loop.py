"""`hookframe.daemon.loop`: descriptors, timers, signals and turns."""

import os
import signal
import socket
import threading
from select import EPOLLIN, EPOLLOUT

import pytest

from hookframe.daemon.loop import Loop


@pytest.fixture
def errors():
    return []


@pytest.fixture
def loop(errors):
    made = Loop(errors.append)
    handlers = {each: signal.getsignal(each) for each in (signal.SIGHUP, signal.SIGUSR1)}
    yield made
    made.close()
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def run_for(loop, seconds):
    loop.call_later(seconds, loop.stop)
    loop.run()


def test_a_function_is_called_as_long_as_its_descriptor_is_ready(loop, pair):
    ours, theirs = pair
    seen = []

    def ready(events):
        seen.append((events, ours.recv(1)))
        if len(seen) == 3:
            loop.stop()

    loop.watch(ours.fileno(), ready)
    theirs.send(b"abc")
    loop.run()
    assert seen == [(EPOLLIN, b"a"), (EPOLLIN, b"b"), (EPOLLIN, b"c")]


def test_watching_again_replaces_the_function_and_the_events(loop, pair):
    ours, theirs = pair
    seen = []
    loop.watch(ours.fileno(), lambda _: pytest.fail("it was replaced"))
    loop.watch(ours.fileno(), lambda events: (seen.append(events), loop.stop()), EPOLLOUT)
    theirs.send(b"not to be read")
    loop.run()
    assert seen == [EPOLLOUT]


def test_a_forgotten_descriptor_is_not_watched(loop, pair):
    ours, theirs = pair
    loop.watch(ours.fileno(), lambda _: pytest.fail("it was forgotten"))
    theirs.send(b"news")
    loop.forget(ours.fileno())
    loop.forget(ours.fileno())
    run_for(loop, 0.01)


def test_a_descriptor_that_somebody_else_has_closed_can_be_forgotten(loop, errors):
    read, write = os.pipe()
    loop.watch(read, lambda _: None)
    os.close(read)
    os.close(write)
    loop.forget(read)
    run_for(loop, 0)
    assert errors == []


def test_timers_come_in_the_order_of_their_times(loop):
    seen = []
    loop.call_later(0.02, lambda: (seen.append("last"), loop.stop()))
    loop.call_later(0, lambda: seen.append("first"))
    loop.call_later(0.01, lambda: seen.append("second"))
    loop.run()
    assert seen == ["first", "second", "last"]


def test_a_cancelled_timer_is_not_called(loop):
    timer = loop.call_later(0, lambda: pytest.fail("it was cancelled"))
    timer.cancel()
    timer.cancel()
    run_for(loop, 0.01)


def test_others_have_their_turn_before_the_next_one_of_a_client(loop, pair):
    ours, theirs = pair
    seen = []

    def again():
        seen.append("again")
        if len(seen) < 9:
            loop.call_soon(again)
        else:
            loop.stop()

    loop.call_soon(again)
    loop.call_soon(lambda: seen.append("other"))
    loop.call_later(0, lambda: seen.append("timer"))
    loop.watch(ours.fileno(), lambda _: (seen.append("client"), ours.recv(1)))
    theirs.send(b"1")
    loop.run()
    assert seen[:4] == ["client", "again", "other", "timer"]
    assert set(seen[4:]) == {"again"}


def test_errors_are_passed_on_once_a_second_and_keep_nothing_else_from_its_turn(loop, errors, pair):
    ours, theirs = pair
    seen = []
    loop.watch(ours.fileno(), lambda _: 1 / 0)
    theirs.send(b"never read")
    loop.call_soon(lambda: 1 / 0)
    loop.call_soon(lambda: seen.append("soon"))
    loop.call_later(0, lambda: 1 / 0)
    loop.call_later(0.01, lambda: (seen.append("timer"), loop.stop()))
    loop.run()
    assert seen == ["soon", "timer"]
    assert [type(each) for each in errors] == [ZeroDivisionError]


def test_an_error_in_the_function_that_takes_errors_ends_nothing():
    loop = Loop(lambda error: 1 / 0)
    loop.call_soon(lambda: 1 / 0)
    run_for(loop, 0.01)
    loop.close()


def test_another_thread_wakes_the_loop(loop):
    def call_from_outside():
        loop.call_soon(loop.stop)
        loop.wake()

    thread = threading.Thread(target=call_from_outside)
    loop.call_soon(thread.start)
    loop.run()
    thread.join()


def test_waking_it_often_does_not_block(loop):
    for _ in range(100_000):
        loop.wake()
    run_for(loop, 0)


def test_a_signal_is_handled_between_other_functions(loop):
    seen = []
    loop.handle_signals({signal.SIGHUP: lambda: seen.append("hup"), signal.SIGUSR1: loop.stop})

    def work():
        os.kill(os.getpid(), signal.SIGHUP)
        seen.append("work")
        os.kill(os.getpid(), signal.SIGUSR1)

    loop.call_soon(work)
    loop.run()
    assert seen == ["work", "hup"]


def test_a_signal_ends_the_wait(loop):
    loop.handle_signals({signal.SIGUSR1: loop.stop})
    main = threading.main_thread().ident
    thread = threading.Timer(0.02, signal.pthread_kill, (main, signal.SIGUSR1))
    thread.start()
    loop.run()
    thread.join()


def test_a_signal_is_handled_although_a_hook_took_the_wake_up_descriptor(loop):
    loop.handle_signals({signal.SIGUSR1: loop.stop})
    signal.set_wakeup_fd(-1)
    loop.call_later(0, lambda: os.kill(os.getpid(), signal.SIGUSR1))
    loop.run()


def test_a_forked_child_that_closes_the_loop_leaves_the_parents_alone(loop, pair):
    ours, theirs = pair
    loop.watch(ours.fileno(), lambda _: loop.stop())
    child = os.fork()
    if child == 0:
        loop.close()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    theirs.send(b"news")
    loop.run()
