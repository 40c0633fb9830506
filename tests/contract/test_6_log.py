"""CONTRACT 6: all errors go to one log, on standard error or in a directory."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys

import pytest

from ..helpers.attempts import ATTEMPT, TEMPFAIL
from ..helpers.log import logged_in, put_away
from ..helpers.site import hook, policy

pytestmark = pytest.mark.slow

HEAD = f"""
import sys
from hookframe import Host
from hookframe.config.model import LogTable
from hookframe.log.setup import make_daemon_log
attempt = {ATTEMPT!r}
log = make_daemon_log(LogTable(*sys.argv[2:3]))
"""
DECIDE = """
with Host.from_config(sys.argv[1], watch=False, log=log) as host:
    print(host.decide(attempt), file=sys.__stdout__)
"""
LEFT_OUT = re.compile(
    r"WARNING plugin file: ([0-9]+) more lines left out: "
    r"it may print 100 a second \(limits\.output_lines\)"
)


def run(site, code, *directory, **more):
    """Decide about one attempt in a program of its own, whose log goes where a daemon's does."""
    site.configure(policy(hook_file="hook.py"), code)
    return subprocess.run(
        [sys.executable, "-c", HEAD + DECIDE, str(site.config), *map(str, directory)],
        **{"stderr": subprocess.PIPE, **more},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=50,
    )


def without_time(text):
    """Give the lines of a log on standard error without their times, which they must have."""
    matches = [re.fullmatch(r"[-0-9]{10} [0-9:.]{12} (.*)", line) for line in text.splitlines()]
    assert all(matches), text
    return [match[1] for match in matches]


@pytest.fixture(params=["terminal", "directory"])
def run_logged(site, tmp_path, request):
    """Run a program with either kind of log; return its lines, from their level on."""
    directory = tmp_path / "log"

    def run_and_read(code):
        if request.param == "terminal":
            return without_time(run(site, code).stderr)
        assert run(site, code, directory).stderr == ""
        return logged_in(directory)

    return run_and_read


def test_in_a_program_errors_go_to_loguru(site, log):
    assert site.file_host(hook("raise ValueError('x')")).decide(ATTEMPT) == TEMPFAIL
    assert len(log.errors) == 1


def test_errors_are_of_the_level_error_and_what_a_plugin_prints_is_not(site, log):
    site.file_host(hook("print('hello')\nraise ValueError('x')")).decide(ATTEMPT)
    assert dict(zip(log.all, log.levels, strict=True)) == {
        line: "ERROR" if line.startswith("error in ") else "INFO" for line in log.all
    }


def test_the_log_is_readable(site, run_logged):
    lines = run_logged(hook("print('printed')\nraise ValueError('the {list} is <gone>')"))
    assert "INFO    plugin file: printed" in lines
    [error] = [line for line in lines if line.startswith("ERROR   ")]
    assert "error in pre_delivery_attempt_hook: msguid=[" in error
    assert f"ValueError: the {{list}} is <gone> at {site.file} line 3 (plugin file)" in error
    assert "Traceback" not in "".join(lines)
    assert "\x1b" not in "".join(lines)


def test_the_log_does_not_change_what_is_decided(site):
    assert run(site, hook("raise ValueError('x')")).stdout == f"{TEMPFAIL}\n"


def test_on_a_terminal_the_log_has_colours(site):
    ours, theirs = pty.openpty()
    run(site, hook("raise ValueError('x')"), stderr=theirs)
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert "\x1b[31m\x1b[1mERROR  \x1b[0m error in pre_delivery_attempt_hook" in shown


