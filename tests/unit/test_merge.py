"""One user's newer jobs in the picture of everyone."""

from __future__ import annotations

from dataclasses import replace

from jobmon_tui.analysis.merge import with_jobs_of_user
from jobmon_tui.model.snapshot import Job, Node, Snapshot, SourceStatus

MINE = Job(job_id="1", name="x", username="ada", state="RUNNING", n_cpus=2, nodes="a", layout={"a": (0, 1)})
WAITING = Job(job_id="2", name="y", username="ada", state="PENDING", n_cpus=1)
OTHER = Job(job_id="3", name="z", username="bob", state="RUNNING", n_cpus=1, nodes="a", layout={"a": (2,)})
WHOLE = Snapshot(
    timestamp=100, nodes={"a": Node(name="a")}, jobs={job.job_id: job for job in (MINE, WAITING, OTHER)}
)


def partial(*jobs: Job) -> Snapshot:
    return Snapshot(
        timestamp=110,
        jobs={job.job_id: job for job in jobs},
        only_user="ada",
        sources=(SourceStatus(name="s"),),
    )


def test_others_and_the_cluster_stay_and_the_time_is_the_newer_one() -> None:
    merged = with_jobs_of_user(WHOLE, partial())
    assert dict(merged.jobs) == {"3": OTHER}
    assert merged.nodes == WHOLE.nodes
    assert merged.timestamp == 110
    assert merged.only_user is None
    assert [source.name for source in merged.sources] == ["s"]


def test_a_job_that_still_runs_there_keeps_its_cores() -> None:
    newer = replace(MINE, layout={}, run_time=9)
    merged = with_jobs_of_user(WHOLE, partial(newer))
    assert merged.jobs["1"] == replace(newer, layout={"a": (0, 1)})


def test_a_job_that_has_ended_or_moved_does_not() -> None:
    ended = replace(MINE, layout={}, state="COMPLETED")
    moved = replace(MINE, layout={}, nodes="b")
    started = replace(WAITING, state="RUNNING", nodes="a")
    assert with_jobs_of_user(WHOLE, partial(ended)).jobs["1"].layout == {}
    assert with_jobs_of_user(WHOLE, partial(moved)).jobs["1"].layout == {}
    assert with_jobs_of_user(WHOLE, partial(started)).jobs["2"] == started
