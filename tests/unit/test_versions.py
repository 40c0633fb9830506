"""Which versions are installed, beside those that run."""

from __future__ import annotations

import sys

import pytest

from hookframe.plugins.versions import describe_upgrades, installed_versions


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A directory on the path, where distributions are installed."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return tmp_path


def install(site, name, version, metadata=None):
    """Install a distribution as pip does, as far as its metadata goes."""
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir()
    if metadata is None:
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (folder / "METADATA").write_bytes(
        metadata if isinstance(metadata, bytes) else metadata.encode()
    )
    (folder / "RECORD").write_text("")
    return folder


def remove(folder):
    for each in folder.iterdir():
        each.unlink()
    folder.rmdir()


def test_the_versions_of_the_names_are_read_and_no_others(site):
    install(site, "acme-one", "1.0")
    install(site, "acme-two", "2.0rc1")
    assert installed_versions(["acme-one"]) == {"acme-one": "1.0"}
    assert installed_versions(["acme-one", "acme-two"]) == {"acme-one": "1.0", "acme-two": "2.0rc1"}


def test_a_version_that_was_installed_since_is_seen(site):
    old = install(site, "acme-one", "0.1.0")
    running = installed_versions(["acme-one"])
    remove(old)
    assert installed_versions(["acme-one"]) == {}
    install(site, "acme-one", "0.1.1")
    installed = installed_versions(running)
    assert describe_upgrades(running, installed) == ["acme-one 0.1.1 is installed, 0.1.0 runs"]


def test_any_spelling_of_a_name_is_found_and_given_back(site):
    install(site, "acme-one", "1.0")
    spelled = ["Acme_One", "acme.one", "acme-one"]
    assert installed_versions(spelled) == dict.fromkeys(spelled, "1.0")


@pytest.mark.parametrize(
    "metadata",
    ["", "Metadata-Version: 2.1\nName: acme-one\n", b"\xff\xfe\x00", "Version\n"],
    ids=["empty", "no version", "no text", "no fields"],
)
def test_damaged_metadata_costs_its_own_version_only(site, metadata):
    install(site, "acme-one", "1.0", metadata)
    install(site, "acme-two", "2.0")
    assert installed_versions(["acme-one", "acme-two"]) == {"acme-two": "2.0"}


def test_metadata_without_its_file_is_as_none(site):
    (install(site, "acme-one", "1.0") / "METADATA").unlink()
    assert installed_versions(["acme-one"]) == {}


def test_of_two_distributions_of_one_name_the_first_on_the_path_counts(site, tmp_path, monkeypatch):
    behind = tmp_path / "behind"
    behind.mkdir()
    monkeypatch.setattr(sys, "path", [*sys.path, str(behind)])
    install(site, "acme-one", "1.0")
    install(behind, "acme-one", "2.0")
    assert installed_versions(["acme-one"]) == {"acme-one": "1.0"}


def test_hookframe_itself_is_found():
    import hookframe

    assert installed_versions(["hookframe"]) == {"hookframe": hookframe.__version__}


def test_equal_versions_are_no_upgrade():
    assert describe_upgrades({"a": "1", "b": "2"}, {"a": "1", "b": "2"}) == []


def test_every_difference_is_described_in_name_order_an_older_version_too():
    running = {"b": "2", "a": "1", "c": "3"}
    assert describe_upgrades(running, {"c": "4", "b": "1", "a": "1"}) == [
        "b 1 is installed, 2 runs",
        "c 4 is installed, 3 runs",
    ]


def test_what_is_not_installed_at_the_moment_is_not_described():
    assert describe_upgrades({"a": "1"}, {}) == []
