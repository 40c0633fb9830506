"""Tables of other programs, imported into a list."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hookframe_blacklist import BlacklistError
from hookframe_blacklist.importing import read_table

from hookframe import Host
from hookframe.testing import make_attempt

ADDRESSES = {"bob@example.com", "ann@example.net"}


def read(text, column=None, encoding="utf-8"):
    return read_table(text.encode(encoding), column, senders=False)


@pytest.mark.parametrize(
    "text",
    [
        "email,name\nbob@example.com,Bob\nann@example.net,Ann\n",
        "name;E-Mail\r\nBob;Bob@Example.com\r\nAnn;ann@example.net\r\n",
        "name\temail\tsince\nBob\tbob@example.com\t2026\nAnn\tann@example.net.\t2025",
        '"Last, first","mail"\n"Smith, Bob"," bob@example.com "\n"Lee, Ann",ann@example.net\n',
        "bob@example.com\nann@example.net\n",
        "1|bob@example.com\n2|ann@example.net\n",
        "id,mail\n1,mailto:bob@example.com\n2,ann@example.net\n2,ann@example.net\n3,\n",
    ],
    ids=["commas", "semicolons", "tabs", "quotes", "no table", "bars", "links"],
)
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["", "with a mark"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_the_addresses_of_any_table_are_found(text, mark, encoding):
    found = read(mark + text if encoding == "utf-8" else text, encoding=encoding)
    assert found.entries == ADDRESSES
    assert found.wrong == []


def test_what_is_left_out_is_told_with_its_line():
    found = read(
        'email,x\nbob@example.com,1\nno address,2\n"two\nlines",3\n*@x.example,4\n,5\n', "email"
    )
    assert found.entries == {"bob@example.com"}
    assert (found.rows, found.empty) == (5, 1)
    assert found.wrong == [(3, "no address"), (5, "two lines"), (6, "*@x.example")]


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("from,to\na@b.example,c@d.example\n", None, "several have addresses: 'from', 'to'; use"),
        ("name,age\nBob,7\n", None, "none has an address in most rows; use --column"),
        (
            "from,to\na@b.example,c@d.example\n",
            "too",
            "no column 'too'; the columns are: 'from', 'to'",
        ),
        ("a@b.example,c@d.example\n", "to", "there is no header: give its number"),
        ("", None, "it is empty"),
    ],
)
def test_a_column_that_is_not_clear_is_asked_for(text, column, says):
    with pytest.raises(BlacklistError) as error:
        read(text, column)
    assert says in str(error.value)


@pytest.mark.parametrize("column", ["To", "to", "2"])
def test_a_column_is_named_or_numbered(column):
    assert read("from,To\na@b.example,c@d.example\n", column).entries == {"c@d.example"}


def run(*arguments, given=None):
    command = [sys.executable, "-m", "hookframe", "blacklist", *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False)


def test_an_import_is_active_is_counted_and_can_be_made_again(tmp_path):
    (tmp_path / "export.csv").write_text("email\nbob@example.com\nBOB@example.com\n\nno\n")
    where = tmp_path / "blocked.txt"
    where.write_text("# ours\nann@example.net")
    done = run("import", str(tmp_path / "export.csv"), "--column", "email", "--list", str(where))
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines() == [
        f"{where}: 1 added of the 3 rows of {tmp_path}/export.csv, column 'email'",
        "  1 more than once in the table",
        "  1 left out, no address",
        "    line 5: 'no'",
    ]
    assert where.read_text() == "# ours\nann@example.net\nbob@example.com\n"
    again = run("import", "-", "--list", str(where), given="bob@example.com\n")
    assert again.returncode == 0
    assert "0 added of the 1 rows of <stdin>" in again.stdout
    assert run("list", "--list", str(where)).stdout == "ann@example.net\nbob@example.com\n"
    assert run("count", "--list", str(where)).stdout == f"{where}: 2\n"


def test_a_table_as_a_list_is_refused_with_the_command_that_makes_one_of_it(tmp_path):
    table = tmp_path / "export.csv"
    table.write_text("email,name\nbob@example.com,Bob\n")
    (tmp_path / "hookframe.toml").write_text(
        'chain = ["blacklist"]\n[plugins.blacklist.settings]\nrecipients = "export.csv"\n'
    )
    with Host.from_config(tmp_path / "hookframe.toml", watch=False) as host:
        assert (
            f"{table} line 1: 'email,name': this is a table, not a list; make a list of it: "
            f"hookframe blacklist import {table} --list LIST"
        ) in host.problem


@pytest.mark.slow
def test_two_hundred_thousand_rows_are_imported_at_once_and_active(tmp_path):
    table, where = tmp_path / "export.csv", tmp_path / "blocked.txt"
    rows = (f'{number},"User {number}",User{number}@example.com\r\n' for number in range(200_000))
    table.write_text("\ufeffid,name,email\r\n" + "".join(rows), newline="")
    done = run("import", str(table), "--list", str(where))
    assert done.returncode == 0, done
    (tmp_path / "hookframe.toml").write_text(
        'chain = ["blacklist"]\n[plugins.blacklist.settings]\nrecipients = "blocked.txt"\n'
    )
    with Host.from_config(tmp_path / "hookframe.toml", watch=False) as host:
        assert host.problem == ""
        listed = make_attempt(recipient="user199999@example.com")
        assert host.explain(listed).decision["action"] == "dump"
        assert host.decide(make_attempt(recipient="user200000@example.com")) == {"action": "normal"}
