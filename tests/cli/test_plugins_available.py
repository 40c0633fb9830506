"""`hookframe plugins --available`: what could be put into the chain, as its metadata tells."""

from __future__ import annotations

import shutil

import pytest

WELL = {
    "name": "patience",
    "distribution": "well-described",
    "version": "1.2",
    "status": "ok",
    "problem": None,
    "summary": "Holds mail back until somebody has looked.",
    "author": "The others, Jane Doe <jane@example.com>",
    "link": "https://example.com/well-described",
}
LEAST = "Metadata-Version: 2.1\nName: old-fashioned\nVersion: 0.1\n"


@pytest.fixture
def described(shell, distributions):
    """A shell with two plugins that tell of themselves, an empty chain, and no other plugin."""
    shell.install(distributions["described"])
    shell.write("hookframe.toml", "")
    return shell


@pytest.fixture
def old(described, distributions):
    """Give one of the two other metadata, and what `--available --json` then says of it."""
    copy = described.directory / "installed"
    shutil.copytree(distributions["described"], copy)
    described.install(copy)
    file = copy / "old_fashioned-0.1.dist-info" / "METADATA"

    def old(metadata):
        file.write_bytes(metadata if isinstance(metadata, bytes) else metadata.encode())
        return available(described)["old"]

    old.file = file
    return old


def available(shell, *arguments):
    """Give what is available, by name."""
    done = shell.run("plugins", "--available", "--json", *arguments)
    assert (done.status, done.err) == (0, "")
    return {each["name"]: each for each in done.json["available"]}


def blocks(text):
    """Give the paragraphs of an output, each as its lines."""
    return {block.split()[0]: block.splitlines() for block in text.strip().split("\n\n")}


def test_it_tells_summary_author_and_link(described):
    assert available(described)["patience"] == WELL


def test_a_person_reads_a_paragraph_for_each(described):
    done = described.run("plugins", "--available")
    assert (done.status, done.err) == (0, "")
    told = blocks(done.out)
    assert told["patience"] == [
        "patience (well-described 1.2)",
        "    Holds mail back until somebody has looked.",
        "    by The others, Jane Doe <jane@example.com>",
        "    https://example.com/well-described",
    ]
    assert told["old"] == [
        "old (old-fashioned 0.1)",
        "    (its metadata has no summary)",
        "    by John Doe <john@example.com>",
        "    https://example.com/old",
    ]


def test_what_is_in_the_chain_is_left_out(described):
    described.write("hookframe.toml", 'chain = ["old"]\n')
    told = available(described)
    assert "patience" in told
    assert "old" not in told


def test_with_all_in_the_chain_it_says_so(described):
    described.write("hookframe.toml", 'chain = "installed"\n')
    done = described.run("plugins", "--available")
    assert (done.status, done.err) == (0, "")
    assert done.out == "No plugin is installed that is not in the chain.\n"
    assert available(described) == {}


def test_the_json_has_the_configuration_and_its_problems(described):
    config = described.write("hookframe.toml", "chian = []\n")
    done = described.run("plugins", "--available", "--json")
    assert done.status == 1
    assert set(done.json) == {"config", "problems", "available", "notes"}
    assert done.json["config"] == str(config)
    assert [each["key"] for each in done.json["problems"]] == ["chian"]
    assert {each["name"] for each in done.json["available"]} >= {"patience", "old"}


def test_a_name_that_two_claim_is_shown_with_both_and_exit_1(shell, distributions):
    shell.install(distributions["twins"])
    shell.write("hookframe.toml", "")
    done = shell.run("plugins", "--available")
    assert done.status == 1
    assert "twin (twin-one 1.0, conflict)\n" in done.out
    assert "twin (twin-two 2.5, conflict)\n" in done.out
    assert done.err.count("2 installed distributions claim the name 'twin'") == 1


def test_a_plugin_of_the_chain_that_is_missing_is_no_matter_here(described):
    described.write("hookframe.toml", 'chain = ["gard"]\n')
    assert "patience" in available(described)


def test_without_available_nothing_of_it_is_shown(described):
    assert "Jane" not in described.run("plugins").out
    assert "Jane" not in described.run("plugins", "--json").out


