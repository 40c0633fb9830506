"""`hookframe.config.lines`: the line of each key."""

from __future__ import annotations

from hookframe.config.lines import find_key_lines

TEXT = """\
# a comment
chain = [
  "a]",  # ]
  "b",
]

[plugins."b.c"]
mode = "x"; """.replace("; ", "\n")


def test_keys_tables_and_arrays_over_several_lines():
    lines = find_key_lines(
        TEXT + '[limits]\nconnections = 1\n"idle time" = """\n[x]\n"""\nlast = 2\n'
    )
    assert lines == {
        ("chain",): 2,
        ("plugins",): 7,
        ("plugins", "b.c"): 7,
        ("plugins", "b.c", "mode"): 8,
        ("limits",): 9,
        ("limits", "connections"): 10,
        ("limits", "idle time"): 11,
        ("limits", "last"): 14,
    }


def test_of_a_key_that_stands_more_than_once_the_first_line_counts():
    assert find_key_lines("[[r]]\nx = 1\n[[r]]\nx = 2\n") == {("r",): 1, ("r", "x"): 2}


def test_an_inline_table_stands_on_the_line_of_its_key():
    assert find_key_lines("\na = { b = { c = 1 } }") == {
        ("a",): 2,
        ("a", "b"): 2,
        ("a", "b", "c"): 2,
    }
