"""The whole app at 200x50: a tick with real changes, one without, another screen, another page."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice

from tests.bench.canvas import SIZE, Cost, StepFeed, counting_jobmon
from tests.bench.measure import Figure, bench, median
from tests.bench.pictures import demo_snapshots

NODES, JOBS = 2_000, 6_000


async def _ticks(times: int) -> tuple[list[Cost], Cost]:
    """Ticks of ten seconds each, and then one in which nothing but the time has changed."""
    first, *others = islice(demo_snapshots(NODES, JOBS), times + 1)
    feed = StepFeed(first)
    app = counting_jobmon(feed)
    costs = []
    async with app.run_test(size=SIZE):
        await app.settled()
        for snapshot in others:
            feed.snapshot = snapshot
            costs.append(await app.cost(app.action_refresh_now, quiet=0.4))
        feed.snapshot = replace(feed.snapshot)
        unchanged = await app.cost(app.action_refresh_now, quiet=0.4)
    return costs, unchanged


@bench(
    "tick",
    Figure("tick of 2,000 nodes and 6,000 jobs: written", "kB", 10),
    Figure("tick of 2,000 nodes and 6,000 jobs: UI thread", "ms", 25),
    Figure("tick of 2,000 nodes and 6,000 jobs: all threads", "ms", None),
    Figure("tick without a change: written", "bytes", 0),
)
def _tick(quick: bool) -> Iterable[float]:
    costs, unchanged = asyncio.run(_ticks(5 if quick else 12))
    yield median(cost.bytes for cost in costs) / 1000
    yield median(cost.cpu for cost in costs)
    yield median(cost.all_cpu for cost in costs)
    yield unchanged.bytes
