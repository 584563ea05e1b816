"""Slurm through pyslurm: both interfaces, their faults, the process around it."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.errors import SourceError
from jobmon_tui.model.snapshot import NOTHING, Job
from jobmon_tui.sources.slurm.answer import SlurmAnswer
from jobmon_tui.sources.slurm.pyslurm_child import serve
from jobmon_tui.sources.slurm.pyslurm_jobs import JobLayout, job_from
from jobmon_tui.sources.slurm.pyslurm_process import PyslurmProcess
from jobmon_tui.sources.slurm.pyslurm_reader import PARTITIONS_KEPT, PyslurmReader, PyslurmReading
from jobmon_tui.sources.slurm.pyslurm_source import PyslurmSource
from jobmon_tui.sources.slurm.pyslurm_values import gres_text, indices, instant, text, whole, words
from jobmon_tui.sources.slurm.pyslurm_wire import GROUP, pieces_of, reading_from
from tests.unit import fake_pyslurm

NOW = float(fake_pyslurm.NOW)


class Here(PyslurmReader):
    """Reads in this process, with a clock of the test's own."""

    def __init__(self) -> None:
        self.now = NOW
        super().__init__(clock=lambda: self.now)

    def close(self) -> None:
        pass


class Layouts:
    """Stands for the command line."""

    def __init__(self, known: Mapping[int, JobLayout] | SourceError) -> None:
        self.known = known
        self.asked: list[set[str]] = []
        self.is_closed = False

    def read(self, multiline: Iterable[str]) -> Mapping[int, JobLayout]:
        self.asked.append(set(multiline))
        if isinstance(self.known, SourceError):
            raise self.known
        return self.known

    def close(self) -> None:
        self.is_closed = True


def install(monkeypatch: pytest.MonkeyPatch, **options: Any) -> Any:
    made = fake_pyslurm.module(**options)
    monkeypatch.setitem(sys.modules, "pyslurm", made)
    return made


def by_id(answer: SlurmAnswer) -> dict[str, Job]:
    return {job.job_id: job for job in answer.jobs}


@pytest.fixture
def new_answer(monkeypatch: pytest.MonkeyPatch) -> SlurmAnswer:
    install(monkeypatch)
    return PyslurmSource(reader=Here()).load()


@pytest.fixture
def old_answer(monkeypatch: pytest.MonkeyPatch) -> SlurmAnswer:
    install(monkeypatch, new=False)
    return PyslurmSource(reader=Here()).load()


# -- the newer interface -----------------------------------------------------------------------------------


def test_every_kind_of_record_is_there(new_answer: SlurmAnswer) -> None:
    assert (new_answer.cluster, new_answer.version, new_answer.taken_at) == ("grove", "22.05.3", NOW)
    assert [node.name for node in new_answer.nodes] == ["ash1", "ash2", "elm1", "gum1", "oak1"]
    assert [one.name for one in new_answer.partitions] == ["day", "all"]
    assert [one.name for one in new_answer.reservations] == ["pruning"]
    assert new_answer.calls == 6
    assert new_answer.problems == ()


def test_job_ids_are_those_of_slurms_commands(new_answer: SlurmAnswer) -> None:
    expected = ["40", "41", "42", "43_0", "43_[1-9:2,20%3]", "45", "46", "47", "48+0", "48+1"]
    assert [job.job_id for job in new_answer.jobs] == expected


def test_a_waiting_array_is_one_record_with_its_count(new_answer: SlurmAnswer) -> None:
    array = by_id(new_answer)["43_[1-9:2,20%3]"]
    assert (array.array_id, array.array_tasks, array.task_count) == ("43", "1-9:2,20%3", 6)
    assert array.stdout == "/scratch/43_%a.out"
    assert array.end_time is None
    assert by_id(new_answer)["43_0"].array_id == "43"


def test_layouts_are_read_and_cores_become_threads(new_answer: SlurmAnswer) -> None:
    jobs = by_id(new_answer)
    assert jobs["40"].layout == {"ash1": (0, 4, 5)}
    assert jobs["40"].memory_layout == {"ash1": 1536}
    assert jobs["41"].layout == {"elm1": (0, 1, 2, 3, 4, 5, 6, 7)}
    assert jobs["42"].gpu_layout == {"gum1": (1,)}
    assert jobs["42"].n_gpus == 1
    assert jobs["45"].layout == {}


