"""Bounce mail to recipients that stand in a list.

Why: some people have asked never to be written to again, whatever the next campaign's list says.
Does: bounces what is for an address in the list. Case makes no difference.
Reads: `recipient`; the clock; `state`; the file `recipient_blacklist.txt` next to this one, an
    address a line.
Costs: one look-up in a set an attempt. Every three seconds the file is read, changed or not, and
    one attempt waits for it: 7 ms for ten thousand addresses, most of a second for a million. Some
    120 bytes of memory for an address, and twice that while the file is read.
Edit: `LIST`, `SECONDS`, `REFUSED`. Another list may also stand in `[plugins.file.settings]`, as
    `list`.
Mind: a list that can't be read is an error, and every attempt a temporary failure: better late
    than against the policy. For long lists, or domains, there is the plugin hookframe-blacklist.
"""

from pathlib import Path
from time import monotonic

LIST = Path(__file__).with_name("recipient_blacklist.txt")
"""the file with the addresses"""
SECONDS = 3
"""how long what was read is good"""
REFUSED = {"action": "dump", "message": "This address is on an internal blacklist. (#5.7.1)"}
"""the decision about an address in the list"""


def configure(settings):
    """Take another list from `[plugins.file.settings]`, where there is one."""
    global LIST
    unknown = settings.keys() - {"list"}
    if unknown:
        raise ValueError(f"unknown settings: {', '.join(sorted(unknown))}; known: list")
    LIST = Path(settings.get("list", LIST))


def listed():
    """Read the addresses, in lower case and without white space, each with its line."""
    lines = LIST.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    numbered = enumerate(lines, start=1)
    return {address: number for number, line in numbered if (address := line.strip().lower())}


def pre_delivery_attempt(attempt, state):
    if monotonic() >= state.get("recipient_blacklist.again", 0):
        state["recipient_blacklist.lines"] = listed()
        state["recipient_blacklist.again"] = monotonic() + SECONDS
    line = state["recipient_blacklist.lines"].get(attempt["recipient"].lower())
    return None if line is None else {**REFUSED, "reason": f"{LIST.name} line {line}"}
