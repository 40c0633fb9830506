"""Any bytes as a configuration: they are one, or all their mistakes are said, with their lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .amount import examples
from .documents import DOCUMENTS
from .loading import config, configured, settings
from .mutation import mutated, rearranged
from .seeds import CONFIGURATIONS, TOML_WORDS


@given(st.binary() | mutated(CONFIGURATIONS, TOML_WORDS))
@examples(250)
def test_any_bytes_are_a_configuration_or_refused_in_words(data):
    config(data)


@given(rearranged(CONFIGURATIONS, TOML_WORDS))
@examples(250)
def test_a_configuration_with_its_lines_in_disorder_is_one_or_is_refused_in_words(data):
    config(data)


@given(DOCUMENTS)
@examples(250)
def test_all_mistakes_of_a_configuration_are_found_each_on_its_line_and_nothing_else(listed):
    settings(listed)


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("{a=", "1}"), ("[{a=", "1}]")])
def test_a_value_of_any_depth_hides_no_other_mistake(opening, closing):
    """To find the line of a mistake a value is read again, with a few frames fewer to spare."""
    for depth in range(150, 500):
        closed = closing + closing.replace("1", "") * (depth - 1)
        read = configured(f"workers = 0\nx = {opening * depth}{closed}\n".encode())
        lines = {problem.key: problem.line for problem in read.problems}
        assert lines.get("workers") == 1 or "recursion" in str(read)
