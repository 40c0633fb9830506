"""The first decided delivery of contrib/mta/exim/README.md, with the README's own snippets."""

from __future__ import annotations

import re

from .exim import GENERATE

README = (GENERATE.parent / "README.md").read_text()


def snippet(language):
    (found,) = re.findall(rf"^ *```{language}\n(.*?)^ *```$", README, re.MULTILINE | re.DOTALL)
    return re.sub(r"^   ", "", found, flags=re.MULTILINE)


def test_the_readmes_hook_pauses_its_test_message_and_lets_it_pass_when_it_is_changed(
    exim, sink, make_daemon
):
    daemon = make_daemon()
    configuration = snippet("toml")
    assert 'listen = ["exim+unix:/run/hookframe/exim.sock"]' in configuration
    daemon.hook_file.write_text(snippet("python"))
    daemon.configuration.write_text(
        configuration.replace("/run/hookframe/exim.sock", str(daemon.exim))
    )
    daemon.start()

    message = b"Subject: test\n\nHello\n"
    exim.run("-odq", "test-pause@example.net", given=message)
    (msguid,) = exim.queue()
    exim.attempt(msguid)
    promised = "== test-pause@example.net R=hookframe_ask defer (-1): The hook says wait."
    assert promised in README
    assert exim.log(msguid)[-1].endswith(promised)

    daemon.hook_file.write_text("def pre_delivery_attempt():\n    return None\n")
    daemon.wait_for_generation(2)
    exim.attempt(msguid)
    assert len(sink.seen("test-pause@example.net")) == 1
