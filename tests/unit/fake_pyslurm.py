"""A stand-in for pyslurm: both of its interfaces with the faults that were seen, and a cluster made up here.

The cluster: ``ash[1-2]`` of 8 cores, ``elm1`` of 4 cores with 2 threads each, ``gum1`` with two GPUs of which
one is in use, ``oak1`` broken. `module` keeps the names of all loadings in ``calls``.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from typing import Any

NOW = 1_790_000_000
UNSET = 4_294_967_294
ROOT = 0


class FakeRPCError(Exception):
    """pyslurm.RPCError."""


class Record:
    """An object whose attributes are computed when asked for, some of them by raising."""

    def __init__(self, values: dict[str, Any], raising: tuple[str, ...] = ()) -> None:
        self._values = values
        self._raising = raising

    def __getattr__(self, name: str) -> Any:
        if name in self.__dict__["_raising"]:
            raise KeyError(name)
        try:
            return self.__dict__["_values"][name]
        except KeyError:
            raise AttributeError(name) from None

    def to_dict(self) -> dict[str, Any]:
        """Raises on some jobs, so nobody may use it."""
        raise AttributeError("min_nodes")


class Collection:
    """A multi-cluster map: only its values are of interest."""

    def __init__(self, records: list[Any]) -> None:
        self._records = records

    def values(self) -> Iterator[Any]:
        return iter(self._records)


def job(number: int, state: str, layout: Any = None, raising: tuple[str, ...] = (), **values: Any) -> Record:
    """A ``pyslurm.Job``. ``layout`` is what it returns, or the exception that it raises."""
    given = {
        "id": number,
        "name": f"calc{number}",
        "user_id": ROOT,
        "state": state,
        "cpus": 1,
        "num_nodes": 1,
        "array_id": None,
        "array_task_id": None,
        "array_tasks_waiting": None,
        "array_tasks_parallel": None,
        "heterogeneous_id": None,
        "heterogeneous_offset": None,
        "cluster": "grove",
        "partition": "day",
        "priority": 70,
        "run_time": 0,
        "time_limit": 90,
        "submit_time": NOW - 900,
        "gres_per_node": {},
        "memory_per_cpu": 512,
        "memory_per_node": None,
        "memory_per_gpu": None,
        "exit_code": 0,
        "exit_code_signal": 0,
        "state_reason": "None",
        "dependencies": None,
        "user_name": None,
    }

    def told() -> Any:
        if isinstance(layout, Exception):
            raise layout
        return layout or {}

    raising = ("user_name", "cpus_per_gpu", *raising)
    return Record(given | values | {"get_resource_layout_per_node": told}, raising)


def on(cpu_ids: str, memory: int, gres: dict[str, Any] | None = None) -> dict[str, Any]:
    """What a job's layout says of one node."""
    return {"cpu_ids": cpu_ids, "memory": memory, "gres": gres or {}}


def node(name: str, **values: Any) -> Record:
    """A ``pyslurm.Node``; what is allocated of its GRES is never told."""
    given = {
        "name": name,
        "cluster": "grove",
        "state": "IDLE",
        "total_cpus": 8,
        "allocated_cpus": 0,
        "sockets": 2,
        "cores_per_socket": 4,
        "threads_per_core": 1,
        "real_memory": 30_000,
        "allocated_memory": 0,
        "free_memory": 29_000,
        "cpu_load": 0.5,
        "configured_gres": {},
        "allocated_gres": {},
        "active_features": ["wood"],
        "partitions": ["day"],
        "weight": 2,
        "boot_time": NOW - 99_999,
        "slurm_version": "22.05.3",
        "reason": None,
        "reason_time": None,
        "reason_user": None,
    }
    return Record(given | values)


def new_nodes() -> list[Record]:
    """The nodes as objects."""
    return [
        node("ash1", state="ALLOCATED+PLANNED", allocated_cpus=3, allocated_memory=1536),
        node("ash2", state="IDLE+DRAIN", reason="loud fan", reason_time=NOW - 60, reason_user="root"),
        node("elm1", sockets=1, threads_per_core=2, state="ALLOCATED", allocated_cpus=8),
        node("gum1", state="MIXED", allocated_cpus=2, configured_gres={"gpu:a30": 2}),
        node("oak1", state="DOWN+NOT_RESPONDING", reason="gone", free_memory=None, cpu_load=0.0),
    ]


