"""Whether clients wait to be accepted, as the supervisor sees it while every worker dozes."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from selectors import DefaultSelector

import pytest

from hookframe.config.address import Address
from hookframe.daemon.backlog import Backlog
from hookframe.daemon.sockets.listener import Listener


@pytest.fixture
def site(tmp_path):
    """Give two listening sockets, a backlog of both, and the selector."""
    with ExitStack() as stack:
        listeners = []
        for name in ("one", "other"):
            opened = stack.enter_context(socket.socket(socket.AF_UNIX))
            opened.bind(str(tmp_path / name))
            opened.listen()
            listeners.append(Listener(Address("jsonl", path=str(tmp_path / name)), opened))
        selector = stack.enter_context(DefaultSelector())
        backlog = Backlog(listeners, selector)
        stack.callback(backlog.close)
        yield [listener.socket for listener in listeners], backlog, selector


@pytest.fixture(params=[0, 1])
def called(site, request):
    """Give one of the sockets, and what lets a client connect to it."""
    listening = site[0][request.param]
    with socket.socket(socket.AF_UNIX) as client:
        yield listening, lambda: client.connect(listening.getsockname())


def test_the_first_client_wakes_who_waits_by_the_selector(site, called):
    _, backlog, selector = site
    assert backlog.watch()
    assert selector.select(0) == []
    called[1]()
    assert selector.select(5)


def test_a_client_that_still_waits_wakes_nobody_twice(site, called):
    _, backlog, selector = site
    backlog.watch()
    called[1]()
    assert not backlog.watch()
    since = backlog.waited_since
    assert since is not None
    assert selector.select(0) == []
    assert not backlog.watch()
    assert backlog.waited_since == since


def test_a_client_that_has_been_accepted_waits_no_more_and_the_next_one_wakes_again(site, called):
    _, backlog, selector = site
    called[1]()
    assert not backlog.watch()
    accepted, _ = called[0].accept()
    with accepted, socket.socket(socket.AF_UNIX) as next_one:
        assert backlog.watch()
        assert backlog.waited_since is None
        next_one.connect(called[0].getsockname())
        assert selector.select(5)


def test_who_only_looks_sees_since_when_clients_wait_and_is_not_woken(site, called):
    _, backlog, selector = site
    backlog.watch()
    assert not backlog.look()
    called[1]()
    assert selector.select(0) == []
    assert backlog.look()
    since = backlog.waited_since
    assert since is not None
    assert backlog.look()
    assert backlog.waited_since == since
