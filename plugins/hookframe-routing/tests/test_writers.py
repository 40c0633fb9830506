"""A rule file that somebody writes in place while attempts are decided."""

from __future__ import annotations

import subprocess
import threading
import time

import pytest
from hookframe_routing import Routing, RoutingError

from hookframe.testing import eventually

OLD = '[[rule]]\nnew_mtaid = "old"\n'
NEW = '[[rule]]\nmatch.sendid = "shop"\nnew_mtaid = "new"\n[[rule]]\nnew_mtaid = "rest"\n'
HALF = '[[rule]]\nmatch.sendid = "shop"\nnew_mtaid = "new"\n'
PAUSE = 0.5
"""Seconds for which a slow writer does nothing, with the file open."""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "routing.toml"
    path.write_text(OLD)
    return path


@pytest.fixture
def configured(file):
    """A plugin with these rules that looks at their file in every attempt."""
    plugin = Routing()
    plugin.configure({"file": str(file), "check_every": "0s"})
    return plugin


@pytest.fixture
def given(attempt):
    """Says which VirtualMTA a plugin gives to mail that the whole table sends to the rest."""
    return lambda plugin: plugin.pre_delivery_attempt(attempt(sendid="other"))["new_mtaid"]


def during_a_pause():
    """Go on until the writer does."""
    end = time.monotonic() + PAUSE
    while time.monotonic() < end:
        yield


@pytest.mark.slow
def test_a_table_that_a_slow_program_generates_is_in_force_once_it_is_whole(
    configured, file, given
):
    # Half of it is valid TOML.
    with subprocess.Popen(["sh", "-c", 'cat > "$0"', file], stdin=subprocess.PIPE) as generate:
        eventually(lambda: file.stat().st_size == 0)
        assert all(given(configured) == "old" for _ in during_a_pause())
        generate.stdin.write(HALF.encode())
        generate.stdin.flush()
        eventually(lambda: file.stat().st_size == len(HALF))
        assert all(given(configured) == "old" for _ in during_a_pause())
        generate.stdin.write(NEW.removeprefix(HALF).encode())
    eventually(lambda: given(configured) == "rest")


@pytest.mark.slow
def test_a_writer_makes_the_next_look_soon(file, given):
    plugin = Routing()
    settings = {"file": str(file), "check_every": "200ms"}
    plugin.configure(settings)
    with file.open("w") as writer:
        assert all(given(plugin) == "old" for _ in during_a_pause())
        plugin.configure(settings)
        assert given(plugin) == "old"
        writer.write(NEW)
    eventually(lambda: given(plugin) == "rest")


def test_a_file_that_was_lost_stays_an_error_until_the_new_one_is_whole(configured, file, given):
    file.unlink()
    with pytest.raises(RoutingError, match="does not exist"):
        given(configured)
    with file.open("w") as writer:
        writer.write(HALF)
        writer.flush()
        for _ in range(3):
            with pytest.raises(RoutingError, match="does not exist"):
                given(configured)
        writer.write(NEW.removeprefix(HALF))

    def is_back():
        try:
            return given(configured) == "rest"
        except RoutingError:
            return False

    eventually(is_back)


@pytest.mark.slow
def test_a_first_file_that_nobody_stops_writing_is_refused(file, given):
    plugin = Routing()
    with file.open("w") as writer:
        writer.write(HALF)
        writer.flush()
        with pytest.raises(RoutingError) as caught:
            plugin.configure({"file": str(file)})
        writer.write(NEW.removeprefix(HALF))
    assert str(caught.value) == (
        f"{file}: somebody is writing it, or was a moment ago, and half of the rules are not taken "
        "for all; expected it to be closed: wait for that, or write a new file beside it and "
        "rename that over it"
    )
    plugin.configure({"file": str(file)})
    assert given(plugin) == "rest"


@pytest.mark.slow
def test_a_first_file_is_waited_for_while_its_writer_comes_to_an_end(file, given):
    writer = file.open("w")
    writer.write(NEW)
    closing = threading.Timer(0.2, writer.close)
    closing.start()
    plugin = Routing()
    plugin.configure({"file": str(file)})
    assert given(plugin) == "rest"
    closing.join()
