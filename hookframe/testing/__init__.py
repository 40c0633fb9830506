"""What authors of plugins and hook files import in their tests.

The fixture `chain` comes with hookframe, by an entry point of pytest's: nothing is to be imported
for it. `pip install 'hookframe[testing]'` installs what the rest needs.
"""

from __future__ import annotations

from hookframe.testing.client import Client
from hookframe.testing.daemon import Daemon
from hookframe.testing.members import Member, member
from hookframe.testing.policies import TEMPFAIL, ChainFactory, PolicyUnderTest, open_chain
from hookframe.testing.samples import attempts, make_attempt
from hookframe.testing.verification import conformance
from hookframe.testing.waiting import eventually

__all__ = [
    "TEMPFAIL",
    "ChainFactory",
    "Client",
    "Daemon",
    "Member",
    "PolicyUnderTest",
    "attempts",
    "conformance",
    "eventually",
    "make_attempt",
    "member",
    "open_chain",
]
