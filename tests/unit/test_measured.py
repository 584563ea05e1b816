"""Slurm's nodes and jobs with what several sources measured of them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from jobmon_tui.backends.base import BackendBase
from jobmon_tui.backends.host_names import HostNames
from jobmon_tui.backends.job_memory import memory_file
from jobmon_tui.backends.loading import load_backend
from jobmon_tui.backends.measured import MeasuredBackend
from jobmon_tui.errors import PluginError, SourceError, UsageError
from jobmon_tui.feeds.live import LiveFeed
from jobmon_tui.feeds.one_user import OneUserFeed
from jobmon_tui.model.measures import CoreUse, CpuTimes, CpuUse, Free, Gpu, LustreRate, Traffic, Used
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.model.snapshot import Job, Node
from jobmon_tui.sources.readings import JobReading, NodeReading, ReadingsAnswer
from jobmon_tui.sources.slurm.answer import SlurmAnswer
from tests.unit.fake_readings import FakeSource

NOW = time.time()
DAY = 86400.0
"""Readings of `NOW` are not stale for so long, however long the other tests take."""
NODES = (Node(name="c1", n_cpus=4, up=True, sockets=2), Node(name="c2", n_cpus=4, up=True, cpu_load=9.5))
BUSY = CpuTimes(70, 0, 10, 0, 20)


def job(job_id: str, username: str = "ada", **changes: Any) -> Job:
    given: dict[str, Any] = {"state": "RUNNING", "n_cpus": 2, "start_time": NOW - 600, "name": "fold"}
    return Job(job_id=job_id, username=username, **(given | changes))


JOBS = (
    job("1", layout={"c1": (0, 1)}),
    job("7_3", username="bea", layout={"c2": (0, 1)}, array_id="7", number=12),
    job("9", state="PENDING"),
)


class Slurm:
    """Gives its answers in turn, the last one for ever."""

    name = "slurm (fake)"

    def __init__(self, *answers: SlurmAnswer | SourceError) -> None:
        self.answers = list(answers) or [slurm_answer()]
        self.is_closed = False

    def load(self, only_user: str | None = None) -> SlurmAnswer:
        said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(said, SourceError):
            raise said
        return said

    def close(self) -> None:
        self.is_closed = True


def slurm_answer(nodes: tuple[Node, ...] = NODES, jobs: tuple[Job, ...] = JOBS) -> SlurmAnswer:
    return SlurmAnswer(taken_at=NOW, cluster="heath", nodes=nodes, jobs=jobs, calls=4)


def says(nodes: dict[str, NodeReading] | None = None, jobs: dict[str, JobReading] | None = None) -> Any:
    return ReadingsAnswer(taken_at=NOW, nodes=nodes or {}, jobs=jobs or {}, calls=1)


def test_later_sources_fill_what_earlier_ones_do_not_know() -> None:
    first = FakeSource(
        "ganglia",
        says(
            {
                "c1.site.org": NodeReading(
                    cpu=CpuUse(BUSY, CoreUse(())),
                    memory=Used(1, 10),
                    gpus=(Gpu("gpu0", 40, None), Gpu("gpu1", None, None)),
                )
            }
        ),
    )
    cores = CoreUse([BUSY] * 4)
    second = FakeSource(
        "influxdb",
        says(
            {
                "C1": NodeReading(
                    cpu=CpuUse(CpuTimes(0, 0, 0, 0, 100), cores),
                    memory=Used(2, 20),
                    swap=Free(3, 4),
                    gpus=(Gpu("gpu0", 99, Used(1, 2)), Gpu("gpu1", 7, None)),
                    infiniband=Traffic(1, 2, 3, 4),
                    load=2.5,
                ),
                "c2": NodeReading(load=1.0),
                "c99": NodeReading(load=1.0),
            }
        ),
    )
    snapshot = MeasuredBackend(Slurm(), [first, second]).cycle()
    assert list(snapshot.nodes) == ["c1", "c2"]
    node = snapshot.nodes["c1"]
    assert node.cpu == CpuUse(BUSY, cores)
    assert (node.memory, node.swap, node.infiniband) == (Used(1, 10), Free(3, 4), Traffic(1, 2, 3, 4))
    assert node.gpus == (Gpu("gpu0", 40, Used(1, 2)), Gpu("gpu1", 7, None))
    assert node.cpu_load == 2.5
    # What Slurm says itself stands; what nobody measures is unknown.
    assert snapshot.nodes["c2"].cpu_load == 9.5
    assert snapshot.nodes["c2"].memory is None
    assert [source.name for source in snapshot.sources] == ["slurm (fake)", "ganglia", "influxdb"]


def test_sources_are_asked_about_slurms_nodes_and_running_jobs() -> None:
    source = FakeSource("ganglia", says())
    MeasuredBackend(Slurm(), [source]).cycle()
    # A task goes by its own number there.
    assert source.asked == [(["c1", "c2"], ["1", "12"])]


def test_jobs_get_their_readings_under_their_id_or_number() -> None:
    first = FakeSource(
        "influxdb",
        says(
            jobs={
                "1": JobReading(
                    memory={"c1.site": 100.0},
                    lustre={"home": {"oss": LustreRate(1, 2, None)}},
                    jobfs={"c1": 5},
                ),
                "12": JobReading(memory={"c2": 40.0}),
                "404": JobReading(memory={"c2": 1.0}),
            }
        ),
    )
    second = FakeSource(
        "prometheus",
        says(
            jobs={
                "1": JobReading(
                    memory={"c1": 7.0, "c2": 50.0},
                    memory_max=600,
                    lustre={"home": {"mds": LustreRate(None, None, 9), "oss": LustreRate(0, 0, 0)}},
                )
            }
        ),
    )
    jobs = MeasuredBackend(Slurm(), [first, second]).cycle().jobs
    assert jobs["1"].memory == {"c1": 100.0, "c2": 50.0}
    assert jobs["1"].memory_max == 600
    assert jobs["1"].lustre == {"home": {"mds": LustreRate(None, None, 9), "oss": LustreRate(1, 2, None)}}
    assert jobs["1"].jobfs == {"c1": 5}
    assert jobs["7_3"].memory == {"c2": 40.0}
    assert jobs["9"].memory == {}
    assert "404" not in jobs


def test_two_nodes_of_one_short_name_are_not_confused() -> None:
    nodes = [Node(name="n1.a"), Node(name="n1.b"), Node(name="m1.a"), Node(name="10.0.0.1")]
    names = HostNames(node.name for node in nodes)
    hosts = ("n1.a", "N1.B", "n1", "n1.c", "m1", "m1.other", "10.0.0.1", "10.0.0.2", "")
    assert [names.find(host) for host in hosts] == [
        *("n1.a", "n1.b", None, None, "m1.a", "m1.a", "10.0.0.1", None, None),
    ]


def test_highest_memory_is_tracked_and_survives_a_restart() -> None:
    def source(used: float) -> FakeSource:
        return FakeSource("influxdb", says(jobs={"1": JobReading(memory={"c1": used})}))

    backend = MeasuredBackend(Slurm(), [source(900.0)])
    assert backend.cycle().jobs["1"].memory_max == 900
    backend.close()
    again = MeasuredBackend(Slurm(), [source(100.0)]).cycle().jobs["1"]
    assert (dict(again.memory), again.memory_max) == ({"c1": 100.0}, 900)
    assert set(json.loads(memory_file("heath").read_text(encoding="utf-8"))["jobs"]) == {"1"}
    forgetful = MeasuredBackend(Slurm(), [source(100.0)], keep_job_memory=False)
    assert forgetful.cycle().jobs["1"].memory_max == 100


def test_a_job_that_nobody_measured_has_no_highest_memory() -> None:
    assert MeasuredBackend(Slurm(), [FakeSource("ganglia", says())]).cycle().jobs["1"].memory_max is None


def test_no_slurm_no_cycle() -> None:
    source = FakeSource("ganglia", says())
    backend = MeasuredBackend(Slurm(SourceError("squeue: no controller", "wait"), slurm_answer()), [source])
    with pytest.raises(SourceError, match="no controller"):
        backend.cycle()
    assert source.asked == []
    assert list(backend.cycle().nodes) == ["c1", "c2"]


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (SourceError("connection refused"), "connection refused"),
        (FakeSource.HANG, "has not answered"),
        ("garbage", "did not answer with readings"),
        (says({"c1": "garbage"}), "did not answer with readings"),  # type: ignore[dict-item]
        (says(jobs={"1": 7}), "did not answer with readings"),  # type: ignore[dict-item]
        (ReadingsAnswer(taken_at=NOW, nodes=5), "did not answer with readings"),  # type: ignore[arg-type]
    ],
)
def test_a_source_in_trouble_costs_its_own_readings_only(trouble: Any, words: str) -> None:
    good = says({"c1": NodeReading(memory=Used(1, 2))})
    bad = FakeSource("ganglia", says({"c1": NodeReading(load=3)}), trouble)
    backend = MeasuredBackend(Slurm(), [bad, FakeSource("influxdb", good)], time_limit=0.2, stale_after=DAY)
    before = backend.cycle()
    started = time.monotonic()
    snapshot = backend.cycle()
    assert time.monotonic() - started < 5
    ganglia, influxdb = snapshot.sources[1:]
    assert (ganglia.name, ganglia.ok, influxdb.ok) == ("ganglia", False, True)
    assert words in (ganglia.error or "")
    assert ganglia.failing_since is not None
    assert abs(ganglia.failing_since - time.time()) < 60
    assert ganglia.read_at == NOW
    # The last good readings stand beside the others.
    assert dict(snapshot.nodes) == dict(before.nodes)
    assert snapshot.nodes["c1"].cpu_load == 3
    bad.close()


def test_stale_readings_become_unknown() -> None:
    old = ReadingsAnswer(taken_at=NOW - 500, nodes={"c1": NodeReading(memory=Used(1, 2))})
    backend = MeasuredBackend(Slurm(), [FakeSource("ganglia", old, SourceError("down"))], stale_after=300)
    assert backend.cycle().nodes["c1"].memory == Used(1, 2)
    assert backend.cycle().nodes["c1"].memory is None


def test_one_users_jobs_come_with_fresh_readings_of_all_nodes() -> None:
    partial = slurm_answer(nodes=(), jobs=(JOBS[0],))
    source = FakeSource(
        "ganglia",
        says({"c1": NodeReading(load=1)}),
        says({"c1": NodeReading(load=2)}, {"1": JobReading(memory={"c1.site": 8})}),
    )
    backend = MeasuredBackend(Slurm(slurm_answer(), partial), [source])
    backend.cycle()
    backend.only_user = "ada"
    snapshot = backend.cycle()
    assert source.asked[1] == (["c1", "c2"], ["1", "12"])
    assert snapshot.nodes["c1"].cpu_load == 2
    assert snapshot.jobs["1"].memory == {"c1": 8}


def test_nodes_are_shown_counted_and_numbered_as_configured() -> None:
    nodes = (*NODES, Node(name="login1", n_cpus=2), Node(name="bonus1", n_cpus=8))
    users = CoreUse([(user, 0, 0, 0, 100 - user) for user in (1, 2, 3, 4)])
    source = FakeSource("ganglia", says({"c1": NodeReading(cpu=CpuUse(BUSY, users))}))
    backend = MeasuredBackend(
        Slurm(slurm_answer(nodes)),
        [source],
        nodes={"reported": ["c[1-2]", "bonus*"], "counted": ["c*"], "column_ordered": ["c*"]},
    )
    snapshot = backend.cycle()
    assert {name: node.is_counted for name, node in snapshot.nodes.items()} == {
        "c1": True,
        "c2": True,
        "bonus1": False,
    }
    cpu = snapshot.nodes["c1"].cpu
    assert cpu is not None
    assert [core.user for core in cpu.cores if core] == [1, 3, 2, 4]
    assert snapshot.usage is not None
    assert snapshot.usage.available == 8


SERIES = Series(times=(1.0,), values=(2.0,))
REQUEST = SeriesRequest(kind="node", name="c1", reading="memory", start=0, end=10)


def test_series_reach_the_feed() -> None:
    source = FakeSource("influxdb", says())
    source.series_of = lambda requests: [SERIES if each.name == "c1" else None for each in requests]
    feed = LiveFeed(MeasuredBackend(Slurm(), [source]))
    assert feed.series([REQUEST]) == (SERIES,)
    assert OneUserFeed(feed, "ada").series([REQUEST, REQUEST]) == (SERIES, SERIES)


def test_series_of_a_task_are_asked_for_by_its_number() -> None:
    source = FakeSource("influxdb", says())
    backend = MeasuredBackend(Slurm(), [source])
    backend.cycle()
    backend.series(
        [SeriesRequest(kind="job", name=name, reading="memory", start=0, end=10) for name in ("1", "7_3")]
    )
    assert [request.name for request in source.charted] == ["1", "12"]


def test_a_backend_whose_series_are_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "backend_odd.py").write_text(
        "from backend_base import BackendBase\n\n\nclass Backend(BackendBase):\n"
        "    def series(self, requests):\n        return [5]\n",
        encoding="utf-8",
    )
    with pytest.raises(PluginError, match="expected a list of 1 series"):
        LiveFeed(load_backend("odd", folders=[tmp_path])).series([REQUEST])


def test_a_backend_without_series_has_none() -> None:
    assert tuple(LiveFeed(BackendBase()).series([REQUEST])) == (None,)


def test_closing_ends_everything() -> None:
    slurm, source = Slurm(), FakeSource("ganglia", says())
    feed = LiveFeed(MeasuredBackend(slurm, [source]))
    feed.latest()
    feed.close()
    assert slurm.is_closed
    assert source.is_closed


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"nodes": {"counted": "c1"}}, "option nodes.counted must be a list"),
        ({"nodes": {"countd": ["c1"]}}, "no key 'countd'"),
        ({"nodes": {"counted": ["c[1-"]}}, "nodes.counted: the brackets"),
        ({"nodes": {"threaded": {"c*": {"cores": 4, "threads": "2"}}}}, "option nodes.threaded.c*.threads"),
        ({"nodes": 5}, "option 'nodes' must be a table"),
        ({"ganglia": {"addresses": ["a b:1"]}}, "option ganglia.addresses must be written as host:port"),
        ({"influxdb": {"url": "http://u:secret@h"}}, "must not hold a user or password"),
        ({"influxdb": {"url": "http://h", "schema": {"cppu": "x"}}}, "influxdb.schema has no key 'cppu'"),
        ({"influxdb": {"url": "http://h", "schema": {"cpu": {"user": 5}}}}, "influxdb.schema.cpu.user"),
        ({"prometheus": {"url": "http://h", "queries": {"weather": "up"}}}, "no reading weather"),
        ({"time_limit": "5"}, "'time_limit' must be a number of seconds"),
        ({"time_limit": -1}, "'time_limit' must be a number of seconds"),
        ({"keep_job_memory": "no"}, "'keep_job_memory' must be true or false"),
        ({"colour": "red"}, "has no option 'colour'"),
    ],
)
def test_options_that_make_no_sense_are_told(options: dict[str, Any], words: str) -> None:
    for name in ("measured", "ozstar"):
        if name == "ozstar" and "prometheus" in options:
            continue
        with pytest.raises(UsageError) as caught:
            load_backend(name, options=options)
        assert words in str(caught.value)
        assert "secret" not in str(caught.value) + caught.value.hint
