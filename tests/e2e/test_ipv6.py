"""A VirtualMTA with an address of each family leaves from the one that fits the host."""

from __future__ import annotations

import pytest

from .conftest import HAS_IPV6


@pytest.fixture(scope="module")
def exim(make_exim):
    def both(site):
        for address in ("127.0.0.2", "127.0.0.3", "127.0.0.4"):
            site = site.replace(f'interface = "{address}"', f'interface = ["{address}", "::1"]')
        routes = '[routes]\n"six.test" = "[::1]:2500"\n'
        return site.replace("[routes]\n", routes).replace(
            "[smtp]", "[smtp]\ndeliver_to_this_host = true"
        )

    made = make_exim(both)
    yield made
    assert made.panics() == ""


def test_an_ipv4_host_sees_the_ipv4_address(exim, sink, policy):
    exim.send("four@remote.test", headers=["X-VirtualMTA: vmta2"])
    assert [seen["peer"] for seen in sink.seen("four@remote.test")] == ["127.0.0.3"]


@pytest.mark.skipif(not HAS_IPV6, reason="this kernel has no IPv6")
def test_an_ipv6_host_sees_the_ipv6_address(exim, sink, policy):
    exim.send("six@six.test", headers=["X-VirtualMTA: vmta2"])
    seen = [(seen["peer"], seen["helo"]) for seen in sink.seen("six@six.test")]
    assert seen == [("::1", "vmta2.test")]
