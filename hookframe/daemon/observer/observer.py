"""The observer: a child without plugin code, with a thread for each thing that may block."""

from __future__ import annotations

import os
import select
import signal
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, Final

from hookframe.daemon import channel
from hookframe.daemon.bundle import Bundle
from hookframe.daemon.observer.upgrades import UpgradeCheck
from hookframe.daemon.process import name_process
from hookframe.daemon.scoreboard import HEARTBEAT, MICROSECONDS
from hookframe.host.watcher import PolicyWatcher
from hookframe.log.setup import make_daemon_log
from hookframe.log.writer import LogWriter

if TYPE_CHECKING:
    from hookframe.config.model import LogTable
    from hookframe.daemon.channel import Post
    from hookframe.host.source import PolicyFiles, Source
    from hookframe.log.pipe import LogPipe

_NOTHING_NOTICED: Final = 1
"""A heartbeat of long ago: from its start the watchdog expects others."""
_LAST_LINES: Final = 1.5
"""Seconds in which the rest of the log is written at the end."""


def run_observer(source: Source, pipe: LogPipe, table: LogTable, post: Post) -> int:
    """Observe until the command to leave.

    Args:
        source: where the policy comes from.
        pipe: carries the log lines of all processes.
        table: where the log is written.
        post: the connections to the supervisor.

    Returns:
        The exit status.
    """
    name_process("hookframe-watch")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it writes the last lines of the others
    Observer(source, pipe, table, post).run()
    return 0


class Observer:
    """Watches the policy, writes the log, and compares versions; arguments as `run_observer`."""

    def __init__(self, source: Source, pipe: LogPipe, table: LogTable, post: Post) -> None:
        self._post = post
        log = make_daemon_log(table, pipe)
        self._writer = LogWriter(pipe.reading, table, pipe.take_lost)
        self._watcher = PolicyWatcher(source, self._deliver, log)
        self._watcher.beat = self._beat
        self._asked = False
        """whether the supervisor has asked for the files"""
        self._upgrades = UpgradeCheck(self._report_upgrades)

    def run(self) -> None:
        """Obey the supervisor's commands until the one to leave."""
        self._post.slot.fields[HEARTBEAT] = _NOTHING_NOTICED
        threads = {
            "watch": self._watcher.run,
            "log": self._writer.run,
            "versions": self._upgrades.run,
        }
        for name, main in threads.items():
            Thread(target=main, name=f"hookframe-{name}", daemon=True).start()
        commands = self._post.channel
        while not commands.closed:
            select.select([commands], [], [])
            for message, _ in commands.receive():
                if isinstance(message, channel.Leave):
                    self._writer.finish(monotonic() + _LAST_LINES)
                    return
                self._obey(message)

    def _obey(self, message: channel.Message) -> None:
        match message:
            case channel.Watch():
                self._watcher.watch_also(map(os.fsdecode, message.paths))
                self._upgrades.compare(message.versions)
            case channel.Reread():
                self._asked = True
                self._watcher.force()
            case channel.WriteLog():
                self._writer.reopen(message.table)

    def _deliver(self, policy_files: PolicyFiles) -> None:
        """Send the settled files to the supervisor; called in the watcher's thread.

        Raises:
            OSError: they can't be sent; the watcher delivers them again.
        """
        bundle = Bundle.of(policy_files)
        asked, self._asked = self._asked, False
        if not self._post.channel.send(channel.Changed(asked), bundle.fileno()):
            self._asked = self._asked or asked
            raise OSError("the files can't be sent to the supervisor")

    def _report_upgrades(self, texts: tuple[str, ...]) -> None:
        self._post.channel.send(channel.Upgrades(texts))

    def _beat(self) -> None:
        """Show that changes are noticed."""
        self._post.slot.fields[HEARTBEAT] = int(monotonic() * MICROSECONDS)
