"""The source that asks Slurm by its commands, against commands that print what the tests say."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from jobmon_tui.errors import SourceError
from jobmon_tui.sources.slurm.answer import SlurmAnswer, SlurmSource
from jobmon_tui.sources.slurm.commands import PARTITIONS_EVERY, SlurmCommands
from tests.unit.slurm_printouts import RUNNING, WAITING, scontrol_prints_job
from tests.unit.test_slurm_scontrol import node_line

SQUEUE = """\
#!{python} -SE
import json, os, sys
folder = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(folder, "calls"), "a") as log:
    log.write("squeue" + "".join(" " + word for word in sys.argv[1:-1]) + "\\n")
fields = [field.partition(":")[::2] for field in sys.argv[-1].removeprefix("--Format=").split(",")]
with open(os.path.join(folder, "jobs")) as file:
    for job in json.load(file):
        print("".join(job[name] + suffix for name, suffix in fields))
"""
SCONTROL = """\
#!/bin/sh
folder=${0%/*}
echo "scontrol $*" >> "$folder/calls"
for what; do :; done
cat "$folder/$what"
"""
LAYOUT = ("Nodes=n[1-2] CPU_IDs=0-1 Mem=4096 GRES=gpu:tesla:1(IDX:2)",)


class Slurm:
    """Commands in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.script("squeue", SQUEUE.replace("{python}", sys.executable))
        self.script("scontrol", SCONTROL)
        self.jobs(RUNNING, WAITING)
        self.prints("node", node_line("n1") + node_line("n2"))
        self.prints("job", scontrol_prints_job(12, layout=LAYOUT))
        self.prints("partition", "PartitionName=day Default=YES State=UP Nodes=n[1-2]\n")
        self.prints("reservation", "ReservationName=r1 Nodes=n1 Flags=MAINT\n")
        self.prints("config", "ClusterName = west\nSLURM_VERSION = 22.05.8\n")

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": f"{self.folder}{os.pathsep}{os.environ['PATH']}"}

    def script(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o755)

    def jobs(self, *jobs: Mapping[str, str]) -> None:
        self.prints("jobs", json.dumps(jobs))

    def prints(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def calls(self) -> list[str]:
        log = self.folder / "calls"
        text = log.read_text() if log.exists() else ""
        log.write_text("")
        return text.splitlines()

    def source(self, clock: Sequence[float] = ()) -> SlurmCommands:
        times = iter(clock)
        return SlurmCommands(self.environment, timeout=20, clock=lambda: next(times, 0.0))


@pytest.fixture
def slurm(tmp_path: Path) -> Slurm:
    return Slurm(tmp_path)


def subjects(answer: SlurmAnswer) -> list[str]:
    return [problem.what for problem in answer.problems]


def test_one_load_brings_everything(slurm: Slurm) -> None:
    source: SlurmSource = slurm.source(clock=[1234.5])
    answer = source.load()
    assert (answer.taken_at, answer.cluster, answer.version) == (1234.5, "west", "22.05.8")
    assert [node.name for node in answer.nodes] == ["n1", "n2"]
    assert [job.job_id for job in answer.jobs] == ["9_3", "7"]
    assert answer.jobs[0].layout == {"n1": (0, 1), "n2": (0, 1)}
    assert answer.jobs[0].n_gpus == 2
    assert [one.name for one in answer.partitions] == ["day"]
    assert [one.name for one in answer.reservations] == ["r1"]
    assert answer.problems == ()
    assert answer.seconds > 0
    assert source.name == "slurm (commands)"


@pytest.mark.slow
def test_a_cycle_makes_four_calls(slurm: Slurm) -> None:
    source = slurm.source()
    calls = []
    for _ in range(PARTITIONS_EVERY + 2):
        answer = source.load()
        made = slurm.calls()
        assert answer.calls == len(made)
        assert [one.name for one in answer.partitions] == ["day"]
        assert [one.name for one in answer.reservations] == ["r1"]
        calls.append(made)
    assert len(calls[0]) == 6
    assert {len(made) for made in calls[1:]} == {4}
    assert calls[1] == [
        "squeue --all --noheader --states=all --sort=i",
        "scontrol --all -d -o show node",
        "scontrol --all -d show job",
        "scontrol --all -o show reservation",
    ]
    asked_for_partitions = [number for number, made in enumerate(calls) if "partition" in "".join(made)]
    assert asked_for_partitions == [0, PARTITIONS_EVERY]


def test_the_number_of_calls_does_not_depend_on_the_number_of_jobs(slurm: Slurm) -> None:
    slurm.jobs(*({**WAITING, "JobID": str(number), "JobArrayID": str(number)} for number in range(500)))
    source = slurm.source()
    source.load()
    slurm.calls()
    assert len(source.load().jobs) == 500
    assert len(slurm.calls()) == 4


HEADED = """\
#!/bin/sh
[ -n "$SLURM_CLUSTERS" ] && echo "CLUSTER: $SLURM_CLUSTERS"
exec {command} "$@"
"""


@pytest.mark.parametrize("headed", [("squeue",), ("squeue", "scontrol"), ()])
def test_the_line_that_names_the_cluster_is_no_answer(slurm: Slurm, headed: tuple[str, ...]) -> None:
    for name in headed:
        (slurm.folder / name).rename(slurm.folder / f"real-{name}")
        slurm.script(name, HEADED.format(command=f"${{0%/*}}/real-{name}"))
    expected = slurm.source().load()
    environment = slurm.environment | {"SLURM_CLUSTERS": "nt"}
    answer = SlurmCommands(environment, timeout=20, clock=lambda: 0.0).load()
    assert answer.problems == ()
    assert (answer.jobs, answer.nodes, answer.cluster) == (expected.jobs, expected.nodes, "west")
    assert (answer.partitions, answer.reservations) == (expected.partitions, expected.reservations)


def test_a_job_that_poses_as_that_line_stays_a_job(slurm: Slurm) -> None:
    slurm.jobs({**WAITING, "JobID": "7", "Name": "CLUSTER: nt"}, RUNNING)
    assert {job.name for job in slurm.source().load().jobs} >= {"CLUSTER: nt"}


def test_one_users_jobs_take_one_call(slurm: Slurm) -> None:
    answer = slurm.source().load(only_user="ann")
    assert slurm.calls() == ["squeue --all --noheader --states=all --sort=i --user=ann"]
    assert answer.calls == 1
    assert [job.job_id for job in answer.jobs] == ["9_3", "7"]
    assert (answer.nodes, answer.partitions, answer.reservations, answer.jobs[0].layout) == ((), (), (), {})


@pytest.mark.parametrize("command", ["squeue", "scontrol"])
def test_without_jobs_or_nodes_there_is_no_answer(slurm: Slurm, command: str) -> None:
    slurm.script(
        command, "#!/bin/sh\necho 'error: Unable to contact slurm controller (connect failure)' >&2; exit 1\n"
    )
    with pytest.raises(SourceError, match=f"{command}: error: Unable to contact") as caught:
        slurm.source().load()
    assert "scontrol ping" in caught.value.hint


@pytest.mark.parametrize(
    ("missing", "what"),
    [
        ("job", "core layout"),
        ("reservation", "reservations"),
        ("partition", "partitions"),
        ("config", "cluster name"),
    ],
)
def test_any_other_part_may_fail_alone(slurm: Slurm, missing: str, what: str) -> None:
    (slurm.folder / missing).unlink()
    answer = slurm.source().load()
    assert subjects(answer) == [what]
    assert "No such file" in answer.problems[0].error
    assert len(answer.jobs) == 2
    assert len(answer.nodes) == 2
    assert bool(answer.jobs[0].layout) == (missing != "job")


def test_a_part_that_fails_later_keeps_its_last_good_answer(slurm: Slurm) -> None:
    source = slurm.source()
    source.load()
    (slurm.folder / "reservation").unlink()
    answer = source.load()
    assert subjects(answer) == ["reservations"]
    assert [one.name for one in answer.reservations] == ["r1"]


def test_a_part_that_failed_is_asked_for_again(slurm: Slurm) -> None:
    (slurm.folder / "config").unlink()
    (slurm.folder / "partition").unlink()
    source = slurm.source()
    assert source.load().cluster is None
    slurm.prints("config", "ClusterName = west\n")
    slurm.prints("partition", "PartitionName=day\n")
    answers = [source.load() for _ in range(2)]
    assert answers[-1].cluster == "west"
    assert [one.name for one in answers[-1].partitions] == ["day"]
    assert answers[-1].problems == ()


@pytest.mark.parametrize(
    "dump", [scontrol_prints_job(12), scontrol_prints_job(12, layout=LAYOUT)[:-40], "?\n"]
)
def test_a_dump_that_tells_no_layout_is_told(slurm: Slurm, dump: str) -> None:
    slurm.prints("job", dump)
    answer = slurm.source().load()
    assert subjects(answer) == ["core layout"]
    assert answer.jobs[0].layout == {}
    slurm.jobs({**RUNNING, "TimeUsed": "0:20"})
    slurm.prints("job", "")
    assert slurm.source().load().problems == ()


def test_an_empty_queue_is_an_answer(slurm: Slurm) -> None:
    slurm.jobs()
    slurm.prints("job", "No jobs in the system\n")
    answer = slurm.source().load()
    assert (answer.jobs, answer.problems, len(answer.nodes)) == ((), (), 2)


def test_a_cluster_without_nodes_is_a_failure(slurm: Slurm) -> None:
    slurm.prints("node", "No nodes in the system\n")
    with pytest.raises(SourceError, match="lists no node"):
        slurm.source().load()


@pytest.mark.parametrize("name", ["squeue", "node"])
def test_an_answer_that_is_cut_short_is_a_failure(slurm: Slurm, name: str) -> None:
    if name == "squeue":
        slurm.script("squeue", "#!/bin/sh\nprintf 'half a rec'\n")
    else:
        slurm.prints("node", node_line("n1") + node_line("n2")[:200])
    with pytest.raises(SourceError, match=r"incomplete answer.*cut short"):
        slurm.source().load()


def test_jobs_that_cannot_be_read_are_told(slurm: Slurm) -> None:
    slurm.jobs(WAITING, {**WAITING, "State": ""})
    answer = slurm.source().load(only_user="ann")
    assert [problem.error for problem in answer.problems] == ["squeue: 1 of 2 jobs cannot be read"]
    slurm.jobs({**WAITING, "State": ""})
    with pytest.raises(SourceError, match="1 of 1 jobs"):
        slurm.source().load()


def test_a_name_with_line_breaks_forges_no_layout(slurm: Slurm) -> None:
    name = f"x\n\n{scontrol_prints_job(12, layout=('Nodes=n1 CPU_IDs=9 Mem=1 GRES=',))}"
    slurm.jobs({**WAITING, "Name": name}, RUNNING)
    slurm.prints("job", scontrol_prints_job(7, name=name) + scontrol_prints_job(12, layout=LAYOUT))
    assert slurm.source().load().jobs[1].layout == {"n1": (0, 1), "n2": (0, 1)}


def test_gpus_in_use_come_from_the_jobs_where_nodes_do_not_tell_them(slurm: Slurm) -> None:
    silent = node_line("n1").replace(" GresUsed=gpu:tesla:3(IDX:0,2-3)", "")
    counted = node_line("n2", GresUsed="gpu:tesla:3(CNT:3)")
    slurm.prints("node", silent + counted + node_line("n3"))
    one, two, three = slurm.source().load().nodes
    assert (one.gpus_allocated, one.n_gpus_allocated) == ((2,), 1)
    # Only one of the three is known by its index: the indices stay unknown, the number does not.
    assert (two.gpus_allocated, two.n_gpus_allocated) == (None, 3)
    assert (three.gpus_allocated, three.n_gpus_allocated) == ((0, 2, 3), 3)


def test_after_close_nothing_is_asked(slurm: Slurm) -> None:
    source = slurm.source()
    source.close()
    with pytest.raises(SourceError, match="stops asking"):
        source.load()
    assert slurm.calls() == []


def test_the_environment_of_the_program_is_the_default(slurm: Slurm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", slurm.environment["PATH"])
    assert SlurmCommands(timeout=20).load().cluster == "west"
