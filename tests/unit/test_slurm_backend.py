"""The backend for any Slurm cluster."""

from __future__ import annotations

import pytest

from jobmon_tui.backends.slurm import SlurmBackend
from jobmon_tui.errors import SourceError
from jobmon_tui.model.snapshot import Job, Node, Partition, Reservation
from jobmon_tui.sources.slurm.answer import Problem, SlurmAnswer

JOB = Job(
    job_id="5", name="fold", username="ada", state="RUNNING", n_cpus=2, layout={"n1": (0, 1)}, partition="all"
)
ANSWER = SlurmAnswer(
    taken_at=1000.0,
    cluster="heath",
    version="23.02.1",
    nodes=(Node(name="n1", up=True, n_cpus=4, state="MIXED", partitions=("all",)),),
    jobs=(JOB,),
    partitions=(Partition(name="all", state="UP", nodes="n1"),),
    reservations=(Reservation(name="tea", nodes="n1"),),
    calls=4,
    seconds=0.25,
)
NO_TEA = Problem(what="reservations", error="scontrol: no", hint="ask again")


class Source:
    """Gives the answers in turn; an error among them is raised."""

    name = "slurm (commands)"

    def __init__(self, *answers: SlurmAnswer | SourceError) -> None:
        self.answers = list(answers)
        self.asked: list[str | None] = []
        self.is_closed = False

    def load(self, only_user: str | None = None) -> SlurmAnswer:
        self.asked.append(only_user)
        answer = self.answers.pop(0)
        if isinstance(answer, SourceError):
            raise answer
        return answer

    def close(self) -> None:
        self.is_closed = True


def answer(taken_at: float, *problems: Problem) -> SlurmAnswer:
    return SlurmAnswer(taken_at=taken_at, nodes=ANSWER.nodes, jobs=ANSWER.jobs, problems=problems)


def backend(*answers: SlurmAnswer | SourceError) -> SlurmBackend:
    made = SlurmBackend(Source(*answers))
    made.init()
    return made


def test_one_cycle_is_one_load_and_gives_all_of_it() -> None:
    source = Source(ANSWER)
    made = SlurmBackend(source)
    made.init()
    snapshot = made.cycle()
    assert source.asked == [None]
    assert snapshot.timestamp == 1000.0
    assert snapshot.cluster == "heath"
    assert dict(snapshot.jobs) == {"5": JOB}
    assert snapshot.nodes["n1"].is_counted
    assert snapshot.partitions == ANSWER.partitions
    assert snapshot.reservations == ANSWER.reservations
    assert snapshot.usage is not None
    assert (snapshot.usage.available, snapshot.usage.running) == (4, 2)


def test_the_source_is_told_with_its_cost() -> None:
    (slurm,) = backend(ANSWER).cycle().sources
    assert (slurm.name, slurm.ok, slurm.version) == ("slurm (commands)", True, "23.02.1")
    assert (slurm.calls, slurm.seconds, slurm.read_at) == (4, 0.25, 1000.0)


def test_a_part_that_fails_is_told_with_since_when() -> None:
    made = backend(
        answer(10.0), answer(20.0, NO_TEA), answer(30.0, NO_TEA), answer(40.0), answer(50.0, NO_TEA)
    )
    seen = []
    for _ in range(5):
        failing = made.cycle().sources[1:]
        seen.append([(one.name, one.ok, one.error, one.hint, one.failing_since) for one in failing])
    told = ("slurm: reservations", False, "scontrol: no", "ask again")
    assert seen == [[], [(*told, 20.0)], [(*told, 20.0)], [], [(*told, 50.0)]]


def test_a_failing_load_fails_the_cycle_and_the_next_one_works() -> None:
    made = backend(SourceError("squeue: no controller", "wait"), ANSWER)
    with pytest.raises(SourceError, match="no controller") as caught:
        made.cycle()
    assert caught.value.hint == "wait"
    assert made.cycle().timestamp == 1000.0


def test_one_users_jobs_are_asked_for() -> None:
    source = Source(SlurmAnswer(taken_at=1.0, jobs=(JOB,)))
    made = SlurmBackend(source)
    made.only_user = "ada"
    snapshot = made.cycle()
    assert source.asked == ["ada"]
    assert snapshot.only_user == "ada"
    assert list(snapshot.jobs) == ["5"]


def test_the_title_follows_the_source() -> None:
    source = Source(ANSWER, SourceError("no"))
    made = SlurmBackend(source)
    made.init()
    assert (made.title, made.kind, made.default_interval) == ("slurm (commands)", "live", 10.0)
    made.cycle()
    source.name = "slurm (pyslurm)"
    with pytest.raises(SourceError):
        made.cycle()
    assert made.title == "slurm (pyslurm)"


def test_per_item_methods_answer_from_the_same_load() -> None:
    made = backend(ANSWER)
    made.cycle()
    assert made.hostnames() == ["n1"]
    assert made.is_counted("n1") is True
    assert made.job_layout("5") == {"n1": [0, 1]}


def test_closing_closes_the_source() -> None:
    source = Source()
    SlurmBackend(source).close()
    assert source.is_closed
    SlurmBackend().close()
