"""The table of jobs with 50,000 of them: listing in the worker and painting in the UI thread, together."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterable
from itertools import islice

from jobmon_tui.analysis.cells import Context, columns_of
from jobmon_tui.analysis.columns import DEFAULT_JOB_COLUMNS, JOB_COLUMNS
from jobmon_tui.analysis.filter import parse_filter
from jobmon_tui.analysis.index import SnapshotIndex, index_snapshot
from jobmon_tui.analysis.listing import job_listing
from jobmon_tui.tui.widgets.table import Table
from tests.bench.canvas import SIZE, Canvas, Cost
from tests.bench.measure import Figure, bench, median
from tests.bench.pictures import demo_snapshots

JOBS = 50_000
_COLUMNS = columns_of(JOB_COLUMNS, DEFAULT_JOB_COLUMNS)


async def _costs(times: int) -> dict[str, list[Cost]]:
    indexes = [index_snapshot(one) for one in islice(demo_snapshots(1_000, JOBS), times + 1)]
    # As the poller does: the collector does not walk through what stays.
    gc.freeze()
    table = Table()
    app = Canvas(table)
    costs: dict[str, list[Cost]] = {"refresh": [], "sort": [], "filter": []}

    def show(index: SnapshotIndex, sort_key: str = "elapsed", filter_text: str = "") -> None:
        context = Context(now=index.snapshot.timestamp, index=index)
        listing = job_listing(
            index,
            columns=JOB_COLUMNS,
            filter=parse_filter(filter_text),
            sort_key=sort_key,
            reverse=True,
            context=context,
        )
        table.show(listing, _COLUMNS, sort_key=sort_key, reverse=True, context=context)

    async with app.run_test(size=SIZE):
        await app.cost(lambda: show(indexes[0]))
        for index in indexes[1:]:
            costs["refresh"].append(await app.cost(lambda: show(index)))  # noqa: B023
            costs["sort"].append(await app.cost(lambda: show(index, "user")))  # noqa: B023
            costs["filter"].append(await app.cost(lambda: show(index, filter_text="user:a")))  # noqa: B023
            await app.cost(lambda: show(index))  # noqa: B023
    return costs


@bench(
    "table",
    Figure("job table of 50,000, refresh: list and paint", "ms", 25),
    Figure("job table of 50,000, sort by user: list and paint", "ms", 100),
    Figure("job table of 50,000, filter: list and paint", "ms", 50),
)
def _table(quick: bool) -> Iterable[float]:
    costs = asyncio.run(_costs(3 if quick else 8))
    gc.unfreeze()
    for kind in ("refresh", "sort", "filter"):
        yield median(cost.cpu for cost in costs[kind])
