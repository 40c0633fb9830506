"""`hookframe.log.tai64n`: time stamps that daemontools read."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookframe.log.tai64n import parse_tai64n, tai64n

SECOND = 1_000_000_000
MOMENTS = st.integers(0, (1 << 40) * SECOND)


def test_unix_time_begins_ten_seconds_after_tai_was_set_to_two_to_the_62nd():
    assert tai64n(0) == "@400000000000000a00000000"
    assert tai64n(SECOND + 1) == "@400000000000000b00000001"


@given(MOMENTS)
def test_a_label_can_be_read_back(moment):
    assert parse_tai64n(tai64n(moment)) == moment


@given(MOMENTS, MOMENTS)
def test_labels_stand_in_the_order_of_their_moments(one, other):
    assert (tai64n(one) < tai64n(other)) == (one < other)


@pytest.mark.parametrize("text", ["", "current", "@400000000000000a0000000", "@4" + "G" * 23])
def test_another_text_is_no_label(text):
    assert parse_tai64n(text) is None


@pytest.mark.skipif(shutil.which("tai64nlocal") is None, reason="needs Debian's daemontools")
def test_tai64nlocal_reads_the_labels():
    moments = [0, 1483391740 * SECOND + 123_456_789, 1781690400 * SECOND, 4102444800 * SECOND - 1]
    done = subprocess.run(
        ["tai64nlocal"],
        input="".join(f"{tai64n(moment)} INFO    hello\n" for moment in moments),
        capture_output=True,
        text=True,
        check=True,
        env={"TZ": "UTC"},
    )
    expected = [
        f"{datetime.fromtimestamp(moment // SECOND, UTC):%Y-%m-%d %H:%M:%S}"
        f".{moment % SECOND:09} INFO    hello"
        for moment in moments
    ]
    assert done.stdout.splitlines() == expected
