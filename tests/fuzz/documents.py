"""Configurations whose mistakes are known: every key, with what it takes and what it refuses."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of a configuration.

    Args:
        table: the table that it stands in, as a header names it; empty for the top level.
        key: its name, as TOML writes it.
        value: its value, as TOML writes it.
        right: whether that is allowed.
    """

    table: str
    key: str
    value: str
    right: bool

    @property
    def path(self) -> str:
        """Its name, as a mistake names it."""
        name = ODDLY_NAMED.get(self.key, self.key)
        return f"{self.table}.{name}" if self.table else name


TIMES = ['"1s"', "'50ms'", '"""2 h"""', '"0.5m"', '" 800us "', '"8784h"']
WRONG_TIMES = ['"0s"', '"1"', '"-1s"', '"s"', '"1e3s"', f'"{"9" * 400}s"', '"8785h"', '"٣s"', "1.5"]
SIZES = ['"1GiB"', "'64 MiB'", '"1KiB"', '"1048576GiB"']
WRONG_SIZES = ['"0KiB"', '"1GB"', '"1.5GiB"', '"1048577GiB"', '"999999999999GiB"', "1024"]
FEW = ["1", "+17", "0x10", "0o7", "0b1", "25_6"]
NUMBERS = ["1", "+17", "0x10", "0o7", "0b1", "1_000", "2147483647"]
WRONG_NUMBERS = ["0", "-1", "1.0", "true", "2147483648", "0x" + "f" * 500, '"1"']
TEXTS = ['"x"', "'''\nx'''", '"\\u00e9\\U0001F54A"', '"""\\\n   a\n  b"""']
WRONG_TEXTS = ['""', '"\\u0000"', '["x"]', "1979-05-27"]
BOOLEANS = ["true", "false"]
WRONG_BOOLEANS = ["1", '"true"', "[true]"]
TABLES = ["{}", "{ a = 1, b.c = [ {} ] }", '{ "a.b" = { c = "d" }, \'e\' = 07:32:00 }']
ODD = [
    *("1979-05-27T07:32:00Z", "1979-05-27 07:32:00.999999-07:00", "inf", "-nan", "1e400", "[{}]"),
    *("[" * 90 + "]" * 90, '[{ a = "1" }, [\n  "b", # c\n]]', "-9223372036854775809", "0xdeadbeef"),
    *('"' + "k" * 3000 + '"', '"\\u202e\\u0007]"', "'''\n[x]\n# '''", '"""a""b\\""""'),
]
"""Values that no key takes."""
ODDLY_NAMED = {
    '"a b"': "a b",
    '"a.b"': "a.b",
    "'é'": "é",
    '"\\u0000"': "\0",
    '"new\\nline"': "new\nline",
    **{name: name for name in ("Chain", "chian", "SETTINGS", "k" * 300)},
}
"""Keys that no table has, and what they are when they have been read."""
KEYS = {
    "": {
        "chain": (
            ['"installed"', "[]", '["a", "b"]', '[ # none\n "a",\n]'],
            ['"a"', '["a", 1]', '["a", "a"]', '[""]', '["file"]', '[["a"]]'],
        ),
        "trust_file_permissions": (BOOLEANS, WRONG_BOOLEANS),
        "deadline": (TIMES, WRONG_TIMES),
        "on_load_error": (['"keep"', "'tempfail'"], ['"Keep"', '""', '["keep"]']),
        "listen": (
            ['"unix:/x"', '["exim+unix:/x", "tcp:127.0.0.1:0"]', '"jsonl+tcp:[::1]:65535"'],
            [
                *(
                    "[]",
                    '"unix:x"',
                    '["unix:/x", "exim+unix:/x"]',
                    '"tcp:[::1]:65536"',
                    '"tcp:x:1"',
                ),
                *('"tcp:8.8.8.8:1"', '"smtp+unix:/x"', f'"unix:/{"x" * 200}"', '["unix:/x", 1]'),
            ],
        ),
        "workers": (FEW, [*WRONG_NUMBERS, "257"]),
    },
    "limits": {
        "connections": (NUMBERS, WRONG_NUMBERS),
        "idle_time": (TIMES, WRONG_TIMES),
        "answer_time": (TIMES, WRONG_TIMES),
        "max_memory": (SIZES, WRONG_SIZES),
        "output_lines": (NUMBERS, WRONG_NUMBERS),
    },
    "log": {
        "directory": (TEXTS, WRONG_TEXTS),
        "size": (SIZES, WRONG_SIZES),
        "files": (NUMBERS, WRONG_NUMBERS),
    },
    "plugins.a": {
        "mode": (['"enforce"', "'shadow'", '"off"'], ['"Enforce"', '"shadow "', "[]"]),
        "use": (TEXTS, WRONG_TEXTS),
        "on_error": (['"tempfail"', "'skip'"], ['"keep"', "1"]),
        "may": (
            ["[]", '["pause"]', '["dump", "normal", "dump"]'],
            ['["Pause"]', "[1]", '"pause"', '[{ a = "pause" }]'],
        ),
        "deadline": (TIMES, WRONG_TIMES),
        "settings": (TABLES, ["1", '"a"', "[]"]),
    },
}
"""Every key of every table, with values that it takes and values that it doesn't."""


def _setting(table: str, key: str) -> st.SearchStrategy[Setting]:
    right, wrong = KEYS[table][key]
    right = st.sampled_from(right).map(lambda value: Setting(table, key, value, True))
    # Some of the odd values are text, and so name a directory or a plugin.
    odd = [] if key in ("directory", "use") else ODD
    wrong = st.sampled_from([*wrong, *odd]).map(lambda value: Setting(table, key, value, False))
    return st.one_of(right, right, wrong)


def _settings(table: str) -> st.SearchStrategy[list[Setting]]:
    """Some keys of one table."""
    unknown = st.builds(
        Setting,
        st.just(table),
        st.sampled_from([*ODDLY_NAMED]),
        st.sampled_from(ODD),
        st.just(False),
    )
    known = [_setting(table, key) for key in KEYS[table]]
    return st.lists(st.one_of(*known, unknown), max_size=4, unique_by=lambda each: each.key)


DOCUMENTS = st.tuples(*map(_settings, KEYS)).map(
    lambda tables: [setting for table in tables for setting in table]
)


def written(settings: list[Setting]) -> tuple[str, dict[str, int]]:
    """Write a configuration.

    Returns:
        Its text, and on which line each of its mistakes begins, by the path of the key.
    """
    text, lines, table = "# hookframe.toml\n", {}, ""
    for setting in settings:
        if setting.table != table:
            table = setting.table
            text += f"\n [ {table} ] # {table}\n"
        if not setting.right:
            lines[setting.path] = text.count("\n") + 1
        text += f"{setting.key} = {setting.value}\n"
    return text, lines