@pytest.mark.parametrize(
    "mischief",
    [
        "import loguru; loguru.logger.remove()",
        "import loguru; loguru.logger.disable('')",
        "import logging; logging.basicConfig(level='CRITICAL', force=True)",
        "import logging; logging.disable()",
        "import os; os.close(2)",
        "import os; os.dup2(os.open('/dev/null', os.O_WRONLY), 2)",
        "import os; os.closerange(3, 300)",
        "import sys; sys.stderr.close()",
        "import sys; sys.stderr = sys.stdout = open('/dev/null', 'w')",
        "import sys; sys.stderr = sys.__stderr__ = None",
        "import os; os.chdir('/'); os.umask(0o777)",
    ],
)
def test_no_plugin_can_silence_the_host(run_logged, mischief):
    lines = run_logged(hook(f"{mischief}\nraise ValueError('still logged')"))
    assert any("ValueError: still logged" in line for line in lines)


def test_a_plugin_that_closes_every_descriptor_does_not_silence_the_log_in_a_directory(
    site, tmp_path
):
    code = hook("import os\nos.closerange(3, 4096)\nraise ValueError('still logged')")
    run(site, code, tmp_path / "log")
    assert any("ValueError: still logged" in line for line in logged_in(tmp_path / "log"))


def test_how_many_lines_were_lost_is_said_as_soon_as_it_can_be(tmp_path):
    program = """
import os
log.error("lost")
os.rmdir(sys.argv[2] + "/current")
log.run_upkeep()
"""
    directory = tmp_path / "log"
    block = "import os\nos.unlink(sys.argv[2] + '/current')\nos.mkdir(sys.argv[2] + '/current')"
    done = subprocess.run(
        [sys.executable, "-c", f"{HEAD}{block}{program}", "", str(directory)],
        stderr=subprocess.PIPE,
        check=True,
        text=True,
        timeout=50,
    )
    lost = "1 line of the log lost: Is a directory"
    assert logged_in(directory) == [f"WARNING {lost}"]
    assert done.stderr == f"hookframe: the log can't be written to {directory}: {lost}\n"


def test_a_stream_that_is_closed_when_a_program_starts_is_nobodys_socket(tmp_path):
    look = "import os\nfor n in range(3): assert os.readlink(f'/proc/self/fd/{n}') == '/dev/null'"
    closed = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"]
    command = [*closed, sys.executable, "-c", HEAD + look, "", str(tmp_path / "log")]
    assert subprocess.run(command, check=False, timeout=50).returncode == 0


def test_what_a_plugin_logs_by_loguru_reaches_the_log_once_and_with_its_name(run_logged):
    head = "from loguru import logger"
    lines = run_logged(hook("logger.warning('of my own')\nreturn None", head))
    assert [line for line in lines if "of my own" in line] == ["WARNING plugin file: of my own"]


def test_what_a_plugins_thread_logs_by_loguru_reaches_the_log_too(run_logged):
    head = "from loguru import logger\nimport threading"
    work = "thread = threading.Thread(target=logger.warning, args=('of my own',))"
    lines = run_logged(hook(f"{work}\nthread.start()\nthread.join()", head))
    assert [line for line in lines if "of my own" in line] == ["WARNING plugin file: of my own"]


