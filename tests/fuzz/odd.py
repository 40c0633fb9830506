"""What a hook may return or raise in a bad dream.

An example is a Python expression, so that it can be read; these are the words that it is made of.
"""

from __future__ import annotations

import enum
from collections import ChainMap, Counter, OrderedDict, UserDict, defaultdict
from collections.abc import Callable, Mapping
from types import MappingProxyType

from hypothesis import strategies as st

from hookframe.api.errors import InvalidAttempt, InvalidDecision


class Rude(BaseException):
    """What nobody catches who catches exceptions only."""


class Names(enum.StrEnum):
    """Text that is no `str` only by its type."""

    PAUSE = "pause"
    MESSAGE = "message"


class Number(int):
    """A number of a type of its own."""


class Told(Mapping):
    """A mapping that does only what it must."""

    def __init__(self, pairs) -> None:
        self.pairs = list(pairs)

    def __getitem__(self, name):
        for key, value in self.pairs:
            if key == name:
                return value
        raise KeyError(name)

    def __iter__(self):
        return (key for key, _ in self.pairs)

    def __len__(self) -> int:
        return len(self.pairs)


def raises(error: type[BaseException]) -> Callable[..., object]:
    """A method that raises."""

    def method(*_, **__):
        raise error("a\nb")

    return method


def gives(value: object) -> Callable[..., object]:
    """A method that returns always the same."""
    return lambda *_, **__: value


def prints(text: str) -> Callable[..., object]:
    """A method that prints."""
    return lambda *_, **__: print(text)


def odd(base: type, value: object, method: str, deed: Callable[..., object]) -> object:
    """A value of a class of its own, in which one method does something else."""
    members: dict[str, object] = {"__hash__": lambda _: hash("message")} if base is object else {}
    members[method] = property(deed) if method == "__class__" else deed
    if method == "__eq__":
        members.setdefault("__hash__", base.__hash__)
    kind = type("Odd", (base,), members)
    return kind() if base is object else kind(value)


def lies(kind: type) -> object:
    """An object that says it is something else."""
    return type("Liar", (), {"__class__": property(lambda _: kind)})()


def like(text: str) -> object:
    """An object that is no text, and equals one."""
    members = {"__eq__": lambda _, other: other == text, "__hash__": lambda _: hash(text)}
    return type("Like", (), members)()


def nested(kind: type, levels: int) -> object:
    """Lists in lists, or mappings in mappings."""
    value: object = None
    for _ in range(levels):
        value = [value] if kind is list else {"message": value}
    return value


def circle() -> dict[str, object]:
    """A mapping that holds itself."""
    value: dict[str, object] = {"action": "pause"}
    value["message"] = value
    return value


def of_a_kind(name: str, deed: Callable[..., object]) -> BaseException:
    """An error whose very class is odd."""
    return type("Kind", (type,), {name: property(deed)})("Error", (Exception,), {})()


def caused(error: BaseException) -> BaseException:
    """An error that is its own cause."""
    other = ValueError("other")
    error.__cause__, other.__cause__ = other, error
    return error


def noted(error: BaseException) -> BaseException:
    """An error with notes that are none."""
    error.__notes__ = [1, "a\nb"]
    return error


WORDS = {
    each.__name__: each
    for each in (
        *(
            Rude,
            Names,
            Number,
            Told,
            raises,
            gives,
            prints,
            odd,
            lies,
            like,
            nested,
            circle,
            caused,
            of_a_kind,
            noted,
        ),
        *(ChainMap, Counter, OrderedDict, UserDict, defaultdict, MappingProxyType),
        *(InvalidAttempt, InvalidDecision),
    )
}


def made(expression: str) -> Callable[..., object]:
    """Make a hook out of an expression."""
    return eval(f"lambda attempt, decision, state: {expression}", dict(WORDS))


