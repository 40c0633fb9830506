"""do_nothing.py: it changes nothing."""

from pathlib import Path


def test_an_attempt_stays_as_it_is(chain):
    chain(Path(__file__).with_name("do_nothing.py")).assert_decision({"action": "normal"})
