"""Slurm's count of the user's own jobs: asked rarely, of few, beside the cycle; filled in where unknown."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from threading import Event

import pytest

from jobmon_tui.analysis.live_use import JobCpu
from jobmon_tui.backends.own_use import (
    INTERVAL,
    MOST_JOBS,
    MOST_NODES,
    PAUSE_AFTER_FAILURE,
    STALE_AFTER,
    OwnUse,
)
from jobmon_tui.errors import SourceError
from jobmon_tui.model.snapshot import Job, Snapshot
from jobmon_tui.sources.slurm.sstat import StepUse


def job(job_id: str, username: str = "ada", nodes: int = 1, **changes: object) -> Job:
    given: dict[str, object] = {
        "job_id": job_id,
        "username": username,
        "name": "fold",
        "state": "RUNNING",
        "n_cpus": 2,
        "layout": {f"c{number}": (0, 1) for number in range(nodes)},
        "run_time": 10.0,
    }
    return Job(**(given | changes))  # type: ignore[arg-type]


def step(
    job_id: str, seconds: float | None, memory: float | None = None, largest: float | None = None
) -> StepUse:
    return StepUse(
        step=f"{job_id}.0",
        tasks=1,
        cpu_seconds=seconds,
        memory=memory,
        memory_max=largest,
        memory_max_node="c0",
    )


class Counter:
    """Says what the test puts into it."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.uses_of: dict[str, tuple[StepUse, ...]] | SourceError = {}
        self.closed = False

    def uses(self, numbers: Sequence[str]) -> Mapping[str, Sequence[StepUse]]:
        self.asked.append(list(numbers))
        if isinstance(self.uses_of, SourceError):
            raise self.uses_of
        return self.uses_of

    def close(self) -> None:
        self.closed = True


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Place:
    """An OwnUse of ada's with a counter and a clock that the test holds."""

    def __init__(self) -> None:
        self.counter, self.clock = Counter(), Clock()
        self.own = OwnUse(self.counter, "ada", self.clock)

    def filled_after_count(self, jobs: Sequence[Job]) -> list[Job]:
        """The jobs with what this very call had counted."""
        before = len(self.counter.asked)
        self.own.filled(jobs)
        deadline = time.monotonic() + 5
        while self.own._is_asking or len(self.counter.asked) == before:
            assert time.monotonic() < deadline
            Event().wait(0.002)
        return self.own.filled(jobs)


@pytest.fixture
def place() -> Place:
    return Place()


def test_own_jobs_get_their_cpu_and_memory(place: Place) -> None:
    place.counter.uses_of = {"1": (step("1", 600.0, 50.0, 80.0), step("1", 300.0, 25.0, 30.0))}
    mine, theirs = place.filled_after_count([job("1"), job("2", "bea")])
    # 900 s of CPU time in ten minutes on two cores.
    assert mine.cpu_used == 75
    assert mine.memory == {"c0": 75.0}
    assert mine.memory_max == 80
    assert theirs == job("2", "bea")
    assert place.counter.asked == [["1"]]
    (status,) = place.own.statuses()
    assert (status.name, status.ok, status.calls) == ("sstat", True, 1)


def test_two_counts_tell_how_busy_it_was_between_them_and_its_highest_memory(place: Place) -> None:
    place.counter.uses_of = {"1": (step("1", 600.0, 200.0),)}
    place.filled_after_count([job("1")])
    place.clock.now += INTERVAL
    place.counter.uses_of = {"1": (step("1", 600.0 + INTERVAL / 2, 100.0),)}
    (mine,) = place.filled_after_count([job("1")])
    assert mine.cpu_used == 25
    assert (mine.memory, mine.memory_max) == ({"c0": 100.0}, 200.0)
    place.clock.now += INTERVAL
    place.counter.uses_of = {"1": (step("1", 3.0, 100.0),)}  # Its long step has ended.
    assert place.filled_after_count([job("1")])[0].cpu_used == 25


def test_it_is_asked_once_a_minute_and_not_at_all_by_whoever_has_no_job(place: Place) -> None:
    place.own.filled([job("2", "bea"), job("3", state="PENDING")])
    assert place.counter.asked == []
    assert place.own.statuses() == ()
    place.filled_after_count([job("1")])
    place.clock.now += INTERVAL - 1
    place.own.filled([job("1")])
    assert len(place.counter.asked) == 1


