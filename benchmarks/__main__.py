"""Measure what hookframe costs: everything, or the subjects and comparisons that are named.

python -m benchmarks [--quick] [--list] [--render] [NAME ...]
"""

from __future__ import annotations

import sys

import click
from loguru import logger
from rich.console import Console
from rich.table import Table

from benchmarks import results, tables
from benchmarks.comparisons import chosen, subjects
from benchmarks.lab import lab
from benchmarks.measure import Result, run

QUICK_ROUNDS = 3


def measured(names: tuple[str, ...], *, quick: bool, console: Console) -> list[Result]:
    """Measure, and print each comparison when it is done."""
    found = []
    with lab(quick=quick) as where:
        for comparison in chosen(names, where):
            with console.status(comparison.title):
                result = run(comparison, QUICK_ROUNDS if quick else None)
            show(result, console)
            found.append(result)
        for program, left_out in where.lacking.items():
            console.print(f"left out, as there is no {program} here: {left_out}")
    return found


def show(result: Result, console: Console) -> None:
    """Print a comparison with its bars."""
    comparison = result.comparison
    kept = results.kept(result)
    table = Table(title=f"{comparison.name}: {comparison.title}", title_justify="left")
    columns = ("", comparison.unit, "10 % to 90 %", f"of {comparison.reference}")
    for column in columns if comparison.reference else columns[:-1]:
        table.add_column(column, justify="right" if column else "left")
    for name, each in kept["variants"].items():
        spread = f"{tables.number(each['p10'])} to {tables.number(each['p90'])}"
        ratio = f"{each['ratio']['median']:.3g}" if "ratio" in each else ""
        table.add_row(
            name, tables.number(each["median"]), spread, *([ratio] * bool(comparison.reference))
        )
    console.print(table)
    for series, exponent in result.exponents.items():
        console.print(f"  {series}: grows with the power {exponent:.2f} of {comparison.axis}")
    for verdict in result.verdicts:
        bar, figure = verdict.bar, verdict.figure
        of = f"of {bar.of}" if bar.of else comparison.unit
        console.print(
            f"  {'met   ' if verdict.met else 'MISSED'} {bar.what}: {figure.median:.3g} "
            f"({figure.p10:.3g} to {figure.p90:.3g}) {of}; bar: {bar.limits}"
        )
    console.print()


def render(names: tuple[str, ...] = ()) -> None:
    """Draw the plots, of all comparisons or of these, and fill the tables of the pages."""
    from benchmarks import plots  # noqa: PLC0415  (a trial needs none)

    kept = results.read()
    for name in names or kept:
        plots.draw(name, kept[name])
    tables.render(kept)


@click.command(help=__doc__)
@click.argument("names", nargs=-1, metavar="[NAME ...]")
@click.option("--quick", is_flag=True, help="Only try: few rounds, and nothing is kept.")
@click.option("--list", "only_list", is_flag=True, help="Name the subjects.")
@click.option("--render", "only_render", is_flag=True, help="Draw what was measured earlier.")
def main(names: tuple[str, ...], *, quick: bool, only_list: bool, only_render: bool) -> None:
    """Measure, keep, draw; exit 1 if a bar is missed."""
    logger.remove()
    console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
    if only_list:
        console.print(*subjects(), sep="\n")
        return
    if only_render:
        render()
        return
    found = measured(names, quick=quick, console=console)
    if not found:
        raise click.UsageError(f"nothing is called so; there are {', '.join(subjects())}")
    if quick:
        return
    results.write(found)
    render(tuple(result.comparison.name for result in found))
    missed = [each for result in found for each in result.verdicts if not each.met]
    console.print(f"{len(missed)} bars are missed" if missed else "every bar is met")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
