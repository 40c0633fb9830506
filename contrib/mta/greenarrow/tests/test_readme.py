"""What README.md tells an administrator of GreenArrow to do, and what it promises.

The section "Try it without GreenArrow" is run by tests/docs.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib

import pytest

from hookframe.testing import eventually

from .host import FILE, HERE, NORMAL, GreenArrow, with_settings

README = (HERE / "README.md").read_text("utf-8")
TEXT = FILE.read_text("utf-8")
SOCKET = "unix:/run/hookframe/hookframe.sock"
CONTROL = "/var/hvmail/control"


def fenced(language):
    """Give the one block of a numbered step in this language."""
    (found,) = re.findall(rf"(?ms)^   ```{language}\n(.*?)^   ```$", README)
    return re.sub(r"(?m)^   ", "", found)


def commands(program):
    """Give the indented commands that run a program."""
    return re.findall(rf"(?m)^       ({program} .*)$", README)


def cells(heading):
    """Give the rows of the table below a heading."""
    section = README.split(f"\n{heading}\n")[1].split("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.strip("| ").split(" | ")]
        for line in section.splitlines()
        if line.startswith("|")
    ]
    return rows[2:]


@pytest.fixture
def following(fresh):
    """A daemon with the policy of the steps."""
    daemon = fresh()
    configuration = fenced("toml")
    assert tomllib.loads(configuration)["listen"] == [SOCKET]
    assert 'deadline = "500ms"' in configuration
    daemon.write(fenced("python"))
    configuration = configuration.replace(SOCKET, f"unix:{daemon.jsonl}")
    daemon.save(daemon.configuration, configuration.replace("500ms", "30s"))
    return daemon.start()


def test_the_hook_of_the_steps_pauses_its_test_message_until_it_is_changed(following, host):
    asking = host(f"unix:{following.jsonl}")
    promised = "The hook says wait."
    assert f"`{promised}`" in README
    assert asking.call(recipient="test-pause@example.net")["decision"] == {
        "action": "pause",
        "message": promised,
    }
    assert asking.call(recipient="jane@example.net")["decision"] == NORMAL
    following.save(following.hook_file, "def pre_delivery_attempt(): return None\n")
    following.wait_for("generation 2")
    # The worker before answers those who are connected to it already.
    eventually(lambda: asking.call(recipient="test-pause@example.net")["decision"] == NORMAL)


def test_the_commands_of_the_steps_put_the_file_into_its_place(following, directory):
    (directory / FILE.name).write_text(with_settings(f"unix:{following.jsonl}"), "utf-8")
    (directory / "control").mkdir()
    (directory / "control" / FILE.name).write_text("the one before")
    script = re.search(r"(?ms)^> (perl .*?)\n> END$", README)[1]
    (directory / "ask").write_text(f"{script}\n")
    (try_it,) = commands("runuser -u USER -- sh ask")
    copy, keep = commands("cp")
    (rename,) = commands("mv")
    said = [
        subprocess.run(
            shlex.split(line.replace(CONTROL, str(directory / "control"))),
            capture_output=True, text=True, check=True, cwd=directory,
        ).stdout
        for line in (copy, try_it.removeprefix("runuser -u USER -- "), keep, rename)
    ]  # fmt: skip
    assert said == ["", "action=pause\nmessage=The hook says wait.\n", "", ""]
    assert {each.name for each in (directory / "control").iterdir()} == {
        FILE.name,
        "hookframe.before",
    }
    assert (directory / "control" / "hookframe.before").read_text() == "the one before"


def test_the_way_back_is_a_file_that_greenarrow_takes(stack):
    host = GreenArrow("unix:/nowhere")
    stack.callback(host.close)
    host.file.write_text(re.search(r"`(return sub .*?;)`", README)[1])
    assert host.load().call()["decision"] == NORMAL


def test_the_settings_are_those_of_the_file_with_the_values_that_it_comes_with():
    block = TEXT.split("# ---- Settings ")[1].split("# ---- End of the settings ")[0]
    settings = dict(re.findall(r"(?m)^my (\$\w+) = '?(.*?)'?;$", block))
    assert {
        name.strip("`"): value.strip("`") for name, value, _ in cells("## Settings")
    } == settings
    (other,) = re.findall(r"(?m)^    (my \$SENDER_AND_DOMAIN = .*)$", README)
    assert other.replace("drop domain", "defer") in TEXT


def test_each_complaint_of_the_table_is_one_of_the_file():
    told = [text for row in cells("## When something is wrong") for text in row[1:]]
    phrases = [
        piece.strip()
        for text in told
        for quoted in re.findall(r"`([^`]*)`", text)
        for piece in re.split("…", quoted.removeprefix("hookframe: "))
    ]
    of_the_file = [re.sub(r"1 s to answer|^to ", "", phrase) for phrase in phrases if phrase]
    assert len(of_the_file) >= 8
    assert [phrase for phrase in of_the_file if phrase not in TEXT] == []
