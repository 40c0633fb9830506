"""What plugin authors import in their tests; the page is docs/plugins/testing.md.

The fixture `chain` comes with hookframe, by an entry point of pytest's: nothing is to be imported
for it.
"""

from __future__ import annotations

from hookframe.testing.samples import attempts, make_attempt

__all__ = ["attempts", "make_attempt"]
