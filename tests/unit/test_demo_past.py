"""The demo's past, for charts: the same as what the demo showed then."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jobmon_tui.analysis.series import job_readings, node_readings
from jobmon_tui.backends.demo import DemoBackend
from jobmon_tui.feeds.live import LiveFeed
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.model.snapshot import Snapshot

pytestmark = pytest.mark.slow

NOW = 1_790_000_000.0
READINGS = ("cpu_user", "cpu_wait", "memory", "infiniband_in", "jobfs_write", "gpu:1")
JOB_READINGS = ("cpu_user", "cpu_system", "memory", "lustre_read:scratch", "jobfs", "gpu", "memory_max")


def demo(time: float) -> tuple[DemoBackend, Snapshot]:
    backend = DemoBackend(24, 200, clock=lambda: time)
    return backend, backend.cycle()


def value_at(series: Series | None, time: float) -> float | None:
    return None if series is None else dict(zip(series.times, series.values, strict=True))[time]


@pytest.mark.slow
@pytest.mark.parametrize("ago", [0, 600, 1800])
def test_nodes_and_jobs_did_what_they_were_seen_to_do(ago: float) -> None:
    backend, present = demo(NOW)
    _, past = demo(NOW - ago)
    compared = 0
    for name, node in past.nodes.items():
        asked = [
            SeriesRequest(kind="node", name=name, reading=reading, start=NOW - 1800, end=NOW)
            for reading in READINGS
        ]
        for request, series in zip(asked, backend.series(asked), strict=True):
            expected = node_readings(node).get(request.reading)
            assert value_at(series, NOW - ago) == expected
            compared += expected is not None
    for job_id in past.jobs.keys() & {one.job_id for one in present.jobs.values() if one.is_running}:
        if not past.jobs[job_id].is_running:
            continue
        asked = [
            SeriesRequest(kind="job", name=job_id, reading=reading, start=NOW - 1800, end=NOW)
            for reading in JOB_READINGS
        ]
        known = job_readings(past.jobs[job_id], past.nodes)
        for request, series in zip(asked, backend.series(asked), strict=True):
            if series is not None and NOW - ago in series.times and request.reading in known:
                assert value_at(series, NOW - ago) == pytest.approx(known[request.reading])
                compared += 1
    assert compared > 50


def test_nothing_is_known_of_strangers_or_of_the_future() -> None:
    backend, present = demo(NOW)
    name = next(name for name, node in present.nodes.items() if node.cpu)
    asked = [
        SeriesRequest(kind="node", name="nowhere", reading="memory", start=NOW - 100, end=NOW),
        SeriesRequest(kind="job", name="1", reading="memory", start=NOW - 100, end=NOW),
        SeriesRequest(kind="node", name=name, reading="memory", start=NOW - 1000, end=NOW + 1000),
    ]
    nowhere, nobody, node = backend.series(asked)
    assert nowhere is None
    assert nobody is None
    assert node is not None
    assert node.times[-1] <= NOW


def test_the_past_is_what_the_demo_showed_then() -> None:
    backend, present = demo(NOW)
    feed = LiveFeed(backend)
    feed.open()
    times = feed.timeline()
    assert len(times) == 1441
    assert 0 <= NOW - times[-1] < 60
    for time in (times[-1], times[700], times[0]):
        _, then = demo(time)
        assert feed.at(time + 20) == then
    assert feed.at(0).timestamp == times[0]
    assert feed.at(NOW + 1e6).timestamp == times[-1]
    # The present stays where it is.
    assert backend.cycle() == present


def test_the_window_of_the_past_is_of_its_last_minutes() -> None:
    backend, _ = demo(NOW)
    feed = LiveFeed(backend)
    end = feed.timeline()[500]
    window = feed.window(end, 600)
    assert [one.timestamp for one in window] == [end - 60 * ago for ago in range(9, -1, -1)]
    assert len(feed.window(end, 7200)) <= 12
    assert feed.window(end, 7200)[-1].timestamp == end


@pytest.mark.slow
def test_a_job_that_ran_then_has_its_charts() -> None:
    backend, _ = demo(NOW)
    then = backend.at(NOW - 6 * 3600)
    now = {job.job_id for job in backend.jobs() if job.is_running}
    ended = next(one for one in then.jobs.values() if one.is_running and one.job_id not in now)
    request = SeriesRequest(
        kind="job", name=ended.job_id, reading="cpu_user", start=then.timestamp - 1800, end=then.timestamp
    )
    (series,) = backend.series([request])
    assert series is not None
    assert max(series.times) <= then.timestamp
    assert backend.series([replace(request, name="1")]) == [None]


@pytest.mark.slow
def test_the_usage_of_the_day_is_that_of_the_snapshots() -> None:
    now = [NOW]
    backend = DemoBackend(24, 200, clock=lambda: now[0])
    history = LiveFeed(backend).history()
    assert tuple(history) == backend.timeline()
    for time in list(history)[::160]:
        _, then = demo(time)
        assert then.usage == history[time]
    # It follows the present in steps.
    now[0] += 240
    assert list(LiveFeed(backend).history()) == list(history)[4:]
    now[0] += 120
    newer = LiveFeed(backend).history()
    assert tuple(newer) == backend.timeline()
    assert demo(max(newer))[1].usage == newer[max(newer)]
