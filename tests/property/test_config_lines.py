"""The line of each key of a TOML document: agrees with what tomllib reads."""

from __future__ import annotations

import json
import tomllib

from hypothesis import assume, example, given
from hypothesis import strategies as st

from hookframe.config.lines import find_key_lines

BARE = st.text(st.sampled_from("abcXYZ09_-"), min_size=1, max_size=4)
WILD = st.text(st.sampled_from("a]b[c#d.e f=\"'{}\\"), max_size=5)
KEY = st.one_of(BARE, WILD.map(json.dumps))
NAME = st.lists(KEY, min_size=1, max_size=3).map(".".join)
LINES = st.lists(st.text(st.sampled_from("ab]['{}#=,."), max_size=6), min_size=1, max_size=4).map(
    "\n".join
)
TEXT = st.one_of(
    WILD.map(json.dumps),
    WILD.filter(lambda text: "'" not in text).map(lambda text: f"'{text}'"),
    LINES.map(lambda text: f'"""{text}"""'),
    LINES.map(lambda text: f'"""\n{text}\\\n  "two"" quotes\\""""'),
    LINES.filter(lambda text: "''" not in text).map(lambda text: f"'''\n{text} '''"),
    st.just("'''' one quote'''"),
    st.just('""""""'),
    st.just('"""""two quotes"""""'),
)
SCALAR = st.one_of(
    TEXT,
    st.integers(-99, 99).map(str),
    st.sampled_from(["true", "1.5e3", "1979-05-27T07:32:00Z", "inf", "0xbeef"]),
)
COMMENT = st.sampled_from(["", '  # a comment ] } "', "\t#'''"])
ARRAY = st.lists(SCALAR, max_size=3).flatmap(
    lambda items: COMMENT.map(
        lambda note: "[" + note + "\n" + "".join(f"  {item},{note}\n" for item in items) + "]"
    )
)
INLINE = st.lists(st.tuples(KEY, TEXT.filter(lambda text: "\n" not in text)), max_size=2).map(
    lambda pairs: "{" + ", ".join(f"{key} = {value}" for key, value in pairs) + "}"
)
VALUE = st.one_of(SCALAR, ARRAY, INLINE)
PAIR = st.builds(lambda key, value, note: f"{key} = {value}{note}", NAME, VALUE, COMMENT)
HEADER = st.one_of(NAME.map(lambda name: f"[{name}]"), NAME.map(lambda name: f"[[{name}]]"))
STATEMENT = st.one_of(
    PAIR, PAIR, HEADER, st.builds("{}{}".format, HEADER, COMMENT), st.just(""), st.just(" # ]")
)
DOCUMENT = st.builds(
    lambda lines, end, newline: newline.join(("\n".join(lines) + end).split("\n")),
    st.lists(STATEMENT, max_size=8),
    st.sampled_from(["", "\n"]),
    st.sampled_from(["\n", "\r\n"]),
)


def paths(value, above=()):
    """Name every path of a parsed document, through tables of arrays as through tables."""
    if isinstance(value, list):
        for each in value:
            if isinstance(each, dict):
                yield from paths(each, above)
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*above, key)
            yield from paths(inner, (*above, key))


def parsed(document):
    try:
        return tomllib.loads(document)
    except tomllib.TOMLDecodeError:
        assume(False)


@given(DOCUMENT)
@example('a = """""two quotes"""""\nb = 1')
@example("a = 1\r\n\r\nb = '''x\r\ny'''\r\nc = 2")
@example("[[a]]\nb = 1\n[a.c]\nd = [\n1,\n]\n[[a]]\nb = 2\n")
def test_every_key_that_tomllib_reads_has_a_line_and_no_other(document):
    known = {path for path in paths(parsed(document)) if path}
    lines = find_key_lines(document)
    inside_arrays = {path for path in known if path not in lines}
    assert set(lines) <= known
    assert all(any(path[:n] in lines for n in range(1, len(path))) for path in inside_arrays)


@given(st.lists(st.tuples(BARE, VALUE, COMMENT), max_size=6, unique_by=lambda each: each[0]))
def test_the_line_is_the_one_on_which_the_key_stands(pairs):
    document, expected = "", {}
    for key, value, note in pairs:
        document += note.strip() + "\n"
        expected[(key,)] = document.count("\n") + 1
        document += f"{key} = {value}{note}\n"
    parsed(document)
    lines = find_key_lines(document)
    assert {path: line for path, line in lines.items() if len(path) == 1} == expected
