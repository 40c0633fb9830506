"""What mutation begins with: a few good inputs, and words that matter in them."""

from __future__ import annotations

from ..docs.pages import ROOT, blocks_of
from ..helpers.attempts import attempt
from ..helpers.requests import field, fields, line

VOTES = [
    {"action": "normal", "deliver_as_if_to_domain": "other.test"},
    {"action": "pause", "message": "later"},
    {"action": "dump", "message": 'say "no" \\ again'},
    {"action": "new_mtaid", "new_mtaid": 12},
    {"action": "new_config", "new_sender": "", "new_mtaid": "13"},
]
REQUESTS = [
    line(attempt()),
    *(line(attempt(reply=vote)) for vote in VOTES),
    line(attempt(recipient="é\udcff@müller.test", sender="")),
    line(attempt(is_first_attempt=1, mtaid_exists=0, size=[1, {"a": None}])),
    line({"hookframe": "status"}),
    b"{}\n",
]
JSON_WORDS = [
    *(b"{", b"}", b"[", b"]", b'"', b",", b":", b"\\", b"\n", b"\r\n", b" ", b"null", b"true"),
    *(b"0", b"1", b"-0", b"1.0", b"1e999", b"1e-7", b"NaN", b"Infinity", b"9" * 20, b"9" * 5000),
    *(b"\\ud800", b"\\u0000", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\x00", b"[" * 1200),
    *(b'"reply":', b'"action":', b'"message":', b'"new_mtaid":', b'"hookframe":"status"'),
    *(f'"{key}":'.encode() for key in attempt()),
]
EXIM = [
    fields(),
    fields() + b"\n",
    fields(b"\r\n") + b"\r\n",
    fields(size="17", recipient="é\udcff@müller.test") + b"\nmore",
]
EXIM_WORDS = [
    *(b"\n", b"\r", b"\r\n", b"\n\n", b"\r\r\n", b"=", b"==", b" ", b"\x00", b"\xff", b"end=MQ=="),
    *(field(name, b"") for name in attempt()),
    *(field("injtime", text) for text in ("-1", "1" * 19, "1" * 20, "1.5", "٣")),
    *(field("mtaid_exists", text) for text in ("TRUE", "no", "", "İ")),
]
CONFIGURATION = next(blocks_of(ROOT / "docs" / "configuration.md", "toml"))
"""The example with every key."""
CONFIGURATIONS = [
    CONFIGURATION.encode(),
    *(block.encode() for block in blocks_of(ROOT / "docs" / "configuration.md", "toml")),
    b'plugins = {a = {mode = "shadow", settings = {b = [1, {c = 2}]}}}\n',
    b'[[plugins]]\na = 1\n[plugins."a.b".settings]\n"""x"""=1\n',
]
TOML_WORDS = [
    *(b"[", b"]", b"[[", b"]]", b"{", b"}", b"=", b".", b",", b'"', b"'", b'"""', b"'''", b"#"),
    *(b"\n", b"\r\n", b"\r", b"\t", b"\x00", b"\xff", b"\xef\xbb\xbf", b"\\u0041", b"\\U0010ffff"),
    *(b"true", b"inf", b"nan", b"-1", b"0x" + b"f" * 40, b"1e999", b"9" * 5000, b"[" * 400),
    *(b"1979-05-27T07:32:00Z", b"07:32:00", b"2021-02-30", b'"1s"', b'"1GiB"', b'"exim+unix:/x"'),
    *(b'"' + b"9" * 400 + b's"', b'"tcp:[::1]:70000"', b'"\xd9\xa3s"', b"k" * 3000, b"a." * 300),
    *(b"\nchain=", b"\nlisten=", b"\ndeadline=", b"\n[limits]\n", b"\n[log]\n", b"\n[plugins.x]\n"),
    *(b"\nmay=", b"\nsettings=", b"\nworkers=", b"\nmax_memory=", b"\nplugins.a.b.c="),
]
HOOK_FILES = [
    b"def pre_delivery_attempt(attempt, decision, state):\n    return None\n",
    b"# -*- coding: latin-1 -*-\nx = '\xff'\npre_delivery_attempt = lambda attempt: None\n",
    b"class Hook:\n def __call__(self, attempt):\n  match attempt:\n   case {'a': [*b]}:\n"
    b"                return f'{b!r:>{3}}'\npre_delivery_attempt = Hook()\n",
    b"async def configure(settings):\n    async with a as b: yield await b\n",
    b"def close(): return [x for y in z if (w := y) for x in w]\n",
]
PYTHON_WORDS = [
    *(b"(" * 90, b"[" * 250, b"{" * 90, b"-" * 900, b"not " * 300, b"lambda:" * 90, b"x." * 900),
    *(b"# coding: utf-7\n", b"# coding: nope\n", b"#!x\n# vim: set fileencoding=cp037 :\n"),
    *(b"\n", b"\n ", b"\n    ", b"\\\n", b"\t", b"\x0c", b"\x00", b"\x1a", b"\xff", b"\r", b"\\"),
    *(b"9" * 5000, b"0x" + b"f" * 5000, b"1e9999j", b"9**9**9**9", b"'a'*9**9", b"\\N{BULLET}"),
    *(b"def ", b"class ", b"lambda ", b"yield ", b"await ", b"async ", b"match ", b"case "),
    *(b"try:", b"except*", b"with ", b"global x\n", b"nonlocal x\n", b":=", b"**", b"@", b"->"),
    *(b"import ", b"from . import *\n", b"return ", b"del ", b"'''", b'f"{', b"\xef\xbb\xbf"),
    b"\n" + b" " * 101 + b"if x:",
]
