"""The daemon in one process, without a supervisor: for a debugger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic
from typing import TYPE_CHECKING

from hookframe.api.attempt import encode_line
from hookframe.daemon.loop import Loop
from hookframe.daemon.scoreboard import RequestMarker, Slot
from hookframe.daemon.server.server import SWEEP, Server
from hookframe.daemon.signals import RELOAD, STOP, EarlySignals
from hookframe.daemon.status import build_document, build_lone_supervisor_part
from hookframe.host.host import Host
from hookframe.log.exceptions import describe

if TYPE_CHECKING:
    from hookframe.config.model import Config
    from hookframe.daemon.sockets.listener import Listener
    from hookframe.daemon.status import WorkerPart
    from hookframe.daemon.systemd import Notifier
    from hookframe.host.source import Source
    from hookframe.log.log import Log


def serve_in_process(
    source: Source, config: Config, listeners: Sequence[Listener], log: Log, notifier: Notifier
) -> None:
    """Serve in this process until a signal to stop; a hook that can't be interrupted blocks it.

    Args:
        source: where the policy comes from.
        config: the configuration at the start.
        listeners: the open sockets.
        log: takes all lines.
        notifier: reports to the service manager.
    """
    early = EarlySignals()
    with Host(source, log=log, interrupt=True) as host:
        daemon = _Daemon(host, config, listeners, log, notifier)
        daemon.run(early.received)


def _build_status(part: WorkerPart) -> bytes:
    return encode_line(build_document(build_lone_supervisor_part(part), [part], monotonic()))


class _Daemon:
    """The one process: serves, loads changes, obeys signals.

    Args:
        host: decides.
        config: the configuration at the start.
        listeners: the open sockets.
        log: takes all lines.
        notifier: reports to the service manager.
    """

    def __init__(
        self,
        host: Host,
        config: Config,
        listeners: Sequence[Listener],
        log: Log,
        notifier: Notifier,
    ) -> None:
        self._host = host
        self._config = config
        self._listeners = listeners
        self._log = log
        self._notifier = notifier
        self._loop = Loop(self._report_error)
        marker = RequestMarker(Slot())
        self._server = Server(host, listeners, config, log, marker, _build_status, self._loop)

    def run(self, early: set[int]) -> None:
        """Serve until a signal to stop, then answer what clients have sent.

        Args:
            early: the signals that came while the policy was loaded.
        """
        functions: dict[int, Callable[[], None]] = {RELOAD: self._reload}
        functions.update(dict.fromkeys(STOP, self._stop))
        self._loop.handle_signals(functions)
        for number in sorted(early):
            self._loop.call_soon(functions[number])
        self._server.prepare()
        self._server.open()
        where = f"listening on {', '.join(map(str, self._listeners))}"
        self._log.info(where)
        self._notifier.ready(where)
        self._sweep()
        self._loop.run()
        self._loop.close()

    def _sweep(self) -> None:
        """Check the connections, and apply what has changed; again and again."""
        self._loop.call_later(SWEEP, self._sweep)
        self._server.sweep()
        self._host.apply_change()
        config = self._host.config
        if config is not None and config is not self._config:
            self._config = config
            self._server.apply(config)
        self._host.report_dropped_output()
        self._log.run_upkeep()
        self._notifier.ping()

    def _reload(self) -> None:
        self._log.info("SIGHUP: rebuilding the chain")
        self._host.reload()

    def _stop(self) -> None:
        self._notifier.stopping()
        self._log.info(f"stopping: {self._server.connected} connections to finish")
        self._server.drain(self._loop.stop)

    def _report_error(self, error: Exception) -> None:
        self._log.error(f"an error of hookframe's own: {describe(error)}")
