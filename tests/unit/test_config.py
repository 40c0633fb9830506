"""`hookframe.config.model`: `hookframe.toml` as one frozen value, or all its mistakes."""

from __future__ import annotations

import pytest

from hookframe.api.errors import ConfigError
from hookframe.config.model import Config, LogTable, read_config
from hookframe.files.snapshot import take_snapshot


@pytest.fixture
def read(tmp_path):
    def read(toml):
        path = tmp_path / "hookframe.toml"
        path.write_bytes(toml.encode() if isinstance(toml, str) else toml)
        return read_config(take_snapshot(str(path)))

    return read


@pytest.fixture
def problems(read):
    def problems(toml):
        with pytest.raises(ConfigError) as refusal:
            read(toml)
        return [(each.line, each.key) for each in refusal.value.problems]

    return problems


def test_an_empty_configuration_has_the_defaults(read, tmp_path):
    assert read("") == Config(path=str(tmp_path / "hookframe.toml"))


def test_every_key_is_read(read, tmp_path):
    config = read(
        'chain = ["a", "file"]\n'
        'hook_file = "hook.py"\n'
        "trust_file_permissions = true\n"
        'on_load_error = "keep"\n'
        'deadline = "500ms"\n'
        'listen = ["unix:/run/h.sock", "exim+tcp:127.0.0.1:8025"]\n'
        "workers = 3\n"
        "[limits]\n"
        "connections = 7\n"
        'idle_time = "2m"\n'
        'answer_time = "3s"\n'
        'load_time = "4s"\n'
        'max_memory = "64MiB"\n'
        "output_lines = 5\n"
        "[log]\n"
        'directory = "log"\n'
        'size = "100 KiB"\n'
        "files = 3\n"
        "[plugins.a]\n"
        'mode = "shadow"\n'
        'on_error = "skip"\n'
        'may = ["pause", "dump"]\n'
        'deadline = "50ms"\n'
        "[plugins.a.settings]\n"
        "x = 1\n"
    )
    assert config.chain == ("a", "file")
    assert config.hook_file == str(tmp_path / "hook.py")
    assert (config.trust_file_permissions, config.on_load_error) == (True, "keep")
    assert config.deadline == 0.5
    assert [address.protocol for address in config.listen] == ["jsonl", "exim"]
    limits = config.limits
    assert (limits.connections, limits.idle_time, limits.answer_time) == (7, 120.0, 3.0)
    assert (limits.load_time, limits.max_memory) == (4.0, 64 * 1024 * 1024)
    assert limits.output_lines == 5
    assert config.workers == 3
    assert config.log == LogTable(str(tmp_path / "log"), 100 * 1024, 3)
    table = config.table("a")
    assert (table.policy.mode, table.policy.on_error, table.policy.deadline) == (
        *("shadow", "skip", 0.05),
    )
    assert table.policy.may == {"pause", "dump"}
    assert table.settings == {"x": 1}


def test_a_configuration_can_not_be_changed(read):
    with pytest.raises(AttributeError):
        read("").deadline = 5


def test_an_absolute_hook_file_stays_as_it_is(read):
    assert read('hook_file = "/etc/hookframe/hook.py"').hook_file == "/etc/hookframe/hook.py"


@pytest.mark.parametrize(
    ("toml", "found"),
    [
        ('chain = "all"', (1, "chain")),
        ("chain = [1]", (1, "chain")),
        ('chain = [""]', (1, "chain")),
        ('chain = ["a", "b", "a"]', (1, "chain")),
        ('\nchain = ["file"]', (2, "chain")),
        ('hook_file = ""', (1, "hook_file")),
        ("hook_file = 5", (1, "hook_file")),
        ('trust_file_permissions = "yes"', (1, "trust_file_permissions")),
        ('deadline = "0s"', (1, "deadline")),
        ('deadline = "-1s"', (1, "deadline")),
        ('deadline = "1 fortnight"', (1, "deadline")),
        ('listen = "tcp:192.0.2.1:25"', (1, "listen")),
        ("listen = []", (1, "listen")),
        ('listen = ["unix:/a", "unix:/a"]', (1, "listen")),
        ("[limits]\n\nconnections = true", (3, "limits.connections")),
        ("[limits]\nmax_memory = 5", (2, "limits.max_memory")),
        ('[limits]\nmax_memory = "0MiB"', (2, "limits.max_memory")),
        ('[log]\nsize = "5 MB"', (2, "log.size")),
        ("workers = 0", (1, "workers")),
        ('[plugins.a]\nx = 1\n[plugins."b c"]\nmode = 1', (2, "plugins.a.x")),
        ("[plugins.a]\nsettings = 5", (2, "plugins.a.settings")),
        ("plugins.a.mode = 'x'", (1, "plugins.a.mode")),
        ("plugins = { a = { mode = 'x' } }", (1, "plugins.a.mode")),
    ],
)
def test_a_mistake_is_reported_with_its_line_and_key(toml, found, problems):
    assert found in problems(toml)


def test_mistakes_are_reported_in_the_order_of_the_file(problems):
    toml = "z = 1\n[plugins.b]\nmode = 1\n[limits]\ny = 1\n[plugins.a]\nmode = 1\n"
    assert [line for line, _ in problems(toml)] == [1, 3, 5, 7]


def test_allow_remote_holds_for_listen_wherever_it_stands(read):
    assert read('listen = "tcp:192.0.2.1:25"\nallow_remote = true').listen[0].port == 25


def test_a_byte_order_mark_is_forgiven_and_counts_for_no_line(read, problems):
    assert read('\ufeffchain = ["a"]').chain == ("a",)
    assert problems("\ufeffchian = []")[0][0] == 1


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_refused_with_what_it_is(encoding, read):
    with pytest.raises(ConfigError, match="is written in UTF-16; save it as UTF-8"):
        read("\ufeffchain = []".encode(encoding))


@pytest.mark.parametrize("toml", [b"a = \xff", b"a = 'x\0'", b"[a", b"a = 1e", b"\xfe\xff"])
def test_what_is_no_toml_is_refused(toml, problems):
    assert problems(toml) == [(None, "")]


@pytest.mark.parametrize(
    ("toml", "installed", "order"),
    [
        ('chain = ["b", "a"]', ("a", "b", "c"), ("b", "a")),
        ("chain = []", ("a",), ()),
        ('chain = "installed"', ("a", "b"), ("a", "b")),
        ('chain = "installed"\nhook_file = "h.py"', ("a", "file"), ("a", "file")),
        ("[plugins.z]\n[plugins.a]", ("a",), ("z", "a")),
        ('hook_file = "h.py"\n[plugins.file]\n[plugins.z]', (), ("z", "file")),
        ('hook_file = "h.py"', ("a",), ("file",)),
        ("", ("a",), ()),
    ],
)
def test_the_order_is_the_operators(toml, installed, order, read):
    assert tuple(each.name for each in read(toml).entries(installed)) == order


def test_what_is_configured_and_not_in_the_chain_is_told(read):
    toml = 'chain = ["a"]\nhook_file = "h.py"\n[plugins.a]\n[plugins.b]\n'
    assert set(read(toml).unused) == {"b", "file"}
    assert read("[plugins.b]").unused == ()
