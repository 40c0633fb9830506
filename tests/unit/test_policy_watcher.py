"""`hookframe.host.watcher`: changed files are delivered once they are complete."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from queue import Queue
from threading import Event, Thread

import pytest

from hookframe.host.source import ConfigFile
from hookframe.host.watcher import PolicyWatcher
from hookframe.log.log import Log
from hookframe.testing import eventually

from ..helpers.site import hook, policy
from ..helpers.wait import for_a_while

PATIENCE = 20


class Watched:
    """A watcher of a site, and what it has delivered."""

    def __init__(self, site, seen=None, source=None):
        self.delivered = Queue()
        self.source = source or ConfigFile(site.config)
        self.watcher = PolicyWatcher(self.source, self.delivered.put, Log(), seen)

    def next(self):
        return self.delivered.get(timeout=PATIENCE)


@contextmanager
def watching(site, seen=None, source=None):
    watched = Watched(site, seen, source)
    watched.watcher.start()
    try:
        yield watched
    finally:
        watched.watcher.stop()


@pytest.fixture
def seen(site):
    site.configure(policy(hook_file="hook.py"), hook("return None"))
    return ConfigFile(site.config).read()


def test_without_a_known_policy_the_first_reading_is_delivered_at_once(site, seen):
    with watching(site) as watched:
        assert watched.next().digest == seen.digest


def test_the_first_reading_is_delivered_though_a_process_has_the_file_open_for_writing(site, seen):
    with site.file.open("a"), watching(site) as watched:
        assert watched.next().digest == seen.digest


def test_a_known_policy_is_not_delivered_but_a_change_is_and_its_undoing(site, seen):
    with watching(site, seen) as watched:
        site.save(hook("return {'action': 'dump'}"))
        assert b"dump" in watched.next().hook_files[0].content
        site.save(hook("return None"))
        assert watched.next().digest == seen.digest
        assert watched.delivered.empty()


def test_a_file_is_delivered_whole_and_once(site, seen):
    with watching(site, seen) as watched:
        with site.file.open("w") as file:
            for piece in ("def pre_delivery_attempt(", "attempt):\n", "    return None\n"):
                file.write(piece)
                file.flush()
                for_a_while(0.1, watched.delivered.empty)
            assert watched.delivered.empty()
        assert watched.next().hook_files[0].content.endswith(b"return None\n")
        assert watched.delivered.empty()


def test_a_forced_reading_is_delivered_though_nothing_has_changed(site, seen):
    with watching(site, seen) as watched:
        watched.watcher.force()
        assert watched.next().digest == seen.digest


def test_other_code_files_are_delivered_and_watched_missing_ones_too(site, seen):
    code = site.directory / "code.txt"
    with watching(site, seen) as watched:
        watched.watcher.watch_also([str(code)])
        [file] = watched.next().code_files
        assert "does not exist" in file.error
        code.write_text("here")
        [file] = watched.next().code_files
        assert (file.error, file.content) == (None, b"here")


def test_nothing_that_was_read_before_is_delivered_after_other_code_files_are_named(site, seen):
    reading, go_on = Event(), Event()

    class Slow(ConfigFile):
        def read(self, code_files=()):
            found = super().read(code_files)
            if b"dump" in found.hook_files[0].content and not go_on.is_set():
                reading.set()
                go_on.wait(PATIENCE)
            return found

    with watching(site, seen, Slow(site.config)) as watched:
        site.save(hook("return {'action': 'dump'}"))
        assert reading.wait(PATIENCE)
        site.save(hook("return {'action': 'pause'}"))
        watched.watcher.watch_also([])
        go_on.set()
        assert b"pause" in watched.next().hook_files[0].content


def test_it_runs_in_the_callers_thread_until_it_is_stopped(site, seen):
    watched = Watched(site, seen)
    beats = Queue()
    watched.watcher.beat = lambda: beats.put(threading.current_thread().name)
    thread = Thread(target=watched.watcher.run, name="of-the-caller")
    thread.start()
    assert [beats.get(timeout=PATIENCE) for _ in range(3)] == ["of-the-caller"] * 3
    watched.watcher.stop()
    thread.join(PATIENCE)
    assert not thread.is_alive()


def test_errors_are_logged_once_a_second_without_spinning_and_watching_goes_on(site, seen, log):
    reads = []

    class Failing(ConfigFile):
        def read(self, code_files=()):
            reads.append(1)
            if len(reads) <= 4:
                raise MemoryError
            return super().read(code_files)

    with watching(site, seen, Failing(site.config)) as watched:
        for_a_while(0.4, watched.watcher.look)
        assert len(reads) <= 3
        site.save(hook("return {'action': 'dump'}"))
        assert b"dump" in watched.next().hook_files[0].content
    errors = [line for line in log.all if "checking for changes failed" in line]
    assert 1 <= len(errors) <= 2


def test_a_receiver_that_fails_gets_the_reading_again(site, seen, log):
    taken = []

    def deliver(files):
        taken.append(files)
        if len(taken) == 1:
            raise OSError("the channel is full")

    watcher = PolicyWatcher(ConfigFile(site.config), deliver, Log(), seen)
    watcher.start()
    try:
        site.save(hook("return {'action': 'dump'}"))
        eventually(lambda: len(taken) >= 2)
        assert taken[0].digest == taken[1].digest
    finally:
        watcher.stop()
