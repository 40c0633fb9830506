"""Hold a campaign, or all mail, by a kill switch: a file that lists SendIDs.

Why: a campaign has the wrong text, or goes to the wrong list, and it has to stop now.
Does: defers the messages of every SendID in the list, or all of them if a line of it is `*`. Take a
    SendID out of the list, and its messages go on.
Reads: `sendid`; `state`; the file `held_sendids.txt` next to this one, a SendID a line. A line that
    starts with `#` is a comment.
Costs: a look at the file's time stamps (`stat`) an attempt, some three microseconds. The file is
    read when it has changed, and at each attempt in the two seconds after that.
Edit: `HELD`.
Mind: the file has to be there, and is empty while nothing is held. One that is missing,
    unreadable, or not UTF-8 is an error: every attempt is a temporary failure, and the log says
    why. So a list that was lost holds too much, never too little. Don't set `on_error = "skip"`,
    which would undo that. A list that is being written counts when it is complete; the old one
    counts until then.
"""

from pathlib import Path

from hookframe import take_snapshot

HELD = Path(__file__).with_name("held_sendids.txt")
"""the file with the SendIDs"""


def held_by(content):
    """Give the SendIDs of a list's bytes."""
    lines = (line.strip() for line in content.decode("utf-8-sig").splitlines())
    return frozenset(line for line in lines if line and not line.startswith("#"))


def listed(state):
    """Give the SendIDs that are held, read again if the list has changed."""
    file = state.get("hold_sendids.file")
    if file is None or not file.is_unchanged():
        new = take_snapshot(str(HELD))
        if new.error:
            raise OSError(f"{new.error}; put the list back, an empty one if nothing is to be held")
        if new.settled:
            state["hold_sendids.held"] = held_by(new.content)
            state["hold_sendids.file"] = new
        elif file is None:
            raise OSError(f"{HELD} is being written; it counts when it is complete")
    return state["hold_sendids.held"]


def pre_delivery_attempt(attempt, state):
    held = listed(state)
    if attempt["sendid"] in held or "*" in held:
        return {"action": "pause", "message": "Held by the operator", "reason": HELD.name}
    return None
