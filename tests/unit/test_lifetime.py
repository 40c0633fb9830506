"""`hookframe.lifetime`: since when something is there, and until when."""

from __future__ import annotations

import pytest

from hookframe.lifetime import Argument, Deprecated, Hook

GOING = Argument("trace", since=2, deprecated=Deprecated(since=4, until=6, instead="do without"))


@pytest.mark.parametrize(
    ("version", "there"), [(1, False), (2, True), (4, True), (5, True), (6, False), (7, False)]
)
def test_an_argument_is_there_from_its_version_on_until_the_one_that_it_goes_with(version, there):
    assert GOING.is_there(version) is there
    assert Hook.taking("attempt", GOING).given(version) == (
        ("attempt", "trace") if there else ("attempt",)
    )


def test_what_is_nothing_but_a_name_is_there_for_good():
    assert Hook.taking("attempt", "decision").given(1000) == ("attempt", "decision")


@pytest.mark.parametrize(("version", "noted"), [(3, False), (4, True), (5, True)])
def test_its_users_are_told_from_the_version_on_that_deprecates_it(version, noted):
    assert bool(GOING.notice(version)) is noted
    assert GOING.refusal(version, declared=2) == ""


@pytest.mark.parametrize(
    ("version", "declared", "words"),
    [
        (3, 1, "declare hookframe_api_version = 2"),
        (6, 6, "went away with version 6 of the hook API: it should do without"),
        (6, 1, "went away with version 6"),
    ],
)
def test_it_is_refused_to_whoever_declares_less_and_once_it_is_gone(version, declared, words):
    assert words in GOING.refusal(version, declared)
