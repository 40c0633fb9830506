"""`hookframe.daemon.server.selector`: clients have their turns in asyncio's event loop."""

import asyncio
import socket

import pytest

from hookframe.daemon.server.selector import ClientSelector


class Room:
    """Turns, the event loop that waits by them, and a client that is watched."""

    def __init__(self):
        self.turns = ClientSelector()
        self.loop = self.turns.new_event_loop()
        self.ours, self.client = socket.socketpair()
        self.ours.setblocking(False)
        self.events = []
        self.turns.watch(self.ours.fileno(), self.events.append, writing=False)

    def run(self, coroutine):
        return self.loop.run_until_complete(asyncio.wait_for(coroutine, 20))

    def close(self):
        self.loop.close()
        self.ours.close()
        self.client.close()


@pytest.fixture
def room():
    made = Room()
    yield made
    made.close()


def test_what_asyncio_has_to_do_is_done_while_a_client_always_has_more(room):
    def again():
        room.turns.call_later(again)

    async def done_by_a_thread():
        await asyncio.to_thread(room.events.append, "a thread")
        await asyncio.sleep(0.001)
        return "done"

    again()
    assert room.run(done_by_a_thread()) == "done"
    assert "a thread" in room.events


def test_a_client_is_told_of_its_news_once(room):
    room.client.send(b"news")
    for _ in range(3):
        room.turns.select(0)
    assert len(room.events) == 1
    room.client.send(b"more")
    room.turns.select(0)
    assert len(room.events) == 2


def test_others_have_their_turn_before_the_next_one_of_a_client(room):
    room.turns.call_later(lambda: room.events.append("later"))
    room.client.send(b"news")
    room.turns.select(0)
    assert room.events[1:] == ["later"]


def test_of_a_descriptor_that_is_ignored_nobody_is_told(room):
    room.turns.ignore(room.ours.fileno())
    room.turns.ignore(room.ours.fileno())
    room.client.send(b"news")
    room.turns.select(0)
    assert room.events == []
