"""What authors of plugins and hook files import in their tests.

The fixture `chain` comes with hookframe, by an entry point of pytest's: nothing is to be imported
for it. `pip install 'hookframe[testing]'` installs what the rest needs.
"""

from __future__ import annotations

from hookframe.testing.attempts import attempts, make_attempt
from hookframe.testing.chain import TEMPFAIL, ChainFactory, PolicyUnderTest, open_chain
from hookframe.testing.members import Member, member
from hookframe.testing.verification import conformance

__all__ = [
    "TEMPFAIL",
    "ChainFactory",
    "Member",
    "PolicyUnderTest",
    "attempts",
    "conformance",
    "make_attempt",
    "member",
    "open_chain",
]
