"""Reading squeue's list of jobs, whatever people call them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.model.snapshot import Job
from jobmon_tui.sources.slurm.details import Details
from jobmon_tui.sources.slurm.squeue import (
    FREE_FIELDS,
    HOLDING,
    PLAIN_FIELDS,
    JobsReader,
    Separators,
    command,
    join,
    make_separators,
)
from tests.unit.slurm_printouts import RUNNING, WAITING, squeue_prints

NOON = 1_795_348_800.0
"""2026-11-22T12:00:00 in UTC."""
SEPARATORS = Separators("\x1f0a1b2c", "\x1e0a1b2c")
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40).filter(
    lambda text: "0a1b2c" not in text
)


def read(*jobs: dict[str, str]) -> tuple[Job, ...]:
    answer = JobsReader().read(squeue_prints(SEPARATORS, *jobs), SEPARATORS)
    assert answer.unreadable == 0
    return join(answer.listed, {})


def waiting(**changed: str) -> Job:
    return read({**WAITING, **changed})[0]


def test_a_waiting_job() -> None:
    job = waiting()
    assert (job.job_id, job.name, job.username, job.state) == ("7", "train", "ann", "PENDING")
    assert (job.n_cpus, job.n_gpus, job.n_nodes, job.n_tasks, job.cpus_per_task) == (4, 1, 1, 2, 2)
    assert (job.time_limit, job.run_time) == (60, 0)
    assert (job.submit_time, job.eligible_time, job.start_time) == (NOON, NOON + 5, NOON + 3600)
    assert job.end_time is None
    assert (job.memory_request, job.jobfs_request) == (8192, 10240)
    assert (job.partition, job.account, job.qos, job.priority) == ("day,night", "physics", None, 1200)
    assert (job.reason, job.dependency, job.reservation) == ("Priority", None, None)
    assert (job.nodes, job.scheduled_nodes, job.requested_nodes) == ("", "n3", "")
    assert (job.tres_requested, job.tres_allocated) == ("cpu=4,mem=8G,node=1,billing=4", None)
    assert (job.gres, job.features) == ("gpu:tesla:1", "big&fast")
    assert (job.work_dir, job.command) == ("/home/ann", "/home/ann/train.sh -v")
    assert (job.stdout, job.stderr) == ("/home/ann/7-train.log", "/home/ann/7-train.log")
    assert (job.array_id, job.array_tasks, job.task_count) == (None, None, 1)
    assert job.exit_code == "0:0"


def test_a_running_job_keeps_what_it_was_given() -> None:
    (job,) = read(dict(RUNNING))
    assert (job.job_id, job.array_id, job.array_tasks, job.task_count) == ("9_3", "9", None, 1)
    assert (job.state, job.reason, job.run_time, job.nodes) == ("RUNNING", None, 1470, "n[1-2]")
    assert (job.tres_requested, job.tres_allocated) == (None, "cpu=4,mem=8G,node=1,billing=4")
    assert job.end_time == NOON + 7200
    assert job.layout == {}


def test_a_record_of_waiting_tasks_counts_them() -> None:
    job = waiting(JobArrayID="4_[0-99999%6]", ArrayJobID="4", ArrayTaskID="0-99999%6", STDOUT="/x/%A_%a_%j")
    assert (job.job_id, job.array_id, job.array_tasks) == ("4_[0-99999%6]", "4", "0-99999%6")
    assert job.task_count == 100_000
    assert job.stdout == "/x/4_%a_%j"


def test_components_of_a_heterogeneous_job_are_jobs_of_their_own() -> None:
    lead, other = read(
        {**WAITING, "JobArrayID": "30+0", "JobID": "30"}, {**WAITING, "JobArrayID": "30+1", "JobID": "31"}
    )
    assert (lead.job_id, lead.array_id, other.job_id) == ("30+0", None, "30+1")


@pytest.mark.parametrize(
    ("changed", "stdout"),
    [
        ({"STDOUT": "/home/ann/slurm-7.out"}, "/home/ann/slurm-7.out"),
        ({"STDOUT": "(null)"}, "/home/ann/slurm-7.out"),
        ({"STDOUT": "/x/%j_%u.out"}, "/x/7_%u.out"),
        ({"BatchFlag": "0"}, None),
        ({"JobArrayID": "9_3", "ArrayJobID": "9", "ArrayTaskID": "3", "STDOUT": "/x/%A/%a.%j"}, "/x/9/3.7"),
        # squeue makes up a default that is not the one of an array's task.
        (
            {"JobArrayID": "9_3", "ArrayJobID": "9", "ArrayTaskID": "3", "STDOUT": "/home/ann/slurm-7.out"},
            "/home/ann/slurm-9_3.out",
        ),
    ],
)
def test_where_it_writes(changed: dict[str, str], stdout: str | None) -> None:
    job = waiting(**{**changed, "STDERR": "(null)"})
    assert (job.stdout, job.stderr) == (stdout, stdout)


@pytest.mark.parametrize(
    ("status", "code"), [("0", "0:0"), ("768", "3:0"), ("9", "0:9"), ("1:0", "1:0"), ("", None)]
)
def test_exit_codes(status: str, code: str | None) -> None:
    assert waiting(State="FAILED", exit_code=status).exit_code == code


def test_unlimited_and_unknown_are_not_zero() -> None:
    job = waiting(
        TimeLimit="UNLIMITED", StartTime="N/A", EligibleTime="Unknown", PriorityLong="N/A", MinTmpDisk="0"
    )
    assert (job.time_limit, job.start_time, job.eligible_time, job.priority) == (None, None, None, None)
    assert job.jobfs_request is None


def test_an_ended_job_is_read_like_any_other() -> None:
    job = waiting(State="COMPLETED", NodeList="n5", TimeUsed="10:00", Reason="None")
    assert (job.state, job.nodes, job.run_time, job.end_time) == ("COMPLETED", "n5", 10, NOON + 7200)


@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_people_may_call_things_anything(name: str, folder: str, script: str) -> None:
    first, second = read(
        {**WAITING, "Name": name, "WorkDir": f"/{folder}", "Command": f"/{script}"},
        {**WAITING, "JobArrayID": "8"},
    )
    assert (first.name, first.work_dir, first.command) == (name, f"/{folder}", f"/{script}")
    assert (first.job_id, second.job_id) == ("7", "8")


def test_a_name_that_knows_how_records_look_forges_nothing() -> None:
    forged = squeue_prints(make_separators(), {**WAITING, "UserName": "root"}).decode()
    jobs = read({**WAITING, "Name": f"x\x1e\n{forged}"}, {**WAITING, "JobArrayID": "8"})
    assert [job.username for job in jobs] == ["ann", "ann"]
    assert jobs[0].name == f"x\x1e\n{forged}"


def test_bytes_that_are_no_text_are_kept_visible() -> None:
    assert waiting(Name="caf\udce9").name == "caf\ufffd"


def test_what_has_line_breaks_is_told_as_it_is() -> None:
    printed = squeue_prints(SEPARATORS, {**WAITING, "Name": "a\nb\udce9", "WorkDir": "/c\nd"}, dict(RUNNING))
    assert JobsReader().read(printed, SEPARATORS).multiline == ["a\nb\udce9", "/c\nd"]


def test_an_empty_queue_is_no_failure() -> None:
    assert JobsReader().read(b"", SEPARATORS) == ([], [], 0)


@pytest.mark.parametrize("cut", [1, 2, 9, 60, 200])
def test_an_answer_that_is_cut_short_is_refused(cut: int) -> None:
    printed = squeue_prints(SEPARATORS, dict(WAITING), dict(RUNNING))
    with pytest.raises(ValueError, match="cut short"):
        JobsReader().read(printed[:-cut], SEPARATORS)


def test_a_record_with_other_fields_is_counted_and_left_out() -> None:
    printed = squeue_prints(SEPARATORS, dict(WAITING)) + b"something else\x1e0a1b2c\n"
    answer = JobsReader().read(printed, SEPARATORS)
    assert (len(answer.listed), answer.unreadable) == (1, 1)


def test_a_line_that_names_the_cluster_is_skipped() -> None:
    printed = b"CLUSTER: west\n" + squeue_prints(SEPARATORS, dict(WAITING))
    assert [one.number for one in JobsReader().read(printed, SEPARATORS).listed] == [7]


def test_a_waiting_job_that_did_not_change_is_the_same_object() -> None:
    reader = JobsReader()
    before = join(reader.read(squeue_prints(SEPARATORS, dict(WAITING), dict(RUNNING)), SEPARATORS).listed, {})
    other = make_separators()
    changed = {**WAITING, "JobArrayID": "8", "Reason": "Resources"}
    after = join(reader.read(squeue_prints(other, dict(WAITING), changed, dict(RUNNING)), other).listed, {})
    assert after[0] is before[0]
    assert after[1].reason == "Resources"
    assert after[2] == before[1]


DETAILS = Details(
    layout={"n1": (0, 1), "n2": (4,)},
    gpu_layout={"n1": (1,)},
    memory_layout={"n1": 2048, "n2": 1024},
    memory_on_each=2048,
    n_gpus=3,
    tres_requested="cpu=3",
    tres_allocated="cpu=3,node=2",
    stdout="/out",
    stderr=None,
)


def test_what_a_job_holds_is_added_to_it() -> None:
    listed = JobsReader().read(squeue_prints(SEPARATORS, dict(RUNNING), dict(WAITING)), SEPARATORS).listed
    running, pending = join(listed, {12: DETAILS, 7: DETAILS})
    assert (running.layout, running.gpu_layout) == (DETAILS.layout, DETAILS.gpu_layout)
    assert (running.memory_layout, running.memory_request, running.n_gpus) == (DETAILS.memory_layout, 2048, 3)
    assert (running.tres_requested, running.tres_allocated) == ("cpu=3", "cpu=3,node=2")
    assert (running.stdout, running.stderr) == ("/out", "/home/ann/12-train.log")
    assert pending.layout == {}


@pytest.mark.parametrize("nodes", ["n1", "n[1", "x[1-9]"])
def test_what_is_said_of_other_nodes_is_not_believed(nodes: str) -> None:
    listed = JobsReader().read(squeue_prints(SEPARATORS, {**RUNNING, "NodeList": nodes}), SEPARATORS).listed
    assert join(listed, {12: DETAILS})[0].layout == {}


def test_the_command_asks_for_everything_that_is_read() -> None:
    separators = make_separators()
    words = command(separators)
    fields = words[-1].removeprefix("--Format=").split(",")
    assert [field.partition(":")[0] for field in fields] == [*PLAIN_FIELDS, *FREE_FIELDS]
    assert all(field.partition(":")[2].startswith(("\x1f", "\x1e")) for field in fields)
    assert not any(word.startswith("--user") for word in words)
    assert "--user=ann b" in command(separators, "ann b")


def test_separators_cannot_be_guessed() -> None:
    assert len({make_separators() for _ in range(100)}) == 100


def test_states_that_hold_nodes_are_those_that_run() -> None:
    assert "RUNNING" in HOLDING
    assert not HOLDING & {"PENDING", "COMPLETED", "FAILED", "CANCELLED", "TIMEOUT"}
