"""`hookframe blacklist import`: a table that another program has exported becomes a list."""

from __future__ import annotations

import csv
import io
import subprocess
import sys

import pytest
from hookframe_blacklist import BlacklistError
from hookframe_blacklist.entries import parse
from hookframe_blacklist.importing import read_table
from hypothesis import given
from hypothesis import strategies as st

TABLE = 'id,Name,E-Mail Address\r\n1,"Doe, John",John@Example.com\r\n2,Jane,jane@example.org\r\n'
BOTH = {"john@example.com", "jane@example.org"}


@pytest.fixture
def run(tmp_path):
    """Runs `hookframe blacklist` in a directory with the bytes of a table as export.csv."""

    def run(*arguments, table=None, stdin=None):
        if table is not None:
            (tmp_path / "export.csv").write_bytes(table)
        return subprocess.run(
            [sys.executable, "-m", "hookframe", "blacklist", *arguments],
            cwd=tmp_path, input=stdin, capture_output=True, text=True, timeout=50, check=False,
        )  # fmt: skip

    return run


def read(table, column=None, *, senders=False):
    return read_table(table.encode() if isinstance(table, str) else table, column, senders=senders)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_table_is_read_whatever_its_encoding_delimiter_and_line_ends(encoding, delimiter, ending):
    table = TABLE.replace("\r\n", ending)
    if delimiter != ",":
        table = table.replace(",", delimiter).replace(f"Doe{delimiter} John", "Doe, John")
    found = read(table.encode(encoding))
    assert found.entries == BOTH
    assert (found.column, found.rows, found.empty, found.wrong) == ("E-Mail Address", 2, 0, [])


def test_a_table_without_a_header_and_one_column_is_read():
    assert read("John@Example.com\njane@example.org\n").entries == BOTH
    assert read('"email"\n"John@Example.com"\n"jane@example.org"').entries == BOTH
    assert read("mailto:John@Example.com,1\njane@example.org,2\n").column == "1"


def test_a_column_of_texts_that_mention_addresses_is_not_taken_for_addresses():
    table = "to,why\na@example.com,asked by b@example.com\nc@example.com,see d@example.com\n"
    assert read(table).column == "to"


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("from,to\na@x.example,b@x.example\n", "several have addresses: 'from', 'to'"),
        ("id,name\n1,Bob\n", "none has an address in most rows"),
    ],
)
def test_where_the_column_is_not_clear_it_asks_for_it(table, says):
    with pytest.raises(BlacklistError, match=rf"not clear, {says}; use --column"):
        read(table)


@pytest.mark.parametrize("column", ["to", "TO", "2"])
def test_a_column_is_named_by_its_header_or_its_number(column):
    assert read("from,to\na@x.example,b@x.example\n", column).entries == {"b@x.example"}


def test_a_column_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(BlacklistError, match="no column 'cc'; the columns are: 'from', 'to'"):
        read("from,to\na@x.example,b@x.example\n", "cc")


def test_what_has_no_address_is_counted_and_named_with_its_line():
    found = read("n,email\n1,a@x.example\n2,\n3,n/a\n4,b@x.example c@x.example\n", "email")
    assert found.entries == {"a@x.example"}
    assert (found.rows, found.empty) == (4, 1)
    assert found.wrong == [(4, "n/a"), (5, "b@x.example c@x.example")]


def test_a_quote_that_is_not_closed_does_not_swallow_rows_in_silence():
    found = read('n,email\n1,"a@x.example\n2,b@x.example\n3,"c@x.example"\n4,d@x.example\n')
    assert "d@x.example" in found.entries
    [(line, why)] = found.wrong
    assert line in (3, 4)
    assert "a quote that is not closed" in why


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)))
def test_whatever_stands_beside_the_addresses_each_row_is_counted_once(texts):
    out = io.StringIO()
    rows = [(text, f"user{number}@x.example") for number, text in enumerate(texts)]
    csv.writer(out).writerows([("text", "email"), *rows])
    found = read(out.getvalue(), "email")
    assert found.rows == len(rows)
    assert len(found.entries) + len(found.wrong) == len(rows)
    assert found.empty == 0


