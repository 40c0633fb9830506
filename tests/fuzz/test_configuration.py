"""Any bytes as a configuration: they are one, or all their mistakes are said, with their lines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from .amount import examples
from .documents import DOCUMENTS
from .loading import config, configured, settings
from .mutation import mutated, rearranged
from .seeds import CONFIGURATIONS, TOML_WORDS


@given(st.binary() | mutated(CONFIGURATIONS, TOML_WORDS))
@examples(400)
def test_any_bytes_are_a_configuration_or_refused_in_words(data):
    config(data)


@given(rearranged(CONFIGURATIONS, TOML_WORDS))
@examples(400)
def test_a_configuration_with_its_lines_in_disorder_is_one_or_is_refused_in_words(data):
    config(data)


@given(DOCUMENTS)
@examples(400)
def test_all_mistakes_of_a_configuration_are_found_each_on_its_line_and_nothing_else(listed):
    settings(listed)


@given(st.integers(100, 1000), st.sampled_from([("[", "]"), ("{a=", "}"), ("[{a=", "}]")]))
@examples(60)
def test_a_value_of_any_depth_is_read_or_refused_and_hides_no_other_mistake(depth, brackets):
    opening, closing = brackets
    read = configured(f"workers = 0\nx = {opening * depth}{closing * depth}\n".encode())
    assert read.problems[0].key in ("", "workers")
