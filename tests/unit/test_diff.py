"""What became of jobs and nodes between two snapshots."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from jobmon_tui.analysis.diff import ABSENT, Comparison, compare
from jobmon_tui.analysis.index import index_snapshot
from jobmon_tui.model.snapshot import Job, Node, Snapshot


def job(job_id: str, state: str = "RUNNING", **more: Any) -> Job:
    settings: dict[str, Any] = {"job_id": job_id, "name": "x", "username": "ada", "state": state, "n_cpus": 4}
    if state == "RUNNING":
        settings["layout"] = {"n1": (0, 1, 2, 3)}
    return Job(**settings | more)


def pending_array(count: int, array_id: str = "7") -> Job:
    return job(
        f"{array_id}_[{10 - count}-9]",
        "PENDING",
        array_id=array_id,
        array_tasks=f"{10 - count}-9",
        task_count=count,
    )


def between(
    before: list[Job], after: list[Job], nodes: tuple[list[Node], list[Node]] | None = None
) -> Comparison:
    snapshots = [
        Snapshot(
            timestamp=100.0 * place,
            jobs={one.job_id: one for one in jobs},
            nodes={node.name: node for node in (nodes[place] if nodes else [])},
        )
        for place, jobs in enumerate((before, after))
    ]
    return compare(index_snapshot(snapshots[0]), index_snapshot(snapshots[1]))


def test_jobs_start_end_come_and_leave() -> None:
    before = [job("1"), job("2", "PENDING"), job("3", "PENDING"), job("5")]
    after = [job("2"), job("4", "PENDING"), job("5"), job("6")]
    changes = between(before, after)
    assert changes.jobs == {
        "1": "ended",
        "2": "started",
        "3": "left the queue",
        "4": "submitted",
        "6": "started",
    }
    assert {one: gone.state for one, gone in changes.absent.items()} == {"1": ABSENT, "3": ABSENT}
    assert changes.count("started") == 2
    assert changes.cores == 4


def test_how_a_job_ended_is_told_where_slurm_still_says_so() -> None:
    before = [job("1"), job("2"), job("3"), job("4", "COMPLETED"), job("5", "COMPLETED")]
    after = [job("1", "FAILED"), job("2", "COMPLETED"), job("3", "COMPLETING"), job("4", "COMPLETED")]
    changes = between(before, after)
    assert changes.jobs == {"1": "ended: failed", "2": "ended", "3": "ending"}
    # Slurm only stopped telling of job 5, which had ended long before.
    assert not changes.absent


def test_what_happens_to_jobs_that_stay() -> None:
    before = [
        job("1"),
        job("2", "PENDING", reason="Priority"),
        job("3", "PENDING", reason="JobHeldUser"),
        job("4", time_limit=60.0),
        job("5", start_time=1000.0),
    ]
    after = [
        job("1", "PENDING"),
        job("2", "PENDING", reason="JobHeldAdmin"),
        job("3", "PENDING", reason="Priority"),
        job("4", time_limit=120.0),
        job("5", start_time=5000.0),
    ]
    changes = between(before, after).jobs
    assert changes["1"] == "back in the queue"
    assert changes["2"] == "held"
    assert changes["3"] == "released"
    assert changes["4"].startswith("limit now 2:00")
    assert changes["5"] == "started anew"


def test_tasks_that_start_leave_their_array_and_no_trace_there() -> None:
    task = job("7_0", array_id="7")
    assert between([pending_array(10)], [pending_array(9), task]).jobs == {"7_0": "started"}
    # Its last task has started: the array's record is no job that left the queue.
    assert between([pending_array(1)], [replace(task, job_id="7_9")]).jobs == {"7_9": "started"}
    lost = between([pending_array(10)], [pending_array(6), task])
    assert lost.jobs == {"7_0": "started", "7_[4-9]": "3 tasks fewer wait"}
    # One that began and ended in between is known by its array only.
    assert between([pending_array(10)], [pending_array(9), replace(task, state="COMPLETED")]).jobs == {
        "7_0": "ended"
    }


def test_nodes_change_their_condition_and_what_is_held_of_them() -> None:
    def node(name: str, state: str = "IDLE", *flags: str) -> Node:
        return Node(name=name, state=state, up=True, n_cpus=8, flags=flags)

    before = [node("n1", "MIXED"), node("n2"), node("n3"), node("n4"), node("n5")]
    after = [node("n1"), node("n2", "IDLE", "DRAIN"), node("n3", "DOWN"), node("n4"), node("n6")]
    changes = between([job("1")], [], (before, after))
    assert changes.nodes == {
        "n1": "-4 cores held",
        "n2": "idle to drained",
        "n3": "idle to down",
        "n5": "gone",
        "n6": "new",
    }
    assert changes.cores == -4


def test_looking_at_the_earlier_instant_lists_what_is_to_come() -> None:
    early = index_snapshot(Snapshot(timestamp=100.0, jobs={"1": job("1")}))
    late = index_snapshot(Snapshot(timestamp=200.0, jobs={"2": job("2")}))
    changes = compare(marked=late, shown=early)
    assert changes.is_backwards
    assert changes.jobs == {"1": "ended", "2": "started"}
    assert changes.absent["2"].state == ABSENT
    assert "1" not in changes.absent


def test_nothing_happens_between_a_snapshot_and_itself() -> None:
    index = index_snapshot(Snapshot(timestamp=1.0, jobs={"1": job("1"), "7": pending_array(3)}))
    changes = compare(index, index)
    assert not changes.jobs
    assert not changes.nodes
