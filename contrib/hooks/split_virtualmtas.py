"""Split a campaign over several VirtualMTAs by percentages, each recipient always by the same one.

Why: you compare two pools of addresses, or move a campaign from one to another bit by bit.
Does: sends each recipient of a SendID by a VirtualMTA chosen by a hash of SendID and recipient, so
    every attempt for one recipient has the same one. What is missing from 100 percent keeps the
    VirtualMTA that the message came with.
Reads: `sendid`, `recipient`; no file.
Costs: a hash for each VirtualMTA of the SendID an attempt, one or two microseconds each; no memory.
Edit: `SHARES`.
Mind: a change of the percentages moves a recipient only to a VirtualMTA whose share has grown
    against that of the one it leaves. No recipient moves between two whose shares have not changed.
"""

from hashlib import blake2b
from math import log

SHARES = {
    "spring-sale": {"pool-a": 70, "pool-b": 30},
    "newsletter": {"new-pool": 5},
}
"""by SendID: the percentage by VirtualMTA"""

hookframe_pure = True


def with_the_rest(sendid):
    """Give the positive percentages of a SendID, and those of None, who keep what they have."""
    shares = SHARES[sendid]
    rest = round(100 - sum(shares.values()), 6)
    if rest < 0 or min(shares.values(), default=0) < 0:
        raise ValueError(f"SHARES of {sendid}: none may be negative, and all add up to 100 at most")
    return {mta: share for mta, share in {**shares, None: rest}.items() if share > 0}


WEIGHTS = {sendid: with_the_rest(sendid) for sendid in SHARES}


def distance(sendid, recipient, mta, share):
    """Say how far a recipient is from a VirtualMTA; the larger its share, the nearer it is.

    That is weighted rendezvous hashing: the nearest one wins, each as often as its share says, and
    a change of one share changes nothing between two others.
    """
    name = f"{sendid}\n{recipient.lower()}\n{mta or ''}".encode("utf-8", "surrogatepass")
    number = int.from_bytes(blake2b(name, digest_size=6).digest())
    return -log((number + 0.5) / 2**48) / share


def pre_delivery_attempt(attempt):
    sendid, recipient = attempt["sendid"], attempt["recipient"]
    shares = WEIGHTS.get(sendid)
    if shares is None:
        return None
    mta = min(shares, key=lambda each: distance(sendid, recipient, each, shares[each]))
    if mta is None:
        return None
    return {"action": "new_mtaid", "new_mtaid": mta, "reason": f"{shares[mta]} % of {sendid}"}