@pytest.mark.slow
def test_a_table_becomes_a_list_that_can_be_used(run, tmp_path):
    done = run("import", "--list", "new.txt", "export.csv", table=TABLE.encode("utf-8-sig"))
    path = tmp_path / "new.txt"
    assert (done.returncode, done.stdout) == (
        0, f"{path}: 2 added of the 2 rows of export.csv, column 'E-Mail Address'\n",
    )  # fmt: skip
    assert parse(path.read_bytes(), str(path), senders=False) == BOTH
    assert run("count", "--list", "new.txt").stdout == f"{path}: 2\n"
    assert run("list", "--list", "new.txt").stdout == "jane@example.org\njohn@example.com\n"


@pytest.mark.slow
def test_what_is_on_the_list_stays_and_is_not_added_twice(run, tmp_path):
    (tmp_path / "old.txt").write_text("# mine\nJANE@example.org # by telephone\n")
    table = f"{TABLE}3,Jane,jane@example.org\r\n4,,\r\n5,x,nobody\r\n".encode()
    done = run("import", "--list", "old.txt", "export.csv", table=table)
    assert done.returncode == 1
    assert done.stdout.splitlines()[0].endswith(
        "1 added of the 5 rows of export.csv, column 'E-Mail Address'"
    )
    assert done.stdout.splitlines()[1:] == [
        "  1 on the list already",
        "  1 more than once in the table",
        "  1 without a value",
        "  1 left out, no address",
        "    line 6: 'nobody'",
    ]
    text = (tmp_path / "old.txt").read_text()
    assert text == "# mine\nJANE@example.org # by telephone\njohn@example.com\n"


@pytest.mark.slow
def test_the_table_may_come_from_standard_input(run, tmp_path):
    done = run("import", "--list", "new.txt", "-", stdin=TABLE)
    assert done.returncode == 0
    assert (tmp_path / "new.txt").read_text() == "jane@example.org\njohn@example.com\n"


@pytest.mark.slow
def test_an_import_into_a_broken_list_changes_nothing(run, tmp_path):
    (tmp_path / "old.txt").write_text("nobody\n")
    done = run("import", "--list", "old.txt", "export.csv", table=TABLE.encode())
    assert done.returncode == 1
    assert "line 1: 'nobody' has no @" in done.stderr
    assert (tmp_path / "old.txt").read_text() == "nobody\n"


MANY = "".join(f'{n},"user{n}@host.example"\n' for n in range(20_000))


@pytest.mark.parametrize(
    "table",
    [
        TABLE,
        "email\na@x.example\n",
        "id;email\n",
        "a@x.example,foo\nb@x.example,bar\n",
        '"a@x.example"\n"b@x.example"\n',
        f"n,adress\n{MANY}",
        f"\ufeff{MANY}",
    ],
)
def test_a_table_as_a_list_is_refused_by_its_first_lines_with_the_command(
    table, configured, tmp_path
):
    path = tmp_path / "my export.csv"
    path.write_text(table)
    with pytest.raises(BlacklistError) as refused:
        configured(recipients=str(path), on_bad_line="skip")
    assert f"hookframe blacklist import '{path}' --list LIST" in str(refused.value)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize(
    "line", ["a@x.example # one, two; b@x.example", '"a,b"@x.example', "# a@x.example,b", ""]
)
def test_a_list_is_not_taken_for_a_table(line, configured, tmp_path):
    path = tmp_path / "list.txt"
    path.write_text(f"{line}\n")
    assert configured(recipients=str(path))


def test_a_host_name_in_the_first_line_is_not_taken_for_a_heading(configured, tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("mail.example.com\n")
    with pytest.raises(BlacklistError, match=r"write '@mail\.example\.com'"):
        configured(recipients=str(path))