@pytest.mark.parametrize("gpu_count", ["1", 1])
def test_gpus_are_counted_as_text_or_number(monkeypatch: pytest.MonkeyPatch, gpu_count: Any) -> None:
    install(monkeypatch, gpu_count=gpu_count)
    assert by_id(PyslurmSource(reader=Here()).load())["42"].gpu_layout == {"gum1": (1,)}


def test_attributes_that_raise_cost_only_themselves(new_answer: SlurmAnswer) -> None:
    job = by_id(new_answer)["48+0"]
    assert (job.name, job.reason, job.gres, job.dependency) == ("calc48", None, None, None)
    assert job.partition == "day"


def test_times_states_and_requests(new_answer: SlurmAnswer) -> None:
    jobs = by_id(new_answer)
    assert (jobs["40"].run_time, jobs["40"].time_limit, jobs["40"].start_time) == (10.0, 90.0, NOW - 600)
    assert jobs["46"].time_limit is None
    assert (jobs["46"].priority, jobs["46"].reason) == (0, "JobHeldUser")
    assert jobs["47"].exit_code == "3:0"
    assert jobs["45"].memory_request == 1024.0
    assert jobs["40"].memory_request == 1536.0
    assert jobs["48+1"].n_gpus == 6
    assert jobs["40"].reason is None


def test_dependencies_are_written_as_slurm_does(new_answer: SlurmAnswer) -> None:
    assert by_id(new_answer)["45"].dependency == "afterany:41:43_*,afterok:40(unfulfilled),singleton"


def test_users_that_the_system_does_not_know_are_numbers(new_answer: SlurmAnswer) -> None:
    assert by_id(new_answer)["40"].username == "root"
    assert by_id(new_answer)["46"].username == "987654"


def test_nodes_are_told_truly(new_answer: SlurmAnswer) -> None:
    nodes = {node.name: node for node in new_answer.nodes}
    assert (nodes["ash1"].state, nodes["ash1"].flags) == ("MIXED", ("PLANNED",))
    assert nodes["elm1"].state == "ALLOCATED"
    assert (nodes["ash2"].flags, nodes["ash2"].reason, nodes["ash2"].reason_user) == (
        ("DRAIN",),
        "loud fan",
        "root",
    )
    assert nodes["ash2"].up is True
    assert (nodes["oak1"].up, nodes["oak1"].cpu_load, nodes["oak1"].memory_free) == (False, None, None)
    assert (nodes["ash1"].cpu_load, nodes["ash1"].n_gpus, nodes["ash1"].features) == (0.5, 0, ("wood",))
    assert (nodes["gum1"].gres, nodes["gum1"].gpu_model, nodes["gum1"].n_gpus) == ("gpu:a30:2", "a30", 2)


def test_gpus_in_use_are_added_up_from_the_jobs(new_answer: SlurmAnswer) -> None:
    gum = next(node for node in new_answer.nodes if node.name == "gum1")
    assert (gum.gpus_allocated, gum.n_gpus_allocated) == ((1,), 1)


def test_partitions_and_reservations(new_answer: SlurmAnswer) -> None:
    day, everything = new_answer.partitions
    assert (day.max_time, day.is_default, day.max_nodes, day.n_cpus) == (1440.0, True, None, 24)
    assert (everything.max_time, everything.is_default) == (None, False)
    (pruning,) = new_answer.reservations
    assert pruning.is_maintenance
    assert (pruning.nodes, pruning.users, pruning.n_cpus) == ("ash[1-2]", ("root",), 16)


def test_partitions_are_kept_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    made = install(monkeypatch)
    here = Here()
    source = PyslurmSource(reader=here)
    assert source.load().calls == 6
    here.now += PARTITIONS_KEPT - 1
    second = source.load()
    assert (second.calls, len(second.partitions)) == (4, 2)
    here.now += 1
    assert source.load().calls == 6
    assert made.calls.count("Partitions") == 2


# -- the older interface -----------------------------------------------------------------------------------


