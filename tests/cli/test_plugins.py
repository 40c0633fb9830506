"""`hookframe plugins`: the chain, and what is installed and not in it."""

from __future__ import annotations

import json

import pytest

CONFIG = """\
chain = ["routes", "guard", "file"]
hook_file = "hook.py"
[plugins.guard]
mode = "shadow"
"""


@pytest.fixture
def stacked(shell, distributions):
    """A shell with two foreign plugins and a hook file in one chain, and more installed."""
    shell.install(distributions["stack"], distributions["fake"])
    shell.write("hookframe.toml", CONFIG)
    shell.write("hook.py", "1/0\n")
    return shell


def row(text, name):
    (line,) = (line for line in text.splitlines() if name in line.split())
    return line.split()


def test_it_shows_the_chain_in_order_with_distribution_version_and_mode(stacked):
    done = stacked.run("plugins")
    assert (done.status, done.err) == (0, "")
    assert row(done.out, "routes")[:3] == ["1", "routes", "zenith-routes"]
    assert row(done.out, "guard") == ["2", "guard", "acme-guard", "1.4.0", "shadow", "ok"]
    assert row(done.out, "file") == [
        *("3", "file", str(stacked.directory / "hook.py"), "-", "enforce", "ok")
    ]


def test_it_shows_what_is_installed_and_not_in_the_chain(stacked):
    out = stacked.run("plugins").out
    _, rest = out.split("Installed, and not in the chain:")
    assert row(rest, "outer")[:2] == ["outer", "fake-plugins"]
    assert "guard" not in rest


def test_json_has_the_same(stacked):
    done = stacked.run("plugins", "--json")
    assert (done.status, done.err) == (0, "")
    report = done.json
    assert report["config"] == str(stacked.directory / "hookframe.toml")
    assert [each["name"] for each in report["chain"]] == ["routes", "guard", "file"]
    assert report["chain"][1] == {
        "position": 2,
        "name": "guard",
        "distribution": "acme-guard",
        "version": "1.4.0",
        "mode": "shadow",
        "status": "ok",
        "problem": None,
    }
    installed = {each["name"] for each in report["installed"]}
    assert {"a", "b", "c", "outer", "inner"} <= installed
    assert not {"guard", "routes"} & installed


def test_no_plugin_is_imported_and_no_file_is_run(shell, distributions):
    shell.install(distributions["broken"])
    shell.write("hookframe.toml", 'chain = ["exits", "import-error", "file"]\nhook_file = "h.py"\n')
    shell.write("h.py", "open('ran', 'w')\n")
    names = {each["name"] for each in shell.run("plugins", "--json").json["installed"]}
    shell.write("hookframe.toml", f'chain = {json.dumps(sorted(names))}\nhook_file = "h.py"\n')
    done = shell.run("plugins", "--json")
    assert done.status == 0
    assert {each["status"] for each in done.json["chain"]} == {"ok"}
    assert not (shell.directory / "ran").exists()


def test_installed_stands_for_all_in_name_order_and_then_the_file(stacked):
    stacked.write("hookframe.toml", 'chain = "installed"\nhook_file = "hook.py"\n')
    report = stacked.run("plugins", "--json").json
    names = [each["name"] for each in report["chain"]]
    assert names == [*sorted(names[:-1]), "file"]
    assert {"guard", "routes", "a", "outer"} <= set(names)
    assert report["installed"] == []


def test_a_plugin_of_the_chain_that_is_missing_is_shown_as_such_and_exit_1(stacked):
    stacked.write("hookframe.toml", 'chain = ["gard", "routes"]\n')
    done = stacked.run("plugins")
    assert done.status == 1
    assert row(done.out, "gard") == ["1", "gard", "-", "-", "enforce", "missing"]
    assert row(done.out, "routes")[-1] == "ok"
    assert "plugin gard: no installed plugin is named 'gard' (did you mean guard?)" in done.err


