from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hookframe_blacklist.limits import NEEDED
from hookframe_blacklist.settings import Settings, read_settings

from hookframe import Host

README = (Path(__file__).parent.parent / "README.md").read_text()
CONFIGURATIONS = re.findall(r"^```toml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
CONSOLE = "".join(re.findall(r"^```console\n(.*?)^```", README, re.MULTILINE | re.DOTALL))
[DECIDED] = re.findall(r"^    \$ hookframe decide (\w+)=(\S+)\n    (.*)", README, re.MULTILINE)
[LIST] = re.findall(r"^```text\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.fixture
def written(tmp_path):
    """Writes a configuration of the README, and the lists that it names, to a place of its own."""

    def write(configuration: str) -> Path:
        for path in re.findall(r'"/etc/hookframe/([^"]+)"', configuration):
            (tmp_path / path).write_text(LIST)
        path = tmp_path / "hookframe.toml"
        path.write_text(configuration.replace("/etc/hookframe", str(tmp_path)))
        return path

    return write


def test_the_memory_that_reading_takes_is_what_an_error_says():
    [times] = re.findall(r"To read it takes up to (\d+) times as much", README)
    assert int(times) == NEEDED
    sizes = re.findall(r"(\d+) MB for (?:a\s+million|100,000)[^(]*\((\d+) MB\)", README)
    assert len(sizes) == 3
    assert max(round(int(needed) / int(size)) for needed, size in sizes) == NEEDED


@pytest.mark.parametrize(
    "recipient", ["john.doe@example.com", "Jane@Example.com", "anyone@example.org"]
)
def test_the_first_example_blocks_what_its_list_says(written, attempt, recipient):
    with Host.from_config(written(CONFIGURATIONS[0]), watch=False) as host:
        assert not host.problem
        assert host.decide(attempt(recipient=recipient)) == {
            "action": "dump",
            "message": "This address is on an internal blacklist. (#5.7.1)",
        }
        assert host.decide(attempt(recipient="user@example.net")) == {"action": "normal"}


def test_hookframe_decide_says_what_is_shown(written, attempt):
    key, value, shown = DECIDED
    with Host.from_config(written(CONFIGURATIONS[0]), watch=False) as host:
        assert host.decide(attempt(**{key: value})) == json.loads(shown)


def test_the_second_example_only_records(written, attempt):
    with Host.from_config(written(CONFIGURATIONS[1]), watch=False) as host:
        explained = host.explain(attempt(recipient="jane@example.com"))
    assert explained.decision == {"action": "normal"}
    assert explained.trace[0]["mode"] == "shadow"
    assert explained.trace[0]["vote"] == {
        "action": "pause",
        "message": "Held back at the recipient's own request. (#4.7.1)",
    }


def test_the_table_of_settings_has_each_with_its_default():
    table = README.split("## Settings", 1)[1].split("## ", 1)[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| `?([^|]*?)`? \|", table, re.MULTILINE))
    assert list(rows) == list(Settings.__struct_fields__)
    defaults = read_settings({"recipients": "/a"})
    for name in list(rows)[2:]:
        assert rows[name] == f'"{getattr(defaults, name)}"'


@pytest.mark.slow
def test_the_commands_do_what_they_say(tmp_path):
    (tmp_path / "blocked.txt").write_text(LIST)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command, promised in re.findall(r"^\$ (.*)\n((?:(?!\$).*\n)*)", CONSOLE, re.MULTILINE):
        done = subprocess.run(
            ["sh", "-c", command], cwd=tmp_path, env={**os.environ, "PATH": path},
            capture_output=True, text=True, timeout=50, check=True,
        )  # fmt: skip
        assert done.stdout.replace(f"{tmp_path}/", "/.../") == promised


def test_the_third_example_leaves_a_bad_line_out_and_goes_on(written, attempt, tmp_path):
    path = written(CONFIGURATIONS[2].replace("/var/lib/hookframe", str(tmp_path / "state")))
    (tmp_path / "state").mkdir(mode=0o700)
    with (tmp_path / "export.txt").open("a") as file:
        file.write("nobody\n")
    for _ in range(2):
        with Host.from_config(path, watch=False) as host:
            assert not host.problem
            assert host.decide(attempt(recipient="jane@example.com"))["action"] == "dump"
        (tmp_path / "export.txt").unlink(missing_ok=True)
