"""Putting bulk records and per-item answers together."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

import pytest

from jobmon_tui.backends.base import BackendBase
from jobmon_tui.errors import PluginError, SourceError
from jobmon_tui.model.snapshot import Job, Node, Partition, SourceStatus


class Bulk(BackendBase):
    title = "bulk"

    def __init__(self) -> None:
        self.loads = 0

    def pre_update(self) -> None:
        self.loads += 1

    def nodes(self) -> Iterable[Node]:
        yield Node(name="a", up=True, n_cpus=8, memory_total=1000 * self.loads)
        yield Node(name="b", up=False, n_cpus=4, is_counted=False, state="DOWN")

    def jobs(self) -> Iterable[Job]:
        yield Job(job_id="1", name="one", username="ada", state="RUNNING", n_cpus=3, layout={"a": (0, 1, 2)})
        yield Job(
            job_id="2_[5-7]",
            name="two",
            username="bea",
            state="PENDING",
            n_cpus=1,
            array_id="2",
            array_tasks="5-7",
            task_count=3,
        )


class WithCpu(Bulk):
    """What a site does to a bulk backend: adds one reading, for the nodes where it has one."""

    def cpu_usage(self, name: str) -> dict[str, Any] | None:
        if name == "b":
            return None
        return {"total": [90, 0, 5, 0, 5], "core": [[90, 0, 5, 0, 5]] * 8}


class ItemByItem(BackendBase):
    def hostnames(self) -> list[str]:
        return ["x", "y"]

    def cpu_usage(self, name: str) -> dict[str, Any] | None:
        return {"core": [[1, 0, 0, 0, 99]] * 6} if name == "x" else None

    def gpus(self, name: str) -> dict[str, Any]:
        return {"gpu0": 1, "gpu1": 2} if name == "x" else {}

    def job_ids(self) -> list[str]:
        return ["7", "8_3", "9_[1-5%2]"]

    def job_state(self, job_id: str) -> str:
        return "RUNNING" if job_id == "7" else "PENDING"

    def job_username(self, job_id: str) -> str:
        return "cai"

    def job_layout(self, job_id: str) -> dict[str, list[int]]:
        return {"x": [2, 4]} if job_id == "7" else {}


def test_per_item_answers_go_on_top_of_bulk_records() -> None:
    snapshot = WithCpu().cycle()
    assert snapshot.nodes["a"].cpu is not None
    assert snapshot.nodes["a"].cpu.total is not None
    assert snapshot.nodes["a"].cpu.total.user == 90
    assert snapshot.nodes["a"].memory_total == 1000
    assert snapshot.nodes["b"].cpu is None
    assert snapshot.nodes["b"].state == "DOWN"
    assert snapshot.usage is not None
    assert (snapshot.usage.available, snapshot.usage.running) == (8, 3)


def test_an_override_may_ask_the_default() -> None:
    class Doubled(Bulk):
        def n_cpus(self, name: str) -> int | None:
            return 2 * (super().n_cpus(name) or 0)

    assert [node.n_cpus for node in Doubled().cycle().nodes.values()] == [16, 8]


def test_bulk_in_a_subclass_outranks_its_parents_items() -> None:
    class Parent(BackendBase):
        def hostnames(self) -> list[str]:
            return ["old"]

        def n_cpus(self, name: str) -> int:
            return 99

    class Child(Parent):
        def nodes(self) -> Iterable[Node]:
            return [Node(name="new", n_cpus=1)]

    nodes = Child().cycle().nodes
    assert {name: node.n_cpus for name, node in nodes.items()} == {"new": 1}


def test_a_subclass_may_choose_among_bulk_records() -> None:
    class Chosen(Bulk):
        def hostnames(self) -> list[str]:
            return ["b", "c"]

        def job_ids(self) -> list[str]:
            return ["2_6", "3"]

    snapshot = Chosen().cycle()
    assert snapshot.nodes["b"].n_cpus == 4
    assert snapshot.nodes["c"] == Node(name="c")
    assert snapshot.jobs["2_6"].name == "two"
    assert snapshot.jobs["2_6"].task_count == 1
    assert snapshot.jobs["3"].name == ""


def test_bulk_methods_may_ask_per_item_methods() -> None:
    """The defaults look into each other's answers; that must end."""

    class Circle(BackendBase):
        def nodes(self) -> Iterable[Node]:
            return [Node(name=name, n_cpus=self.n_cpus(name)) for name in ["a", *self.hostnames()]]

        def jobs(self) -> Iterable[Job]:
            found = [*self.job_ids(), "1"]
            return [
                Job(job_id=i, name=self.job_name(i), username="ada", state="PENDING", n_cpus=1) for i in found
            ]

    backend = Circle()
    assert backend.hostnames() == ["a"]
    assert backend.job_ids() == ["1"]
    snapshot = backend.cycle()
    assert snapshot.nodes["a"].n_cpus is None


