"""The heatmap: what it costs when one node in twenty changes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from jobmon_tui.analysis.groups import Grouper
from jobmon_tui.analysis.index import index_snapshot
from jobmon_tui.analysis.readings import available_readings
from jobmon_tui.model.snapshot import Snapshot
from jobmon_tui.tui.widgets.heatmap import Heatmap
from tests.bench.canvas import SIZE, Canvas, Cost
from tests.bench.measure import Figure, bench, median
from tests.bench.pictures import demo_snapshots, with_changed_nodes

CHANGED = 0.05


async def _changes(nodes: int, times: int) -> list[Cost]:
    """What it costs to show a snapshot in which one node in twenty is another one than before."""
    snapshot = next(demo_snapshots(nodes, 1000))
    grouper, heatmap = Grouper(), Heatmap()
    app = Canvas(heatmap)

    async def cost_of(shown: Snapshot) -> Cost:
        index = index_snapshot(shown)
        groups, reading = grouper.groups(index, "kind"), available_readings(index)[0]
        return await app.cost(lambda: heatmap.show(index, groups, reading))

    costs = []
    async with app.run_test(size=SIZE):
        await cost_of(snapshot)
        for seed in range(times):
            snapshot = with_changed_nodes(snapshot, CHANGED, seed)
            costs.append(await cost_of(snapshot))
    return costs


def _heatmap(nodes: int, quick: bool) -> Iterable[float]:
    costs = asyncio.run(_changes(nodes, 5 if quick else 15))
    yield median(cost.cpu for cost in costs)
    yield median(cost.bytes for cost in costs) / 1000


@bench(
    "heatmap-2000",
    Figure("heatmap, 5 % of 2,000 nodes change: UI thread", "ms", 15),
    Figure("heatmap, 5 % of 2,000 nodes change: written", "kB", 8),
)
def _heatmap_2000(quick: bool) -> Iterable[float]:
    return _heatmap(2_000, quick)


@bench(
    "heatmap-10000",
    Figure("heatmap, 5 % of 10,000 nodes change: UI thread", "ms", 50),
    Figure("heatmap, 5 % of 10,000 nodes change: written", "kB", 30),
)
def _heatmap_10000(quick: bool) -> Iterable[float]:
    return _heatmap(10_000, quick)
