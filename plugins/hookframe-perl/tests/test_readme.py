from __future__ import annotations

import json
import os
import re
import shutil
import tomllib
from pathlib import Path

import pytest
from hookframe_perl.settings import read_settings
from loguru import logger

from hookframe.testing import make_attempt

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
CONFIGURATIONS = re.findall(r"^```toml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
[DECIDED] = re.findall(r"^    \$ hookframe decide (\w+)=(\S+)\n    (.*)", README, re.MULTILINE)
[FILE] = re.findall(r"^```perl\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
NORMAL = {"action": "normal"}


@pytest.fixture(params=CONFIGURATIONS, ids=["first", "second"])
def host(request, site):
    """A host on a configuration of the README, its files in a place of their own."""
    site.save(FILE)
    (site.directory / "hook.py").write_text("def pre_delivery_attempt(): pass\n")
    (site.directory / "hook.py").chmod(0o644)
    text = request.param.replace("/etc/hookframe", str(site.directory))
    site.config.write_text(text.replace("/usr/bin/perl", str(shutil.which("perl"))))
    host = site.start()
    assert host.problem == ""
    return host


def test_the_file_decides_as_it_says(host, attempt, log):
    assert host.decide(attempt()) == NORMAL
    assert host.decide(attempt(recipient="x@Closed.Example")) == {
        "action": "dump",
        "message": "This domain is closed. (#5.1.2)",
    }
    for sendid, virtual_mta in (("receipts", "fast"), ("newsletter", "bulk-2")):
        assert host.decide(attempt(sendid=sendid)) == {
            "action": "new_mtaid",
            "new_mtaid": virtual_mta,
        }
    assert log.printed == [
        "plugin perl: message number 1 leaves by fast",
        "plugin perl: message number 2 leaves by bulk-2",
    ]


def test_hookframe_decide_says_what_is_shown(host, attempt):
    key, value, shown = DECIDED
    assert host.decide(attempt(**{key: value})) == json.loads(shown)


def test_the_longer_deadline_is_below_the_chains():
    table = tomllib.loads(CONFIGURATIONS[1])
    assert table["deadline"] == "6s"
    assert table["plugins"]["perl"]["settings"]["deadline"] == "5s"


def test_the_table_of_settings_has_each_with_its_default():
    table = README.split("## Settings", 1)[1].split("## ", 1)[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| `?([^|]*?)`? \|", table, re.MULTILINE))
    assert list(rows) == ["file", "perl", "deadline"]
    given = {key: value.strip('"') for key, value in rows.items() if not value.startswith("none")}
    defaults = read_settings({"file": "/a"})
    assert read_settings({"file": "/a"} | given) == defaults


TABLE = README.split("## When something is wrong", 1)[1].split("## ", 1)[0]
ROWS = re.findall(r"^\| (`.*?) \| ", TABLE, re.MULTILINE)
LOADS = [
    "return sub {\n\nmy $x = ;\nfoo };",
    "1;",
    "next; sub { 1 }",
    "exit; sub { 1 }",
    "kill KILL => $$; sub { 1 }",
]
CALLS = [
    "die 'x'",
    "die {}",
    "fork",
    "sleep 1000",
    "exit",
    "kill KILL => $$",
    "exec 'sleep', 1000",
    "for my $fd ( 3 .. 50 ) { open my $to, '>&=', $fd or next; syswrite $to, 'rubbish' } 1",
    "return",
    "{ action => 'dump', message => [] }",
    "{ action => 'dump', message => 'x' x 70_000 }",
]


DEADLINES = {"sleep 1000": "500ms"}


@pytest.fixture(scope="module")
def said(lasting_site):
    """What the log says of what the table has a row for."""
    site, lines = lasting_site, []
    handler = logger.add(lambda line: lines.append(str(line)), format="{message}")
    for code in LOADS:
        site.host(code)
    site.host("sub { 1 }", perl="no-such-perl")
    site.host("sub { 1 }", perl=site.program("no program"))
    site.host("sub { 1 }")
    site.file.chmod(0o666)
    site.start()
    os.chown(site.file, 12345, -1) if os.geteuid() == 0 else lines.append("belongs to user 1")
    site.file.chmod(0o644)
    site.start()
    site.file.unlink()
    site.start()
    for body in CALLS:
        site.host(f"sub {{\n{body};\n}}", deadline=DEADLINES.get(body, "50s")).decide(
            make_attempt()
        )
    logger.remove(handler)
    return lines


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS)
def test_the_log_says_what_the_table_of_errors_has(row, said):
    for text in re.findall(r"`([^`]*)`", row):
        parts = re.split(r"(…|FILE|/usr/bin/perl|[0-9][0-9.]*)", text)
        known = {"…": ".*", "FILE": ".*", "/usr/bin/perl": ".*"}
        pattern = "".join(
            known.get(part) or (r"[0-9.]+" if part[:1].isdigit() else re.escape(part))
            for part in parts
        )
        if "took longer than 10 s" not in text:  # another test waits for that
            assert any(re.search(pattern, line) for line in said), pattern
