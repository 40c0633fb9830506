"""A worker of the daemon: a host and its clients, in a process that may die at any moment."""

from __future__ import annotations

import asyncio
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
from hookframe.daemon.process import limit_memory_growth, name_process
from hookframe.daemon.rehearsal import StandbyFirst
from hookframe.daemon.scoreboard import (
    DEADLINE,
    HEARTBEAT,
    LOAD_TIME,
    LOADING,
    LONGEST,
    MAX_MEMORY,
    MICROSECONDS,
    RequestMarker,
)
from hookframe.daemon.server.server import SWEEP, Server
from hookframe.daemon.status import build_document, build_lone_supervisor_part, decode
from hookframe.daemon.worker.fallback import FallbackHost
from hookframe.daemon.worker.fork_guard import ForkGuard
from hookframe.host.host import Host

if TYPE_CHECKING:
    from hookframe.config.model import Config
    from hookframe.daemon.sockets.listener import Listener
    from hookframe.daemon.status import WorkerPart
    from hookframe.host.source import Source
    from hookframe.log.log import Log

_CATCH_UP: Final = 0.1
"""Seconds that a standby may take, when it is told to serve, to load what has just been saved."""
_HEAD_START: Final = 0.01
"""Seconds for the clients that have waited, before it says what its chain is."""
_GRACE: Final = 0.25
"""How much longer than a deadline, in parts of it and in seconds at least, a hook is let live."""