@pytest.mark.parametrize(
    ("fields", "author"),
    [
        ("", None),
        ("Author: UNKNOWN\n", None),
        ("Author: Jane\n", "Jane"),
        ("Author-email: jane@example.com\n", "jane@example.com"),
        ("Author-email: Jane Doe <jane@example.com>\n", "Jane Doe <jane@example.com>"),
        ('Author-email: "Doe, Jane" <jane@example.com>\n', "Doe, Jane <jane@example.com>"),
        ("Author: Jane\nAuthor-email: jane@example.com\n", "Jane <jane@example.com>"),
        ("Author: Jane\nAuthor-email: Joe <joe@example.com>\n", "Jane, Joe <joe@example.com>"),
        ("Author-email: a@example.com, B <b@example.com>\n", "a@example.com, B <b@example.com>"),
        ("Author-email: Jörg <jörg@example.com>\n", "Jörg <jörg@example.com>"),
        ("Author-email: <<<\n", "<<<"),
        ("Author: \nMaintainer: Jo\n", "Jo"),
        ("Author: Jane\nMaintainer: Jo\n", "Jane"),
    ],
)
def test_an_author_is_found_however_it_is_written(fields, author, old):
    assert old(LEAST + fields)["author"] == author


@pytest.mark.parametrize(
    ("fields", "link"),
    [
        ("", None),
        ("Home-page: UNKNOWN\n", None),
        ("Home-page: https://example.com/a,b\n", "https://example.com/a,b"),
        ("Project-URL: Anything, https://example.com/a,b\n", "https://example.com/a,b"),
        (
            "Project-URL: Repository, https://example.com/r\n"
            "Project-URL: Documentation, https://example.com/d\n",
            "https://example.com/d",
        ),
        (
            "Project-URL: Funding, https://example.com/f\n"
            "Project-URL: source_code, HTTPS://example.com/s\n",
            "HTTPS://example.com/s",
        ),
        (
            "Home-page: https://example.com/old\nProject-URL: Homepage, https://example.com/new\n",
            "https://example.com/new",
        ),
        ("Project-URL: Homepage, javascript:alert(1)\n", None),
        ("Project-URL: Homepage, file:///etc/passwd\n", None),
        ("Project-URL: Homepage\n", None),
        ("Project-URL: Homepage, https://example.com/a b\n", None),
    ],
)
def test_the_best_link_is_found_however_it_is_written(fields, link, old):
    assert old(LEAST + fields)["link"] == link


def test_a_summary_over_several_lines_is_one_line(old):
    assert old(f"{LEAST}Summary: one\n        two\n")["summary"] == "one two"


def test_text_from_outside_can_not_steer_the_terminal(described, old):
    old(
        f"{LEAST}Summary: \x1b[2Jgone [red]x\u202e\nAuthor: \x07bell\n"
        "Home-page: https://example.com/\x1b[31m\n"
    )
    shown = described.on_terminal("plugins", "--available")
    assert shown.status == 0
    assert "    \\x1b[2Jgone [red]x\\u202e\n" in shown.text
    assert "    by \\x07bell\n" in shown.text
    assert "    https://example.com/\\x1b[31m\n" in shown.text
    assert not [each for each in ("\x1b[2J", "\x1b[31m", "\x07", "\u202e") if each in shown.raw]


def test_a_very_long_text_is_cut_for_a_person_and_whole_in_json(described, old):
    summary = "x" * 100_000
    told = old(f"{LEAST}Summary: {summary}\nAuthor-email: {'a@example.com, ' * 20_000}\n")
    assert told["summary"] == summary
    lines = blocks(described.run("plugins", "--available").out)["old"]
    assert lines[1] == f"    {'x' * 200}…"
    assert all(len(line) <= 210 for line in lines)


@pytest.mark.parametrize(
    "metadata",
    [
        f"{LEAST}Summary: ".encode() + b"\xff\xfe caf\xe9\n",
        f"{LEAST}Summary: =?utf-8?b?////?=\n",
        f"{LEAST}Summary: fine\nAuthor: =?no-such-charset?q?x?=\nno field at all\n",
        f"{LEAST}\0\0\0",
        f"\ufeff{LEAST}",
        "Name: old-fashioned\nName: again\nVersion: 0.1\nVersion: x\n",
    ],
)
def test_damaged_metadata_costs_nobody_else_their_line(metadata, described, old):
    old.file.write_bytes(metadata if isinstance(metadata, bytes) else metadata.encode())
    assert available(described)["patience"] == WELL
    assert described.run("plugins", "--available").status == 0


@pytest.mark.parametrize("damage", ["emptied", "gone", "a directory", "unreadable"])
def test_metadata_that_is_gone_costs_nobody_else_their_line(damage, described, old):
    old.file.unlink()
    if damage == "emptied":
        old.file.touch()
    elif damage == "a directory":
        old.file.mkdir()
    elif damage == "unreadable":
        old.file.symlink_to("METADATA")
    assert available(described)["patience"] == WELL
