"""Drives targets by libFuzzer, which sees which lines of hookframe an input has come to.

    python tests/fuzz/fuzzer.py DIRECTORY [TARGET[=RUNS] …] [OPTION …]

The options are libFuzzer's: `-max_total_time=300`, `-seed=1`, or the path of a file to try again.
DIRECTORY gets for each target what it says, its corpus, and an input that is a finding.
"""

from __future__ import annotations

import os
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


def fuzz(target, directory: Path, options: list[str]) -> None:
    """Fuzz one target; this ends the process."""
    one_input, good, words = target
    directory.mkdir(parents=True, exist_ok=True)
    said = os.open(directory / "said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(said, 1)
    os.dup2(said, 2)
    arguments = [sys.argv[0], f"-artifact_prefix={directory}/", *options]
    if not good:
        arguments.append("-len_control=0")  # what a strategy makes out of few bytes is very little
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


def main(directory: Path, wanted: list[str], options: list[str]) -> int:
    """Fuzz some targets one after the other, each in a process of its own.

    Returns:
        How many of them have ended badly.
    """
    logger.remove()
    every = targets()
    bad = 0
    for each in wanted or every:
        name, _, runs = each.partition("=")
        child = os.fork()
        if child == 0:
            fuzz(every[name], directory / name, [*options, *([f"-runs={runs}"] if runs else [])])
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(f"{name}: {status}", flush=True)
        bad += status != 0
    return bad


if __name__ == "__main__":
    rest = sys.argv[2:]
    asked = [argument for argument in rest if not argument.startswith(("-", "/", "."))]
    given_on = [argument for argument in rest if argument not in asked]
    sys.exit(main(Path(sys.argv[1]).absolute(), asked, given_on))