def new_jobs(gpu_count: Any = "1") -> list[Record]:
    """The jobs as objects.

    Args:
        gpu_count: How a layout counts GPUs: a text in 22.5, a number in 24.11.
    """
    gpu = {"gpu:a30": {"count": gpu_count, "indexes": "1"}}
    start: Any = {"start_time": NOW - 600, "run_time": 600}
    return [
        job(40, "RUNNING", {"ash1": on("0,4-5", 1536)}, cpus=3, allocated_nodes="ash1", **start),
        job(41, "RUNNING", {"elm1": on("0-3", 4096)}, cpus=8, allocated_nodes="elm1", **start),
        job(
            42, "RUNNING", {"gum1": on("0-1", 1024, gpu)}, cpus=2, gres_per_node={"gres/gpu:a30": 1}, **start
        ),
        job(43, "RUNNING", None, array_id=43, allocated_nodes="ash1", **start),
        job(
            44,
            "PENDING",
            array_id=43,
            array_tasks_waiting="1-9:2,20",
            array_tasks_parallel=3,
            standard_output=f"/scratch/43_{UNSET}.out",
            state_reason="JobArrayTaskLimit",
            end_time=NOW,
        ),
        job(
            45,
            "PENDING",
            state_reason="Dependency",
            cpus=6,
            num_nodes=4,
            dependencies={
                "after": [],
                "afterany": [41, "43_*"],
                "afterok": ["40(unfulfilled)"],
                "singleton": True,
                "satisfy": "all",
            },
        ),
        job(46, "PENDING", user_id=987_654, priority=0, state_reason="JobHeldUser", time_limit=None),
        job(47, "FAILED", exit_code=3, exit_code_signal=0),
        job(48, "PENDING", heterogeneous_id=48, raising=("state_reason", "gres_per_node", "dependencies")),
        job(
            49, "PENDING", heterogeneous_id=48, heterogeneous_offset=1, gres_per_node={"gpu": 2}, num_nodes=3
        ),
    ]


def new_partitions() -> list[Record]:
    """The partitions as objects."""
    day = {
        "name": "day",
        "state": "UP",
        "nodes": "ash[1-2],elm1",
        "max_time": 1440,
        "max_nodes": "UNLIMITED",
        "is_default": True,
        "priority_tier": 1,
        "total_cpus": 24,
        "total_nodes": 3,
    }
    return [Record(day), Record({**day, "name": "all", "max_time": None, "is_default": False})]


def old_jobs() -> dict[int, dict[str, Any]]:
    """Jobs as dictionaries."""
    given: dict[str, Any] = {
        "user_id": ROOT,
        "job_state": "RUNNING",
        "num_cpus": 1,
        "num_nodes": 1,
        "array_job_id": None,
        "array_task_id": None,
        "array_task_str": None,
        "array_max_tasks": None,
        "cpus_alloc_layout": {},
        "min_memory_cpu": 512,
        "min_memory_node": None,
        "time_limit": 90,
        "run_time": 600,
        "priority": 70,
        "partition": "day",
        "tres_per_node": None,
        "tres_per_job": None,
        "tres_per_task": None,
        "tres_alloc_str": None,
        "tres_req_str": "cpu=1,mem=512M,node=1",
        "state_reason": "None",
        "exit_code": "0:9",
        "req_nodes": ["ash[1", "3]"],
        "start_time": NOW - 600,
        "end_time": UNSET,
    }
    sentence = "Nodes_required_for_job_are_DOWN,_DRAINED_or_reserved"
    return {
        40: {**given, "job_id": 40, "name": "a", "num_cpus": 3, "cpus_alloc_layout": {"ash1": [0, 4, 5]}},
        41: {
            **given,
            "job_id": 41,
            "name": "b",
            "num_cpus": 8,
            "cpus_alloc_layout": {"elm1": [0, 1, 2, 3]},
            "min_memory_cpu": None,
            "min_memory_node": 4096,
        },
        42: {
            **given,
            "job_id": 42,
            "name": "c",
            "cpus_alloc_layout": {"gum1": [0]},
            "nodes": "gum1",
            "tres_per_node": "gres:gpu:a30:1",
        },
        43: {
            **given,
            "job_id": 43,
            "name": "d",
            "cpus_alloc_layout": {"gum1": [1]},
            "tres_per_task": "gres:gpu:1",
            "array_job_id": 43,
            "array_task_id": 0,
        },
        44: {
            **given,
            "job_id": 44,
            "name": "d",
            "job_state": "PENDING",
            "array_job_id": 43,
            "array_task_str": "1-9:2%3",
            "array_max_tasks": 3,
            "state_reason": sentence,
            "start_time": 0,
        },
        45: {
            **given,
            "job_id": 45,
            "name": "e",
            "job_state": "PENDING",
            "time_limit": "UNLIMITED",
            "num_nodes": 2,
            "tres_per_job": "gres:gpu:5",
            "dependency": "afterok:40(unfulfilled)",
        },
    }


