"""Drives one target by libFuzzer, which sees which lines of hookframe an input has come to.

    python tests/fuzz/fuzzer.py TARGET DIRECTORY [OPTION …]

The options are libFuzzer's: `-runs=20000`, `-max_total_time=300`, `-seed=1`, or a file to try
once more. DIRECTORY takes the seeds, what is found interesting, and an input that is a finding.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

sys.path.append(str(Path(__file__).parents[2]))
with atheris.instrument_imports(include=["hookframe", "tomllib", "json"]):
    from hypothesis import given
    from loguru import logger

    from tests.fuzz import loading, seeds
    from tests.fuzz.amount import examples
    from tests.fuzz.bench import Bench
    from tests.fuzz.documents import DOCUMENTS
    from tests.fuzz.hook_files import HOOK_TEXTS
    from tests.fuzz.odd import RETURNED, made

LONGEST_LINE = 4 * 64
"""Words have 64 bytes at most, four characters each."""


def generated(strategy, target):
    """Make a target of what a strategy makes out of bytes."""

    @given(strategy)
    @examples(1)
    def test(value):
        target(value)

    def one_input(data: bytes) -> None:
        test.hypothesis.fuzz_one_input(data)

    return one_input


def targets():
    """Name each target, with good inputs and with words to put into them."""
    bench = Bench()
    return {
        "jsonl": (bench.jsonl, seeds.REQUESTS, seeds.JSON_WORDS),
        "explain": (bench.explain, seeds.REQUESTS, seeds.JSON_WORDS),
        "exim": (bench.exim, seeds.EXIM, seeds.EXIM_WORDS),
        "configuration": (loading.config, seeds.CONFIGURATIONS, seeds.TOML_WORDS),
        "documents": (generated(DOCUMENTS, loading.settings), [], []),
        "hook_file": (loading.hook_file, seeds.HOOK_FILES, seeds.PYTHON_WORDS),
        "definitions": (generated(HOOK_TEXTS, loading.loaded), [], []),
        "returned": (generated(RETURNED, lambda each: bench.returned(made(each))), [], []),
    }


def written(words: list[bytes], dictionary: Path) -> Path:
    """Write a dictionary for libFuzzer."""
    lines = ["".join(f"\\x{each:02x}" for each in word) for word in words]
    dictionary.write_text("".join(f'"{line}"\n' for line in lines if len(line) <= LONGEST_LINE))
    return dictionary


def main(name: str, directory: Path, *options: str) -> None:
    """Fuzz; this never returns."""
    logger.remove()
    one_input, good, words = targets()[name]
    arguments = [sys.argv[0], f"-artifact_prefix={directory}/", *options]
    if words:
        arguments.append(f"-dict={written(words, directory / 'words')}")
    corpus = directory / "corpus"
    corpus.mkdir(exist_ok=True)
    for number, seed in enumerate(good):
        (corpus / f"seed-{number}").write_bytes(seed)
    if not any(Path(option).is_file() for option in options):
        arguments.append(str(corpus))
    atheris.Setup(arguments, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