WAYS = {
    "print": ("", "print(TEXT)"),
    "bytes": ("", "sys.stderr.buffer.write(TEXT.encode() + b'\\n')"),
    "logging without a configuration": ("", "logging.warning(TEXT)"),
    "logging.basicConfig": ("logging.basicConfig(level='INFO')", "logging.warning(TEXT)"),
    "a handler of its own": (
        "logging.getLogger('own').addHandler(logging.StreamHandler(sys.__stderr__))",
        "logging.getLogger('own').warning(TEXT)",
    ),
    "logging with loguru's own sink": ("loguru.logger.add(sys.stderr)", "logging.warning(TEXT)"),
    "warnings": ("", "warnings.warn(TEXT)"),
    "loguru": ("", "loguru.logger.warning(TEXT)"),
    "loguru with a sink of its own": (
        "loguru.logger.remove(); loguru.logger.add(sys.stderr)",
        "loguru.logger.warning(TEXT)",
    ),
}
FORGED = "a@b.example\n2026-11-30 19:00:00.000 ERROR   error in pre_delivery_attempt_hook\x1b[31m"
WRITING = f"""
import logging, sys, threading, warnings
import loguru
TEXT = {FORGED!r}
def write():
    {{write}}
def in_thread():
    thread = threading.Thread(target=write)
    thread.start()
    thread.join()
{{configure}}
"""


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("where", ["at load", "in a hook", "in a thread"])
def test_no_way_of_writing_forges_a_line(run_logged, way, where):
    configure, write = WAYS[way]
    head = WRITING.format(configure=configure, write=write)
    body = {"at load": "return None", "in a hook": "write()", "in a thread": "in_thread()"}[where]
    lines = run_logged(hook(body, head + ("write()\n" if where == "at load" else "")))
    assert not any(line.startswith("ERROR") for line in lines)
    written = [line for line in lines if "a@b.example" in line]
    if way in {"print", "bytes"}:
        assert written == ["INFO    plugin file: a@b.example"]
        assert "INFO    plugin file: 2026-11-30 19:00:00.000 ERROR   error in " in "\n".join(lines)
    else:
        [line] = written
        escaped = FORGED.replace("\n", r"\x0a").replace("\x1b", r"\x1b")
        warned = "UserWarning: " if way == "warnings" else ""
        assert line.startswith(f"WARNING plugin file: {warned}{escaped}")


def test_what_a_plugin_prints_is_limited_and_what_is_left_out_is_counted(run_logged):
    lines = run_logged(hook("for number in range(5000): print('line', number)"))
    printed = [line for line in lines if line.startswith("INFO    plugin file: line ")]
    left_out = [int(match[1]) for line in lines if (match := LEFT_OUT.fullmatch(line))]
    assert printed[:100] == [f"INFO    plugin file: line {number}" for number in range(100)]
    assert len(printed) + sum(left_out) == 5000
    assert len(printed) < 5000


def test_the_operator_says_how_much_a_plugin_may_print(site, log):
    toml = policy(hook_file="hook.py") + "[limits]\noutput_lines = 3\n"
    host = site.host(toml, hook("print('1\\n2\\n3\\n4')"))
    host.decide(ATTEMPT)
    host.close()
    assert [line for line in log.all if line.startswith("plugin file: ")] == [
        "plugin file: 1",
        "plugin file: 2",
        "plugin file: 3",
        "plugin file: 1 more line left out: it may print 3 a second (limits.output_lines)",
    ]


def test_a_command_shows_all_that_a_hook_prints(site):
    site.configure(policy(hook_file="hook.py"), hook("for n in range(500): print('line', n)"))
    done = subprocess.run(
        [sys.executable, "-m", "hookframe", "decide", "--config", site.config, "sendid=1"],
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
    )
    assert done.stderr.count("plugin file: line ") == 500


@pytest.mark.parametrize(
    "code",
    [
        "raise ValueError('x' * 100_000_000)",
        "class Chatty(Exception):\n    def __str__(self):\n        print('said ' * 100_000)\n"
        "        return 'x' * 100_000_000\nraise Chatty",
        "class Loud(Exception):\n    def __str__(self):\n        raise SystemExit\nraise Loud",
    ],
)
def test_an_exception_may_have_any_text(run_logged, code):
    lines = run_logged(hook(code))
    assert sum(line.startswith("ERROR   error in ") for line in lines) == 1
    assert all(len(line) < 20_000 for line in lines)


def test_no_values_of_a_plugins_variables_are_written_to_the_log(run_logged):
    lines = run_logged(hook("password = 'hunter' + '2'\nreturn 1 / 0"))
    assert any("ZeroDivisionError" in line for line in lines)
    assert not any("hunter2" in line for line in lines)


def test_the_chain_that_comes_into_use_is_logged(site, log):
    host = site.host(policy(["file"], hook_file="hook.py"), hook("return None"))
    host.reload()
    used = [line for line in log.all if "file" in line and "chain" in line]
    assert len(used) == 2


