"""The units agree with each other, with README.md and with hookframe; systemd understands them."""

from __future__ import annotations

import re
import sys
import tomllib

import pytest

from hookframe.config.address import PROTOCOLS, parse_address
from hookframe.config.model import Config
from hookframe.daemon.sockets.fd_limit import SPARE

from .conftest import HERE, SOCKETS, settings_of

README = (HERE / "README.md").read_text("utf-8")
PROGRAM = "/opt/hookframe/bin/hookframe"
UNITS = ("hookframe.service", *SOCKETS)
HARDENED = (
    "NoNewPrivileges PrivateTmp PrivateDevices ProtectHome ProtectClock ProtectControlGroups "
    "ProtectHostname ProtectKernelLogs ProtectKernelModules ProtectKernelTunables RemoveIPC "
    "RestrictNamespaces RestrictRealtime RestrictSUIDSGID LockPersonality MemoryDenyWriteExecute"
)


@pytest.fixture
def installed(tmp_path):
    """The units as they are once hookframe has been installed somewhere."""
    for unit in UNITS:
        text = (HERE / unit).read_text("utf-8")
        (tmp_path / unit).write_text(text.replace(PROGRAM, sys.executable))
    return tmp_path


def test_systemd_finds_no_mistake_in_the_units(run, installed):
    done = run("systemd-analyze", "verify", *(installed / unit for unit in UNITS))
    assert (done.returncode, done.stdout) == (0, "")
    assert "hookframe" not in done.stderr, done.stderr


def test_the_service_is_as_little_exposed_as_the_readme_promises(run):
    promised = float(re.search(r"at or below ([0-9]\.[0-9])", README)[1])
    service = HERE / "hookframe.service"
    threshold = f"--threshold={round(promised * 10)}"  # fails above that
    done = run("systemd-analyze", "security", "--offline=yes", "--no-pager", threshold, service)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", HARDENED.split())
def test_the_service_is_confined(service, name):
    assert service[name] == ["yes"]


def test_the_state_directory_is_for_the_service_alone(service):
    assert service["StateDirectory"] == ["hookframe"]
    assert service["StateDirectoryMode"] == ["0700"]


def test_the_service_has_no_capability_and_a_system_that_it_can_not_write(service):
    assert service["CapabilityBoundingSet"] == [""]
    assert service["AmbientCapabilities"] == [""]
    assert service["ProtectSystem"] == ["strict"]
    assert service["ReadOnlyPaths"] == ["/etc/hookframe"]
    assert not service["ReadWritePaths"]


def test_what_is_forbidden_is_an_error_in_the_hook_and_not_its_workers_death(service):
    assert service["SystemCallErrorNumber"] == ["EPERM"]


def test_the_service_tells_systemd_how_it_is_and_needs_no_pid_file(service):
    assert service["Type"] == ["notify"]
    assert service["NotifyAccess"] == ["main"]
    assert not service["PIDFile"]
    assert float(service["WatchdogSec"][0]) > 0


def test_a_daemon_that_can_not_start_is_tried_again_for_ever(service):
    assert service["Restart"] == ["on-failure"]
    assert service["StartLimitIntervalSec"] == ["0"]


def test_one_worker_without_memory_does_not_end_the_whole_service(service):
    assert service["OOMPolicy"] == ["continue"]


def test_there_is_more_time_to_stop_than_a_client_has_to_read_its_answers(service):
    assert float(service["TimeoutStopSec"][0]) > Config().limits.answer_time


def test_the_limit_of_open_files_is_enough_for_the_connections_of_the_readme(service):
    (connections,) = re.findall(r"`limits.connections` above ([0-9]+)", README)
    assert int(service["LimitNOFILE"][0]) >= int(connections) + SPARE


def test_the_directories_of_the_readme_are_those_of_the_service(service):
    for name, parent in (("Runtime", "/run"), ("Logs", "/var/log"), ("Configuration", "/etc")):
        (directory,) = service[f"{name}Directory"]
        assert f"{parent}/{directory}/" in README


def test_a_socket_unit_starts_the_service_and_names_a_protocol(socket_unit):
    assert socket_unit["Service"] == ["hookframe.service"]
    assert socket_unit["FileDescriptorName"][0] in PROTOCOLS
    assert not socket_unit["Accept"]


def test_a_socket_is_for_its_owner_and_one_group(socket_unit):
    assert socket_unit["SocketMode"] == ["0660"]


def test_exims_socket_is_for_exims_group():
    assert settings_of("hookframe-exim.socket")["SocketGroup"] == ["Debian-exim"]


def test_the_sockets_survive_a_stop_of_the_service(service):
    assert service["RuntimeDirectoryPreserve"] == ["yes"]


def test_the_service_finds_no_reason_to_change_the_owners_of_the_sockets(service, socket_unit):
    """It does if the directory has another owner, group or mode than it wants (systemd.exec(5))."""
    mode, user, group = (service[name][0] for name in ("RuntimeDirectoryMode", "User", "Group"))
    directory = f"/run/{service['RuntimeDirectory'][0]}"
    assert socket_unit["ListenStream"][0].startswith(f"{directory}/")
    assert socket_unit["ExecStartPre"] == [
        f"/usr/bin/install -d -m {mode} -o {user} -g {group} {directory}"
    ]


def test_listen_in_the_readme_names_the_sockets_of_the_units():
    (block,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    listen = tomllib.loads("\n".join(line.strip() for line in block.splitlines()))["listen"]
    units = [settings_of(unit) for unit in SOCKETS]
    assert {(each.protocol, each.path) for each in map(parse_address, listen)} == {
        (unit["FileDescriptorName"][0], unit["ListenStream"][0]) for unit in units
    }


def test_the_readme_names_every_unit_and_no_other_program():
    assert all(f"| `{unit}` |" in README for unit in UNITS)
    assert set(re.findall(r"/opt/[\w/]+bin/hookframe", README)) == {PROGRAM}
    assert settings_of("hookframe.service")["ExecStart"][0].split()[0] == PROGRAM
