"""`hookframe plugins NAME` and `hookframe schema config`: what may be configured."""

from __future__ import annotations

import tomllib
from dataclasses import fields

import jsonschema
import pytest

from hookframe.config.model import Config, Limits, LogTable
from hookframe.config.plugin_policy import Policy

ALL = """\
chain = ["blacklist", "hooks/a.py"]
on_load_error = "keep"
deadline = "50ms"
listen = ["unix:/run/a", "tcp:127.0.0.1:1"]
[limits]
max_memory = "1GiB"
[log]
size = "1MiB"
[plugins.blacklist]
mode = "off"
may = ["dump"]
[plugins.blacklist.settings]
recipients = ["/etc/list"]
action = "pause"
[plugins.other.settings]
anything = 1
"""
WRONG = [
    "chian = []",
    'on_load_error = "stop"',
    'deadline = "fast"',
    "[limits]\nconections = 1",
    '[plugins.a]\nmay = ["bounce"]',
    '[plugins.blacklist.settings]\naction = "bounce"',
    "[plugins.blacklist.settings]\nrecipient = []",
]


@pytest.fixture
def schema(shell):
    done = shell.run("schema", "config")
    assert (done.status, done.err) == (0, "")
    jsonschema.Draft202012Validator.check_schema(done.json)
    return done.json


def names(cls):
    return {field.name for field in fields(cls)}


def test_the_schema_has_every_key_of_the_configuration(schema):
    top = schema["properties"]
    assert set(top) == names(Config) - {"path"} | {"allow_remote"}
    assert set(top["limits"]["properties"]) == names(Limits)
    assert set(top["log"]["properties"]) == names(LogTable)
    table = top["plugins"]["additionalProperties"]["properties"]
    assert set(table) == names(Policy) | {"use", "settings"}


def test_the_schema_accepts_a_configuration_with_settings_of_plugins(schema):
    jsonschema.validate(tomllib.loads(ALL), schema)


@pytest.mark.parametrize("text", WRONG)
def test_the_schema_refuses_mistakes_also_in_declared_settings(schema, text):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tomllib.loads(text), schema)


def test_a_plugin_is_shown_with_its_distribution_settings_and_defaults(shell):
    done = shell.run("plugins", "blacklist")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("blacklist (hookframe-blacklist ")
    assert "[plugins.blacklist.settings]\n" in done.out
    assert '    check_every = "1s"\n        how often at most the files are looked at' in done.out


def test_json_has_the_settings_with_their_types(shell):
    report = shell.run("plugins", "blacklist", "--json").json
    assert report["distribution"] == "hookframe-blacklist"
    [action] = [each for each in report["settings"] if each["name"] == "action"]
    assert action["type"] == {"enum": ["dump", "pause"]}
    assert action["default"] == '"dump"'


def test_a_plugin_without_declared_settings_says_so(shell, distributions):
    shell.install(distributions["fake"])
    done = shell.run("plugins", "outer")
    assert (done.status, done.err) == (0, "")
    assert "It declares no settings; its documentation says which there are." in done.out


def test_an_unknown_plugin_is_an_error_with_a_hint(shell):
    done = shell.run("plugins", "blaklist")
    assert (done.status, done.out) == (1, "")
    assert "did you mean blacklist?" in done.err


def test_a_name_with_options_that_name_a_policy_is_wrong_use(shell):
    assert shell.run("plugins", "blacklist", "--available").status == 2


def test_settings_that_cannot_be_loaded_are_named_and_the_rest_is_shown(shell):
    info = shell.directory / "installed" / "odd-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odd\nVersion: 1\n", "utf-8")
    points = "[hookframe]\nodd = odd:Odd\n[hookframe.settings]\nodd = odd:Settings\n"
    (info / "entry_points.txt").write_text(points, "utf-8")
    (info.parent / "odd.py").write_text("raise SystemExit(0)\n", "utf-8")
    shell.install(info.parent)
    done = shell.run("plugins", "odd")
    assert done.status == 1
    assert "plugin odd: its declared settings can't be read: SystemExit" in done.err
    assert done.out.startswith("odd (odd 1)\n")
    assert shell.run("schema", "config").status == 0
