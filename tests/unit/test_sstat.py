"""What sstat prints, read; its refusals in words. The commands are small scripts in place of Slurm's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.errors import SourceError
from jobmon_tui.sources.slurm.sstat import Sstat, parse_cpu_time, read_steps

PRINTED = (
    "7.batch|1|00:01:15|3240K|c001|cpu=00:01:15,energy=0,fs/disk=8127,mem=3240K,pages=0,vmem=5184K\n"
    "7.0|4|1-00:00:10.500|2G|c002|energy=0,mem=4G\n"
    "7.1|||||\n"
)


def sstat_that(folder: Path, script: str) -> Sstat:
    program = folder / "sstat"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return Sstat({"PATH": f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin"}, timeout=5)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def test_steps_with_their_cpu_time_and_memory() -> None:
    batch, tasks, unknown = read_steps(PRINTED)
    assert (batch.step, batch.tasks, batch.cpu_seconds) == ("7.batch", 1, 75)
    assert (batch.memory, batch.memory_max, batch.memory_max_node) == (3240 / 1024, 3240 / 1024, "c001")
    # Where the total is not told, every task counts its average.
    assert tasks.cpu_seconds == 4 * (86400 + 10.5)
    assert (tasks.memory, tasks.memory_max) == (4096, 2048)
    assert (unknown.tasks, unknown.cpu_seconds, unknown.memory, unknown.memory_max) == (None,) * 4


def test_bare_memory_is_in_bytes() -> None:
    (step,) = read_steps("7.0|1|00:00:01|1048576|c1|cpu=00:00:01\n")
    assert step.memory_max == 1


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("00:00:00", 0), ("01:15.250", 75.25), ("2-03:04:05", 183845), ("x", None), ("", None)],
)
def test_cpu_times(text: str, seconds: float | None) -> None:
    assert parse_cpu_time(text) == seconds


@given(st.text() | st.lists(st.text("0123456789|:-.KMG,=cpumem\n")).map("|".join))
def test_nothing_that_is_printed_breaks_the_reader(printed: str) -> None:
    for step in read_steps(printed):
        assert step.cpu_seconds is None or step.cpu_seconds >= 0
        assert step.memory is None or step.memory >= 0


@given(st.integers(0, 10**6), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_every_cpu_time_is_read_back(days: int, hours: int, minutes: int, seconds: int) -> None:
    days = days % 10**6
    text = f"{days}-{hours:02}:{minutes:02}:{seconds:02}"
    assert parse_cpu_time(text) == ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def test_the_job_and_the_fields_are_asked_for(path: Path) -> None:
    sstat = sstat_that(path, f"echo \"$*\" >{path}/asked; printf '7.batch|1|00:00:02|1M|c1|cpu=00:00:02\\n'")
    assert sstat.use("7")[0].cpu_seconds == 2
    asked = (path / "asked").read_text()
    assert asked == "-P -n -a -o JobID,NTasks,AveCPU,MaxRSS,MaxRSSNode,TresUsageInTot -j 7\n"


def test_a_task_of_a_job_array_is_asked_for_by_its_number(path: Path) -> None:
    squeue = path / "squeue"
    squeue.write_text('#!/bin/sh\n[ "$4" != 12_7 ] || echo 19\n')
    squeue.chmod(0o755)
    sstat = sstat_that(path, f"echo \"$*\" >{path}/asked; echo '19.batch|1|00:00:02|1M|c1|'")
    assert sstat.use("12_7")[0].cpu_seconds == 2
    assert (path / "asked").read_text().endswith(" -j 19\n")
    with pytest.raises(SourceError, match="job 12_8 does not run"):
        sstat.use("12_8")


@pytest.mark.parametrize(
    ("complaint", "words"),
    [
        ("sstat: error: problem getting step_layout for StepId=1.batch: Invalid user id", "its owner only"),
        ("sstat: error: couldn't get steps for job 7", "job 7 does not run"),
        ("sstat: error: Unable to contact slurm controller (connect failure)", "contact slurm controller"),
    ],
)
def test_refusals_are_told_in_words(path: Path, complaint: str, words: str) -> None:
    # It exits with 0 even then.
    with pytest.raises(SourceError, match=words):
        sstat_that(path, f'echo "{complaint}" >&2').use("7")


def test_a_job_of_which_nothing_is_counted(path: Path) -> None:
    with pytest.raises(SourceError, match="counts nothing of job 7"):
        sstat_that(path, "true").use("7")


@pytest.mark.parametrize("job_id", ["", "7; true", "--help", "7_[1-3]", "7\n"])
def test_what_is_no_running_job_is_not_asked_for(path: Path, job_id: str) -> None:
    with pytest.raises(SourceError, match="not the id of a running job"):
        sstat_that(path, f"touch {path}/ran").use(job_id)
    assert not (path / "ran").exists()


def test_closed_it_asks_no_more(path: Path) -> None:
    sstat = sstat_that(path, "true")
    sstat.close()
    with pytest.raises(SourceError, match="stops asking Slurm"):
        sstat.use("7")


def test_several_jobs_by_one_command(path: Path) -> None:
    sstat = sstat_that(path, f"echo \"$*\" >{path}/asked; printf '{PRINTED}'; echo '8.0|1|00:00:02|1M|c1|' ")
    found = sstat.uses(["7", "8", "9"])
    assert [step.step for step in found["7"]] == ["7.batch", "7.0", "7.1"]
    assert found["8"][0].cpu_seconds == 2
    assert set(found) == {"7", "8"}
    assert (path / "asked").read_text().endswith("-j 7,8,9\n")


def test_several_jobs_of_which_none_has_a_step(path: Path) -> None:
    assert sstat_that(path, "echo 'sstat: error: No steps running for job 7' >&2").uses(["7"]) == {}
    with pytest.raises(SourceError, match="Unable to contact"):
        sstat_that(path, "echo 'sstat: error: Unable to contact slurm controller' >&2; exit 1").uses(["7"])
