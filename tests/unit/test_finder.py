"""`hookframe.plugins.finder`: what is installed."""

from __future__ import annotations

from importlib.metadata import distributions as read

import pytest

from hookframe.api.errors import LoadError
from hookframe.plugins.finder import Installed

from ..helpers.distributions import PROJECTS, install_with_pip


def test_plugins_are_known_in_name_order_without_being_imported(install):
    install("stack", "broken")
    names = Installed.scan().names
    assert list(names) == sorted(names)
    assert {"guard", "routes", "exits", "import_error"} <= set(names)


def test_a_plugin_is_told_with_distribution_and_version(install):
    install("stack")
    found = Installed.scan().find("guard")
    assert (found.name, found.distribution, found.version) == ("guard", "acme-guard", "1.4.0")


def test_a_name_that_two_claim_has_two_claims_and_can_not_be_found(install):
    install("twins")
    installed = Installed.scan()
    assert [each.distribution for each in installed.claims("twin")] == ["twin-one", "twin-two"]
    with pytest.raises(LoadError, match="2 installed distributions claim the name 'twin'"):
        installed.find("twin")


def test_the_same_distribution_found_twice_on_the_path_is_one(install, distributions):
    install("stack", str(distributions["stack"]))
    assert len(Installed.scan().claims("guard")) == 1


def test_nothing_installed_is_told(install):
    install()
    installed = Installed.scan()
    assert installed.names == ()
    with pytest.raises(LoadError, match="installed: none"):
        installed.find("guard")


def test_what_these_tests_install_reads_as_what_pip_installs(distributions, tmp_path):
    by_pip = install_with_pip([PROJECTS / "well-described"], tmp_path)
    here, there = (
        {each.name: _read(each) for each in read(path=[str(directory)])}
        for directory in (distributions["described"], by_pip)
    )
    assert here["well-described"] == there["well-described"]


def _read(distribution):
    """Read what hookframe reads of a distribution, and the files that it consists of."""
    fields = ("Name", "Version", "Summary", "Author", "Author-email", "Home-page", "Project-URL")
    files = {str(path) for path in distribution.files}
    by_pip = ("INSTALLER", "REQUESTED", "WHEEL", "direct_url.json")
    return {
        "metadata": {field: distribution.metadata.get_all(field) for field in fields},
        "entry points": {(each.group, each.name, each.value) for each in distribution.entry_points},
        "files": {path for path in files if not path.endswith(by_pip)},
    }