def test_bulk_may_build_on_the_default_bulk() -> None:
    class Marked(ItemByItem):
        def nodes(self) -> Iterable[Node]:
            from dataclasses import replace

            return [replace(node, state="IDLE") for node in super().nodes()]

    nodes = Marked().cycle().nodes
    assert {name: (node.state, node.n_cpus) for name, node in nodes.items()} == {
        "x": ("IDLE", 6),
        "y": ("IDLE", None),
    }


def test_items_are_concluded_from_each_other() -> None:
    snapshot = ItemByItem().cycle()
    assert (snapshot.nodes["x"].up, snapshot.nodes["x"].n_cpus, snapshot.nodes["x"].n_gpus) == (True, 6, 2)
    assert (snapshot.nodes["y"].up, snapshot.nodes["y"].n_cpus, snapshot.nodes["y"].n_gpus) == (
        None,
        None,
        None,
    )
    assert snapshot.jobs["7"].n_cpus == 2
    assert snapshot.jobs["8_3"].array_id == "8"
    assert snapshot.jobs["9_[1-5%2]"].task_count == 5


def test_per_item_defaults_answer_from_the_cycle_under_way() -> None:
    backend = Bulk()
    backend.pre_update()
    assert backend.hostnames() == ["a", "b"]
    assert backend.job_ids() == ["1", "2_5", "2_6", "2_7"]
    assert backend.job_layout("1") == {"a": [0, 1, 2]}
    assert backend.job_username("2_6") == "bea"
    assert [node.memory_total for node in backend.cycle().nodes.values()] == [2000, None]
    backend.pre_update()
    # Whoever calls pre_update() begins a new cycle, in subclasses that never heard of it too.
    assert backend.cycle().nodes["a"].memory_total == 4000


def test_numbers_as_ids_are_given_back_as_numbers() -> None:
    class Numbers(BackendBase):
        def job_ids(self) -> list[Any]:
            return [5, 6, 5]

        def job_name(self, job_id: Any) -> str:
            return f"{type(job_id).__name__} {job_id}"

    assert {job_id: job.name for job_id, job in Numbers().cycle().jobs.items()} == {
        "5": "int 5",
        "6": "int 6",
    }


def test_memory_without_statistics_is_unknown() -> None:
    class Memory(ItemByItem):
        def job_mem(self, job_id: str) -> Any:
            return {"x": 50} if job_id != "9_[1-5%2]" else 0

        def job_mem_max(self, job_id: str) -> float:
            return 0 if job_id == "9_[1-5%2]" else 70

        def job_has_mem_stats(self, job_id: str) -> bool:
            return job_id != "8_3"

    jobs = Memory().cycle().jobs
    assert {job_id: (dict(job.memory), job.memory_max) for job_id, job in jobs.items()} == {
        "7": ({"x": 50}, 70),
        "8_3": ({}, None),
        "9_[1-5%2]": ({}, None),
    }


def test_own_core_usage_gets_the_web_format() -> None:
    class Counted(Bulk):
        def core_usage(self, data: Any) -> dict[str, Any]:
            running = sum(job["nCpus"] for job in data["jobs"].values() if job["state"] == "RUNNING")
            own = super().core_usage(data)
            assert own["running"] == running
            return {**own, "avail": data["nodes"]["a"]["nCpus"] + 1000}

    usage = Counted().cycle().usage
    assert usage is not None
    assert (usage.available, usage.running, usage.users) == (1008, 3, {"ada": 3})


def test_only_one_users_jobs_are_kept_but_all_cores_counted() -> None:
    backend = Bulk()
    backend.only_user = "bea"
    snapshot = backend.cycle()
    assert snapshot.only_user == "bea"
    assert set(snapshot.jobs) == {"2_[5-7]"}
    assert snapshot.usage is not None
    assert snapshot.usage.running == 3


def test_usage_is_unknown_where_no_node_is_known() -> None:
    class JobsOnly(Bulk):
        def nodes(self) -> Iterable[Node]:
            return ()

    assert JobsOnly().cycle().usage is None


@pytest.mark.parametrize("method", ["hostnames", "job_ids", "nodes", "jobs", "pre_update"])
def test_what_a_cycle_needs_fails_the_cycle(method: str) -> None:
    def broken(self: BackendBase) -> None:
        raise KeyError("gone")

    backend = type("Broken", (ItemByItem,), {method: broken})()
    with pytest.raises(PluginError, match=r"test_gather\.py line \d+, in \w+\(\): KeyError: 'gone'"):
        backend.cycle()


