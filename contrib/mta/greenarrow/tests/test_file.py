"""The file is loaded as GreenArrow loads one, and its settings are checked then."""

from __future__ import annotations

import re
import subprocess

import pytest

from .host import FILE, GreenArrow, with_settings
from .servers import answer_all, dumped

OF_THE_PACKAGE = {"BEGIN", "__ANON__", "DEADLINE"}
"""What Perl itself puts there, and the setting that these tests do."""


@pytest.fixture
def edited(stack):
    """Give a host whose file has another line for one setting."""

    def edited(name, value):
        host = GreenArrow("unix:/nowhere")
        stack.callback(host.close)
        text, found = re.subn(
            rf"(?m)^(my|our) \${name} = .*;$",
            lambda _: f"my ${name} = {value};",
            with_settings("unix:/nowhere"),
        )
        assert found == 1
        host.file.write_text(text, "utf-8")
        return host

    return edited


def test_it_compiles_without_a_warning(tmp_path):
    done = subprocess.run(
        ["perl", "-wc", FILE], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"{FILE} syntax OK\n"


@pytest.mark.parametrize("how", ["eval", "do"])
def test_it_is_loaded_by_either_way_and_again_and_again(host, serve, how):
    asking = host(serve(answer_all, answer_all, answer_all).address)
    for name in ("first", "second", "third"):
        asking.load(how)
        assert asking.call(recipient=name)["decision"] == dumped(name)


def test_it_leaves_nothing_in_the_hosts_package(host):
    assert set(host("unix:/nowhere").tell(load="eval")["names"]) <= OF_THE_PACKAGE


def test_it_needs_nothing_but_what_comes_with_perl_5_14():
    text = FILE.read_text("utf-8")
    assert re.findall(r"(?m)^use ([^;]*);$", text) == [
        "5.014", "strict", "warnings", "Errno ()", "IO::Handle ()", "JSON::PP ()", "Socket ()",
        "Time::HiRes ()",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "address",
    [
        "", "/run/hookframe.sock", "unix:run/hookframe.sock", "unix:/" + "x" * 107,
        "exim+unix:/run/hookframe.sock", "tcp:localhost:8025", "tcp:127.0.0.1", "tcp:127.0.0.1:x",
        "tcp:127.0.0.1:65536", "tcp:127.0.0.256:1", "tcp:[::zz]:1", "tcp:::1:8025",
        "tcp:[127.0.0.1]:8025", "unix:/a\\nb",
    ],
)  # fmt: skip
def test_an_address_that_is_none_is_told_when_the_file_is_loaded(edited, address):
    host = edited("ADDRESS", f'"{address}"')
    error = host.tell(load="eval")["error"]
    assert error.startswith("hookframe: $ADDRESS is [")
    assert error.endswith(
        "; write unix:/PATH (107 bytes at most), tcp:127.0.0.1:PORT or tcp:[::1]:PORT"
    )
    assert "\n" not in error
    assert "error loading pre_delivery_attempt_hook: error compiling: hookframe: " in host.log


@pytest.mark.parametrize("seconds", ["0", "-1", "'1s'", "''", "'0.0'"])
def test_a_deadline_that_is_none_is_told_when_the_file_is_loaded(edited, seconds):
    error = edited("DEADLINE", seconds).tell(load="eval")["error"]
    assert error.startswith("hookframe: $DEADLINE is [")
    assert error.endswith("; write a number of seconds, 1 or 0.5")


@pytest.mark.parametrize("seconds", ["1", "0.5", "'2'", "10", ".5"])
def test_a_deadline_is_a_number_of_seconds(edited, seconds):
    assert edited("DEADLINE", seconds).tell(load="eval")["error"] == ""


def test_a_choice_that_is_none_is_told_when_the_file_is_loaded(edited):
    error = edited("SENDER_AND_DOMAIN", "'drop'").tell(load="eval")["error"]
    assert error == "hookframe: $SENDER_AND_DOMAIN is [drop]; write 'defer' or 'drop domain'"


def test_the_longest_path_of_a_socket_is_accepted(edited):
    host = edited("ADDRESS", "'unix:/" + "x" * 106 + "'")
    assert host.tell(load="eval")["error"] == ""
    assert "No such file or directory" in host.call()["error"]
