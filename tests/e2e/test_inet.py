"""Exim asks a daemon on loopback TCP."""

from __future__ import annotations

from .hooks import Policy

ADDRESS = "127.0.0.1:8026"


def test_exim_asks_over_loopback_tcp(make_exim, make_daemon, socket_path, sink):
    daemon = make_daemon()
    policy = Policy(daemon.directory)
    policy.decide({"tcp@remote.test": {"action": "new_mtaid", "new_mtaid": "vmta3"}})
    daemon.write(policy.hook, listen=[f"exim+tcp:{ADDRESS}"])
    daemon.start()
    exim = make_exim(lambda site: site.replace(str(socket_path), f"inet:{ADDRESS}"))
    exim.send("tcp@remote.test")
    [seen] = sink.seen("tcp@remote.test")
    assert seen["peer"] == "127.0.0.4"
