"""What generate.py writes, and where."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest

from .conftest import HERE

pytestmark = pytest.mark.slow

EXAMPLE = HERE / "example.toml"
FRAGMENT = HERE / "hookframe.exim.conf"
needs_exim = pytest.mark.skipif(
    shutil.which("exim4") is None and os.environ.get("HOOKFRAME_E2E") != "required",
    reason="needs the program exim4",
)


def accepted_by_exim(path):
    """Let Exim read a configuration; returns what it says, and whether it is content."""
    done = subprocess.run(["exim4", "-bV", "-C", path], capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stdout + done.stderr


def test_the_committed_fragment_is_what_the_program_writes_for_the_example(run):
    written = run("--fragment", EXAMPLE)
    assert (written.returncode, written.stderr) == (0, "")
    assert written.stdout == FRAGMENT.read_text(), (
        "write it again: generate.py --fragment example.toml > hookframe.exim.conf"
    )


def test_the_example_shows_every_setting_with_its_default(generate):
    example = EXAMPLE.read_text()
    shown = generate.read_site(re.sub(r"^# (?=\w+ = )", "", example, flags=re.MULTILINE))
    left_out = generate.read_site(example)
    differing = {key for key in shown.values if shown.values[key] != left_out.values[key]}
    # These two have no default: commented out they are off.
    assert differing == {"aliases", "exim_path"}


def test_a_directory_gets_the_configuration_and_its_maps_and_a_word_on_what_to_do_next(
    run, tmp_path
):
    site = tmp_path / "site.toml"
    site.write_text(re.sub(r"^map_directory.*$", "", EXAMPLE.read_text(), flags=re.MULTILINE))
    done = run(site, "etc")
    assert done.returncode == 0
    assert f"exim4 -bV -C {tmp_path}/etc/exim4.conf" in done.stderr
    files = {path.name: path for path in (tmp_path / "etc").iterdir()}
    assert sorted(files) == ["exim4.conf", "routes", "virtualmtas"]
    assert f"HOOKFRAME_MAP = {tmp_path}/etc/virtualmtas" in files["exim4.conf"].read_text()
    assert 'bulk: interface="<; 192.0.2.11" helo="bulk.example.com"' in (
        files["virtualmtas"].read_text().splitlines()
    )
    assert "partner.example: <;relay1.partner.example;relay2.partner.example:2525" in (
        files["routes"].read_text().splitlines()
    )
    assert all(path.stat().st_mode & 0o022 == 0 for path in files.values())


def test_a_fragment_with_a_directory_writes_the_maps_only(run, tmp_path):
    done = run("--fragment", EXAMPLE, "maps")
    assert done.stdout == FRAGMENT.read_text()
    assert sorted(path.name for path in (tmp_path / "maps").iterdir()) == ["routes", "virtualmtas"]
    assert "copy them there" in done.stderr


def test_running_it_again_replaces_its_own_files(run, tmp_path):
    assert run(EXAMPLE, "etc").returncode == 0
    (tmp_path / "etc" / "virtualmtas").write_text("# Written by hookframe's generate.py\nold\n")
    assert run(EXAMPLE, "etc").returncode == 0
    assert "old" not in (tmp_path / "etc" / "virtualmtas").read_text()


def test_a_file_of_someone_else_is_left_alone(run, tmp_path):
    (tmp_path / "exim4.conf").write_text("mine\n")
    done = run(EXAMPLE, tmp_path)
    assert done.returncode == 1
    assert "exim4.conf: is there and was not written by this program" in done.stderr
    assert (tmp_path / "exim4.conf").read_text() == "mine\n"
    assert not (tmp_path / "virtualmtas").exists()


def test_mistakes_are_printed_one_a_line_and_nothing_is_written(run, tmp_path):
    (tmp_path / "site.toml").write_text('primary_hostname = "a b"\n[hook]\ntimeout = 3\n')
    done = run("site.toml", "etc")
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert len(lines) > 2
    assert all(line.startswith("site.toml: ") for line in lines)
    assert not (tmp_path / "etc").exists()


@pytest.mark.parametrize("arguments", [["nosuch.toml", "etc"], ["binary.toml", "etc"]])
def test_a_file_that_cannot_be_read_is_told_without_a_traceback(run, tmp_path, arguments):
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    done = run(*arguments)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("arguments", [[], [EXAMPLE], ["--nosuch", EXAMPLE, "etc"]])
def test_a_wrong_command_line_is_a_usage_error(run, arguments):
    assert run(*arguments).returncode == 2


SITES = {
    "example": lambda text: text,
    "everything shown": lambda text: re.sub(r"^# (?=\w+ = )", "", text, flags=re.MULTILINE),
    "all by smart host": lambda text: text.replace('"partner.example" =', '"*" ='),
    "all by dns": lambda text: re.sub(r'^"partner.*$', "", text, flags=re.MULTILINE),
    "no local domain": lambda text: text.replace('domains = ["mail.example.com"]', "domains = []"),
    "both families": lambda text: re.sub(
        r'^interface = "192.0.2.(\d+)"$', r'interface = ["192.0.2.\1", "2001:db8::\1"]', text,
        flags=re.MULTILINE,
    ),
    "this host": lambda text: text.replace("[smtp]", "[smtp]\ndeliver_to_this_host = true"),
}  # fmt: skip


@needs_exim
@pytest.mark.parametrize("name", SITES)
def test_exim_accepts_the_configuration(run, tmp_path, name):
    (tmp_path / "site.toml").write_text(SITES[name](EXAMPLE.read_text()))
    assert run("site.toml", "etc").returncode == 0
    content, said = accepted_by_exim(tmp_path / "etc" / "exim4.conf")
    assert content, said


@needs_exim
def test_exim_accepts_the_fragment_pasted_where_its_headings_say(tmp_path):
    parts = re.split(r"^# --- hookframe \d", FRAGMENT.read_text(), flags=re.MULTILINE)
    heading, macros, acls, routers, transports, _ = parts
    own = tmp_path / "own.conf"
    own.write_text(
        f"domainlist local_domains = own.test\n#{macros}\nbegin acl\n#{acls}\n"
        f"begin routers\n#{routers}\nbegin transports\n#{transports}\n"
        "begin retry\n* * F,2h,15m\n"
    )
    assert heading.startswith("# Written by")
    content, said = accepted_by_exim(own)
    assert content, said
