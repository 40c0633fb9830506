"""A worker process: loads a policy, and serves clients until another policy is in use."""

from __future__ import annotations

import faulthandler
import os
import signal
from collections.abc import Callable, Sequence
from time import monotonic
from typing import TYPE_CHECKING

from hookframe.api.attempt import encode_line
from hookframe.api.errors import ConfigError
from hookframe.daemon import channel
from hookframe.daemon.bundle import Bundle
from hookframe.daemon.channel import LONGEST_TEXT, TRACE, Post, Settings
from hookframe.daemon.loop import Loop
from hookframe.daemon.process import limit_memory_growth, name_process
from hookframe.daemon.scoreboard import HEARTBEAT, MICROSECONDS, POLICY, RequestMarker
from hookframe.daemon.server.server import SWEEP, Server
from hookframe.daemon.status import build_document, build_lone_supervisor_part, decode
from hookframe.daemon.worker.fork_guard import ForkGuard
from hookframe.host.host import Host
from hookframe.host.loader import format_load_error
from hookframe.log.exceptions import describe
from hookframe.log.setup import make_daemon_log

if TYPE_CHECKING:
    from hookframe.config.model import Config
    from hookframe.daemon.protocols.base import Decider
    from hookframe.daemon.sockets.listener import Listener
    from hookframe.daemon.status import WorkerPart
    from hookframe.host.source import PolicyFiles, Source
    from hookframe.log.log import Log
    from hookframe.log.pipe import LogPipe


def run_worker(
    source: Source,
    bundle: Bundle,
    listeners: Sequence[Listener],
    log: Log,
    pipe: LogPipe,
    post: Post,
    *,
    quiet: bool,
) -> int:
    """Load a policy, wait for the command to serve, and serve until the one to leave.

    Args:
        source: where the policy comes from.
        bundle: the files of the policy.
        listeners: the open sockets.
        log: takes all lines.
        pipe: carries log lines to the observer.
        post: the connections to the other processes.
        quiet: whether to mute the log until it serves, as another worker logs the same.

    Returns:
        The exit status.
    """
    name_process("hookframe-work")
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    faulthandler.enable(post.trace, all_threads=False)
    faulthandler.register(TRACE, post.trace, all_threads=False)
    post.slot.phase = "reading the policy"
    files = bundle.read(source)
    if isinstance(files.config, ConfigError):
        _fail(post, format_load_error(files.config), bundle)
        return 0
    config = files.config
    settings = Settings.of(config)
    post.channel.send(channel.Read(settings))
    log.replace(make_daemon_log(config.log, pipe))
    limit_memory_growth(2 * settings.max_memory)
    if quiet:
        log.mute()
    marker = RequestMarker(post.slot)
    fork_guard = ForkGuard(marker, listeners, post.channel.fileno())
    loop = Loop(lambda error: log.error(f"an error in the worker: {describe(error)}"))
    with Host(
        source,
        watch=False,
        log=log,
        interrupt=True,
        cells=post.slot.cells,
        files=files,
        phase=lambda text: setattr(post.slot, "phase", text),
        logs_loads=False,
    ) as host:
        try:
            used = _bundle_of(host.files, bundle)
        except OSError as error:  # it has opened all that it may
            problem = host.problem or f"no descriptor is free after the load: {error}"
            _fail(post, problem, bundle)
            return 0
        if host.generation is None:
            _fail(post, host.problem, used)
            return 0
        worker = Worker(host, config, listeners, log, post, marker, loop)
        fork_guard.abandon = worker.abandon
        loaded = channel.Loaded(host.digest, host.versions, host.announcement)
        _report_load(post, loaded, used)
        post.slot.phase = ""
        worker.run()
    return 0


def _bundle_of(files: PolicyFiles, bundle: Bundle) -> Bundle:
    """Return a bundle of the files that were used; the given one if it has no others."""
    used = {os.fsencode(file.path) for file in files.files}
    return bundle if bundle.files.keys() == used else Bundle.of(files)


def _fail(post: Post, problem: str, bundle: Bundle) -> None:
    _report_load(post, channel.Failed(problem[:LONGEST_TEXT]), bundle)


def _report_load(post: Post, result: channel.Message, bundle: Bundle) -> None:
    """Send the result of the load; this process must not go on unnoticed.

    Raises:
        OSError: it can't be sent.
    """
    if not post.channel.send(result, bundle.fileno()):
        raise OSError("the result of the load can't be sent to the supervisor")


