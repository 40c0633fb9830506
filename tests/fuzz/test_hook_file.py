"""Any bytes as a hook file: a plugin or a load error, and the process lives on."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from .amount import examples
from .hook_files import HOOK_TEXTS
from .loading import NEVER_PARSED, NEVER_RUN
from .mutation import mutated, rearranged
from .seeds import HOOK_FILES, PYTHON_WORDS

texts = st.one_of(
    mutated(HOOK_FILES, PYTHON_WORDS), rearranged(HOOK_FILES, PYTHON_WORDS), st.binary()
)


@given(texts)
@examples(250)
def test_any_bytes_are_refused_where_they_are_not_python(child, data):
    assert child.load(data + NEVER_PARSED) == "LoadError"


@given(texts)
@examples(250)
def test_any_bytes_are_compiled_or_refused(child, data):
    assert child.load(NEVER_RUN + data) == "LoadError"


@given(HOOK_TEXTS)
@examples(250)
def test_a_file_of_odd_definitions_is_a_plugin_or_refused(child, text):
    assert child.load(text) in ("Plugin", "LoadError")
