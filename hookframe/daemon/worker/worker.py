"""A worker process: a host and its clients, supervised."""

from __future__ import annotations

import faulthandler
import signal
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Final

from hookframe.api.attempt import encode_line
from hookframe.daemon.channel import (
    CHANGED,
    LEAVE,
    LOADED,
    LOOK,
    RELOAD,
    SERVE,
    SERVING,
    TRACE,
    Post,
)
from hookframe.daemon.loop import Loop
from hookframe.daemon.process import limit_memory_growth, name_process
from hookframe.daemon.rehearsal import StandbyFirst
from hookframe.daemon.scoreboard import (
    DEADLINE,
    HEARTBEAT,
    KILL_AFTER,
    LOAD_TIME,
    LOADING,
    MAX_MEMORY,
    MICROSECONDS,
    RequestMarker,
)
from hookframe.daemon.server.server import SWEEP, Server
from hookframe.daemon.status import build_document, build_lone_supervisor_part, decode
from hookframe.daemon.worker.fallback import FallbackHost
from hookframe.daemon.worker.fork_guard import ForkGuard
from hookframe.host.host import Host
from hookframe.log.exceptions import describe

if TYPE_CHECKING:
    from hookframe.config.model import Config
    from hookframe.daemon.sockets.listener import Listener
    from hookframe.daemon.status import WorkerPart
    from hookframe.host.source import Source
    from hookframe.log.log import Log

_CATCH_UP: Final = 0.1
"""Seconds that a standby may take to load a new change before it serves."""
_HEAD_START: Final = 0.01
"""Seconds for waiting clients before the worker logs its chain."""
_GRACE: Final = 0.25
"""The part of a deadline, and the least seconds, by which a hook may exceed it before the kill."""


def run_worker(
    source: Source,
    config: Config,
    listeners: Sequence[Listener],
    log: Log,
    post: Post,
    *,
    quiet: bool,
) -> int:
    """Build the chain, wait for the command to serve, and serve until the command to leave.

    Args:
        source: where the policy comes from.
        config: the configuration at the start.
        listeners: the open sockets.
        log: takes all lines.
        post: the connections to the other processes.
        quiet: whether to mute the log until it serves, as another worker logs the same.

    Returns:
        The exit status.
    """
    name_process("hookframe-work")
    faulthandler.enable(post.trace, all_threads=False)
    faulthandler.register(TRACE, post.trace, all_threads=False)
    limit_memory_growth(2 * config.limits.max_memory)
    if quiet:
        log.mute()
    marker = RequestMarker(post.slot)
    fork_guard = ForkGuard(marker, listeners, post.channel.fileno())
    rehearsal = StandbyFirst(post.scoreboard, post.slot, partial(_send, post, CHANGED))
    with Host(source, log=log, interrupt=True, rehearsal=rehearsal) as host:
        worker = Worker(host, config, listeners, log, post, marker, rehearsal, quiet=quiet)
        fork_guard.abandon = worker.abandon
        _run(worker)
    return 0


def run_fallback(config: Config, listeners: Sequence[Listener], log: Log, post: Post) -> int:
    """Serve as the fallback until the command to leave; arguments as for `run_worker`."""
    name_process("hookframe-stand")
    _run(Worker(FallbackHost(config, log), config, listeners, log, post, RequestMarker(post.slot)))
    return 0


def _run(worker: Worker) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    worker.serve()


