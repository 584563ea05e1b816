"""The backend contract: the one class that a site derives from.

Every method has a default, so a site's file overrides what it can answer and leaves the rest. A reading that
nothing can answer is unknown (``None`` or empty). There are two ways to answer, and they may be mixed:

- *in bulk*: `BackendBase.nodes` and `BackendBase.jobs` return the model's own records, all at once. The
  per-item methods then answer from those records.
- *item by item*: ``cpu_usage(name)``, ``job_mem(job_id)``, ... in the shapes of the web-based jobmon's files.
  The bulk methods are then built from these. In a subclass of a bulk backend, they go on top of its records.

A host name is called ``name``. A job id is a string: ``"123"``, or ``"123_7"`` for task 7 of array 123.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jobmon_tui.backends import shapes
from jobmon_tui.backends.cores import count_cores, count_cores_in_document
from jobmon_tui.backends.cycle import take_snapshot
from jobmon_tui.backends.gather import jobs_one_by_one, nodes_one_by_one
from jobmon_tui.backends.workings import Workings
from jobmon_tui.model.snapshot import Job, Node, Partition, Reservation, Snapshot, SourceStatus


class BackendBase:
    """What jobmon asks of a site: derive from it, name the class ``Backend``, override what you can."""

    title: str = ""
    """As shown in the header; empty: the name under which it was loaded."""
    kind: str = "live"
    """``live`` or ``demo``."""
    default_interval: float = 10.0
    """Seconds between two cycles when nobody asks for another pace."""
    only_user: str | None = None
    """Set where only this user's jobs are wanted; a backend that can ask for less then does."""

    _jobmon_workings: Workings | None = None

    def __init_subclass__(cls, **keywords: Any) -> None:
        """Make every ``pre_update()`` forget the bulk records of the cycle before, whoever calls it."""
        super().__init_subclass__(**keywords)
        own = vars(cls).get("pre_update")
        if callable(own):

            @functools.wraps(own)
            def pre_update(self: BackendBase) -> Any:
                workings_of(self).forget()
                return own(self)

            cls.pre_update = pre_update  # type: ignore[method-assign]

    # -- the whole cycle -----------------------------------------------------------------------------------

    def init(self) -> None:
        """Set up; called once, before anything else."""

    def pre_update(self) -> None:
        """Begin a cycle: load from the outside systems here, once; every other method only looks up.

        Raises:
            JobmonError: Nothing can be had this time. The last picture stays, with this message.
        """
        workings_of(self).forget()

    def cycle(self) -> Snapshot:
        """Run one cycle and return its snapshot.

        A method that raises for one node or job costs that one reading; it is logged once and told in the
        snapshot's sources.

        Raises:
            PluginError: ``pre_update()`` failed, or it cannot be said which nodes and jobs there are.
            JobmonError: The backend said itself what is wrong.
        """
        return take_snapshot(workings_of(self))

    def nodes(self) -> Iterable[Node]:
        """Every node."""
        return nodes_one_by_one(workings_of(self)).values()

    def jobs(self) -> Iterable[Job]:
        """Every job; the pending tasks of an array are one record with a task count."""
        return jobs_one_by_one(workings_of(self)).values()

    def partitions(self) -> Iterable[Partition]:
        """The cluster's partitions."""
        return ()

    def reservations(self) -> Iterable[Reservation]:
        """The cluster's reservations."""
        return ()

    def cluster_name(self) -> str | None:
        """The cluster's name."""
        return None

    def timestamp(self) -> float:
        """When what this cycle loaded was true, in Unix seconds."""
        return workings_of(self).loaded_at or time.time()

    def sources(self) -> Sequence[SourceStatus]:
        """How each outside system did in this cycle."""
        workings = workings_of(self)
        return (
            SourceStatus(
                name=self.title or type(self).__name__,
                seconds=workings.load_seconds,
                read_at=workings.loaded_at,
            ),
        )

    def notes(self) -> Sequence[str]:
        """What the user should know of how the snapshot was made, each a sentence."""
        return ()

    def close(self) -> None:
        """Let go of everything; called from any thread, and makes a call under way raise soon."""

    # -- nodes ---------------------------------------------------------------------------------------------

    def hostnames(self) -> list[str]:
        """The names of all nodes."""
        return list(workings_of(self).node_records())

    def node_up(self, name: str) -> bool | None:
        """Whether the node reports within the dead-node time-out."""
        up: bool | None = self._of_node("node_up", name)
        if up is None and (self.cpu_usage(name) or self.mem(name)):
            return True
        return up

    def is_counted(self, name: str) -> bool:
        """Whether its cores count towards the cluster's total."""
        return self._of_node("is_counted", name) is not False

    def n_cpus(self, name: str) -> int | None:
        """Cores that the scheduler sees."""
        cores: int | None = self._of_node("n_cpus", name)
        if cores is None:
            return len((self.cpu_usage(name) or {}).get("core") or ()) or None
        return cores

    def n_gpus(self, name: str) -> int | None:
        """GPUs that the scheduler sees."""
        gpus: int | None = self._of_node("n_gpus", name)
        return len(shapes.gpus(self.gpus(name)) or ()) or None if gpus is None else gpus

    def cpu_usage(self, name: str) -> dict[str, Any] | None:
        """``{"total": [user, nice, system, wait, idle], "core": [[...], ...]}``, in % of one core.

        The cores stand in the scheduler's own numbering; an unknown core is ``None``.
        """
        cpu: dict[str, Any] | None = self._of_node("cpu_usage", name)
        return cpu

    def mem(self, name: str) -> dict[str, float] | None:
        """``{"used", "total"}`` in MiB: used = total - free - buffers - cache."""
        memory: dict[str, float] | None = self._of_node("mem", name)
        return memory

    def swap(self, name: str) -> dict[str, float] | None:
        """``{"free", "total"}`` in MiB."""
        swap: dict[str, float] | None = self._of_node("swap", name)
        return swap

    def disk(self, name: str) -> dict[str, float] | None:
        """``{"free", "total"}`` in GiB."""
        disk: dict[str, float] | None = self._of_node("disk", name)
        return disk

    def gpus(self, name: str) -> dict[str, Any]:
        """``{"gpu0": {"util": %, "memory": {"used", "total"}}, ...}``, memory in MiB."""
        return self._of_node("gpus", name) or {}

    def infiniband(self, name: str) -> dict[str, float] | None:
        """``{"bytes_in", "bytes_out", "pkts_in", "pkts_out"}`` per second."""
        traffic: dict[str, float] | None = self._of_node("infiniband", name)
        return traffic

    def lustre(self, name: str) -> dict[str, float] | None:
        """``{"read", "write"}`` in bytes per second."""
        rates: dict[str, float] | None = self._of_node("lustre", name)
        return rates

    def jobfs(self, name: str) -> dict[str, float] | None:
        """``{"read", "write"}`` of the node's local job disk, in bytes per second."""
        rates: dict[str, float] | None = self._of_node("jobfs", name)
        return rates

    # -- jobs ----------------------------------------------------------------------------------------------

    def job_ids(self) -> list[str]:
        """The ids of all jobs, with each pending task of an array spelled out."""
        return workings_of(self).job_records().ids()

    def job_name(self, job_id: str) -> str:
        """The job's name."""
        return self._of_job("job_name", job_id) or ""

    def job_username(self, job_id: str) -> str:
        """Whose it is."""
        return self._of_job("job_username", job_id) or ""

    def job_state(self, job_id: str) -> str:
        """Slurm's base name: PENDING, RUNNING, SUSPENDED, COMPLETING, ..."""
        return self._of_job("job_state", job_id) or ""

    def job_ncpus(self, job_id: str) -> int | None:
        """Cores over all of its nodes."""
        cores: int | None = self._of_job("job_ncpus", job_id)
        return _total(self.job_layout(job_id)) or None if cores is None else cores

    def job_ngpus(self, job_id: str) -> int:
        """GPUs over all of its nodes."""
        gpus: int | None = self._of_job("job_ngpus", job_id)
        return _total(self.job_gpu_layout(job_id)) if gpus is None else gpus

    def job_layout(self, job_id: str) -> dict[str, list[int]]:
        """The cores it holds: ``{host: [core index, ...]}``."""
        return self._of_job("job_layout", job_id) or {}

    def job_gpu_layout(self, job_id: str) -> dict[str, list[int]]:
        """The GPUs it holds: ``{host: [gpu index, ...]}``."""
        return self._of_job("job_gpu_layout", job_id) or {}

    def job_time_limit(self, job_id: str) -> float | None:
        """In minutes; ``None`` when unlimited."""
        limit: float | None = self._of_job("job_time_limit", job_id)
        return limit

    def job_run_time(self, job_id: str) -> float:
        """How long it has run, in minutes."""
        return self._of_job("job_run_time", job_id) or 0

    def job_start_time(self, job_id: str) -> float:
        """Unix seconds; for a pending job the scheduler's estimate; 0 if there is none."""
        return self._of_job("job_start_time", job_id) or 0

    def job_mem(self, job_id: str) -> dict[str, float]:
        """Memory in use: ``{host: MiB}``."""
        return self._of_job("job_mem", job_id) or {}

    def job_mem_max(self, job_id: str) -> float | None:
        """The highest use seen on one node since the job started, in MiB."""
        most: float | None = self._of_job("job_mem_max", job_id)
        return most

    def job_has_mem_stats(self, job_id: str) -> bool:
        """Whether anything measures its memory."""
        return bool(self.job_mem(job_id))

    def job_mem_request(self, job_id: str) -> float | None:
        """Requested on each node, in MiB, whether it was asked for by CPU, by node or by GPU."""
        request: float | None = self._of_job("job_mem_request", job_id)
        return request

    def job_lustre(self, job_id: str) -> dict[str, Any]:
        """``{filesystem: {"mds"|"oss": {"read_bytes", "write_bytes", "iops"}}}`` per second."""
        return self._of_job("job_lustre", job_id) or {}

    def jobfs_usage(self, job_id: str) -> dict[str, float]:
        """Use of the job disk: ``{host: MiB}``."""
        return self._of_job("jobfs_usage", job_id) or {}

    def jobfs_request(self, job_id: str) -> float | None:
        """Job disk requested on each node, in MiB."""
        request: float | None = self._of_job("jobfs_request", job_id)
        return request

    # -- the whole cluster ---------------------------------------------------------------------------------

    def core_usage(self, data: Mapping[str, Any] | Snapshot) -> dict[str, Any]:
        """``{"avail", "running", "users": {name: cores}}`` of one snapshot.

        Args:
            data: The snapshot, as the model's own or in the web format (which overriding methods are given).
        """
        if isinstance(data, Snapshot):
            return shapes.show_usage(count_cores(data.nodes.values(), data.jobs.values(), data.only_user))
        return shapes.show_usage(count_cores_in_document(data))

    def calculate_backfill(self) -> dict[str, Any]:
        """``{partition: {cores: {"count", "tMin", "tMax"}}}``, times in seconds, of the newest cycle."""
        snapshot = workings_of(self).snapshot
        if snapshot is None:
            return {}
        from jobmon_tui.analysis.backfill import calculate_backfill

        return shapes.show_backfill(calculate_backfill(snapshot))

    def write_influx(self) -> None:
        """Write statistics back to a time-series store; only a collector calls this, once a cycle."""

    # -- from the bulk records -----------------------------------------------------------------------------

    def _of_node(self, method: str, name: str) -> Any:
        return workings_of(self).node_answer(method, name)

    def _of_job(self, method: str, job_id: str) -> Any:
        return workings_of(self).job_answer(method, job_id)


def _total(layout: object) -> int:
    return sum(map(len, shapes.indices(layout).values()))


def workings_of(backend: BackendBase) -> Workings:
    """A backend's machinery. Made on first use: older files do not call our ``__init__``."""
    workings = backend._jobmon_workings
    if workings is None:
        workings = backend._jobmon_workings = Workings(backend, BackendBase)
    return workings
