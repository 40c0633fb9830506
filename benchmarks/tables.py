"""The tables that pages of the documentation show, rendered from what was measured.

    <!-- benchmarks:begin NAME -->
    ...
    <!-- benchmarks:end -->

NAME is a comparison, or `bars` for all that is promised; a subject and `-bars` for that subject's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.results import Kept

ROOT: Final = Path(__file__).parents[1]
PAGES: Final = (
    ROOT / "README.md",
    ROOT / "benchmarks" / "NOTES.md",
    *sorted((ROOT / "docs").glob("**/*.md")),
)
_SHOWN: Final = re.compile(
    r"(?s)(?P<begin><!-- benchmarks:begin (?P<name>[\w-]+) -->\n)"
    r".*?(?P<end><!-- benchmarks:end -->)"
)
_DIGITS_OF_A_LARGE_NUMBER: Final = 100


def render(results: Mapping[str, Kept], pages: Iterable[Path] = PAGES) -> None:
    """Put the tables into the pages that show them; what was not measured stays as it is."""
    for page in pages:
        if not page.exists():
            continue
        before = page.read_text(encoding="utf-8")
        after = _SHOWN.sub(lambda found: _replaced(found, results), before)
        if after != before:
            page.write_text(after, encoding="utf-8")


def _replaced(found: re.Match[str], results: Mapping[str, Kept]) -> str:
    name = found["name"]
    if name in results:
        text = table(results[name])
    elif name == "bars" or name.endswith("-bars"):
        subject = name.removesuffix("bars")
        text = bars(
            {each: kept for each, kept in results.items() if f"{each}-".startswith(subject)}
        )
    else:
        return found[0]
    return f"{found['begin']}{text}{found['end']}"


def table(kept: Kept) -> str:
    """Show one comparison in Markdown."""
    rows = _grid(kept) if kept["axis"] else _list(kept)
    heading, *body = rows
    lines = [_row(heading), _row(["---", *["---:"] * (len(heading) - 1)]), *map(_row, body)]
    return "".join(f"{line}\n" for line in lines)


def bars(results: Mapping[str, Kept]) -> str:
    """Show every bar in Markdown."""
    lines = [_row(["what", "bar", "measured", ""]), _row(["---", "---", "---:", "---"])]
    for kept in results.values():
        for bar in kept["bars"]:
            what = f"{kept['title']}: {bar['what']}"
            limits = f"{bar['limits']} {'of ' + bar['of'] if bar['of'] else kept['unit']}"
            verdict = "met" if bar["met"] else "**missed**"
            lines.append(_row([what, limits, number(bar["measured"]["median"]), verdict]))
    return "".join(f"{line}\n" for line in lines)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _list(kept: Kept) -> list[list[str]]:
    reference = kept["reference"]
    heading = ["", kept["unit"], "10 % to 90 %", *([f"of {reference}"] if reference else [])]
    return [heading, *(_line(name, each, reference) for name, each in kept["variants"].items())]


def _line(name: str, variant: Mapping[str, Any], reference: str) -> list[str]:
    spread = f"{number(variant['p10'])} to {number(variant['p90'])}"
    ratio = number(variant["ratio"]["median"]) if "ratio" in variant else "1" * (name == reference)
    return [name, number(variant["median"]), spread, *([ratio] if reference else [])]


def _grid(kept: Kept) -> list[list[str]]:
    """Make a row of each series: figures, each with its ratio in brackets."""
    points = kept["variants"].values()
    places = sorted({point["place"] for point in points})
    grows = bool(kept["exponents"])
    rows = [[f"{kept['axis']}:", *(f"{place:,g}" for place in places), *(["grows"] * grows)]]
    for series in dict.fromkeys(point["series"] for point in points):
        at = {point["place"]: _cell(point) for point in points if point["series"] == series}
        slope = kept["exponents"].get(series)
        growth = ["" if slope is None else f"n^{slope:.2f}"] * grows
        rows.append([series, *(at.get(place, "") for place in places), *growth])
    return rows


def _cell(point: Mapping[str, Any]) -> str:
    ratio = f" ({number(point['ratio']['median'])})" if "ratio" in point else ""
    return f"{number(point['median'])}{ratio}"


def number(value: float) -> str:
    """Write a number with the digits that mean something."""
    if abs(value) >= _DIGITS_OF_A_LARGE_NUMBER:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 1 else f"{value:.2f}"
