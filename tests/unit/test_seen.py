"""What jobmon keeps of what it has seen: near enough, bounded, with gaps where it looked away."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.feeds.seen import REMEMBERED, Seen
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.model.snapshot import CoreUse, CpuTimes, CpuUse, Job, Node, Snapshot, Traffic, Used

PAUSE = 30.0


def at(
    time: float, memory: Mapping[str, float] | None = None, jobs: Mapping[str, float] | None = None
) -> Snapshot:
    """Nodes with that memory in use, and jobs of user asr that use that much memory."""
    nodes = {name: Node(name=name, memory=Used(used, 1e6)) for name, used in (memory or {}).items()}
    found = {
        job_id: Job(
            job_id=job_id,
            name="x",
            username="asr",
            state="RUNNING",
            n_cpus=1,
            layout={"n1": (0,)},
            memory={"n1": used} if used >= 0 else {},
        )
        for job_id, used in (jobs or {}).items()
    }
    return Snapshot(timestamp=time, nodes=nodes, jobs=found)


def ask(
    seen: Seen,
    name: str = "n1",
    reading: str = "memory",
    kind: str = "node",
    start: float = 0,
    end: float = 1e9,
) -> Series | None:
    request = SeriesRequest(kind=kind, name=name, reading=reading, start=start, end=end)  # type: ignore[arg-type]
    (answer,) = seen.series([request])
    return answer


def test_what_was_seen_comes_back() -> None:
    seen = Seen()
    for time in (10, 20, 30):
        seen.add(at(time, {"n1": time * 100, "n2": 5}), PAUSE)
    answer = ask(seen)
    assert answer is not None
    assert list(answer.times) == [10, 20, 30]
    assert answer.values == pytest.approx((1000, 2000, 3000), rel=1e-3)
    assert answer.unit == "MiB"
    assert ask(seen, "n3") is None
    assert ask(seen, reading="swap") is None
    assert seen.began == 10


def test_only_the_time_that_was_asked_for_and_the_frame_that_holds_into_it() -> None:
    seen = Seen()
    for time in range(10, 100, 10):
        seen.add(at(time, {"n1": 1024}), PAUSE)
    answer = ask(seen, start=45, end=72)
    assert answer is not None
    assert list(answer.times) == [40, 50, 60, 70]


def test_a_pause_is_a_gap_and_so_is_a_missing_reading() -> None:
    seen = Seen()
    for time in (10, 20, 100):
        seen.add(at(time, {"n1": 1024}), PAUSE)
    seen.add(at(110, {}), PAUSE)
    answer = ask(seen)
    assert answer is not None
    assert list(answer.values) == [1024, 1024, None, 1024, None]
    assert answer.times[1] < answer.times[2] < 100


def test_rates_and_percentages_and_nonsense() -> None:
    seen = Seen()
    nodes = {
        "n1": Node(
            name="n1",
            cpu=CpuUse(CpuTimes(33.3, 0, 12.5, float("nan"), 54), CoreUse([])),
            infiniband=Traffic(2.5e9, 3.0, float("inf"), 1e30),
        )
    }
    seen.add(Snapshot(timestamp=5, nodes=nodes), PAUSE)

    def value(reading: str) -> float | None:
        answer = ask(seen, reading=reading)
        return answer.values[-1] if answer else None

    assert value("cpu_user") == pytest.approx(33.3, rel=1e-3)
    assert value("cpu_system") == 12.5
    assert value("cpu_wait") is None
    assert value("infiniband_in") == pytest.approx(2.5e9, rel=1e-3)
    assert value("infiniband_out") == pytest.approx(3.0, rel=0.05)
    assert value("packets_in") is None
    assert value("packets_out") == pytest.approx(65_504_000)  # the most that fits


@given(st.floats(0, 6e7))
def test_amounts_are_kept_well_enough_for_a_chart(amount: float) -> None:
    seen = Seen()
    seen.add(at(1, {"n1": amount}), PAUSE)
    answer = ask(seen)
    assert answer is not None
    assert answer.values[0] == pytest.approx(amount, rel=1e-3, abs=0.1)


def test_many_nodes_of_which_few_are_measured() -> None:
    seen = Seen()
    seen.add(at(1, {f"n{number}": number for number in range(300)}), PAUSE)
    dense = seen.bytes
    seen.add(at(2, {"n7": 7000, "n280": 2800}), PAUSE)
    assert seen.bytes - dense < 20
    first, last = ask(seen, "n280"), ask(seen, "n6")
    assert first is not None
    assert first.values == pytest.approx((280, 2800), rel=1e-3)
    assert last is not None
    assert list(last.values) == [pytest.approx(6, rel=1e-3), None]


def test_frames_are_bounded_in_number_and_old_ones_thin_out() -> None:
    seen = Seen(most_frames=100)
    for number in range(2000):
        seen.add(at(number * 10, {"n1": number}), PAUSE)
    times = seen.times
    assert len(times) == 100
    assert times[0] == 0
    assert times[-1] == 19990
    assert times[-1] - times[-2] <= 20
    steps = [later - earlier for earlier, later in pairwise(times)]
    assert max(steps) < 2000
    assert sum(steps[-20:]) < sum(steps[:20])
    answer = ask(seen)
    assert answer is not None
    assert None not in answer.values  # thinned out is not the same as never seen


def test_a_gap_outlives_the_frames_beside_it() -> None:
    seen = Seen(most_frames=10)
    for number in range(60):
        seen.add(at(number * 10 + (5000 if number >= 30 else 0), {"n1": 5}), PAUSE)
    answer = ask(seen)
    assert answer is not None
    (place,) = [place for place, value in enumerate(answer.values) if value is None]
    assert answer.times[place - 1] <= 290 < 5300 <= answer.times[place + 1]


@pytest.mark.slow
def test_bytes_are_bounded() -> None:
    seen = Seen(most_bytes=10_000)
    for number in range(50):
        seen.add(at(number * 10, {f"n{one}": one for one in range(500)}), PAUSE)
    assert seen.bytes <= 10_000
    assert len(seen.times) == 10


def test_a_slot_of_a_job_long_gone_tells_nothing_of_it_to_the_next() -> None:
    seen = Seen()
    seen.add(at(0, jobs={"1": 1024}), PAUSE)
    seen.add(at(10), PAUSE)
    assert ask(seen, "1", kind="job") is not None
    seen.add(at(20 + REMEMBERED), PAUSE)
    assert ask(seen, "1", kind="job") is None
    seen.add(at(30 + REMEMBERED, jobs={"2": 2048}), PAUSE)
    answer = ask(seen, "2", kind="job")
    assert answer is not None
    assert list(answer.times) == [30 + REMEMBERED]
    assert list(answer.values) == [2048]


def test_when_time_goes_back_what_came_after_is_forgotten() -> None:
    seen = Seen()
    for time in (10, 20, 30):
        seen.add(at(time, {"n1": 1024}), PAUSE)
    seen.add(at(20, {"n1": 2048}), PAUSE)
    answer = ask(seen)
    assert answer is not None
    assert list(zip(answer.times, answer.values, strict=True)) == [(10, 1024), (20, 2048)]


def test_others_are_not_unmeasured_while_only_one_user_is_looked_at() -> None:
    seen = Seen()
    seen.add(at(10, {"n1": 1024}, {"1": 1024, "2": 512}), PAUSE)
    part = at(20, {}, {"1": 2048})
    seen.add(at(20, {"n1": 1024}, {"1": 2048, "2": 512}), PAUSE, part)
    seen.add(at(30, {"n1": 1024}, {"1": 1024, "2": 512}), PAUSE)
    own, other = ask(seen, "1", kind="job"), ask(seen, "2", kind="job")
    assert own is not None
    assert list(own.values) == [1024, 2048, 1024]
    assert other is not None
    assert list(zip(other.times, other.values, strict=True)) == [(10, 512), (30, 512)]


def test_the_last_frames_evenly_thinned() -> None:
    seen = Seen()
    for number in range(100):
        seen.add(at(number * 10, {"n1": 1024}), PAUSE)
    recent = seen.recent(500, 10)
    assert len(recent.times) <= 10
    assert recent.times[-1] == 990
    assert recent.times[0] >= 490
    answer = ask(recent)
    assert answer is not None
    assert None not in answer.values