@pytest.mark.parametrize("method", ["hostnames", "job_ids", "nodes", "jobs"])
@pytest.mark.parametrize("answer", [None, "abc", 5, b"abc"])
def test_nonsense_instead_of_names_fails_the_cycle(method: str, answer: object) -> None:
    backend = type("Broken", (ItemByItem,), {method: lambda self: answer})()
    with pytest.raises(PluginError, match="expected a"):
        backend.cycle()


def test_what_the_backend_says_itself_is_passed_on() -> None:
    class Down(Bulk):
        def pre_update(self) -> None:
            raise SourceError("gmetad does not answer", "Start it.")

    with pytest.raises(SourceError, match="gmetad") as raised:
        Down().cycle()
    assert raised.value.hint == "Start it."


def test_one_failing_reading_costs_that_reading_and_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(WithCpu):
        def mem(self, name: str) -> dict[str, float]:
            raise RuntimeError(f"no memory of {name}")

        def swap(self, name: str) -> Any:
            return "plenty"

        def job_mem_request(self, job_id: str) -> float:
            if job_id != "1":
                raise RuntimeError("no such job")
            return 512

        def timestamp(self) -> float:
            return 1000.0 + self.loads

    backend = Broken()
    with caplog.at_level(logging.INFO):
        first = backend.cycle()
        second = backend.cycle()
    assert first.nodes["a"].cpu is not None
    assert first.nodes["a"].memory is None
    assert first.jobs["1"].memory_request == 512
    failed = {source.name: source for source in first.sources if not source.ok}
    assert set(failed) == {
        "test_gather.py: mem()",
        "test_gather.py: swap()",
        "test_gather.py: job_mem_request()",
    }
    memory = failed["test_gather.py: mem()"]
    assert memory.error is not None
    assert "RuntimeError: no memory of a (for 2: a, b)" in memory.error
    assert "job 2_5" not in str(failed)
    assert "(for 2_5)" in str(failed["test_gather.py: job_mem_request()"].error)
    assert "expected" in str(failed["test_gather.py: swap()"].error)
    since = {source.failing_since for source in second.sources if not source.ok}
    assert since == {1001.0}
    assert sum("no memory of" in record.getMessage() for record in caplog.records) == 1
    assert len(caplog.records) == 3


def test_a_failure_that_ends_is_not_told_any_more() -> None:
    class Sometimes(Bulk):
        def mem(self, name: str) -> dict[str, float]:
            if self.loads % 2:
                raise ValueError("odd")
            return {"used": 1, "total": 2}

        def timestamp(self) -> float:
            return float(self.loads)

    backend = Sometimes()
    told = [[source for source in backend.cycle().sources if not source.ok] for _ in range(3)]
    assert [len(one) for one in told] == [1, 0, 1]
    assert told[2][0].failing_since == 3.0


def test_failing_extras_do_not_fail_the_cycle() -> None:
    class Broken(Bulk):
        def partitions(self) -> Iterable[Partition]:
            raise ValueError("one")

        def cluster_name(self) -> Any:
            return 5

        def notes(self) -> Any:
            return [1]

        def sources(self) -> Any:
            raise SystemExit("two")

        def core_usage(self, data: Any) -> Any:
            return {"avail": "many"}

        def timestamp(self) -> Any:
            return "now"

    snapshot = Broken().cycle()
    assert snapshot.timestamp > 1_600_000_000
    assert snapshot.usage is not None
    assert snapshot.usage.running == 3
    assert (snapshot.partitions, snapshot.cluster, snapshot.notes) == ((), None, ())
    assert len(snapshot.sources) == 6
    assert not any(source.ok for source in snapshot.sources)


def test_sources_of_the_backend_come_first() -> None:
    class Named(Bulk):
        def sources(self) -> list[SourceStatus]:
            return [SourceStatus(name="ganglia", calls=1)]

        def mem(self, name: str) -> Any:
            raise ValueError

    assert [source.name for source in Named().cycle().sources] == ["ganglia", "test_gather.py: mem()"]


def test_a_method_with_other_arguments_names_its_own_line() -> None:
    class Strange(Bulk):
        def mem(self) -> Any:  # type: ignore[override]
            return None

    (failed,) = [source for source in Strange().cycle().sources if not source.ok]
    line = Strange.mem.__code__.co_firstlineno
    assert f"test_gather.py line {line}, in mem(): TypeError" in str(failed.error)


def test_an_interrupt_is_not_swallowed() -> None:
    class Interrupted(Bulk):
        def mem(self, name: str) -> Any:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Interrupted().cycle()
