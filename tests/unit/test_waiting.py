"""Why jobs wait, in words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.analysis.dependencies import dependency_words
from jobmon_tui.analysis.index import SnapshotIndex, index_snapshot
from jobmon_tui.analysis.reasons import WORDS, words_for
from jobmon_tui.analysis.waiting import explain_waiting, place_in_line, waiting_facts
from jobmon_tui.model.snapshot import Job, Node, Partition, Reservation, Snapshot

NOW = 1_800_000_000.0
HOUR = 3600.0


def clock(time: float) -> str:
    """Hours from now, so that the tests need no time zone."""
    return f"{(time - NOW) / HOUR:g}h"


def job(job_id: str = "20", **fields: Any) -> Job:
    given: dict[str, Any] = {"name": "relax", "username": "ada", "state": "PENDING", "n_cpus": 16}
    given |= {"n_nodes": 2, "partition": "main", "time_limit": 240.0}
    return Job(job_id=job_id, **(given | fields))


def node(name: str, **fields: Any) -> Node:
    given: dict[str, Any] = {"state": "IDLE", "partitions": ("main",), "n_cpus": 16, "cpus_allocated": 0}
    return Node(name=name, **(given | fields))


def nodes(*some: Node) -> dict[str, Node]:
    return {one.name: one for one in some}


def around(waiting: Job, *others: Job, **fields: Any) -> SnapshotIndex:
    jobs = {one.job_id: one for one in (waiting, *others)}
    return index_snapshot(Snapshot(timestamp=NOW, jobs=jobs, **fields))


def why(waiting: Job, *others: Job, **fields: Any) -> str:
    return explain_waiting(waiting, around(waiting, *others, **fields), clock)


FOUR = nodes(
    node("m1", state="MIXED", cpus_allocated=9),
    node("m2"),
    node("m3", flags=("DRAIN",), reason="fan"),
    node("m4", state="DOWN", reason="no power"),
)
MAINTENANCE = Reservation(
    name="upgrade", start_time=NOW + 3 * HOUR, end_time=NOW + 7 * HOUR, nodes="m[1-4]", flags=("MAINT",)
)


def test_resources_tells_what_is_missing_and_how_the_nodes_are() -> None:
    text = why(job(reason="Resources", n_gpus=4), nodes=FOUR)
    assert text == (
        "It waits for 16 cores and 4 GPUs on 2 nodes to become free."
        " Nodes of main: 4, of which 1 down, 1 drained, 1 free."
    )


def test_the_plan_of_the_scheduler_is_told() -> None:
    waiting = job(reason="Resources", start_time=NOW + 2 * HOUR, scheduled_nodes="m[1-2]")
    assert why(waiting, nodes=FOUR).endswith("Slurm expects to start it at 2h on m[1-2].")


def test_a_start_in_the_past_is_no_plan() -> None:
    assert "expects" not in why(job(reason="Resources", start_time=NOW - 5), nodes=FOUR)


def test_maintenance_in_the_way_tells_how_short_would_fit() -> None:
    text = why(job(reason="Resources"), nodes=FOUR, reservations=(MAINTENANCE,))
    assert "The 2 nodes it needs are reserved for maintenance from 3h until 7h" in text
    assert "shorter than 3 h 00 min it would fit before" in text


@pytest.mark.parametrize(
    "changes",
    [
        {"time_limit": 180.0},
        {"reservation": "upgrade"},
        {"partition": "elsewhere"},
    ],
)
def test_maintenance_that_is_not_in_the_way_is_not_told(changes: dict[str, Any]) -> None:
    text = why(job(reason="Resources", **changes), nodes=FOUR, reservations=(MAINTENANCE,))
    assert "maintenance" not in text


def test_maintenance_of_other_nodes_is_not_in_the_way() -> None:
    elsewhere = replace(MAINTENANCE, nodes="m[3-4]")
    assert "maintenance" not in why(job(reason="Resources"), nodes=FOUR, reservations=(elsewhere,))


def test_maintenance_of_a_node_that_it_insists_on_is_in_the_way() -> None:
    one = replace(MAINTENANCE, nodes="m2")
    waiting = job(reason="Resources", n_nodes=1, requested_nodes="m2")
    assert "The 1 node it needs is reserved" in why(waiting, nodes=FOUR, reservations=(one,))


def test_maintenance_that_is_over_is_forgotten_and_one_under_way_told() -> None:
    over = replace(MAINTENANCE, start_time=NOW - 9, end_time=NOW - 1)
    under_way = replace(MAINTENANCE, start_time=NOW - 9, end_time=NOW + HOUR)
    assert "maintenance" not in why(job(reason="Resources"), nodes=FOUR, reservations=(over,))
    text = why(job(reason="Resources"), nodes=FOUR, reservations=(under_way,))
    assert text.endswith("in maintenance until 1h.")


def test_an_unlimited_job_always_runs_into_the_maintenance() -> None:
    waiting = job(reason="Priority", time_limit=None)
    assert "reserved for maintenance" in why(waiting, nodes=FOUR, reservations=(MAINTENANCE,))


def test_priority_tells_the_place_in_line() -> None:
    others = [job(str(number), priority=900 + number) for number in range(4)]
    waiting = job("30", priority=10, reason="Priority")
    index = around(waiting, *others)
    assert place_in_line(waiting, index) == (5, 5)
    assert explain_waiting(waiting, index, clock).startswith(
        "4 jobs have a higher priority and stand before it"
    )
    assert explain_waiting(others[2], index, clock) != ""


def test_the_first_in_line_is_not_told_that_others_stand_before_it() -> None:
    waiting = job(priority=10, reason="Priority")
    assert why(waiting) == WORDS["Priority"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("afterok:3(unfulfilled)", "job 3 ends successfully"),
        ("afterany:4:5", "jobs 4 and 5 have ended"),
        ("afterok:3,afternotok:4", "job 3 ends successfully and job 4 fails"),
        ("after:3?afterany:9", "job 3 has started or job 9 has ended"),
        ("after:7+30(unfulfilled)", "job 7 has started 30 min ago"),
        ("afterok:12_*(unfulfilled)", "all tasks of array 12 end successfully"),
        ("aftercorr:12", "job 12 ends successfully in the same task"),
        ("afterok:12_4(failed)", "job 12_4 ends successfully (which did not happen)"),
        ("singleton(unfulfilled)", "no other job of that name and owner is left"),
        ("", ""),
        ("afterlunch:3", ""),
        ("afterok:", ""),
        ("afterok:three", ""),
    ],
)
def test_dependencies_in_words(text: str, words: str) -> None:
    assert dependency_words(text) == words


def test_dependency_reasons_use_those_words() -> None:
    assert why(job(reason="Dependency", dependency="afterok:3")) == "It waits until job 3 ends successfully."
    never = why(job(reason="DependencyNeverSatisfied", dependency="afterok:3(failed)"))
    assert "job 3" in never
    assert "cancel it" in never
    assert why(job(reason="Dependency", dependency="gibberish")) == WORDS["Dependency"]


def test_a_later_begin_is_told_by_the_clock() -> None:
    assert why(job(reason="BeginTime", eligible_time=NOW + 20 * HOUR)).endswith("not before 20h.")
    assert why(job(reason="BeginTime")) == WORDS["BeginTime"]


def test_an_array_limit_counts_the_tasks_that_run() -> None:
    waiting = job("40_[6-19%6]", array_id="40", array_tasks="6-19%6", reason="JobArrayTaskLimit")
    tasks = [job(f"40_{task}", array_id="40", state="RUNNING") for task in range(5)]
    stranger = job("41_1", array_id="41", state="RUNNING")
    text = why(waiting, *tasks, stranger)
    assert text == "5 tasks of its array run; the limit is 6 at a time."
    assert why(replace(waiting, array_tasks="6-19"), *tasks) == WORDS["JobArrayTaskLimit"]


def test_a_held_job_says_which_command_lets_it_go() -> None:
    assert "`scontrol release 40`" in why(job("40_[1-3]", array_id="40", reason="JobHeldUser"))
    assert "administrator" in why(job(reason="JobHeldAdmin"))


@pytest.mark.parametrize(
    "reason",
    [
        "ReqNodeNotAvail, UnavailableNodes:m[2-4]",
        "ReqNodeNotAvail,_UnavailableNodes:m[2-4]",
        "ReqNodeNotAvail(Unavailable:m[2-4])",
        "(ReqNodeNotAvail, UnavailableNodes:m[2-4])",
    ],
)
def test_unavailable_nodes_are_told_with_what_is_wrong(reason: str) -> None:
    text = why(job(reason=reason), nodes=FOUR)
    assert text == "Nodes that it may use are not available: m3 is drained (fan), m4 is down (no power)."


def test_many_unavailable_nodes_are_counted() -> None:
    many = nodes(*(node(f"m{i}", state="DOWN") for i in range(9)))
    text = why(job(reason="ReqNodeNotAvail, UnavailableNodes:m[0-8]"), nodes=many)
    assert text == "Of the nodes that it may use, 9 down."


def test_unavailable_nodes_that_nobody_knows_are_named() -> None:
    assert "z[1-3]" in why(job(reason="ReqNodeNotAvail, UnavailableNodes:z[1-3]"))
    assert why(job(reason="ReqNodeNotAvail, UnavailableNodes:z[3-")) == WORDS["ReqNodeNotAvail"]
    assert why(job(reason="ReqNodeNotAvail")) == WORDS["ReqNodeNotAvail"]
    assert "maintenance" in why(job(reason="ReqNodeNotAvail, Reserved for maintenance"))
    assert "another job" in why(job(reason="ReqNodeNotAvail, May be reserved for other job"))


@pytest.mark.parametrize("blank", [" ", "_"])
def test_the_sentence_of_slurm_2205_is_understood(blank: str) -> None:
    reason = "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions"
    text = why(job(reason=reason.replace(" ", blank)), nodes=FOUR)
    assert text.startswith("Nodes that it needs are down, drained or kept")
    assert "1 down, 1 drained" in text


def test_a_reservation_is_told_by_its_times() -> None:
    waiting = job(reason="Reservation", reservation="class")
    held = Reservation(name="class", start_time=NOW + HOUR, end_time=NOW + 2 * HOUR, nodes="m1")
    assert why(waiting, reservations=(held,)) == "Its reservation class starts at 1h."
    assert "no room" in why(waiting, reservations=(replace(held, start_time=NOW - 1),))
    assert "is over" in why(waiting, reservations=(replace(held, start_time=NOW - 2, end_time=NOW - 1),))
    assert why(waiting) == WORDS["Reservation"]


def test_partition_limits_are_compared() -> None:
    main = Partition(name="main", max_time=120.0, max_nodes=4)
    text = why(job(reason="PartitionTimeLimit"), partitions=(main,))
    assert text.startswith("It asks for 4 h 00 min, but main allows 2 h 00 min")
    assert "8 nodes, but main gives 4" in why(job(reason="PartitionNodeLimit", n_nodes=8), partitions=(main,))
    assert why(job(reason="PartitionNodeLimit"), partitions=(main,)) == WORDS["PartitionNodeLimit"]
    assert why(job(reason="PartitionTimeLimit")) == WORDS["PartitionTimeLimit"]
    assert "main or gpu" in why(job(reason="PartitionDown", partition="main,gpu"))


LIMITS = [
    "QOSGrpCpuLimit",
    "QOSGrpCPUMinutesLimit",
    "QOSGrpCPURunMinutesLimit",
    "QOSGrpJobsLimit",
    "QOSGrpMemLimit",
    "QOSGrpNodeLimit",
    "QOSGrpSubmitJobsLimit",
    "QOSGrpWallLimit",
    "QOSMaxCpuPerJobLimit",
    "QOSMaxCpuMinutesPerJobLimit",
    "QOSMaxNodePerJobLimit",
    "QOSMaxWallDurationPerJobLimit",
    "QOSMaxCpuPerUserLimit",
    "QOSMaxJobsPerUserLimit",
    "QOSMaxNodePerUserLimit",
    "QOSMinGRES",
    "QOSMaxSubmitJobPerUserLimit",
    "QOSMinCpuNotSatisfied",
    "QOSMaxGRESPerUser",
    "QOSGrpBillingRunMinutes",
    "QOSMaxBBPerNode",
    "QOSMaxMemoryMinutesPerJob",
    "QOSMaxUnknownPerUser",
    "QOSGrpLicense",
    "QOSGrpEnergyMinutes",
    "QOSMinLicense",
    "AssocGrpCpuLimit",
    "AssocGrpCPUMinutesLimit",
    "AssocGrpJobsLimit",
    "AssocGrpSubmitJobsLimit",
    "AssocGrpWallLimit",
    "AssocMaxJobsLimit",
    "AssocMaxCpuPerJobLimit",
    "AssocMaxSubmitJobLimit",
    "AssocMaxWallDurationPerJobLimit",
    "AssocGrpGRES",
    "AssocMaxBBMinutesPerJob",
    "AssocGrpMemRunMinutes",
    "AssocMaxGRESPerNode",
    "AssocGrpUnknownRunMinutes",
    "AssocGrpNodeMinutes",
    "MaxCpuPerAccount",
    "MaxJobsPerAccount",
    "MaxSubmitJobsPerAccount",
    "MaxGRESPerAccount",
    "MaxMemoryPerAccount",
]


@pytest.mark.parametrize("name", LIMITS)
def test_limits_are_taken_apart(name: str) -> None:
    words = words_for(name, account="physics", qos="long")
    assert words is not None
    assert ("physics" in words) if name.startswith("Assoc") else ("long" in words)
    assert words.endswith(".")
    assert words_for(name) is not None


def test_limits_tell_who_and_what() -> None:
    assert words_for("QOSMaxJobsPerUserLimit", qos="long") == (
        "Its owner already has as many jobs running as one user may have in QOS long."
    )
    assert "physics" in why(job(reason="AssocGrpCpuLimit", account="physics"))
    assert "cores" in why(job(reason="AssocGrpCpuLimit", account="physics"))
    assert "memory times time" in str(words_for("QOSMaxMemoryMinutesPerJob"))
    assert "on one node" in str(words_for("AssocMaxGRESPerNode"))
    assert words_for("QOSGrpHappinessLimit") is None


def test_an_unknown_reason_is_shown_as_it_is() -> None:
    assert why(job(reason="MoonNotFull")) == "It waits; Slurm's reason is “MoonNotFull”."


def test_no_reason_yet_and_jobs_that_do_not_wait() -> None:
    assert why(job(reason=None)) == WORDS["None"]
    running = job(state="RUNNING", reason=None)
    assert why(running) == ""
    assert waiting_facts(running, around(running), clock) == ()


def test_facts_for_the_drill_down() -> None:
    waiting = job(
        reason="Resources",
        priority=5,
        start_time=NOW + HOUR,
        scheduled_nodes="m1",
        eligible_time=NOW + HOUR / 2,
        dependency="afterok:3",
    )
    index = around(waiting, job("21", priority=9), nodes=FOUR, reservations=(MAINTENANCE,))
    facts = dict(waiting_facts(waiting, index, clock))
    assert next(iter(facts)) == "why"
    assert facts["reason"] == "Resources"
    assert facts["in line"] == "2nd of 2"
    assert facts["expected start"] == "1h"
    assert facts["planned nodes"] == "m1"
    assert facts["not before"] == "0.5h"
    assert facts["waits for"] == "job 3 ends successfully"
    assert facts["nodes of main"] == "4, of which 1 down, 1 drained, 1 free"
    assert facts["maintenance"] == "from 3h until 7h"


def test_every_reason_in_the_table_reads_as_a_sentence() -> None:
    for reason, words in WORDS.items():
        assert words[0].isupper(), reason
        assert words.endswith("."), reason
        assert why(job(reason=reason)), reason


@given(
    reason=st.one_of(
        st.text(max_size=60),
        st.sampled_from([*WORDS, *LIMITS]),
        st.builds(
            "{}, UnavailableNodes:{}".format, st.sampled_from(list(WORDS)), st.text("m[1-4],:(_", max_size=12)
        ),
    ),
    dependency=st.text("after:ok?,_*+()39 singleton", max_size=40),
    tasks=st.text("0123456789-:,%.", max_size=20),
    partition=st.none() | st.text(max_size=10),
    times=st.tuples(*[st.none() | st.floats(0, 4e9)] * 3),
)
def test_nothing_that_slurm_may_say_raises(
    reason: str, dependency: str, tasks: str, partition: str | None, times: tuple[float | None, ...]
) -> None:
    waiting = job(
        reason=reason,
        dependency=dependency,
        array_id="1",
        array_tasks=tasks,
        partition=partition,
        start_time=times[0],
        eligible_time=times[1],
        time_limit=times[2],
    )
    index = around(waiting, nodes=FOUR, reservations=(MAINTENANCE, Reservation(name="odd", nodes=dependency)))
    assert explain_waiting(waiting, index, clock)
    assert waiting_facts(waiting, index, clock)[0][0] == "why"
