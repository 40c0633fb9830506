"""The first decided delivery of contrib/mta/exim/README.md, with the README's own snippets."""

from __future__ import annotations

import re

from .exim import GENERATE, deferred

README = (GENERATE.parent / "README.md").read_text()


def snippet(language):
    (found,) = re.findall(rf"^ *```{language}\n(.*?)^ *```$", README, re.MULTILINE | re.DOTALL)
    return re.sub(r"^   ", "", found, flags=re.MULTILINE)


def test_the_readmes_hook_pauses_its_test_message_and_lets_it_pass_when_it_is_changed(
    exim, sink, make_daemon
):
    daemon = make_daemon()
    configuration = snippet("toml")
    assert 'listen = ["exim+unix:/run/hookframe/exim.sock", "unix:' in configuration
    daemon.hook_file.write_text(snippet("python"))
    daemon.configuration.write_text(
        configuration.replace("/run/hookframe/exim.sock", str(daemon.exim)).replace(
            "/run/hookframe/hookframe.sock", str(daemon.exim.with_name("hookframe.sock"))
        )
    )
    daemon.start()

    message = b"Subject: test\n\nHello\n"
    exim.run("-odq", "test-pause@example.net", given=message)
    (msguid,) = exim.queue()
    exim.attempt(msguid)
    (promised,) = re.findall(r"^ +(== .*)$", README, re.MULTILINE)
    assert exim.deferrals(msguid) == dict([deferred(f" {promised}")])
    assert " R=hookframe_ask " in promised
    assert " R=hookframe_ask " in exim.log(msguid)[-1]

    daemon.hook_file.write_text("def pre_delivery_attempt():\n    return None\n")
    daemon.wait_for_generation(2)
    exim.attempt(msguid)
    assert len(sink.seen("test-pause@example.net")) == 1