def old_nodes() -> dict[str, dict[str, Any]]:
    """Nodes as dictionaries: loads in hundredths, a flag in place of the base state, users by number."""
    given: dict[str, Any] = {
        "cpus": 8,
        "alloc_cpus": 0,
        "sockets": 2,
        "cores_per_socket": 4,
        "threads": 1,
        "real_memory": 30_000,
        "alloc_mem": 0,
        "free_mem": 29_000,
        "cpu_load": 150,
        "gres": [],
        "gres_used": ["gpu:0"],
        "features_active": "wood,old",
        "partitions": ["day"],
        "weight": 2,
        "boot_time": NOW,
        "version": "21.08.8",
        "reason": None,
        "reason_time": None,
        "reason_uid": None,
    }
    return {
        "ash1": {**given, "state": "PLANNED", "alloc_cpus": 3},
        "elm1": {**given, "state": "ALLOCATED", "alloc_cpus": 8, "sockets": 1, "threads": 2},
        "gum1": {**given, "state": "MIXED", "gres": ["gpu:a30:2"], "gres_used": ["gpu:a30:1(IDX:1)"]},
        "oak1": {
            **given,
            "state": "DOWN*",
            "reason": "gone",
            "reason_uid": ROOT,
            "reason_time": NOW,
            "cpu_load": None,
            "free_mem": None,
        },
    }


OLD_PARTITIONS = {
    "day": {
        "state": "UP",
        "nodes": "ash[1-2]",
        "max_time": 86_400,
        "max_nodes": "UNLIMITED",
        "total_nodes": 2,
        "total_cpus": 16,
        "priority_tier": 1,
        "flags": {"Default": 1},
    },
    "all": {"state": "UP", "nodes": "ash[1-2]", "max_time": "UNLIMITED", "flags": {"Default": 0}},
}
OLD_RESERVATIONS = {
    "pruning": {
        "start_time": NOW + 60,
        "end_time": NOW + 3600,
        "node_list": "ash[1-2]",
        "users": ["root"],
        "accounts": [],
        "flags": "MAINT,SPEC_NODES",
        "partition": None,
        "core_cnt": 16,
    },
}


def module(
    *, new: bool = True, old: bool = True, fail: dict[str, Exception] | None = None, gpu_count: Any = "1"
) -> types.ModuleType:
    """A module to put in place of pyslurm.

    Args:
        new: Whether it has the newer classes (all but Reservations).
        old: Whether it has the older ones.
        fail: What to raise instead of loading: by ``Jobs``, ``Nodes``, ``job``, ``reservation``, ...
        gpu_count: How a layout counts GPUs.
    """
    made = types.ModuleType("pyslurm")
    made.calls = []  # type: ignore[attr-defined]

    def loader(name: str, load: Callable[[], Any]) -> Callable[..., Any]:
        def run(*_: Any) -> Any:
            made.calls.append(name)
            if fail and name in fail:
                raise fail[name]
            return load()

        return run

    if new:
        loads = {"Jobs": lambda: new_jobs(gpu_count), "Nodes": new_nodes, "Partitions": new_partitions}
        for name, load in loads.items():
            records = loader(name, lambda load=load: Collection(load()))  # type: ignore[misc]
            setattr(made, name, type(name, (), {"load": staticmethod(records)}))
    if old:
        olds: dict[str, Callable[[], Any]] = {
            "job": old_jobs,
            "node": old_nodes,
            "partition": lambda: OLD_PARTITIONS,
            "reservation": lambda: OLD_RESERVATIONS,
        }
        for name, load in olds.items():
            methods = {"get": loader(name, load)}
            if name == "job":
                methods["find_user"] = loader("find_user", load)
            setattr(made, name, type(name, (), methods))
    return made
