"""What fuzzing has found, each by its smallest example."""

from __future__ import annotations

import pytest

from hookframe.api.decision import check_decision
from hookframe.config.model import Config
from hookframe.daemon.protocols.exim import split_request
from hookframe.testing import eventually

from ..helpers.attempts import attempt
from ..helpers.requests import line
from ..helpers.site import hook
from .loading import configured
from .odd import made

UNCONTAINED = [
    "SyntaxError('x', ('file', 1, 1, 5))",
    "SyntaxError(odd(object, None, '__str__', raises(ValueError)))",
    "odd(Exception, 'x', '__str__', gives(odd(str, 'y', '__len__', raises(Rude))))",
    "odd(InvalidDecision, 'x', '__str__', raises(ValueError))",
    "odd(Exception, 'x', '__class__', raises(ValueError))",
    "odd(Exception, 'x', '__getattribute__', raises(ValueError))",
    "of_a_kind('__name__', raises(ValueError))",
]
"""Errors that left Host.decide."""
UNSOUND = [
    "def {0}({1}): pass\n{0}.hookframe_impl = None",
    "class C:\n    def __getattr__(self, name): return 5\n    def __call__({1}): pass\n{0} = C()",
    "class C:\n    def __getattr__(self, name): 1/0\n    def __call__({1}): pass\n{0} = C()",
    "def __getattr__(name): 1/0",
    "def __getattr__(name): raise SystemExit",
    "raise SyntaxError('x', ('f', 1, 1, 1))",
    *("del __name__, __file__", "__name__ = 1", "__name__ = []", "__name__ = 'nowhere'"),
]
"""Parts of hook files that left load_hook_file with another error, or left a module behind."""


def test_a_long_chain_is_read_in_a_time_that_grows_with_its_length():
    """Each name was looked for in the whole list: a hundred thousand took minutes."""
    names = ", ".join(f'"plugin{number}"' for number in range(100_000))
    assert len(configured(f"chain = [{names}]".encode()).chain) == 100_000


@pytest.mark.parametrize(
    "setting",
    [
        pytest.param(f'deadline = "{"9" * 310}s"', id="infinite"),  # no number of microseconds
        'deadline = "8785h"',
        'limits.idle_time = "99999999999h"',  # no thread can wait so long
        'limits.max_memory = "9999999999GiB"',  # no 64 bits hold it
        "limits.connections = 0x8000000000000000",
        "workers = 2147483648",
        'deadline = "\N{ARABIC-INDIC DIGIT THREE}s"',
        'log.size = "\N{ARABIC-INDIC DIGIT THREE}MiB"',
    ],
)
def test_a_limit_that_clocks_and_system_calls_do_not_take_is_a_mistake(setting):
    (problem,) = configured(setting.encode()).problems
    assert problem.key == setting.split(" ")[0]
    assert problem.line == 1


@pytest.mark.parametrize("setting", ['deadline = "8784h"', 'limits.max_memory = "1048576GiB"'])
def test_the_largest_limits_are_taken(setting):
    assert isinstance(configured(setting.encode()), Config)


def test_an_exim_request_is_cut_alike_however_its_bytes_come_in():
    r"""Each piece had its CRLF made LF, so in two pieces `\r\r\n` was an empty line."""
    data = b"mtaid=MQ==\n\r\r\nmore"
    first, second = split_request(data), [data]
    for end in range(len(data) + 1):
        *whole, rest = split_request(data[:end])
        second = [*whole, rest + data[end:]] if whole else split_request(rest + data[end:])
        assert second == first


def test_the_keys_of_a_decision_are_its_own_not_those_of_what_was_returned():
    """What equals `message` is a key for a lookup, but not for JSON."""

    class Message:
        def __eq__(self, other):
            return other == "message"

        def __hash__(self):
            return hash("message")

    checked = check_decision({"action": "pause", Message(): "later"})
    assert [type(key) for key in checked] == [str, str]


def test_a_long_key_does_not_make_a_long_line_in_the_log(bench):
    """The name of a key that is nested too deeply was said whole, sixty thousand characters."""
    deep = "[" * 900 + "]" * 900
    bench.jsonl(line(attempt())[:-2] + f', "{"k" * 60_000}": {deep}}}\n'.encode())


@pytest.mark.parametrize("expression", UNCONTAINED)
def test_an_error_whose_members_are_odd_temp_fails_the_attempt(bench, expression):
    bench.raised(made(expression))


@pytest.mark.parametrize("part", UNSOUND)
def test_a_hook_file_that_defines_something_odd_is_a_plugin_or_refused(child, part):
    hook = "def pre_delivery_attempt(attempt): pass\n"
    text = part.format("pre_delivery_attempt", "attempt")
    for each in (text, hook + text):
        assert child.load(each.encode()) in ("Plugin", "LoadError")


def test_a_file_that_exits_when_it_is_looked_at_does_not_end_reloading(site):
    """A change that ended the program that loads it would end the attempt that came next."""
    host = site.file_host(hook("return {'action': 'pause', 'message': 'old'}"), watch=True)
    site.save("def __getattr__(name): raise SystemExit\n")
    eventually(lambda: host.decide(attempt()) and host.problem)
    site.save(hook("return {'action': 'pause', 'message': 'new'}"))
    eventually(lambda: host.decide(attempt()).get("message") == "new")