def test_the_older_interface_gives_the_same_kinds_of_records(old_answer: SlurmAnswer) -> None:
    assert [job.job_id for job in old_answer.jobs] == ["40", "41", "42", "43_0", "43_[1-9:2%3]", "45"]
    jobs = by_id(old_answer)
    assert jobs["41"].layout == {"elm1": tuple(range(8))}
    assert jobs["41"].memory_layout == {"elm1": 4096}
    assert jobs["40"].memory_layout == {"ash1": 1536}
    assert jobs["43_[1-9:2%3]"].task_count == 5
    assert jobs["43_[1-9:2%3]"].start_time is None
    assert jobs["43_[1-9:2%3]"].reason == "Nodes required for job are DOWN, DRAINED or reserved"
    assert jobs["45"].time_limit is None
    assert (jobs["45"].n_gpus, jobs["45"].dependency) == (5, "afterok:40(unfulfilled)")
    assert jobs["40"].requested_nodes == "ash[1,3]"
    assert jobs["40"].end_time is None


def test_exit_codes_of_the_older_interface_are_not_believed(old_answer: SlurmAnswer) -> None:
    assert {job.exit_code for job in old_answer.jobs} == {None}


def test_nodes_and_partitions_of_the_older_interface(old_answer: SlurmAnswer) -> None:
    nodes = {node.name: node for node in old_answer.nodes}
    assert (nodes["ash1"].state, nodes["ash1"].flags, nodes["ash1"].cpu_load) == ("MIXED", ("PLANNED",), 1.5)
    assert nodes["ash1"].features == ("wood", "old")
    assert (nodes["gum1"].gpus_allocated, nodes["gum1"].n_gpus_allocated) == ((1,), 1)
    assert (nodes["oak1"].up, nodes["oak1"].flags) == (False, ("NOT_RESPONDING",))
    assert (nodes["oak1"].reason_user, nodes["oak1"].cpu_load) == ("root", None)
    assert [one.max_time for one in old_answer.partitions] == [1440.0, None]
    assert old_answer.version == "21.08.8"


# -- what pyslurm does not tell ----------------------------------------------------------------------------


def test_missing_layouts_are_asked_for_once_by_command(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    layouts = Layouts({43: JobLayout({"ash1": (6,)}, NOTHING, {"ash1": 700})})
    answer = PyslurmSource(layouts, Here()).load()
    job = by_id(answer)["43_0"]
    assert (job.layout, job.memory_layout, job.memory_request) == ({"ash1": (6,)}, {"ash1": 700}, 700.0)
    assert by_id(answer)["40"].layout == {"ash1": (0, 4, 5)}
    assert len(layouts.asked) == 1
    assert answer.calls == 7


def test_gpus_of_the_older_interface_are_asked_for_by_command(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, new=False)
    known = {
        42: JobLayout({"gum1": (0,)}, {"gum1": (0,)}, NOTHING),
        43: JobLayout({"gum1": (1,)}, {"gum1": (1,)}, NOTHING),
    }
    jobs = by_id(PyslurmSource(Layouts(known), Here()).load())
    assert (jobs["42"].gpu_layout, jobs["43_0"].gpu_layout) == ({"gum1": (0,)}, {"gum1": (1,)})
    assert jobs["43_0"].n_gpus == 1


def test_a_failing_command_is_a_problem_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    answer = PyslurmSource(Layouts(SourceError("scontrol is tired", "rest")), Here()).load()
    assert by_id(answer)["43_0"].layout == {}
    (problem,) = answer.problems
    assert (problem.what, problem.error, problem.hint) == ("core layout", "scontrol is tired", "rest")


@pytest.mark.parametrize(
    "layout",
    [
        ValueError("not enough values"),
        {},
        None,
        {"ash1": "gibberish"},
        {"ash1": {"cpu_ids": "0-1,...", "memory": None}},
        {"ash1": {"cpu_ids": "0-2"}},
    ],
)
def test_layouts_that_cannot_be_true_are_noticed(layout: Any) -> None:
    record = fake_pyslurm.job(50, "RUNNING", layout, cpus=4)
    read = job_from(record, "root", {}, is_old=False)
    assert read is not None
    assert read.misses_layout
    finished = fake_pyslurm.job(50, "COMPLETED", layout, cpus=4)
    done = job_from(finished, "root", {}, is_old=False)
    assert done is not None
    assert not done.misses_layout


def test_gpus_without_known_indices_leave_the_node_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    made = install(monkeypatch)
    lost = fake_pyslurm.job(51, "RUNNING", ValueError(), gres_per_node={"gpu:a30": 1}, allocated_nodes="gum1")
    monkeypatch.setattr(made.Jobs, "load", lambda: fake_pyslurm.Collection([*fake_pyslurm.new_jobs(), lost]))
    gum = next(node for node in PyslurmSource(reader=Here()).load().nodes if node.name == "gum1")
    assert (gum.gpus_allocated, gum.n_gpus_allocated) == (None, None)


def test_one_user_is_filtered_by_the_controller_where_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    made = install(monkeypatch)
    answer = PyslurmSource(reader=Here()).load("root")
    assert (answer.nodes, answer.partitions, answer.reservations) == ((), (), ())
    assert len(answer.jobs) == 6
    assert "find_user" in made.calls
    assert "Jobs" not in made.calls


def test_one_user_is_filtered_here_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, old=False)
    answer = PyslurmSource(reader=Here()).load("root")
    assert len(answer.jobs) == 9
    assert {job.username for job in answer.jobs} == {"root"}
    with pytest.raises(SourceError, match="no user nobody-of-that-name"):
        PyslurmSource(reader=Here()).load("nobody-of-that-name")


