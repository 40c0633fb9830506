"""What the contract promises about trust: who may change what hookframe runs."""

from __future__ import annotations

import os
import subprocess

import pytest

from ..helpers.attempts import ATTEMPT, NORMAL, TEMPFAIL
from ..helpers.shell import PROGRAM
from ..helpers.site import hook, policy

OTHER = 12345
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
RAN = "open({ran!r}, 'w').close()\n" + hook("return None")


@pytest.fixture
def ran(site):
    """A file that the hook file makes when it is run."""
    path = site.directory / "ran"
    site.save(RAN.format(ran=str(path)))
    return path


def refused(site, ran, *words):
    """Start a host that must not run the hook file, and says why."""
    host = site.start()
    assert host.decide(ATTEMPT) == TEMPFAIL
    assert not ran.exists()
    for word in words:
        assert word in host.problem
    host.close()


@pytest.mark.parametrize("chain", [["hook.py"], None])
def test_a_configuration_that_others_may_write_is_not_used(site, ran, chain):
    site.configure(policy(chain, hook_file="hook.py"))
    site.config.chmod(0o646)
    refused(site, ran, f"{site.config} may be written by", f"chmod go-w {site.config}")
    site.config.chmod(0o644)
    assert site.start().decide(ATTEMPT) == NORMAL


def test_a_configuration_of_another_user_is_not_used_and_cannot_trust_itself(site, ran):
    site.configure(policy(["hook.py"], trust_file_permissions=True))
    os.chown(site.config, OTHER, -1)
    refused(site, ran, f"{site.config} belongs to user {OTHER}, neither root nor the user")


def test_a_configuration_below_a_directory_that_others_may_write_is_not_used(site, ran):
    site.configure(policy(["hook.py"]))
    site.directory.chmod(0o777)
    refused(site, ran, f"other users may write to {site.directory} (mode 0777)", "chmod go-w")
    site.directory.chmod(0o1777)  # sticky, and what is in it is ours
    assert site.start().decide(ATTEMPT) == NORMAL


def test_a_link_is_as_good_as_where_it_leads(site, ran, tmp_path):
    open_directory = tmp_path / "open"
    open_directory.mkdir()
    open_directory.chmod(0o777)
    site.configure(policy(["hook.py"]))
    site.config.rename(open_directory / "real.toml")
    site.config.symlink_to(open_directory / "real.toml")
    refused(site, ran, f"other users may write to {open_directory}")


def test_a_link_on_the_way_is_as_good_as_the_directory_that_it_stands_in(site, ran, tmp_path):
    open_directory, closed = tmp_path / "open", tmp_path / "closed"
    open_directory.mkdir()
    open_directory.chmod(0o777)
    closed.mkdir()
    site.configure(policy(["hook.py"]))
    site.config.rename(closed / "real.toml")
    (open_directory / "link.toml").symlink_to("../closed/real.toml")
    site.config.symlink_to(open_directory / "link.toml")
    refused(site, ran, f"other users may write to {open_directory}")


def test_a_hook_file_below_such_a_directory_is_refused_unless_it_is_trusted(site, tmp_path):
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "h.py").write_text(hook("return {'action': 'dump'}"))
    hooks.chmod(0o777)
    host = site.host(policy([f"{hooks}/h.py"]))
    assert host.decide(ATTEMPT) == TEMPFAIL
    assert f"other users may write to {hooks} (mode 0777)" in host.problem
    assert "plugin h, " in host.problem
    assert "or set trust_file_permissions = true" in host.problem
    trusting = site.host(policy([f"{hooks}/h.py"], trust_file_permissions=True))
    assert trusting.decide(ATTEMPT) == {"action": "dump"}


@pytest.mark.parametrize("command", [["decide", "recipient=a@b.example"], ["check"], ["plugins"]])
def test_the_configuration_of_another_user_in_this_directory_is_refused_with_a_sentence(
    site, ran, command
):
    site.configure(policy(["hook.py"]))
    for path in (site.directory, site.config, site.file):
        os.chown(path, OTHER, OTHER)
    done = subprocess.run(
        [*PROGRAM, *command], cwd=site.directory, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert f"belongs to user {OTHER}, neither root nor the user that runs hookframe" in done.stderr
    assert "Traceback" not in done.stderr
    assert not ran.exists()
