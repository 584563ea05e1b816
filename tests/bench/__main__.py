"""``python -m tests.bench [name...]``: measure, and print one table."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Sequence
from importlib import import_module

from tests.bench.measure import BENCHES, Bench

TOPICS = (
    *("processes", "painting", "table", "ticks", "keys", "past", "recording", "stalls", "readings"),
    *("collector", "slurm", "history"),
)
"""The modules that hold benches, in the order of the table."""
_LINE = "{what:<74} {measured:>12} {budget:>12}  {verdict}"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benches that were asked for.

    Returns:
        1 if one of them could not measure, 0 otherwise: missing an aim is no failure.
    """
    for topic in TOPICS:
        import_module(f"tests.bench.{topic}")
    arguments = _arguments(argv)
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(_LINE.format(what="what", measured="measured", budget="budget", verdict=""), flush=True)
    broken = [name for name in arguments.names or BENCHES if not _run(BENCHES[name], arguments.quick)]
    return 1 if broken else 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure jobmon.")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions: rough figures")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(BENCHES)}")
    arguments = parser.parse_args(argv)
    unknown = [name for name in arguments.names if name not in BENCHES]
    if unknown:
        parser.error(f"there is no bench {unknown[0]}; there are: {', '.join(BENCHES)}")
    return arguments


def _run(bench: Bench, quick: bool) -> bool:
    """Print the lines of one bench; one that fails says why and does not keep the others from running."""
    try:
        values = list(bench.measure(quick))
    except Exception as error:
        print(f"{bench.name}: {type(error).__name__}: {str(error)[:2000]}", file=sys.stderr, flush=True)
        values = []
    for place, figure in enumerate(bench.figures):
        value = values[place] if place < len(values) else None
        verdict = ""
        if value is None:
            verdict = "not measured"
        elif figure.budget is not None:
            verdict = "ok" if value <= figure.budget else f"over, {value / figure.budget:.1f} times"
        print(
            _LINE.format(
                what=figure.what,
                measured="?" if value is None else _written(value, figure.unit),
                budget="" if figure.budget is None else _written(figure.budget, figure.unit),
                verdict=verdict,
            ),
            flush=True,
        )
    return len(values) == len(bench.figures)


def _written(value: float, unit: str) -> str:
    """Three digits, or all of a larger whole number."""
    digits = 0 if value >= 100 or value == int(value) else 1 if value >= 10 else 2
    return f"{value:,.{digits}f} {unit}".rstrip()


if __name__ == "__main__":
    sys.exit(main())