# -- failures ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["Jobs", "Nodes"])
def test_without_jobs_or_nodes_there_is_no_answer(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    install(monkeypatch, fail={what: fake_pyslurm.FakeRPCError("Unable to contact slurm controller")})
    with pytest.raises(SourceError, match=f"cannot load {what.lower()}: Unable to contact") as caught:
        PyslurmSource(reader=Here()).load()
    assert "scontrol ping" in caught.value.hint


def test_the_older_interfaces_errors_read_as_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, new=False, fail={"job": ValueError("Connection refused", 111)})
    with pytest.raises(SourceError, match=r"cannot load jobs: Connection refused$"):
        PyslurmSource(reader=Here()).load()


def test_reservations_and_partitions_may_fail_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, fail={"reservation": ValueError("no"), "Partitions": RuntimeError()})
    answer = PyslurmSource(reader=Here()).load()
    assert len(answer.jobs) == 10
    assert [problem.what for problem in answer.problems] == ["partitions", "reservations"]


def test_without_any_reservation_class_the_rest_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, old=False)
    answer = PyslurmSource(reader=Here()).load()
    assert [problem.what for problem in answer.problems] == ["reservations"]


def test_a_pyslurm_that_cannot_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyslurm", None)
    with pytest.raises(SourceError, match="cannot be imported") as caught:
        PyslurmReader().read()
    assert "built" in caught.value.hint


def test_a_closed_source_closes_all_and_asks_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    layouts = Layouts({})
    source = PyslurmSource(layouts, Here())
    source.close()
    assert layouts.is_closed
    with pytest.raises(SourceError, match="closing"):
        source.load()


# -- the process around it ---------------------------------------------------------------------------------

CHILD = """
import sys
sys.path.insert(0, {root!r})
from tests.unit import fake_pyslurm
sys.modules["pyslurm"] = fake_pyslurm.module()

def chatter(load):
    return lambda: print("chatter on standard output", flush=True) or load()

{before}
from jobmon_tui.sources.slurm import pyslurm_child
pyslurm_child.main()
"""
ROOT = str(Path(__file__).parents[2])


def process(before: str = "", longest: float = 30.0) -> PyslurmProcess:
    return PyslurmProcess((sys.executable, "-c", CHILD.format(root=ROOT, before=before)), longest)


def test_an_answer_survives_the_way_through_the_process() -> None:
    child = process(
        "load = sys.modules['pyslurm'].Jobs.load\nsys.modules['pyslurm'].Jobs.load = chatter(load)"
    )
    try:
        source = PyslurmSource(reader=child)
        first, second = source.load(), source.load()
    finally:
        child.close()
    assert len(first.jobs) == 10
    assert first.jobs == second.jobs
    assert first.nodes == second.nodes
    assert first.jobs[5].memory is NOTHING


def test_a_process_that_ends_is_told_with_its_last_words_and_started_again() -> None:
    child = process("sys.stderr.write('fatal: no slurm.conf\\n'); sys.exit(1)")
    try:
        for _ in range(2):
            with pytest.raises(SourceError, match=r"ended \(exit status 1\): fatal: no slurm.conf"):
                child.read()
    finally:
        child.close()