def test_a_conflict_in_the_chain_is_shown_as_such_and_exit_1(shell, distributions):
    shell.install(distributions["twins"])
    done = shell.run("plugins", "--plugin", "twin")
    assert done.status == 1
    assert row(done.out, "twin")[-1] == "conflict"
    assert "twin-one" in done.err
    assert "twin-two" in done.err
    assert done.err.count("\n") == 1


def test_a_conflict_outside_the_chain_is_shown_as_such_with_both_and_exit_1(shell, distributions):
    shell.install(distributions["twins"])
    shell.write("hookframe.toml", "")
    done = shell.run("plugins", "--json")
    assert done.status == 1
    told = [(e["distribution"], e["status"]) for e in done.json["installed"] if e["name"] == "twin"]
    assert told == [("twin-one", "conflict"), ("twin-two", "conflict")]


def test_a_plugin_that_has_taken_the_name_of_the_file_is_unusable(shell, distributions):
    shell.install(distributions["squatter"])
    shell.write("hookframe.toml", "")
    done = shell.run("plugins")
    assert done.status == 1
    assert row(done.out, "file")[-1] == "unusable"


def test_a_hook_file_that_is_missing_is_shown_as_such_and_exit_1(shell):
    shell.write("hookframe.toml", 'hook_file = "gone.py"\n')
    done = shell.run("plugins")
    assert done.status == 1
    assert row(done.out, "file")[-1] == "missing"
    assert "gone.py does not exist" in done.err


def test_with_a_broken_configuration_the_installed_plugins_show_all_the_same(stacked):
    stacked.write("hookframe.toml", "chian = []\n")
    done = stacked.run("plugins")
    assert done.status == 1
    assert "chain is unknown" in done.out
    assert row(done.out, "guard")[:2] == ["guard", "acme-guard"]
    report = stacked.run("plugins", "--json").json
    assert report["problems"][0]["line"] == 1
    assert report["problems"][0]["key"] == "chian"


def test_an_empty_chain_says_so(shell):
    shell.write("hookframe.toml", "")
    done = shell.run("plugins")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("The chain is empty: every attempt is normal.\n")


def test_plain_columns_are_aligned_and_have_no_frame(stacked):
    out = stacked.run("plugins").out
    assert out.isascii()
    heading, *rows = [line for line in out.splitlines() if line.startswith("  ")][:4]
    column = heading.index("distribution")
    assert all(line[column - 1] == " " and line[column] != " " for line in rows)


def test_on_a_terminal_it_is_a_table(stacked):
    shown = stacked.on_terminal("plugins")
    assert shown.status == 0
    assert not shown.text.isascii(), "its lines are drawn"
    assert row(shown.text, "guard") == ["2", "guard", "acme-guard", "1.4.0", "shadow", "ok"]
    assert "\x1b[" in shown.raw


def test_on_a_terminal_json_is_json(stacked):
    shown = stacked.on_terminal("plugins", "--json")
    assert json.loads(shown.raw)["chain"][0]["name"] == "routes"


def test_a_name_can_not_steer_the_terminal(shell):
    shell.write("hookframe.toml", 'chain = ["\\u001b[2J[red]x"]\n')
    shown = shell.on_terminal("plugins")
    assert shown.status == 1
    assert "\x1b[2J" not in shown.raw
    assert "\\x1b[2J[red]x" in shown.text


@pytest.mark.parametrize("command", ["plugins", "check"])
def test_a_note_has_the_path_of_metadata_that_can_not_be_read(
    command, stacked, distributions, tmp_path
):
    damaged = tmp_path / "damaged" / "half_removed-1.0.dist-info"
    damaged.mkdir(parents=True)
    (damaged / "entry_points.txt").write_text("[hookframe]\nstray = stray\n")
    stacked.install(distributions["stack"], damaged.parent)
    stacked.write("hookframe.toml", 'chain = ["file"]\nhook_file = "hook.py"\n')
    stacked.write("hook.py", "def pre_delivery_attempt(attempt): pass\n")
    done = stacked.run(command)
    assert done.status == 0
    assert f"note: the metadata in {damaged} can't be read, so no plugin" in done.err