def test_a_plugin_that_is_configured_and_not_in_the_chain_is_logged(site, install, log):
    install("stack")
    site.host(policy(["guard"], plugins={"routes": {}}))
    assert any("routes" in line for line in log.all)


def test_a_failing_sink_of_the_program_does_not_fail_an_attempt(site, capsys):
    from loguru import logger

    def full(message):
        raise OSError(28, "No space left on device")

    handler = logger.add(full)
    try:
        host = site.file_host(hook("raise ValueError('x')"))
        assert host.decide(ATTEMPT) == TEMPFAIL
    finally:
        logger.remove(handler)


def start_in_vain(site):
    """Start a daemon that can't start; return what it says on standard error."""
    socket = json.dumps(f"unix:{site.config.parent / 'hf.sock'}")
    toml = f'listen = {socket}\nhook_file = "hook.py"\n[log]\ndirectory = "log"\n'
    site.configure(toml, hook("return None"))
    done = subprocess.run(
        [sys.executable, "-m", "hookframe", "serve", "--config", site.config],
        stderr=subprocess.PIPE,
        check=False,
        text=True,
        timeout=50,
    )
    assert done.returncode == 1
    return done.stderr


def test_a_daemon_whose_log_directory_can_not_be_used_ends_with_one_sentence(site):
    log = site.config.parent / "log"
    log.write_text("")
    [line] = start_in_vain(site).splitlines()
    assert line.startswith(f"hookframe: error: the log can't be written to {log}: Not a directory")


def test_a_daemon_that_can_not_start_says_where_its_log_is(site):
    (site.config.parent / "hf.sock").write_text("in the way")
    log = site.config.parent / "log"
    said = start_in_vain(site)
    assert said == f"hookframe: error: the daemon could not start; the reason is in {log}/current\n"
    assert any(line.startswith("ERROR   ") for line in logged_in(log))


def test_the_old_files_of_a_log_are_bounded(site, tmp_path):
    directory = tmp_path / "log"
    program = (
        "import sys\nfrom hookframe.config.model import LogTable\n"
        "from hookframe.log.setup import make_daemon_log\n"
        "log = make_daemon_log(LogTable(sys.argv[1], 1000, 3))\n"
        "for number in range(500): log.info(f'line {number}')\n"
    )
    subprocess.run([sys.executable, "-c", program, str(directory)], check=True, timeout=50)
    assert len(put_away(directory)) == 3
    lines = logged_in(directory)
    assert 40 < len(lines) < 100
    assert lines == [f"INFO    line {number}" for number in range(500 - len(lines), 500)]
    assert all(path.stat().st_size <= 1000 for path in directory.iterdir())


@pytest.mark.skipif(shutil.which("tai64nlocal") is None, reason="needs Debian's daemontools")
def test_the_log_can_be_followed_by_tail_and_tai64nlocal_across_a_rotation(tmp_path):
    directory = tmp_path / "log"
    program = (
        "import sys\nfrom hookframe.config.model import LogTable\n"
        "from hookframe.log.setup import make_daemon_log\n"
        "log = make_daemon_log(LogTable(sys.argv[1], 1000, 3))\n"
        "print(flush=True)\n"
        "for line in sys.stdin: log.info(line.strip()); print(flush=True)\n"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", program, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout.readline() == "\n"
    with subprocess.Popen(
        ["tail", "-n", "+1", "-F", directory / "current"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as tail:
        reader = subprocess.Popen(
            ["tai64nlocal"], stdin=tail.stdout, stdout=subprocess.PIPE, env={"TZ": "UTC"}, text=True
        )
        for number in range(3):
            writer.stdin.write(f"line {number} {'x' * 800}\n")
            writer.stdin.flush()
            assert writer.stdout.readline() == "\n"
            shown = reader.stdout.readline()
            assert re.match(rf"20[-0-9]+ [0-9:]+\.[0-9]{{9}} INFO    line {number} x+\n", shown)
        tail.terminate()
        reader.communicate(timeout=30)
    writer.communicate(timeout=30)
    assert len(put_away(directory)) == 2
