"""Rules in a file: what is refused, and with which line."""

from __future__ import annotations

import errno
import os
import tomllib

import pytest
from hookframe_routing import Routing

MEND = (
    "expected a file of rules that is readable for the user that runs hookframe: put it there, or "
    "change `file` in [plugins.routing.settings]"
)


def refusal(path):
    with pytest.raises(ValueError, match=r".") as caught:
        Routing().configure({"file": str(path)})
    text = str(caught.value)
    assert text.startswith(f"{path}")
    return text.removeprefix(f"{path}").removeprefix(": ")


@pytest.fixture
def file(tmp_path):
    return tmp_path / "routing.toml"


def test_the_rules_of_a_file_decide(file, attempt):
    file.write_text('[[rule]]\nmatch.size = 5\nnew_mtaid = "big"\n')
    plugin = Routing()
    plugin.configure({"file": str(file), "extra_keys": ["size"]})
    assert plugin.pre_delivery_attempt(attempt()) is None
    assert plugin.pre_delivery_attempt(attempt(size=5))["new_mtaid"] == "big"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "rule: there is none; expected at least one [[rule]] table"),
        (
            "\ufeff[[rule]]\ndump = true\n".encode("utf-16-le"),
            "is written in UTF-16; save it as UTF-8",
        ),
        (b"# all gone\n", "rule: there is none; expected at least one [[rule]] table"),
        (b"rule = []\n", "rule: there is none; expected at least one [[rule]] table"),
        (
            b"[rule]\ndump = true\n",
            "rule: [rule] is a single table; expected [[rule]], in double brackets",
        ),
        (b"rule = 5\n", "rule: 5; expected [[rule]] tables"),
        (
            b"[[rules]]\ndump = true\n",
            "2 mistakes: (1) rules: unknown key; did you mean rule? Expected one of rule; "
            "(2) rule: there is none; expected at least one [[rule]] table",
        ),
        (
            b"[[rule]]\nname = 'a'\npause = 'sp\xe4ter'\n",
            "line 3: the byte 0xe4 is not UTF-8; expected UTF-8",
        ),
    ],
)
def test_a_file_without_usable_rules_is_refused(file, content, text):
    file.write_bytes(content)
    assert refusal(file) == text


def test_a_file_that_is_no_toml_is_refused_with_what_the_parser_says(file):
    text = "[[rule]]\ndump = yes\n"
    file.write_text(text)
    with pytest.raises(tomllib.TOMLDecodeError, match="line 2") as refused:
        tomllib.loads(text)
    assert refusal(file) == f"{refused.value}; expected valid TOML"


def test_deep_nesting_is_refused_like_any_mistake(file):
    file.write_text("x = " + "[" * 100_000)
    assert refusal(file).endswith("; expected valid TOML")


def test_a_file_may_have_a_byte_order_mark_and_crlf(file, attempt):
    file.write_bytes(b"\xef\xbb\xbf[[rule]]\r\ndump = true\r\n")
    plugin = Routing()
    plugin.configure({"file": str(file)})
    assert plugin.pre_delivery_attempt(attempt()) == {"action": "dump", "reason": "rule 1"}


def test_each_mistake_has_the_line_of_its_rule_whatever_strings_and_comments_look_like(file):
    file.write_text(
        "# [[rule]]\n"
        "[[rule]]\n"
        "match.sendid = '''\n"
        "[[rule]]\n"
        "[[rule]]'''\n"
        "pause = 5\n"
        "  [[ 'rule' ]] # the second\n"
        "match.sendid = [\n"
        '  "[[rule]]",\n'
        "]\n"
        "pause = 6\n"
        "\n"
        "[[rule]]\n"
        "dump = 7\n"
        "[rule.match]\n"
        'sendid = "a"\n',
        encoding="utf-8",
    )
    assert refusal(file) == (
        "3 mistakes: "
        "(1) line 2: rule 1: pause: 5; expected a message, or true for none; "
        "(2) line 7: rule 2: pause: 6; expected a message, or true for none; "
        "(3) line 13: rule 3: dump: 7; expected a message, or true for none"
    )


def test_lines_are_left_out_where_rules_have_no_headers(file):
    file.write_text("rule = [\n{ dump = true },\n{ dump = 5 },\n]\n")
    assert refusal(file) == "rule 2: dump: 5; expected a message, or true for none"


def test_lines_are_right_in_a_file_with_crlf(file):
    file.write_bytes(b"[[rule]]\r\nmatch.mtaid = 'a'\r\ndump = true\r\n[[rule]]\r\ndump = 5\r\n")
    assert refusal(file) == "line 4: rule 2: dump: 5; expected a message, or true for none"


def test_a_missing_file_is_refused(file):
    assert refusal(file) == f" does not exist; {MEND}"


def test_a_directory_is_refused(tmp_path):
    assert refusal(tmp_path) == f" is a directory, not a regular file; {MEND}"


def test_a_fifo_is_refused_rather_than_waited_for(file):
    os.mkfifo(file)
    assert refusal(file) == f" is a FIFO, not a regular file; {MEND}"


@pytest.fixture
def not_root():
    """Act as a user that may not read everything."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield
    os.seteuid(user)


def test_a_file_without_permission_is_refused(file, request):
    file.write_text("[[rule]]\ndump = true\n")
    file.chmod(0)
    request.getfixturevalue("not_root")
    assert refusal(file) == f"{os.strerror(errno.EACCES)}; {MEND}"
