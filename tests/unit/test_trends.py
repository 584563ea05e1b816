"""Small charts of the jobs in a list."""

from __future__ import annotations

from jobmon_tui.analysis.cells import TREND_WIDTH, Context, ListingRow, fit_columns
from jobmon_tui.analysis.columns import DEFAULT_JOB_COLUMNS, JOB_COLUMNS
from jobmon_tui.feeds.seen import Seen
from jobmon_tui.model.snapshot import CoreUse, CpuTimes, CpuUse, Job, Node, Snapshot
from jobmon_tui.tui.trends import SPAN, seen_trends


def job(job_id: str = "1", state: str = "RUNNING") -> Job:
    return Job(job_id=job_id, name="x", username="asr", state=state, n_cpus=1, layout={"n1": (0,)})


def at(time: float, user: float | None) -> Snapshot:
    cores = CoreUse([CpuTimes(user, 0, 0, 0, 100 - user) if user is not None else None])
    return Snapshot(timestamp=time, nodes={"n1": Node(name="n1", cpu=CpuUse(None, cores))}, jobs={"1": job()})


def test_a_job_has_a_chart_of_its_half_hour() -> None:
    seen = Seen()
    for number in range(100):
        seen.add(at(number * 20.0, 100.0 if number < 50 else 0.0), 60)
    trend = seen_trends(seen, 1980.0, "block")["1"]
    assert len(trend) == TREND_WIDTH
    assert trend[0] == "█"
    assert trend[-1] == "▁"
    assert len(seen_trends(seen, 1980.0, "braille")["1"]) == TREND_WIDTH
    assert seen_trends(seen, 1980.0, "ascii")["1"].isascii()
    assert list(seen_trends(seen, 1980.0)) == ["1"]


def test_what_was_not_measured_is_blank_and_strangers_have_none() -> None:
    seen = Seen()
    for number in range(60):
        seen.add(at(number * 30.0, 50.0 if number >= 30 else None), 60)
    trend = seen_trends(seen, 1770.0, "block")["1"]
    assert trend[:3] == "   "
    assert trend[-2] == "▅"
    assert "2" not in seen_trends(seen, 1770.0)
    assert len(seen_trends(Seen(), 0.0)) == 0


def test_what_comes_later_does_not_change_it() -> None:
    seen = Seen()
    seen.add(at(SPAN, 100), 60)
    trends = seen_trends(seen, SPAN, "block")
    seen.add(at(SPAN + 5, 0), 60)
    assert trends["1"].strip() == "█"


def test_the_column_shows_it_of_running_jobs_only() -> None:
    (column,) = [column for column in JOB_COLUMNS if column.key == "trend"]
    context = Context(trends={"1": "▁█"}, cpu={"1": 40.0})
    row = ListingRow("1", "job", job())
    assert column.cell(row, context) == ("▁█", "user", None)
    assert column.sort_value(row, context) == 40
    assert column.cell(ListingRow("1", "job", job(state="PENDING")), context).text == ""
    assert column.cell(ListingRow("2", "job", job("2")), context).text == ""


def test_a_list_with_a_drill_down_beside_it_at_200_columns_has_room_for_it() -> None:
    by_key = {column.key: column for column in JOB_COLUMNS}
    chosen = [by_key[key] for key in DEFAULT_JOB_COLUMNS]
    assert [column.key for column, _ in fit_columns(chosen, 129)] == list(DEFAULT_JOB_COLUMNS)
