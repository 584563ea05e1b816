"""What a bench is, how the known ones are found, and the few statistics that they need."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    what: str
    unit: str
    budget: float | None
    """The aim, in that unit; ``None`` where there is none and the figure is only told."""


@dataclass(frozen=True, slots=True)
class Bench:
    """A function that measures one or more figures in one go."""

    name: str
    figures: tuple[Figure, ...]
    measure: Callable[[bool], Iterable[float]]
    """Takes whether to be quick rather than precise; gives one value for each figure."""


BENCHES: dict[str, Bench] = {}
"""Every bench by its name, in the order of the table."""

Measure = Callable[[bool], Iterable[float]]


def bench(name: str, *figures: Figure) -> Callable[[Measure], Measure]:
    """Make a function a bench.

    Args:
        name: As it is asked for on the command line.
        figures: What it measures, in the order of the values that it returns.
    """

    def register(measure: Measure) -> Measure:
        BENCHES[name] = Bench(name, figures, measure)
        return measure

    return register


def median(values: Iterable[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that that share (0 to 1) of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
