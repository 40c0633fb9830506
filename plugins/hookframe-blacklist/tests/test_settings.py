from __future__ import annotations

import pytest
from hookframe_blacklist import Blacklist

EXISTING = "recipients, senders, action, message, check_every, on_bad_line, on_broken_list, max_age"
NO_LIST = (
    'no list is named: set recipients = ["/etc/hookframe/recipients.txt"], or senders, or both'
)


@pytest.fixture
def blocked(tmp_path):
    path = tmp_path / "blocked.txt"
    path.write_text("user@example.org\n")
    return str(path)


def refusal(**settings) -> str:
    with pytest.raises(ValueError, match=r".") as caught:
        Blacklist().configure(settings)
    return str(caught.value)


def test_a_match_is_dumped_with_the_default_message(configured, attempt, blocked):
    assert configured(recipients=[blocked]).pre_delivery_attempt(attempt()) == {
        "action": "dump",
        "message": "This address is on an internal blacklist. (#5.7.1)",
        "reason": "blocked.txt: user@example.org",
    }


def test_action_and_message_are_the_operators(configured, attempt, blocked):
    plugin = configured(recipients=blocked, action="pause", message="Not now. (#4.7.1)")
    assert plugin.pre_delivery_attempt(attempt()) == {
        "action": "pause",
        "message": "Not now. (#4.7.1)",
        "reason": "blocked.txt: user@example.org",
    }


def test_a_list_may_be_named_by_one_string_or_several(configured, attempt, blocked, tmp_path):
    other = tmp_path / "other.txt"
    other.write_text("@example.com\n")
    for plugin in (configured(recipients=blocked), configured(recipients=[str(other), blocked])):
        assert plugin.pre_delivery_attempt(attempt())
    assert configured(recipients=[blocked, str(other)]).pre_delivery_attempt(
        attempt(recipient="someone@example.com")
    )


@pytest.mark.parametrize("settings", [{}, {"recipients": []}, {"action": "dump", "senders": []}])
def test_settings_without_a_list_are_refused(settings):
    assert refusal(**settings) == NO_LIST


def test_an_unknown_setting_is_refused_with_those_that_there_are(blocked):
    assert refusal(recipients=blocked, recipient=blocked) == (
        f"unknown setting 'recipient'; there are: {EXISTING}"
    )


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        (
            "recipients",
            7,
            "recipients is 7: expected a path or a list of them, like "
            '["/etc/hookframe/recipients.txt"]',
        ),
        (
            "senders",
            [True],
            "senders is [True]: expected a path or a list of them, like "
            '["/etc/hookframe/senders.txt"]',
        ),
        ("action", "bounce", 'action is \'bounce\': expected "dump" (bounce) or "pause" (defer)'),
        ("message", 550, "message is 550: expected a string"),
        (
            "check_every",
            1,
            'check_every is 1: expected a duration like "500ms", "1s" or "5m"; "0s" looks at every '
            "attempt",
        ),
        (
            "check_every",
            "soon",
            'check_every is \'soon\': expected a duration like "500ms", "1s" or "5m"; "0s" '
            "looks at every attempt",
        ),
        ("message", "x" * 501, "message has 501 characters: shorten it to 500 at most"),
        (
            "message",
            "two\r\nlines",
            "message 'two\\r\\nlines' has a control character: keep it on one line, of text",
        ),
    ],
)
def test_a_wrong_setting_is_refused_with_what_was_expected(blocked, key, value, says):
    assert refusal(**({"recipients": blocked} | {key: value})) == says


@pytest.mark.parametrize("path", ["blocked.txt", "./blocked.txt", "~/blocked.txt", "", "/a\0b"])
def test_a_path_that_is_not_absolute_is_refused(path):
    says = "is not an absolute path: write it out, from / on"
    assert refusal(recipients=[path]) == f"recipients: {path!r} {says}"
    assert refusal(senders=path) == f"senders: {path!r} {says}"


def test_a_list_that_is_named_twice_is_refused():
    assert refusal(recipients=["/lists/a", "/lists/a"]) == (
        "recipients: '/lists/a' is named twice: once is enough, take one out"
    )
    assert "is named twice" in refusal(senders=["/lists/a", "/lists/../lists/./a"])


def test_one_file_may_list_recipients_and_senders(configured, attempt, blocked):
    plugin = configured(recipients=blocked, senders=blocked)
    assert plugin.pre_delivery_attempt(attempt())
    assert plugin.pre_delivery_attempt(
        attempt(recipient="a@example.com", sender="user@example.org")
    )


def test_all_mistakes_are_reported_at_once():
    text = refusal(colour="red", recipients=1, action="x", message=2)
    assert text.split("; ") == [
        "unknown setting 'colour'",
        f"there are: {EXISTING}",
        'recipients is 1: expected a path or a list of them, like ["/etc/hookframe/'
        'recipients.txt"]',
        'action is \'x\': expected "dump" (bounce) or "pause" (defer)',
        "message is 2: expected a string",
    ]
    text = refusal(recipients="r", senders=["s"], message="\x07", check_every="-1s")
    assert [part.split()[0] for part in text.split("; ")[:4]] == [
        "recipients:",
        "senders:",
        "message",
        "check_every",
    ]


@pytest.mark.parametrize("duration", ["0s", "0ms", "500ms", "1s", "2.5s", "5m", "1h"])
def test_durations_are_written_with_their_unit(configured, blocked, duration):
    configured(recipients=blocked, check_every=duration)


@pytest.mark.parametrize(
    "duration",
    ["", "1", "s", "-1s", "1 s", "1d", "1e3s", "nan", "\u0661s", "1s\n"],
)
def test_any_other_duration_is_refused(blocked, duration):
    assert refusal(recipients=blocked, check_every=duration).startswith("check_every is ")


def test_the_longest_message_is_accepted(configured, attempt, blocked):
    message = "ü" * 500
    plugin = configured(recipients=blocked, message=message)
    assert plugin.pre_delivery_attempt(attempt())["message"] == message


def test_refused_settings_leave_the_ones_before_in_force(configured, attempt, blocked, tmp_path):
    plugin = configured(recipients=blocked)
    for settings in ({}, {"recipients": str(tmp_path / "none")}, {"recipients": blocked, "x": 1}):
        with pytest.raises(ValueError, match=r"."):
            plugin.configure(settings)
        assert plugin.pre_delivery_attempt(attempt())["action"] == "dump"


def test_new_settings_replace_the_old_ones_whole(configured, attempt, blocked, tmp_path):
    other = tmp_path / "other.txt"
    other.write_text("@example.com\n")
    plugin = configured(recipients=blocked, message="old")
    plugin.configure({"recipients": str(other), "action": "pause"})
    assert plugin.pre_delivery_attempt(attempt()) is None
    assert plugin.pre_delivery_attempt(attempt(recipient="user@example.com")) == {
        "action": "pause",
        "message": "This address is on an internal blacklist. (#5.7.1)",
        "reason": "other.txt: @example.com",
    }
