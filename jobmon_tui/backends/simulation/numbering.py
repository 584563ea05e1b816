"""Job ids that rise with the time of submission and are given out without asking who else submits."""

from __future__ import annotations

TICK = 64.0
"""Seconds in which everybody who submits has ids of their own to give out."""
LOWEST, WRAP = 1_000_000, 60_000_000
"""Ids begin again at the lowest one after so many, as Slurm's do."""
_ORIGIN = 1_704_067_200
_GENEROUS = 240


class Numbering:
    """How the ids of a tick are shared out.

    Args:
        cells: How many cells submit jobs.
        places: How many ids of a tick the backlog may need.
    """

    def __init__(self, cells: int, places: int) -> None:
        self.quota = max(1, min(8, _GENEROUS // max(1, cells)))
        """How many jobs a cell's block may submit in one tick."""
        self.places = places
        # Two blocks of a cell can submit in the same tick: one its last jobs, the next its first.
        self._width = places + 2 * cells * self.quota

    def _number(self, tick: int, offset: int) -> int:
        return LOWEST + ((tick - int(_ORIGIN / TICK)) * self._width + offset) % WRAP

    def of_cell(self, cell: int, block: int, tick: int, count: int) -> int:
        """The id of the ``count``-th job that the cell's block submits in that tick."""
        return self._number(tick, self.places + (2 * cell + block % 2) * self.quota + count)

    def of_backlog(self, tick: int, event: int) -> int:
        """The id of the backlog's ``event``-th job, which falls into that tick."""
        return self._number(tick, event % self.places)
