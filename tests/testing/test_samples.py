"""hookframe.testing: the usual attempt, and generated ones."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings

from hookframe import Host
from hookframe.api.attempt import ATTEMPT_TYPES, read_only_attempt
from hookframe.config.model import Config
from hookframe.testing import attempts, make_attempt

pytestmark = pytest.mark.slow

SEARCH = settings(max_examples=20_000, deadline=None, suppress_health_check=list(HealthCheck))


def test_the_usual_attempt_has_all_keys_with_their_types_and_is_the_same_each_time():
    attempt = make_attempt()
    assert {key: type(value) for key, value in attempt.items()} == dict(ATTEMPT_TYPES)
    assert make_attempt() == attempt


def test_an_attempt_is_the_caller_s_own():
    make_attempt()["recipient"] = "changed@example.net"
    assert make_attempt()["recipient"] != "changed@example.net"


def test_keys_can_be_given_other_values():
    attempt = make_attempt(sender="", is_first_attempt=False)
    assert attempt == {**make_attempt(), "sender": "", "is_first_attempt": False}


def test_a_misspelt_key_is_refused_with_the_one_that_was_meant():
    with pytest.raises(TypeError, match=r"no key 'recipent' \(did you mean recipient\?\)"):
        make_attempt(recipent="someone@example.net")


@given(attempts())
@settings(max_examples=300)
def test_every_generated_attempt_is_one_that_the_host_takes(attempt):
    assert read_only_attempt(attempt) == attempt


def is_surrogate(letter):
    return 0xDC80 <= ord(letter) <= 0xDCFF


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param(lambda a: a["sender"] == "", id="a null sender"),
        pytest.param(lambda a: len(a["recipient"]) == 254, id="254 characters"),
        pytest.param(lambda a: len(a["recipient"]) > 1000, id="far too long"),
        pytest.param(lambda a: a["recipient"].startswith('"'), id="a quoted local part"),
        pytest.param(lambda a: a["recipient"].count("@") > 1, id="several @"),
        pytest.param(lambda a: "@" not in a["recipient"], id="no @"),
        pytest.param(lambda a: "[" in a["recipient"], id="a literal of a host"),
        pytest.param(lambda a: a["recipient"].endswith("."), id="a dot at the end"),
        pytest.param(lambda a: "\r\n" in a["recipient"], id="a line break"),
        pytest.param(lambda a: "\0" in a["recipient"], id="a zero byte"),
        pytest.param(lambda a: "\u2028" in a["sendid"], id="a line separator"),
        pytest.param(lambda a: any(map(is_surrogate, a["recipient"])), id="a byte not UTF-8"),
        pytest.param(lambda a: any(map(is_surrogate, a["mtaid"])), id="the same in an id"),
        pytest.param(
            lambda a: a["recipient"].partition("@")[0].isalpha() and not a["recipient"].isascii(),
            id="an internationalised local part",
        ),
        pytest.param(lambda a: a["injtime"] < 0, id="before 1970"),
        pytest.param(lambda a: a["injtime"] > 1 << 40, id="far in the future"),
        pytest.param(lambda a: not a["mtaid_exists"], id="no such VirtualMTA"),
        pytest.param(lambda a: not a["is_first_attempt"], id="a later attempt"),
        pytest.param(lambda a: "size" in a, id="a further key"),
        pytest.param(
            lambda a: any(isinstance(value, dict) for value in a.values()), id="a nested value"
        ),
    ],
)
def test_the_generated_attempts_have_each_kind_of_nastiness(wanted):
    found = find(attempts(), wanted, settings=settings(SEARCH, phases=[Phase.generate]))
    assert wanted(found)


def test_a_failing_attempt_shrinks_to_the_usual_one_but_for_what_matters():
    found = find(attempts(), lambda attempt: attempt["sender"] == "", settings=SEARCH)
    assert found == make_attempt(sender="")


def test_what_is_generated_survives_the_wire_as_json():
    @given(attempts())
    @settings(max_examples=100)
    def check(attempt):
        assert json.loads(json.dumps(attempt)) == attempt

    check()


def test_a_host_decides_about_all_of_them():
    with Host.of(Config(), watch=False) as host:

        @given(attempts())
        @settings(max_examples=100)
        def check(attempt):
            assert host.decide(attempt) == {"action": "normal"}

        check()


def test_without_the_devkit_the_text_says_what_to_install():
    program = (
        "import sys; sys.modules['hookframe_devkit'] = None\n"
        "from hookframe.testing import attempts, make_attempt\n"
        "make_attempt()\n"
        "attempts()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert ended.returncode == 1
    assert "pip install hookframe-devkit" in ended.stderr.splitlines()[-1]
