"""The backends that the contract suite runs over: every shipped one, and files as sites write them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from jobmon_tui.backends.base import BackendBase
from jobmon_tui.backends.demo import DemoBackend
from jobmon_tui.backends.loading import load_backend
from jobmon_tui.backends.measured import MeasuredBackend
from jobmon_tui.backends.ozstar import OzstarBackend
from jobmon_tui.backends.slurm import SlurmBackend
from jobmon_tui.model.measures import (
    CoreUse,
    CpuTimes,
    CpuUse,
    Free,
    Gpu,
    LustreRate,
    ReadWrite,
    Traffic,
    Used,
)
from jobmon_tui.model.snapshot import Job, Node, Partition
from jobmon_tui.sources.readings import JobReading, NodeReading, ReadingsAnswer
from jobmon_tui.sources.slurm.answer import SlurmAnswer
from tests.unit.fake_readings import FakeSource

NOW = 1_750_000_000.0

OLD_FILE = '''\
from backend_base import BackendBase


class Backend(BackendBase):
    """Written for the web-based jobmon: no super().__init__(), attributes of its own, older shapes."""

    def __init__(self):
        self.jobs = {}
        self.nodes = {}
        self.timestamp = 0

    def pre_update(self):
        self.jobs = {"100": "RUNNING", "200_7": "PENDING"}
        self.nodes = {"c1": 4, "c2": 8}
        print("loaded", len(self.nodes), "nodes")

    def hostnames(self):
        return sorted(self.nodes)

    def node_up(self, name):
        return name == "c1"

    def is_counted(self, name):
        return name == "c1"

    def n_cpus(self, name):
        return self.nodes[name]

    def n_gpus(self, name):
        return 1

    def cpu_usage(self, name):
        if name == "c2":
            return None
        return {"total": [50, 0, 0, 0, 50], "core": [[50, 0, 0, 0, 50]] * 3 + [None]}

    def mem(self, name):
        return {"used": 1000, "total": 4000}

    def gpus(self, name):
        return {"gpu0": 40} if name == "c1" else {"gpu0_util": 55.5}

    def infiniband(self, name):
        return {"ib_bytes_in": 1, "ib_bytes_out": 2, "ib_pkts_in": 3, "ib_pkts_out": 4}

    def job_ids(self):
        return list(self.jobs)

    def job_name(self, job_id):
        return "banner.sh"

    def job_username(self, job_id):
        return "ada"

    def job_state(self, job_id):
        return self.jobs[job_id]

    def job_layout(self, job_id):
        return {"c1": [0, 1], "c2": [3]} if job_id == "100" else {}

    def job_ncpus(self, job_id):
        return 3 if job_id == "100" else 2

    def job_time_limit(self, job_id):
        return 60

    def job_run_time(self, job_id):
        return 12

    def job_mem(self, job_id):
        return 0

    def job_mem_max(self, job_id):
        return 0

    def job_mem_request(self, job_id):
        return 2048
'''

NODES = tuple(
    Node(name=f"n{i}", up=i != 3, n_cpus=16, n_gpus=0, state="DOWN" if i == 3 else "MIXED") for i in range(4)
)
JOBS = (
    Job(
        job_id="10",
        name="alone",
        username="bea",
        state="RUNNING",
        n_cpus=3,
        layout={"n0": (0, 1), "n1": (5,)},
        time_limit=90.0,
        run_time=4.5,
        start_time=NOW - 270,
        memory_request=512,
    ),
    Job(
        job_id="11_[0-9:3%2]",
        name="sweep",
        username="cai",
        state="PENDING",
        n_cpus=2,
        array_id="11",
        array_tasks="0-9:3%2",
        task_count=4,
    ),
    Job(
        job_id="12_[0-4,...]",
        name="cut",
        username="cai",
        state="PENDING",
        n_cpus=1,
        array_id="12",
        array_tasks="0-4,...",
        task_count=9,
    ),
    Job(job_id="11_2", name="sweep", username="cai", state="RUNNING", n_cpus=2, array_id="11"),
)


class FakeSlurm:
    """Answers as Slurm's sources do, and counts how often it is asked."""

    name = "slurm (fake)"

    def __init__(self) -> None:
        self.loads = 0
        self.closed = False

    def load(self, only_user: str | None = None) -> SlurmAnswer:
        self.loads += 1
        return SlurmAnswer(
            taken_at=NOW,
            cluster="testing",
            version="24.11",
            nodes=NODES,
            jobs=JOBS,
            partitions=(Partition(name="main", nodes="n[0-3]"),),
            calls=4,
            seconds=0.5,
        )

    def close(self) -> None:
        self.closed = True


def slurm_site(folder: Path) -> BackendBase:
    return SlurmBackend(FakeSlurm())


def readings() -> FakeSource:
    """Measures one node wholly and one job, under names with a domain."""
    node = NodeReading(
        reported_at=NOW - 5,
        cpu=CpuUse(CpuTimes(50, 0, 10, 0, 40), CoreUse([(core, 0, 0, 0, 100 - core) for core in range(16)])),
        memory=Used(1000, 64000),
        swap=Free(10, 20),
        disk=Free(30, 40),
        gpus=(Gpu("gpu0", 12.5, Used(1, 16)), Gpu("gpu1", None, None)),
        infiniband=Traffic(1, 2, 3, 4),
        lustre=ReadWrite(5, 6),
        jobfs=ReadWrite(7, 8),
        load=1.5,
    )
    job = JobReading(
        memory={"n0.site.org": 300},
        lustre={"home": {"oss": LustreRate(1, 2, None)}},
        jobfs={"n0.site.org": 17},
    )
    return FakeSource(
        "ganglia", ReadingsAnswer(taken_at=NOW, nodes={"n0.site.org": node}, jobs={"10": job}, calls=1)
    )


def measured_site(folder: Path) -> BackendBase:
    return MeasuredBackend(FakeSlurm(), [readings()])


def ozstar_site(folder: Path) -> BackendBase:
    return OzstarBackend(
        FakeSlurm(),
        [readings()],
        nodes={"column_ordered": ["n*"], "counted": ["n[0-3]"]},
        short_user_names=True,
    )


def demo_site(folder: Path) -> BackendBase:
    return DemoBackend(nodes=12, jobs=60, clock=lambda: NOW)


def old_site(folder: Path) -> BackendBase:
    (folder / "backend_old.py").write_text(OLD_FILE, encoding="utf-8")
    return load_backend("old", folders=[folder])


def whole_old_site(folder: Path) -> BackendBase:
    file = Path(__file__).parents[1] / "ui" / "old_style_backend.py"
    (folder / "backend_forest.py").write_bytes(file.read_bytes())
    return load_backend("forest", folders=[folder])


def silent_site(folder: Path) -> BackendBase:
    (folder / "backend_silent.py").write_text(
        "from backend_base import BackendBase\n\n\nclass Backend(BackendBase):\n"
        "    def hostnames(self):\n        return ['c1']\n\n"
        "    def job_ids(self):\n        return ['100']\n",
        encoding="utf-8",
    )
    return load_backend("silent", folders=[folder])


SITES: dict[str, Callable[[Path], BackendBase]] = {
    "slurm": slurm_site,
    "measured": measured_site,
    "ozstar": ozstar_site,
    "demo": demo_site,
    "old file": old_site,
    "old file with every method": whole_old_site,
    "file that answers nothing": silent_site,
}
