"""The Perl process: one for each host, which lives and ends with it, and leaves nothing behind."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys

import pytest

from hookframe import TEMPFAIL_MESSAGE

TEMPFAIL = {"action": "pause", "message": TEMPFAIL_MESSAGE, "error": True}
NORMAL = {"action": "normal"}
WHO = "sub { { action => 'pause', message => $$ } }"


def test_where_descriptors_run_out_attempts_temp_fail_and_none_is_lost(site, attempt, log, family):
    host = site.host("sub { exit if $_[0]{recipient} eq 'bad'; { action => 'normal' } }")
    host.decide(attempt(recipient="bad"))
    before = family.descriptors()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        for more in range(12):
            resource.setrlimit(resource.RLIMIT_NOFILE, (before + more, limits[1]))
            for _ in range(3):
                host.decide(attempt())
            host.decide(attempt(recipient="bad"))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert any("can't start " in error and "Too many open files" in error for error in log.errors)
    assert family.descriptors() == before
    assert host.decide(attempt()) == NORMAL
