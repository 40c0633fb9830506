"""Writes the hooks' headers into docs/plugins/cookbook.md and contrib/README.md.

Run it after a change of a header, or with a new hook; with --check it only says whether there is
something to write. In a recipe of the cookbook it writes the heading and what stands above "Try
it:". What stands below that line is written by hand, and stays.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
HOOKS = HERE / "hooks"
COOKBOOK = HERE.parent / "docs" / "plugins" / "cookbook.md"
REGISTRY = HERE / "README.md"
TRY_IT = "Try it:\n"
HOW = "\n```console\n$ hookframe decide --hook-file contrib/hooks/{name}.py\n```\n"
"""How a recipe begins by hand: its author has to say what to ask, and what is answered."""
TABLE = re.compile(r"(?s)(<!-- hooks: .*? -->\n).*?(<!-- end of hooks -->\n)")
NOTES = ("Reads", "Costs", "Edit", "Mind")
"""The fields of a header that become a list, in its order."""
SENTENCE_END = re.compile(r"(?<=[.!?]) +(?=[A-Z`])")


@dataclass(frozen=True, slots=True)
class Header:
    """What stands at the top of a hook.

    Args:
        name: the hook's name.
        summary: what it does, in a sentence.
        fields: the rest by name: Why, Does, Reads, Costs, Edit, and perhaps Mind.
    """

    name: str
    summary: str
    fields: dict[str, str]


def headers() -> list[Header]:
    """Read the headers of all hooks, in the order of their names."""
    paths = sorted(HOOKS.glob("*.py"))
    return [header_of(path) for path in paths if not re.match("test_|conftest", path.name)]


def header_of(path: Path) -> Header:
    """Read the header of a hook, whose form CONTRIBUTING.md lays down.

    Raises:
        ValueError: it has none.
    """
    text = ast.get_docstring(ast.parse(path.read_text("utf-8")))
    if text is None:
        raise ValueError(f"{path} has no header; CONTRIBUTING.md says how it looks")
    summary, *pieces = re.split(r"(?m)^([A-Z][a-z]+): ", text)
    texts = (" ".join(piece.split()) for piece in pieces[1::2])
    return Header(path.stem, summary.strip(), dict(zip(pieces[::2], texts, strict=True)))


def cookbook(page: str, all_headers: Sequence[Header]) -> str:
    """Write the recipes into the cookbook's page.

    Args:
        page: the page as it is.
        all_headers: a recipe for each.

    Returns:
        The page: its beginning, and what stands in it below each "Try it:", are as they were.
    """
    beginning, *recipes = re.split(r"(?m)^(?=## )", page)
    by_hand = {name_of(recipe): recipe.partition(TRY_IT)[2] for recipe in recipes}
    pieces = [beginning.rstrip()]
    for header in all_headers:
        tried = by_hand.get(header.name, HOW.format(name=header.name))
        pieces.append(f"{recipe_of(header)}\n{TRY_IT}{tried.rstrip()}")
    return "\n\n".join(pieces) + "\n"


def name_of(recipe: str) -> str:
    """Give the name of the hook that a recipe is about."""
    found = re.search(r"\(\.\./\.\./contrib/hooks/(\w+)\.py\)", recipe)
    return found[1] if found else ""


def recipe_of(header: Header) -> str:
    """Write the part of a recipe that comes from the hook's header."""
    fields = header.fields
    why, does = fields["Why"], fields["Does"]
    link = f"[`{header.name}.py`](../../contrib/hooks/{header.name}.py)"
    notes = [f"- **{name}**: {fields[name]}" for name in NOTES if name in fields]
    return "\n".join(
        [
            f"## {header.summary.removesuffix('.')}\n",
            f"{by_sentences(why[0].upper() + why[1:])}\n",
            f"{by_sentences(f'{link} {does}')}\n",
            *(by_sentences(note, indent="  ") for note in notes),
            "",
        ]
    )


def by_sentences(text: str, indent: str = "") -> str:
    """Write one sentence of a paragraph a line, all but the first indented."""
    return f"\n{indent}".join(SENTENCE_END.split(text))


def registry(page: str, all_headers: Iterable[Header]) -> str:
    """Write the table of the hooks into the registry's page."""
    rows = (f"| [{each.name}](hooks/{each.name}.py) | {each.summary} |\n" for each in all_headers)
    table = f"\n| hook | it is there to |\n|---|---|\n{''.join(rows)}\n"
    return TABLE.sub(lambda found: f"{found[1]}{table}{found[2]}", page)


def main(arguments: Sequence[str]) -> int:
    """Write both pages, or with --check say which of them differ from the headers."""
    all_headers, stale = headers(), []
    for path, write in ((COOKBOOK, cookbook), (REGISTRY, registry)):
        before = path.read_text("utf-8")
        after = write(before, all_headers)
        if after != before:
            stale.append(path)
            if "--check" not in arguments:
                path.write_text(after, "utf-8")
    verb = "is not up to date" if "--check" in arguments else "written"
    for path in stale:
        print(f"{path}: {verb}")  # noqa: T201  (a program that says what it has done)
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