def test_few_jobs_on_few_nodes_are_asked_about(place: Place) -> None:
    place.filled_after_count([job(str(number)) for number in range(1, MOST_JOBS + 20)])
    assert len(place.counter.asked[0]) == MOST_JOBS
    place.clock.now += INTERVAL
    place.filled_after_count([job("7", nodes=MOST_NODES), job("8"), job("9", nodes=3)])
    assert place.counter.asked[1] == ["8", "9"]


def test_what_is_measured_is_not_asked_about_and_stands(place: Place) -> None:
    measured = job("1", memory={"c0": 5.0}, memory_max=6.0)
    place.own.filled([measured])
    assert place.counter.asked == []
    place.counter.uses_of = {"1": (step("1", 60.0, 50.0, 80.0),)}
    place.filled_after_count([job("1")])
    (mine,) = place.own.filled([measured])
    assert (mine.memory, mine.memory_max) == ({"c0": 5.0}, 6.0)


def test_of_several_nodes_nobody_knows_how_much_memory_is_where(place: Place) -> None:
    place.counter.uses_of = {"1": (step("1", 600.0, 50.0, 80.0),)}
    (mine,) = place.filled_after_count([job("1", nodes=2)])
    assert (mine.memory, mine.memory_max) == ({}, None)
    assert mine.cpu_used == 50


def test_a_task_of_an_array_goes_by_its_number(place: Place) -> None:
    place.counter.uses_of = {"77": (step("77", 600.0),)}
    (mine,) = place.filled_after_count([job("5_3", number=77)])
    assert place.counter.asked == [["77"]]
    assert mine.cpu_used == 50


def test_a_failure_is_told_and_not_repeated_at_once(place: Place) -> None:
    place.counter.uses_of = SourceError("sstat: no answer", "see sinfo")
    (mine,) = place.filled_after_count([job("1")])
    assert mine == job("1")
    (status,) = place.own.statuses()
    assert (status.ok, status.error) == (False, "sstat: no answer")
    assert "see sinfo" in status.hint
    assert status.failing_since is not None
    place.clock.now += PAUSE_AFTER_FAILURE - 1
    place.own.filled([job("1")])
    assert len(place.counter.asked) == 1
    place.clock.now += 2
    place.counter.uses_of = {"1": (step("1", 600.0),)}
    assert place.filled_after_count([job("1")])[0].cpu_used == 50
    assert place.own.statuses()[0].ok


def test_old_counts_say_nothing_of_the_present(place: Place) -> None:
    place.counter.uses_of = {"1": (step("1", 600.0),)}
    assert place.filled_after_count([job("1")])[0].cpu_used == 50
    place.counter.uses_of = SourceError("gone")
    place.clock.now += STALE_AFTER + 1
    assert place.filled_after_count([job("1")])[0].cpu_used is None


def test_nothing_known_is_nothing_shown(place: Place) -> None:
    place.counter.uses_of = {"1": (step("1", None),)}
    (mine,) = place.filled_after_count([job("1")])
    assert (mine.cpu_used, mine.memory, mine.memory_max) == (None, {}, None)


def test_a_count_never_holds_up_the_cycle() -> None:
    release = Event()

    class Slow(Counter):
        def uses(self, numbers: Sequence[str]) -> Mapping[str, Sequence[StepUse]]:
            release.wait(10)
            return super().uses(numbers)

    own = OwnUse(Slow(), "ada")
    started = time.monotonic()
    for _ in range(3):
        own.filled([job("1")])
    assert time.monotonic() - started < 1
    own.close()
    release.set()
    own.filled([job("1")])


def test_lists_show_it_where_no_core_is_measured() -> None:
    jobs = {"1": job("1", cpu_used=42.0), "2": job("2"), "3": job("3", cpu_used=7.0, layout={})}
    cpu = JobCpu(Snapshot(timestamp=1.0, jobs=jobs))
    assert dict(cpu) == {"1": 42.0, "3": 7.0}
