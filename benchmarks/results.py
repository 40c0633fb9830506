"""`results.json`: what was measured, kept beside the code it was measured of."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.measure import Figure, Result

FILE: Final = Path(__file__).parent / "results.json"
Kept = dict[str, Any]
"""One comparison, as JSON has it."""


def kept(result: Result) -> Kept:
    """Put a result into the form that is kept."""
    comparison = result.comparison
    variants: dict[str, Any] = {}
    for name in result.values:
        variants[name] = _rounded(result.figure(name))
        reference = result.reference_of(name)
        if reference and reference != name:
            variants[name]["ratio"] = _rounded(result.ratio(name, reference))
        if name in comparison.points:
            variants[name]["series"], variants[name]["place"] = comparison.points[name]
    return {
        "title": comparison.title,
        "unit": comparison.unit,
        "more_is_better": comparison.more_is_better,
        "reference": comparison.reference,
        "axis": comparison.axis,
        "rounds": len(next(iter(result.values.values()))),
        "machine": machine(),
        "variants": variants,
        "exponents": {series: round(slope, 3) for series, slope in result.exponents.items()},
        "bars": [
            {"what": each.bar.what, "of": each.bar.of, "limits": each.bar.limits}
            | {"measured": _rounded(each.figure), "met": each.met}
            for each in result.verdicts
        ],
    }


def _rounded(figure: Figure) -> dict[str, float]:
    """Keep four digits: there is no more in a measurement, and the file stays readable."""
    return {name: float(f"{value:.4g}") for name, value in asdict(figure).items()}


def machine() -> dict[str, str | int]:
    """Say on what it was measured."""
    return {
        "day": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "processors": os.cpu_count() or 1,
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def read() -> dict[str, Kept]:
    """Read what is kept; nothing where there is no file yet."""
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}


def write(results: Iterable[Result]) -> dict[str, Kept]:
    """Keep results, in the place of the earlier ones of the same name; return all."""
    new = {result.comparison.name: kept(result) for result in results}
    everything = dict(sorted((read() | new).items()))
    FILE.write_text(f"{json.dumps(everything, indent=1, ensure_ascii=False)}\n", encoding="utf-8")
    return everything
