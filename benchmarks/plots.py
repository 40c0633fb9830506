"""A picture of each comparison, readable without the numbers, and the same bytes for the same ones.

What hookframe does is blue, all else is grey; the tick marks the spread from a tenth to nine
tenths of the measurements.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from benchmarks.results import Kept
from benchmarks.tables import number

DIRECTORY: Final = Path(__file__).parent / "plots"
_OURS: Final = ("hookframe", "Host.")
_BLUE: Final = ("#1f5fa8", "#58a0dd", "#7b4fb5", "#2a9d8f")
_GREY: Final = ("#8c8c8c", "#b9b9b9", "#5f5f5f", "#d08c60", "#a3a380")
_STYLE: Final[dict[str, Any]] = {
    "svg.hashsalt": "hookframe",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def draw(name: str, kept: Kept) -> Path:
    """Draw one comparison; return the file."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(8, 4.5) if kept["axis"] else _size(kept), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        (_lines if kept["axis"] else _bars)(axes, kept)
        better = "more" if kept["more_is_better"] else "less"
        axes.set_title(kept["title"], loc="left", fontsize=13, fontweight="bold")
        figure.supxlabel(f"{better} is better", x=0.99, ha="right", fontsize=9, color="#5f5f5f")
        path = DIRECTORY / f"{name}.svg"
        DIRECTORY.mkdir(exist_ok=True)
        figure.savefig(path, format="svg", metadata={"Date": None})
    return path


def is_ours(name: str) -> bool:
    """Say whether a variant is hookframe's."""
    return any(ours in name for ours in _OURS)


def _size(kept: Kept) -> tuple[float, float]:
    return (8, 1.3 + 0.42 * len(kept["variants"]))


def _bars(axes: Any, kept: Kept) -> None:
    variants = kept["variants"]
    medians = [each["median"] for each in variants.values()]
    spread = [
        [each["median"] - each["p10"] for each in variants.values()],
        [each["p90"] - each["median"] for each in variants.values()],
    ]
    colours = [_BLUE[0] if is_ours(name) else _GREY[1] for name in variants]
    axes.barh(list(variants), medians, color=colours, height=0.7)
    axes.errorbar(medians, list(variants), xerr=spread, fmt="none", ecolor="#303030", capsize=3)
    for name, each in variants.items():
        label = f"  {number(each['median'])}"
        if "ratio" in each:
            label += f"  ({number(each['ratio']['median'])} of {kept['reference']})"
        axes.text(each["p90"], name, label, va="center", fontsize=9)
    axes.invert_yaxis()
    axes.margins(x=0.3)
    axes.set_xlim(left=0)
    axes.set_xlabel(kept["unit"])
    axes.tick_params(axis="y", length=0)


def _lines(axes: Any, kept: Kept) -> None:
    points = list(kept["variants"].values())
    blue, grey = iter(_BLUE * 3), iter(_GREY * 3)
    for series in dict.fromkeys(point["series"] for point in points):
        mine = sorted((point["place"], point) for point in points if point["series"] == series)
        places = [place for place, _ in mine]
        ours = is_ours(series)
        colour = next(blue) if ours else next(grey)
        axes.plot(
            places,
            [point["median"] for _, point in mine],
            marker="o" if ours else "s",
            color=colour,
            linewidth=2.4 if ours else 1.6,
            label=series,
        )
        low, high = ([point[edge] for _, point in mine] for edge in ("p10", "p90"))
        axes.fill_between(places, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.set_xscale("log")
    axes.set_yscale("log")
    plain = FuncFormatter(lambda value, _: number(value))
    axes.set_xticks(sorted({point["place"] for point in points}))
    for each in (axes.xaxis, axes.yaxis):
        each.set_major_formatter(plain)
        each.set_minor_locator(NullLocator())
    axes.set_xlabel(kept["axis"])
    axes.set_ylabel(kept["unit"])
    axes.grid(which="major", color="#e5e5e5", linewidth=0.8)
    axes.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1, 0.5))