class Worker:
    """A process that answers clients: obeys the supervisor, reports, sweeps.

    Args:
        host: decides.
        config: its configuration.
        listeners: the open sockets.
        log: takes all lines.
        post: the connections to the other processes.
        marker: records on the scoreboard which request is being answered.
        loop: calls it.
        number: the policy in use while it may accept clients; `Serve` sets it.
    """

    def __init__(
        self,
        host: Decider,
        config: Config,
        listeners: Sequence[Listener],
        log: Log,
        post: Post,
        marker: RequestMarker,
        loop: Loop,
        number: int = 0,
    ) -> None:
        self._host = host
        self._log = log
        self._post = post
        self._loop = loop
        self._number = number
        self._in_use = post.scoreboard.own.fields
        self._server = Server(
            host,
            listeners,
            config,
            log,
            marker,
            self._build_status,
            loop,
            may_accept=self._may_accept,
            on_superseded=self._leave,
            on_exhausted=self._report_exhausted,
            on_error=self._report_error,
        )
        self._reported: object = None
        """the server's summary at the last report"""
        self._leaving = False
        self.explain_failures: Callable[[str], object] = _do_nothing
        """takes why all attempts fail, in the fallback"""

    def run(self, *, serve: bool = False) -> None:
        """Obey the supervisor's commands until the one to leave.

        Args:
            serve: whether to serve at once, without the command.
        """
        self._loop.watch(self._post.channel.fileno(), self._read_commands)
        self._loop.handle_signals({signal.SIGTERM: self._leave})
        self._server.prepare()
        self._sweep()  # from now on the watchdog detects a hang
        if serve:
            self._serve()
        self._loop.run()
        self._report()

    def _may_accept(self) -> bool:
        """Return whether the policy of this process is in use."""
        return self._in_use[POLICY] == self._number

    def _read_commands(self, _: int) -> None:
        """Obey the supervisor's commands; end when it has ended."""
        for message, _descriptor in self._post.channel.receive():
            match message:
                case channel.Serve() if not self._leaving:
                    self._number = message.number
                    self._serve()
                case channel.Explain():
                    self.explain_failures(message.problem)
                case channel.Leave():
                    self._leave()
        if self._post.channel.closed:
            self._leave()

    def _serve(self) -> None:
        """Accept clients from now on."""
        self._server.open()
        self._log.unmute()
        self._report()  # the number of the policy was not known before
        self._post.channel.send(channel.Serving())

    def _leave(self) -> None:
        """Answer what was received, then end."""
        if not self._leaving:
            self._leaving = True
            self._loop.forget(self._post.channel.fileno())
            self._server.drain(self._loop.stop)

    def _sweep(self) -> None:
        """Check the connections, and publish the heartbeat and the report; again and again."""
        self._loop.call_later(SWEEP, self._sweep)
        self._post.slot.fields[HEARTBEAT] = int(monotonic() * MICROSECONDS)
        self._server.sweep()
        if isinstance(self._host, Host):
            self._host.report_dropped_output()
            if self._host.internal_errors:
                self._report_error("an attempt failed by an error of hookframe's own")
        self._log.run_upkeep()
        summary = self._server.summarize()
        if summary != self._reported:
            self._reported = summary
            self._report()

    def _report(self) -> None:
        self._post.slot.publish(encode_line(self._number_part(self._server.build_part())))

    def _number_part(self, part: WorkerPart) -> WorkerPart:
        """Put the daemon's number of the policy into this process's part of the status."""
        if part["generation"] is None:
            return part
        return {**part, "generation": self._number or self._in_use[POLICY]}

    def _report_exhausted(self, text: str) -> None:
        """Ask to be replaced: no client can be accepted for want of descriptors."""
        self._post.channel.send(channel.Unfit(channel.DESCRIPTORS, text))

    def _report_error(self, text: str) -> None:
        """Ask to be replaced after an error of hookframe's own."""
        self._post.channel.send(channel.Unfit(channel.INTERNAL, text))

    def _build_status(self, part: WorkerPart) -> bytes:
        """Build the status of the whole daemon."""
        scoreboard = self._post.scoreboard
        others = [each for each in map(decode, scoreboard.reports()) if each["pid"] != part["pid"]]
        supervisor = scoreboard.own.report()
        whole = decode(supervisor) if supervisor else build_lone_supervisor_part(part)
        parts = [self._number_part(part), *others]
        return encode_line(build_document(whole, parts, monotonic()))

    def abandon(self) -> None:
        """Drop all requests and skip all further plugins, in a child that a hook forked."""
        self._server.forget()
        if isinstance(self._host, Host):
            self._host.abandon()


def _do_nothing(_: object) -> None:
    """Do nothing."""
