"""The blocks of all cells, planned just far enough ahead."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush

from jobmon_tui.backends.simulation.cells import Cell
from jobmon_tui.backends.simulation.outages import Trouble
from jobmon_tui.backends.simulation.records import PURGED_AFTER
from jobmon_tui.backends.simulation.schedule import LOOKAHEAD, Block, Desk


class Timetable:
    """Plans every cell up to `LOOKAHEAD` beyond the instant that is shown.

    Args:
        desk: What the blocks share.
        cells: All cells.
        announce_trouble: Called with a cell and each trouble that befalls one of its nodes, maybe repeatedly.
    """

    def __init__(
        self, desk: Desk, cells: tuple[Cell, ...], announce_trouble: Callable[[Cell, Trouble], None]
    ) -> None:
        self._desk = desk
        self._cells = cells
        self._announce_trouble = announce_trouble
        self._sequence = 0
        self._blocks: list[tuple[float, int, Block]] = []
        self._coming: list[tuple[float, int, int]] = []

    def begin(self, time: float) -> None:
        """Start anew, with the blocks that matter at that instant (Unix seconds)."""
        self._blocks.clear()
        self._coming.clear()
        for cell in self._cells:
            number = cell.block_at(time - PURGED_AFTER)
            self._coming.append((cell.block_start(number), cell.index, number))
        heapify(self._coming)
        self.advance(time)

    def advance(self, time: float) -> None:
        """Plan everything that may be submitted until that instant (Unix seconds)."""
        horizon = time + LOOKAHEAD
        while self._coming and self._coming[0][0] < horizon:
            _, index, number = heappop(self._coming)
            cell = self._cells[index]
            heappush(self._coming, (cell.block_start(number + 1), index, number + 1))
            block = Block(self._desk, cell, number)
            for trouble in block.troubles:
                self._announce_trouble(cell, trouble)
            self._wait_for(block)
        while self._blocks and self._blocks[0][0] < horizon:
            block = heappop(self._blocks)[2]
            block.plan_until(horizon)
            self._wait_for(block)

    def _wait_for(self, block: Block) -> None:
        if block.next_event < block.end:
            self._sequence += 1
            heappush(self._blocks, (block.next_event, self._sequence, block))