def test_a_process_that_crashes_or_raises_is_told() -> None:
    child = process("import os; os.kill(os.getpid(), 11)")
    with pytest.raises(SourceError, match=r"ended \(signal 11\)"):
        child.read()
    child.close()
    sick = process("sys.modules['pyslurm'] = fake_pyslurm.module(fail={'Jobs': RuntimeError('fever')})")
    with pytest.raises(SourceError, match="cannot load jobs: fever"):
        sick.read()
    sick.close()


def test_a_process_that_does_not_answer_is_given_up() -> None:
    child = process("import time; time.sleep(60)", longest=0.3)
    with pytest.raises(SourceError, match="did not answer within"):
        child.read()
    child.close()


def test_closing_from_another_thread_ends_the_reading() -> None:
    child = process("sys.stderr.write('here'); import time; time.sleep(60)")
    timer = threading.Timer(0.3, child.close)
    timer.start()
    with pytest.raises(SourceError, match="closing"):
        child.read()
    timer.join()
    with pytest.raises(SourceError, match="closing"):
        child.read()


def test_nonsense_from_the_process_is_an_error() -> None:
    child = PyslurmProcess(
        (sys.executable, "-c", "input(); print('no pickle at all' * 9, flush=True); input()"), 3
    )
    with pytest.raises(SourceError):
        child.read()
    child.close()
    nowhere = PyslurmProcess(("/nowhere/python",))
    with pytest.raises(SourceError, match="cannot be started"):
        nowhere.read()


def test_the_child_answers_line_by_line(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    answers = io.BytesIO()
    serve(io.StringIO("\nroot\nnobody-of-that-name\n"), answers, PyslurmReader())
    answers.seek(0)
    assert len(reading_from(answers.read).answer.jobs) == 10
    assert len(reading_from(answers.read).answer.jobs) == 6
    with pytest.raises(SourceError, match="no user"):
        reading_from(answers.read)


def test_many_jobs_travel_in_pieces() -> None:
    jobs = tuple(
        Job(job_id=str(i), name="n", username="u", state="PENDING", n_cpus=1) for i in range(GROUP + 1)
    )
    reading = PyslurmReading(answer=SlurmAnswer(taken_at=1.0, jobs=jobs), misses_layout={"7": 7})
    serve(io.StringIO(), io.BytesIO(), PyslurmReader())
    pieces = list(pieces_of(reading))
    assert len(pieces) == 3
    assert reading_from(io.BytesIO(b"".join(pieces)).read) == reading


# -- single values -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (0, 0),
        (7, 7),
        (7.9, 7),
        ("12", 12),
        (True, None),
        (-1, None),
        (4_294_967_294, None),
        (4_294_967_295, None),
        (65_534, None),
        ((1 << 64) - 1, None),
        ("UNLIMITED", None),
        (None, None),
        (float("nan"), None),
        (float("inf"), None),
    ],
)
def test_slurms_stand_ins_for_nothing_are_no_numbers(value: Any, number: int | None) -> None:
    assert whole(value) == number


@pytest.mark.parametrize(
    ("gres", "written"),
    [
        ({}, None),
        (None, None),
        ([], None),
        ({"gres/gpu:a30": 2}, "gpu:a30:2"),
        ({"gpu:a30": {"count": "2", "indexes": "0-1"}}, "gpu:a30:2(IDX:0-1)"),
        (["gpu:a30:2(IDX:0-1)", "shard:4"], "gpu:a30:2(IDX:0-1),shard:4"),
        ("gres:gpu:a30:2", "gpu:a30:2"),
        ("(null)", None),
    ],
)
def test_generic_resources_are_written_as_slurm_does(gres: Any, written: str | None) -> None:
    assert gres_text(gres) == written


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.slow
@given(ANYTHING)
def test_no_value_makes_a_converter_raise(value: Any) -> None:
    for convert in (whole, instant, text, words, indices, gres_text):
        convert(value)


@pytest.mark.slow
@given(st.dictionaries(st.sampled_from(sorted(fake_pyslurm.old_jobs()[40])), ANYTHING), st.booleans())
def test_no_job_makes_the_reader_raise(values: dict[str, Any], is_running: bool) -> None:
    record = {**fake_pyslurm.old_jobs()[40], **values, "job_id": 9}
    record["job_state"] = "RUNNING" if is_running else values.get("job_state")
    read = job_from(record, "root", {}, is_old=True)
    assert read is not None
    assert read.job.task_count >= 1
    assert read.job.n_cpus >= 0
