"""`hookframe.host.bundle`: a policy's files as bytes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hookframe import Host
from hookframe.config.model import Config
from hookframe.host.bundle import decode, encode
from hookframe.host.source import ConfigFile, GivenConfig

from ..helpers.attempts import ATTEMPT
from ..helpers.site import hook, policy

SAYS = hook("return {'action': 'pause', 'message': 'here'}")


def code_file(site):
    """Write a code file that the plugin `scripted` runs; return its settings."""
    path = site.directory / "code.txt"
    path.write_text("say hello")
    path.chmod(0o644)
    return {"scripted": {"named": [str(path)]}}


def test_decoded_files_are_equal_to_the_encoded_ones_and_have_their_digest(site):
    site.configure(policy(hook_file="hook.py"), SAYS)
    code = site.directory / "code.txt"
    code.write_bytes(b"\xff\x00")
    missing = f"{site.directory}/missing-\udcff"
    files = ConfigFile(site.config).read([str(code), missing])
    decoded = decode(encode(files), ConfigFile(site.config))
    assert decoded == files
    assert decoded.digest == files.digest


def test_the_configuration_of_a_bundle_is_that_of_its_own_bytes(site):
    site.configure(policy(hook_file="hook.py", deadline="2s"), SAYS)
    data = encode(ConfigFile(site.config).read())
    site.config.write_text("no configuration [")
    assert decode(data, ConfigFile(site.config)).config.deadline == 2.0


def test_a_programs_own_configuration_is_that_of_the_source(site):
    site.save(SAYS)
    source = GivenConfig(Config(chain=("file",), hook_file=str(site.file)), {"own": object()})
    files = source.read()
    assert decode(encode(files), source) == files


def test_a_host_loads_a_bundle_though_all_its_files_are_gone(site, install):
    install("scripted")
    settings = code_file(site)
    site.configure(policy(["scripted", "file"], hook_file="hook.py", plugins=settings), SAYS)
    source = ConfigFile(site.config)
    with Host(source, watch=False) as host:
        data, files = encode(host.files), host.files
    assert [file.path for file in files.code_files] == settings["scripted"]["named"]
    for path in site.directory.iterdir():
        path.unlink()
    with Host(source, watch=False, files=decode(data, source)) as host:
        votes = [vote["vote"]["message"] for vote in host.explain(ATTEMPT).trace]
        assert (host.problem, votes) == ("", ["hello 1", "here"])
        assert host.files.digest == files.digest


def test_a_code_file_that_a_bundle_lacks_is_read_by_the_load(site, install):
    install("scripted")
    site.configure(policy(["scripted"], plugins=code_file(site)))
    source = ConfigFile(site.config)
    data = encode(source.read())
    with Host(source, watch=False, files=decode(data, source)) as host:
        assert host.decide(ATTEMPT)["message"] == "hello 1"
        assert [file.content for file in host.files.code_files] == [b"say hello"]


@pytest.mark.parametrize(
    "change",
    [{"content": b"other"}, {"owner": 4711}, {"mode": 0o600}, {"path": "/x"}, {"error": "gone"}],
)
def test_a_digest_tells_every_change_that_a_load_depends_on(change, site):
    site.configure(policy(hook_file="hook.py"), SAYS)
    files = ConfigFile(site.config).read()
    changed = replace(files, hook_files=(replace(files.hook_files[0], **change),))
    assert changed.digest != files.digest
    older = replace(files.hook_files[0], age=5.0, stamp=(1, 2, 3, 4, 5))
    untouched = replace(files, hook_files=(older,))
    assert untouched.digest == files.digest


def test_a_digest_does_not_depend_on_the_order_of_the_code_files(site):
    site.configure(policy(hook_file="hook.py"), SAYS)
    paths = [str(site.config), str(site.file)]
    source = ConfigFile(site.config)
    assert source.read(paths).digest == source.read(reversed(paths)).digest


def test_a_digest_tells_programs_with_other_configurations_apart():
    digests = {GivenConfig(config).read().digest for config in (Config(), Config(deadline=7.0))}
    assert len(digests) == 2