class Worker:
    """A worker: obeys the supervisor, reports, sweeps.

    Args:
        host: decides.
        config: the configuration at the start.
        listeners: the open sockets.
        log: takes all lines.
        post: the connections to the other processes.
        marker: records on the scoreboard which request is being answered.
        rehearsal: coordinates loads; None without a policy.
        quiet: whether the log is mute until this worker serves.
    """

    def __init__(
        self,
        host: Host | FallbackHost,
        config: Config,
        listeners: Sequence[Listener],
        log: Log,
        post: Post,
        marker: RequestMarker,
        rehearsal: StandbyFirst | None = None,
        *,
        quiet: bool = False,
    ) -> None:
        self._host = host
        self._rehearsal = rehearsal
        self._quiet = quiet
        self._log = log
        self._post = post
        self._fields = post.slot.fields
        self._loop = Loop(lambda error: log.error(f"an error in the worker: {describe(error)}"))
        self._server = Server(host, listeners, config, log, marker, self._build_status, self._loop)
        self._config: Config | None = config
        self._reported: object = None
        """the server's summary at the last report"""
        self._leaving = False

    def serve(self) -> None:
        """Obey the supervisor's commands until the one to leave."""
        loop = self._loop
        loop.watch(self._post.channel.fileno(), self._read_commands)
        loop.handle_signals({signal.SIGTERM: self._stop})
        if self._rehearsal is not None:
            self._rehearsal.attach(loop)
        self._server.prepare()
        if isinstance(self._host, Host):
            self._host.call_when_changing(self._publish_limits)
        self._publish_limits()
        self._keep_sweeping()  # from now on the watchdog detects a hang
        _send(self._post, LOADED)
        loop.run()
        self._report()

    def _open(self) -> None:
        """Serve from now on."""
        if isinstance(self._host, Host):
            self._host.catch_up(_CATCH_UP)
            if self._rehearsal is not None:
                self._rehearsal.serving = True
            self._host.look()  # a serving worker checks more often
        self._server.open()
        _send(self._post, SERVING)
        self._log.unmute()
        self._loop.call_later(_HEAD_START, self._announce)

    def _announce(self) -> None:
        """Log the chain, which was not logged while another worker served."""
        if self._quiet and isinstance(self._host, Host):
            self._host.announce()

    def _stop(self) -> None:
        if not self._leaving:
            self._leaving = True
            self._loop.forget(self._post.channel.fileno())
            self._server.drain(self._loop.stop)

    def _keep_sweeping(self) -> None:
        """Sweep now and regularly."""
        self._loop.call_later(SWEEP, self._keep_sweeping)
        self._sweep()

    def _sweep(self) -> None:
        """Check the connections, and publish the heartbeat and the report."""
        self._server.sweep()
        config = self._host.config
        if config is not None and config is not self._config:
            self._config = config
            self._server.apply(config)
        if isinstance(self._host, Host):
            self._host.report_dropped_output()
        self._log.run_upkeep()
        self._write_heartbeat()
        summary = self._server.summarize()
        if summary != self._reported:
            self._reported = summary
            self._report()

    def _publish_limits(self) -> None:
        """Publish the limits of attempts and loads for the watchdog.

        The host calls it too, in the thread that changes the chain, before a change takes effect.
        """
        published: dict[int, int] = {}
        # Again until nothing changes: another thread may publish newer limits meanwhile.
        while (limits := self._read_limits()) != published:
            published = limits
            for index, value in limits.items():
                self._fields[index] = value

    def _read_limits(self) -> dict[int, int]:
        host = self._host
        limits = host.config.limits if host.config is not None else self._server.limits
        found = {LOAD_TIME: int(limits.load_time * MICROSECONDS), MAX_MEMORY: limits.max_memory}
        if isinstance(host, Host):
            found[KILL_AFTER] = int(_find_kill_time(host) * MICROSECONDS)
            found[DEADLINE] = int(_find_deadline(host) * MICROSECONDS)
            found[LOADING] = int(host.loading_since * MICROSECONDS)
        return found

    def _write_heartbeat(self) -> None:
        self._fields[HEARTBEAT] = int(monotonic() * MICROSECONDS)

    def _report(self) -> None:
        self._post.slot.publish(encode_line(self._server.build_part()))

    def _build_status(self, part: WorkerPart) -> bytes:
        """Build the status of the whole daemon."""
        scoreboard = self._post.scoreboard
        others = [each for each in map(decode, scoreboard.reports()) if each["pid"] != part["pid"]]
        supervisor = scoreboard.own.report()
        whole = decode(supervisor) if supervisor else build_lone_supervisor_part(part)
        return encode_line(build_document(whole, [part, *others], monotonic()))

    def _read_commands(self, _: int) -> None:
        """Read the supervisor's commands."""
        try:
            commands = self._post.channel.recv(16)
        except BlockingIOError:
            return
        if SERVE in commands:
            self._open()
        if RELOAD in commands and isinstance(self._host, Host):
            self._host.reload()
        if LOOK in commands and isinstance(self._host, Host):
            self._host.look()
        if LEAVE in commands or not commands:
            self._stop()

    def abandon(self) -> None:
        """Drop all requests and skip all further plugins, in a child that a hook forked."""
        self._server.forget()
        if isinstance(self._host, Host):
            self._host.abandon()


def _send(post: Post, message: bytes) -> None:
    with suppress(OSError):
        post.channel.send(message)


def _find_deadline(host: Host) -> float:
    """Return the deadline of the whole chain in seconds; 0 for none."""
    generation = host.generation
    return (generation.config.deadline or 0.0) if generation is not None else 0.0


def _find_kill_time(host: Host) -> float:
    """Return the seconds after which a hook is killed; 0 for never."""
    generation = host.generation
    longest = generation.longest if generation is not None else None
    return 0.0 if longest is None else longest + max(_GRACE, longest * _GRACE)
