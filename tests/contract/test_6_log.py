"""CONTRACT 6: all errors go to one log, readable on standard error in a terminal."""

from __future__ import annotations

import subprocess
import sys

from ..support.attempts import ATTEMPT, TEMPFAIL
from ..support.site import hook, policy

PROGRAM = f"""
import sys
from hookframe import Host
from hookframe.log import Log, terminal_logger
log = Log(terminal_logger())
with Host.from_config(sys.argv[1], watch=False, log=log) as host:
    print(host.decide({ATTEMPT!r}))
"""


def run(site, code, toml=None):
    site.configure(toml or policy(hook_file="hook.py"), code)
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(site.config)],
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
    )


def test_in_a_program_errors_go_to_loguru(site, log):
    assert site.file_host(hook("raise ValueError('x')")).decide(ATTEMPT) == TEMPFAIL
    assert len(log.errors) == 1


def test_errors_are_of_the_level_error_and_what_a_plugin_prints_is_not(site, log):
    site.file_host(hook("print('hello')\nraise ValueError('x')")).decide(ATTEMPT)
    assert dict(zip(log.all, log.levels, strict=True)) == {
        line: "ERROR" if line.startswith("error in ") else "INFO" for line in log.all
    }


def test_in_a_terminal_the_log_is_on_standard_error_and_readable(site):
    done = run(site, hook("print('printed')\nraise ValueError('the {list} is <gone>')"))
    assert done.stdout == f"{TEMPFAIL}\n"
    lines = done.stderr.splitlines()
    assert any(line.endswith("plugin file: printed") for line in lines)
    [error] = [line for line in lines if "error in pre_delivery_attempt_hook: msguid=[" in line]
    assert "ERROR" in error
    assert f"ValueError: the {{list}} is <gone> at {site.file} line 3 (plugin file)" in error
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stderr


def test_a_plugin_that_removes_every_sink_of_loguru_does_not_silence_the_host(site):
    head = "from loguru import logger\nlogger.remove()"
    done = run(site, hook("logger.remove()\nraise ValueError('still logged')", head))
    assert "ValueError: still logged" in done.stderr


def test_what_a_plugin_logs_by_loguru_itself_is_seen_in_a_terminal(site):
    head = "from loguru import logger"
    done = run(site, hook("logger.warning('of my own')\nreturn None", head))
    assert done.stderr.count("of my own") == 1


def test_no_values_of_a_plugins_variables_are_written_to_the_log(site):
    done = run(site, hook("password = 'hunter' + '2'\nreturn 1 / 0"))
    assert "ZeroDivisionError" in done.stderr
    assert "hunter2" not in done.stderr


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
