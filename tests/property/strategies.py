"""Generated attempts, decisions, and what a careless hook may return."""

from __future__ import annotations

from hypothesis import strategies as st

CONTROL = st.characters(categories=["Cc"])
SPACE = st.sampled_from(" \u00a0\u1680\u2003\u2028\u2029\u202f\u205f\u3000")
PRINTABLE = st.characters(exclude_categories=["Cs", "Cc"])
SOLID = PRINTABLE.filter(lambda letter: not letter.isspace())
MESSAGE = st.text(PRINTABLE, max_size=20)
ADDRESS = st.text(SOLID, max_size=20)
DOMAIN = st.text(SOLID, min_size=1, max_size=20)
VIRTUAL_MTA = st.text(PRINTABLE, min_size=1, max_size=20)

NORMAL = st.fixed_dictionaries(
    {"action": st.just("normal")}, optional={"deliver_as_if_to_domain": DOMAIN}
)
PAUSE = st.fixed_dictionaries({"action": st.just("pause")}, optional={"message": MESSAGE})
DUMP = st.fixed_dictionaries({"action": st.just("dump")}, optional={"message": MESSAGE})
NEW_MTAID = st.fixed_dictionaries(
    {"action": st.just("new_mtaid"), "new_mtaid": VIRTUAL_MTA},
    optional={"deliver_as_if_to_domain": DOMAIN},
)
NEW_CONFIG = st.fixed_dictionaries(
    {"action": st.just("new_config")}, optional={"new_mtaid": VIRTUAL_MTA, "new_sender": ADDRESS}
)
DECISION = st.one_of(NORMAL, PAUSE, DUMP, NEW_MTAID, NEW_CONFIG)
"""What a plugin may return, as the contract has it."""

SUM = st.one_of(
    DECISION,
    st.fixed_dictionaries(
        {"action": st.just("new_config"), "new_sender": ADDRESS},
        optional={"new_mtaid": VIRTUAL_MTA, "deliver_as_if_to_domain": DOMAIN},
    ),
).filter(lambda each: each["action"] != "new_config" or "new_sender" in each)
"""What a chain may have accumulated."""

ANY_TEXT = st.text(st.one_of(PRINTABLE, CONTROL, SPACE), max_size=8)
JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        ANY_TEXT,
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(ANY_TEXT, inner, max_size=3)
    ),
    max_leaves=6,
)
KEYS = st.sampled_from(
    ["message", "new_mtaid", "new_sender", "deliver_as_if_to_domain", "error", "Action", ""]
)
VALUES = st.one_of(
    *(MESSAGE, ADDRESS, ANY_TEXT, st.none(), st.integers(), st.booleans(), JSON),
    st.sampled_from(["", "x" * 500, "x" * 501, 1.5, 10**30]),
)
ACTIONS = st.sampled_from(["normal", "pause", "dump", "new_mtaid", "new_config", "drop", None, 1])
CARELESS = st.one_of(
    DECISION,
    st.builds(
        lambda action, rest: {"action": action, **rest},
        ACTIONS,
        st.dictionaries(KEYS, VALUES, max_size=3),
    ),
    st.dictionaries(KEYS, VALUES, max_size=3),
    JSON.filter(lambda value: value is not None),
)
"""Valid and invalid returns, all of them JSON."""

TEXT_KEYS = ("mtaid", "sendid", "listid", "msguid", "sender", "recipient")
ATTEMPT = st.fixed_dictionaries(
    {
        **dict.fromkeys(TEXT_KEYS, ANY_TEXT),
        "injtime": st.integers(),
        "is_first_attempt": st.sampled_from([True, False, 0, 1]),
        "mtaid_exists": st.booleans(),
    }
)
