"""`hookframe.read_settings`: all mistakes of a plugin's settings at once, with their lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

import msgspec
import pytest

from hookframe import read_settings
from hookframe.api.settings import SettingsError

from ..helpers.attempts import ATTEMPT, TEMPFAIL
from ..helpers.site import hook


class Rule(msgspec.Struct):
    """A nested table."""

    domain: str
    limit: Annotated[int, msgspec.Meta(ge=1)] = 10


class Options(msgspec.Struct, kw_only=True):
    """A Struct."""

    name: str
    mode: Literal["soft", "hard"] = "soft"
    rules: list[Rule] = []
    extra: Rule | None = None
    first: Rule = msgspec.field(default_factory=lambda: Rule("x"))


@dataclass
class Plain:
    """A dataclass."""

    name: str
    limits: list[int] = field(default_factory=list)

    def __post_init__(self):
        if self.name == "no":
            raise ValueError("name must not be no")


def mistakes(settings, options=Options):
    with pytest.raises(SettingsError) as error:
        read_settings(settings, options)
    return str(error.value).split("; ")


def test_right_settings_are_an_instance():
    given = {"name": "a", "rules": [{"domain": "x"}, {"domain": "y", "limit": 3}]}
    assert read_settings(given, Options) == Options(name="a", rules=[Rule("x"), Rule("y", 3)])
    assert read_settings({"name": "a", "limits": [1]}, Plain) == Plain("a", [1])


def test_all_mistakes_are_found_at_any_depth():
    given = {
        "nmae": "a",
        "mode": "sotf",
        "rules": [{"domain": 7}, {"limit": 0}, 3],
        "first": "x",
    }
    assert mistakes(given) == [
        "nmae: unknown setting (did you mean name?)",
        "there are: name, mode, rules, extra, first",
        "mode: invalid enum value 'sotf': 'sotf'",
        "rules 1.domain: expected str, got int: 7",
        "rules 2.limit: expected int >= 1: 0",
        "rules 2: domain is missing",
        "set it",
        "rules 3: must be a table, not 3",
        "first: must be a table, not 'x'",
        "name is missing",
        "set it",
    ]


def test_what_the_class_itself_refuses_is_a_mistake():
    assert mistakes({"name": "no"}, Plain) == ["name must not be no"]
    assert mistakes({"name": "a", "limits": [1, "x"]}, Plain) == [
        "limits: expected int, got str: [1, 'x']"
    ]


CODE = """\
import msgspec
from hookframe import read_settings

class Rule(msgspec.Struct):
    domain: str

class Options(msgspec.Struct):
    reserve: int = 0
    rule: list[Rule] = []

def configure(settings):
    read_settings(settings, Options)
"""
TOML = """\
chain = ["hook.py"]

[plugins.hook.settings]
resreve = 7
rule = [
    { domian = "x" },
]
"""


def test_the_load_error_has_the_line_of_each_mistake(site, log):
    site.configure(TOML, f"{CODE}\n\n{hook('return None')}")
    host = site.start()
    assert host.decide(ATTEMPT) == TEMPFAIL
    assert host.problem.startswith(
        "rejects its settings: line 4: resreve: unknown setting (did you mean reserve?); there "
        "are: reserve, rule; line 5: rule 1.domian: unknown setting (did you mean domain?); "
    )
    assert "line 5: rule 1: domain is missing; set it (plugin hook, " in host.problem