TEXTS = [
    *("normal", "pause", "dump", "new_mtaid", "new_config", "message", "new_sender", "x\ny"),
    *("", "deliver_as_if_to_domain", "\udc80", "\u202e", "x" * 501, "{}", "%s", "a b", "\x00"),
]
METHODS = [
    *("__str__", "__repr__", "__hash__", "__eq__", "__ne__", "__len__", "__iter__", "__bool__"),
    *("__format__", "__getitem__", "__contains__", "get", "items", "keys", "copy", "encode"),
    *("__getattribute__", "isprintable", "__index__", "__int__", "__class__", "strip", "__call__"),
]
DEEDS = [
    *("raises(ValueError)", "raises(SystemExit)", "raises(KeyboardInterrupt)", "raises(Rude)"),
    *("raises(RecursionError)", "raises(GeneratorExit)", "raises(StopIteration)"),
    *("gives(None)", "gives(0)", "gives('x\\ny')", "gives('pause')", "gives(True)", "gives(10**9)"),
    *("gives(odd(str, 'y', '__len__', raises(Rude)))", "gives(str)", "prints('\\x1b[31m\\n')"),
]
THINGS = [
    *("None", "True", "0", "10**5000", "-1", "1.5", "float('nan')", "b'pause'", "1j", "..."),
    *("NotImplemented", "object()", "str", "len", "ValueError('x')", "bytearray(b'x')", "Rude()"),
    *("nested(list, 2_000)", "nested(dict, 2_000)", "circle()", "range(10**9)", "Number(7)"),
    *("Names.PAUSE", "attempt", "decision", "state", "lies(str)", "lies(dict)", "lies(int)"),
    *("(each for each in 'ab')", "decision | {'action': 'dump'}", "attempt | {'action': 'dump'}"),
]
MAPPINGS = [
    *(
        "dict({})",
        "dict({})",
        "dict({})",
        "OrderedDict({})",
        "UserDict({})",
        "Told({})",
        "list({})",
    ),
    *("MappingProxyType(dict({}))", "ChainMap(dict({}))", "defaultdict(list, {})"),
    "Counter(dict({}))",
]
ERRORS = [
    *("SystemExit()", "KeyboardInterrupt(1)", "GeneratorExit()", "StopIteration({})", "Rude('x')"),
    *("MemoryError()", "ExceptionGroup('g', [ValueError(1)])", "InvalidDecision('x\\ny')"),
    *(
        "UnicodeDecodeError('a', b'', 0, 1, '')",
        "OSError(2, 'x\\ny', '\\udc80')",
        "KeyError('\\r')",
    ),
    *("SyntaxError('x', ('f', 1, 1, 'a\\nb'))", "SyntaxError(None)", "InvalidAttempt('x')"),
    *("ValueError('m' * 10**6)", "caused(ValueError())", "noted(ValueError())"),
    "type('a\\nb', (Exception,), {})()",
    "of_a_kind('__name__', raises(Rude))",
    "of_a_kind('__mro__', gives(None))",
]


def odd_ones(bases: list[str], values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Values of a class in which one method does something else."""
    return st.builds(
        "odd({}, {}, {!r}, {})".format,
        st.sampled_from(bases),
        values,
        st.sampled_from(METHODS),
        st.sampled_from(DEEDS),
    )


things = st.sampled_from(THINGS)
text = st.sampled_from(TEXTS).map(repr)
likes = text.map("like({})".format)
texts = st.one_of(text, text, likes, odd_ones(["str"], text), odd_ones(["object"], st.just("None")))
pairs = st.lists(st.tuples(texts | things, texts | things), max_size=3)
mappings = st.builds(
    lambda action, pairs, form: form.format(
        f"[('action', {action}), {', '.join(f'({key}, {value})' for key, value in pairs)}]"
    ),
    texts,
    pairs,
    st.sampled_from(MAPPINGS),
)
DECISIONS = [
    [("action", "pause"), ("message", "later")],
    [("action", "new_mtaid"), ("new_mtaid", "12"), ("deliver_as_if_to_domain", "other.test")],
    [("action", "new_config"), ("new_sender", "")],
]


@st.composite
def decisions(draw) -> str:
    """A good decision, but that some of its texts are of another kind."""
    wrong = st.one_of(
        st.just("{}"), st.just("{}"), st.just("like({})"), odd_ones(["str"], st.just("{}"))
    )
    written = [
        f"({draw(wrong).replace('{}', repr(key))}, {draw(wrong).replace('{}', repr(value))})"
        for key, value in draw(st.sampled_from(DECISIONS))
    ]
    return draw(st.sampled_from(MAPPINGS)).format(f"[{', '.join(written)}]")


RETURNED = st.one_of(
    things,
    mappings,
    decisions(),
    decisions(),
    odd_ones(["dict", "UserDict", "Told"], mappings),
    odd_ones(["object", "list", "int"], st.just("0")),
)
"""Expressions for what a hook returns."""
RAISED = st.sampled_from(ERRORS) | odd_ones(["Exception", "SystemExit", "InvalidDecision"], text)
"""Expressions for what a hook raises."""