def run_worker(
    source: Source,
    config: Config,
    listeners: Sequence[Listener],
    log: Log,
    post: Post,
    *,
    quiet: bool,
) -> int:
    """Build the chain, wait until told to serve, and serve until told to leave.

    Args:
        source: where the policy comes from.
        config: what the daemon was started with.
        listeners: the open sockets.
        log: takes everything that there is to say.
        post: what this process has of its own.
        quiet: whether it is to say nothing until it serves: another worker says the same.

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
    """Answer every attempt with a temp-fail until told to leave; arguments as for `work`."""
    name_process("hookframe-stand")
    _run(Worker(FallbackHost(config, log), config, listeners, log, post, RequestMarker(post.slot)))
    return 0


def _run(worker: Worker) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    worker.serve()


class Worker:
    """What goes on in a worker beside answering.

    Args:
        host: decides.
        config: what the daemon was started with.
        listeners: the open sockets.
        log: takes everything that there is to say.
        post: what this process has of its own.
        stamp: is told which request is being answered.
        rehearsal: is told when it serves; None where it loads no policy.
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
        self._server = Server(host, listeners, config, log, marker, self._build_status)
        self._reported: object = None
        """what the last report was made of"""
        self._loop: asyncio.AbstractEventLoop
        self._next_sweep: asyncio.TimerHandle | None = None
        self._stopping = asyncio.Event()
        self._serve_requested = asyncio.Event()

    def serve(self) -> None:
        """Do what the supervisor says, until it says to leave."""
        self._server.run(self._run())

    async def _run(self) -> None:
        loop = self._loop = asyncio.get_running_loop()
        loop.add_reader(self._post.channel.fileno(), self._read_commands)
        loop.add_signal_handler(signal.SIGTERM, self._stop)
        if self._rehearsal is not None:
            self._rehearsal.attach(loop)
        self._server.prepare()
        if isinstance(self._host, Host):
            self._host.changing = self._note_limits
        self._note_limits()
        self._keep_sweeping()  # from now on the supervisor can see if it hangs
        _send(self._post, LOADED)
        await self._serve_requested.wait()
        if not self._stopping.is_set():
            if isinstance(self._host, Host):
                self._host.catch_up(_CATCH_UP)
                if self._rehearsal is not None:
                    self._rehearsal.serving = True
                self._host.look()  # as a worker it looks more often, from now on
            self._server.open()
            _send(self._post, SERVING)
            self._log.unmute()
            loop.call_later(_HEAD_START, self._announce)
        await self._stopping.wait()
        await self._server.drain()
        if self._next_sweep is not None:
            self._next_sweep.cancel()
        self._report()

    def _announce(self) -> None:
        """Say what has not been said while another worker served."""
        if self._quiet and isinstance(self._host, Host):
            self._host.announce()

    def _stop(self) -> None:
        self._serve_requested.set()
        self._stopping.set()

    def _keep_sweeping(self) -> None:
        """Sweep now, and go on with it."""
        try:
            self._sweep()
        except Exception as error:  # noqa: BLE001  (without it the supervisor sees no life)
            self._log.error(f"looking after the connections failed: {error!r}")
        self._next_sweep = self._loop.call_later(SWEEP, self._keep_sweeping)

    def _sweep(self) -> None:
        """Look after the connections, and let the supervisor see how this process is."""
        self._server.sweep()
        if isinstance(self._host, Host):
            self._host.report_dropped_output()
        self._log.run_upkeep()
        self._write_heartbeat()
        summary = self._server.summarize()
        if summary != self._reported:
            self._reported = summary
            self._report()

    def _note_limits(self) -> None:
        """Show the supervisor what this process is about to do, and how long it may take.

        The host calls it as well, in the thread that changes the chain, before the change counts.
        """
        noted: dict[int, int] = {}
        while (
            now := self._read_limits()
        ) != noted:  # another thread may do the same, and know more
            noted = now
            for index, value in now.items():
                self._fields[index] = value

    def _read_limits(self) -> dict[int, int]:
        host = self._host
        limits = host.config.limits if host.config is not None else self._server.limits
        found = {LOAD_TIME: int(limits.load_time * MICROSECONDS), MAX_MEMORY: limits.max_memory}
        if isinstance(host, Host):
            found[LONGEST] = int(_find_kill_time(host) * MICROSECONDS)
            found[DEADLINE] = int(_find_deadline(host) * MICROSECONDS)
            found[LOADING] = int(host.loading_since * MICROSECONDS)
        return found

    def _write_heartbeat(self) -> None:
        self._fields[HEARTBEAT] = int(monotonic() * MICROSECONDS)

    def _report(self) -> None:
        self._post.slot.publish(encode_line(self._server.build_part()))

    def _build_status(self, part: WorkerPart) -> bytes:
        """Say how the whole daemon is."""
        scoreboard = self._post.scoreboard
        others = [each for each in map(decode, scoreboard.reports()) if each["pid"] != part["pid"]]
        supervisor = scoreboard.own.report()
        whole = decode(supervisor) if supervisor else build_lone_supervisor_part(part)
        return encode_line(build_document(whole, [part, *others], monotonic()))

    def _read_commands(self) -> None:
        """Take what the supervisor says."""
        try:
            commands = self._post.channel.recv(16)
        except BlockingIOError:
            return
        if SERVE in commands:
            self._serve_requested.set()
        if RELOAD in commands and isinstance(self._host, Host):
            self._host.reload()
        if LOOK in commands and isinstance(self._host, Host):
            self._host.look()
        if LEAVE in commands or not commands:
            self._stop()

    def abandon(self) -> None:
        """In a child that a hook has forked: answer nothing, and call no further plugin."""
        self._server.forget()
        if isinstance(self._host, Host):
            self._host.abandon()


def _send(post: Post, message: bytes) -> None:
    with suppress(OSError):
        post.channel.send(message)


def _find_deadline(host: Host) -> float:
    """Give the deadline of the whole chain in seconds; 0 for none."""
    generation = host.generation
    return (generation.config.deadline or 0.0) if generation is not None else 0.0


def _find_kill_time(host: Host) -> float:
    """Say after how many seconds a hook is killed; 0 for never."""
    generation = host.generation
    longest = generation.longest if generation is not None else None
    return 0.0 if longest is None else longest + max(_GRACE, longest * _GRACE)
