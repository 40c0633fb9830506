"""`hookframe.files.filesystems`: whether a file lies where only this system changes it."""

import os

import pytest

from hookframe.files import filesystems as mounts

MOUNTED = r"""
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw
30 22 0:40 / /srv/policy rw shared:2 master:1 - nfs4 server:/policy rw
31 30 0:41 / /srv/policy/own rw - tmpfs tmpfs rw
32 22 0:42 / /srv/with\040space rw - fuse.sshfs somewhere rw
33 22 0:43 / /srv/twice rw - fuse.sshfs somewhere rw
34 33 0:44 / /srv/twice rw - xfs /dev/vdb rw
"""


@pytest.fixture
def mounted(tmp_path, monkeypatch):
    table = tmp_path / "mountinfo"
    table.write_text(MOUNTED.lstrip())
    monkeypatch.setattr(mounts, "MOUNTS", table)
    return table


@pytest.mark.parametrize(
    ("path", "local"),
    [
        ("/etc/hookframe/hookframe.toml", True),
        ("/srv/policy", False),
        ("/srv/policy/hook.py", False),
        ("/srv/policy/own/hook.py", True),
        ("/srv/policy-of-another/hook.py", True),
        ("/srv/with space/hook.py", False),
        ("/srv/twice/hook.py", True),
    ],
)
def test_the_innermost_mount_on_the_way_decides(mounted, path, local):
    assert mounts.is_local(path) is local


def test_a_link_to_a_network_file_system_leads_there(mounted, tmp_path):
    link = tmp_path / "hook.py"
    link.symlink_to("/srv/policy/hook.py")
    assert not mounts.is_local(str(link))


def test_where_nothing_is_known_of_mounts_nothing_is_local(mounted):
    mounted.unlink()
    assert not mounts.is_local("/etc/hookframe/hookframe.toml")


def test_what_the_system_itself_mounts_is_read(tmp_path):
    assert not mounts.is_local(f"/proc/{os.getpid()}/status")
