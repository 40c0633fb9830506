"""Hook files that do no harm: what they define is odd, and that is all they do."""

from __future__ import annotations

from hypothesis import strategies as st

NAMES = ["pre_delivery_attempt", "pre_delivery_attempt", "configure", "close", "other"]
ARGUMENTS = [
    *("", "attempt", "attempt, decision, state", "state, attempt", "atempt", "*attempt", "**state"),
    *("attempt, /", "attempt=1", "*, attempt", "settings", "self", "attempt, self=[]", "é"),
]
PARTS = [
    "def {0}({1}): return None",
    "def {0}({1}): yield",
    "async def {0}({1}): return None",
    "{0} = lambda {1}: None",
    "class {0}:\n    def __init__(self, {1}): pass",
    "class C:\n    def __call__(self, {1}): pass\n{0} = C()",
    "class C:\n    def hook(self, {1}): pass\n{0} = C().hook",
    "class M(type):\n    def __call__(cls, {1}): pass\nclass {0}(metaclass=M): pass",
    "import functools\ndef f({1}): pass\n{0} = functools.partial(f, 2)",
    *("{0} = {1!r}", "{0} = None", "{0} = [{1!r}]", "{0} = len", "{0} = print", "{0} = type"),
    *("{0} = {0}", "del {0}", "print({1!r}, end={0!r})", "from __future__ import annotations"),
    "def {0}({1}): pass\n{0}.hookframe_impl = {{'wrapper': True}}",
    "def {0}({1}): pass\n{0}.hookframe_impl = {{'tryfirst': 1}}",
    "def {0}({1}): pass\n{0}.__signature__ = 1",
    "def {0}({1}): pass\n{0}.__wrapped__ = {0}",
    "def {0}({1}): pass\n{0}.__code__ = (lambda: 0).__code__",
    "def __getattr__(name): return 5",
    "import unittest.mock\n{0} = unittest.mock.Mock()",
    *(
        "raise SystemExit({0!r}, {1!r})",
        "raise KeyboardInterrupt",
        "1/0",
        "raise SyntaxError({1!r})",
    ),
    *("import sys; del sys.modules[__name__]", "import sys; sys.modules[__name__] = 1"),
    "def {0}({1}): pass\n{0}.hookframe_impl = None",
    "class C:\n    def __getattr__(self, name): return 5\n    def __call__({1}): pass\n{0} = C()",
    "class C:\n    def __getattr__(self, name): 1/0\n    def __call__({1}): pass\n{0} = C()",
    "def __getattr__(name): 1/0",
    "def __getattr__(name): raise SystemExit",
    "raise SyntaxError('x', ('f', 1, 1, 1))",
    *("del __name__, __file__", "__name__ = 1", "__name__ = []", "__name__ = 'nowhere'"),
]
"""Parts of a file; {0} stands for the name of a hook, {1} for its arguments."""

HOOK_TEXTS = st.lists(
    st.builds(
        str.format, st.sampled_from(PARTS), st.sampled_from(NAMES), st.sampled_from(ARGUMENTS)
    ),
    min_size=1,
    max_size=4,
).map(lambda parts: "\n".join(parts).encode())
