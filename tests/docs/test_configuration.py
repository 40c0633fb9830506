"""docs/configuration.md names every key of hookframe.toml, with its default, and no other key."""

from __future__ import annotations

import re
import tomllib

import pytest

from hookframe.api.errors import ConfigError
from hookframe.config.model import read_config
from hookframe.files.snapshot import Snapshot

from .pages import ROOT, blocks_of, rows_of, section_of, tables_of_toml

PAGE = ROOT / "docs" / "configuration.md"
SECTIONS = {
    "At the top": (),
    "`[limits]`: what clients and hooks may cost": ("limits",),
    "`[log]`: where the daemon's log goes": ("log",),
    "`[plugins.NAME]`: what a plugin may do": ("plugins", "one"),
}
NOWHERE = ("none", "all")
"""What stands for a default that can't be written down."""


TABLES = {table[0] for table in SECTIONS.values() if table}


def read(text):
    """Read a configuration."""
    return read_config(Snapshot("/etc/hookframe/hookframe.toml", text.encode()))


def documented(heading):
    """Give the keys of a section's table, and their defaults as TOML."""
    rows = rows_of(section_of(PAGE.read_text("utf-8"), heading))
    return {key.strip("`"): default.strip("`") for key, _, default, _ in rows}


def known(table):
    """Ask the code which keys a table may have."""
    with pytest.raises(ConfigError) as refused:
        read(f"{tables_of_toml(table)}surely_no_key = 1\n")
    return set(re.search(r"known here: (.*)", str(refused.value))[1].split(", "))


@pytest.mark.parametrize(("heading", "table"), SECTIONS.items())
def test_the_page_names_the_keys_that_the_code_knows_and_no_others(heading, table):
    assert set(documented(heading)) == known(table) - TABLES


def test_the_tables_that_the_code_knows_have_sections():
    assert known(()) - TABLES == set(documented("At the top"))


@pytest.mark.parametrize(("heading", "table"), SECTIONS.items())
def test_a_key_that_is_set_to_its_documented_default_changes_nothing(heading, table):
    defaults = documented(heading).items()
    lines = [f"{key} = {value}\n" for key, value in defaults if value not in NOWHERE]
    header = tables_of_toml(table)
    assert lines
    assert read(header + "".join(lines)) == read(header)


def test_a_default_that_is_documented_as_none_is_none():
    config = read("[plugins.one]\n")
    policy = config.table("one").policy
    assert (config.chain, config.hook_file, config.listen) == (None, None, ())
    assert config.log.directory is None
    assert config.state_directory is None
    assert (policy.may, policy.deadline, config.table("one").settings) == (None, None, {})


def test_the_full_example_has_every_key_of_every_table():
    example = tomllib.loads(next(blocks_of(PAGE, "toml")))
    tables = [example, example["limits"], example["log"], example["plugins"]["routing-new"]]
    for table, (heading, path) in zip(tables, SECTIONS.items(), strict=True):
        assert set(table) - TABLES == set(documented(heading)), path


@pytest.mark.parametrize("page", sorted(ROOT.glob("docs/*.md")), ids=lambda page: page.stem)
def test_every_configuration_on_a_page_is_accepted_unless_it_shows_mistakes(page):
    for block in blocks_of(page, "toml"):
        if "pyproject.toml" not in block and "mistakes.toml" not in block:
            read(block)
