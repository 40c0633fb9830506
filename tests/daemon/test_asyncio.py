"""A hook may use asyncio as in a plain program: no event loop runs around it."""

from __future__ import annotations

import pytest

from hookframe import Host

from ..helpers.attempts import attempt

pytestmark = pytest.mark.slow

LOOK = """
import asyncio


async def look(attempt):
    await asyncio.sleep(0.001)
    return {"action": "pause", "message": "looked"}


def pre_delivery_attempt(attempt):
"""
WAYS = {
    "run": "    return asyncio.run(look(attempt))\n",
    "a runner": """
    with asyncio.Runner() as runner:
        return runner.run(look(attempt))
""",
    "a new loop": """
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(look(attempt))
    finally:
        loop.close()
""",
    "a loop that is set": """
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        return asyncio.get_event_loop().run_until_complete(look(attempt))
    finally:
        asyncio.set_event_loop(None)
        loop.close()
""",
    "a signal handler": """
    async def with_a_handler():
        import signal

        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, print)
        loop.remove_signal_handler(signal.SIGUSR1)
        return await look(attempt)

    return asyncio.run(with_a_handler())
""",
}
LOOKED = {"action": "pause", "message": "looked"}


@pytest.mark.parametrize("way", WAYS)
def test_a_hook_that_uses_asyncio_decides_in_the_daemon_as_in_a_program(fresh, way):
    daemon = fresh()
    daemon.write(LOOK + WAYS[way])
    daemon.start()
    with daemon.connect() as client, Host.from_config(daemon.configuration) as host:
        for _ in range(3):
            assert client.ask(attempt()) == host.decide(attempt()) == LOOKED
    assert daemon.stop() == 0


def test_a_hook_may_use_asyncio_in_a_daemon_of_one_process_too(fresh):
    daemon = fresh()
    daemon.write(LOOK + WAYS["a signal handler"])
    daemon.start("sh", "-c", 'exec "$@" --unsupervised', "sh")
    assert daemon.ask(attempt()) == LOOKED
    assert daemon.stop() == 0
