"""The InfluxDB source on a real InfluxDB: what is stored is what is read, core by core."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from jobmon_tui.errors import SourceError
from jobmon_tui.model.measures import CpuTimes, Free, Gpu, LustreRate, ReadWrite, Traffic, Used
from jobmon_tui.model.series import SeriesRequest
from jobmon_tui.sources.influxdb import InfluxOptions, InfluxSource
from jobmon_tui.sources.influxdb_schema import InfluxSchema, JobDiskSchema
from jobmon_tui.sources.secrets import SecretPlace
from tests import servers
from tests.real.influxdb_server import InfluxServer, why_unavailable
from tests.real.slurm_cluster import SlurmCluster
from tests.real.slurm_cluster import why_unavailable as why_no_slurm

pytestmark = pytest.mark.real

HOST = "c001"
ODD = "node, one=1 'two' \"three\" \\ é"
"""A host name that no site has, so that nothing can be slipped into a query by one."""
SCHEMA = InfluxSchema(job_disk=JobDiskSchema(devices=(("c*", "nvme0n1"), ("*", "sd[ab]"))))
MIB = 1024**2


@pytest.fixture(scope="module")
def server() -> Iterator[InfluxServer]:
    servers.demand(why_unavailable())
    with InfluxServer() as server:
        yield server


@pytest.fixture
def database(server: InfluxServer, request: pytest.FixtureRequest) -> str:
    name = f"of {request.node.originalname} {time.monotonic_ns()}"
    server.create(name)
    return name


def source_of(server: InfluxServer, database: str) -> InfluxSource:
    return InfluxSource(InfluxOptions(url=server.url, database=database, schema=SCHEMA))


def tag(text: str) -> str:
    for character in ",= ":
        text = text.replace(character, "\\" + character)
    return text


def cpu_line(host: str, core: str, times: tuple[float, ...], at: int) -> str:
    names = ("usage_user", "usage_nice", "usage_system", "usage_iowait", "usage_idle")
    fields = ",".join(f"{name}={value}" for name, value in zip(names, times, strict=True))
    return f"cpu,cpu={core},host={tag(host)},site=here {fields} {at}"


def core_times(core: int) -> CpuTimes:
    return CpuTimes(10.25 + core, 1.5, 2.0, 0.25, 86.0 - core)


def test_every_core_has_the_numbers_that_were_stored(server: InfluxServer, database: str) -> None:
    now = int(time.time())
    hosts = (HOST, ODD)
    lines = [
        cpu_line(host, f"cpu{core}", core_times(core), now - 5)
        for host in hosts
        for core in range(64)
        if core != 7
    ]
    lines += [cpu_line(host, "cpu3", (99, 0, 0, 0, 1), now - 15) for host in hosts]
    lines += [cpu_line(host, "cpu-total", (40, 1, 2, 3, 54), now - 5) for host in hosts]
    server.write(database, lines)
    answer = source_of(server, database).load(hosts, ())
    assert set(answer.nodes) == set(hosts)
    for reading in answer.nodes.values():
        assert reading.cpu is not None
        assert reading.cpu.total == CpuTimes(40, 1, 2, 3, 54)
        assert list(reading.cpu.cores) == [None if core == 7 else core_times(core) for core in range(64)]
        assert reading.reported_at == now - 5
    assert answer.version.startswith("1.")
    assert (answer.calls, answer.problems) == (1, ())


def test_everything_else_of_a_node(server: InfluxServer, database: str) -> None:
    now = int(time.time())
    lines = [
        f"mem,host={HOST} used={3000 * MIB}i,total={64000 * MIB}i {now}",
        f"swap,host={HOST} free={900 * MIB}i,total={1000 * MIB}i {now}",
        f"disk,host={HOST},path=/,device=sda1 free={40 * 1024 * MIB}i,total={100 * 1024 * MIB}i {now}",
        f"disk,host={HOST},path=/home,device=sdb free=1i,total=2i {now}",
        f"nvidia_smi,host={HOST},index=1,pstate=P0 utilization_gpu=80i,memory_total=16384i,"
        f"memory_free=6384i {now}",
        f"nvidia_smi,host={HOST},index=0,pstate=P8 utilization_gpu=1i,memory_total=16384i,"
        f"memory_used=5i {now - 20}",
        f"nvidia_smi,host={HOST},index=0,pstate=P0 utilization_gpu=97i,memory_total=16384i,"
        f"memory_used=12000i {now}",
        f"system,host={HOST} load1=12.5 {now}",
        f"temp,host={HOST},sensor=core_0 temp=55 {now}",
        f"temp,host={HOST},sensor=core_1 temp=61.5 {now}",
    ]
    for ago in (20, 10, 0):
        passed = 1000 - ago
        at = now - ago
        lines += [
            f"infiniband,host={HOST},device=mlx5_0,port=1 port_rcv_data={passed * 100}i,"
            f"port_xmit_data={passed * 200}i,port_rcv_packets={passed * 3}i,"
            f"port_xmit_packets={passed * 4}i {at}",
            f"net,host={HOST},interface=ib0 bytes_recv={passed}i,bytes_sent=0i,"
            f"packets_recv=0i,packets_sent=0i {at}",
            f"net,host=g001,interface=ib0 bytes_recv={passed * 7}i,bytes_sent={passed * 8}i,"
            f"packets_recv={passed * 9}i,packets_sent={passed * 10}i {at}",
            f"net,host=g001,interface=eth0 bytes_recv={passed * 7000}i,bytes_sent=0i,"
            f"packets_recv=0i,packets_sent=0i {at}",
            f"diskio,host={HOST},name=nvme0n1 read_bytes={passed * 50}i,write_bytes={passed * 60}i {at}",
            f"diskio,host={HOST},name=sda read_bytes={passed * 5000}i,write_bytes=0i {at}",
            f"diskio,host=g001,name=sda read_bytes={passed * 1}i,write_bytes={passed * 2}i {at}",
            f"diskio,host=g001,name=sdb read_bytes={passed * 10}i,write_bytes={passed * 20}i {at}",
            f"diskio,host=g002,name=sda read_bytes={ago}i,write_bytes={passed}i {at}",
            f"lustre_client,host={HOST},fs=home read_bytes={passed * 11}i,write_bytes={passed * 12}i {at}",
            f"lustre_client,host={HOST},fs=work read_bytes={passed * 100}i,write_bytes={passed * 200}i {at}",
        ]
    server.write(database, lines)
    nodes = source_of(server, database).load((), ()).nodes
    node = nodes[HOST]
    assert node.memory == Used(3000, 64000)
    assert node.swap == Free(900, 1000)
    assert node.disk == Free(40, 100)
    assert node.gpus == (Gpu("gpu0", 97, Used(12000, 16384)), Gpu("gpu1", 80, Used(10000, 16384)))
    assert (node.load, node.temperature, node.power) == (12.5, 61.5, None)
    assert node.cpu is None
    assert node.infiniband == Traffic(400, 800, 3, 4)
    assert node.jobfs == ReadWrite(50, 60)
    assert node.lustre == ReadWrite(111, 212)
    assert nodes["g001"].infiniband == Traffic(7, 8, 9, 10)
    assert nodes["g001"].jobfs == ReadWrite(11, 22)
    assert nodes["g001"].memory is None
    assert nodes["g002"].jobfs is None  # Its counter of reads started anew.


def test_what_is_older_than_the_window_is_unknown(server: InfluxServer, database: str) -> None:
    now = int(time.time())
    server.write(database, [f"mem,host={HOST} used=1i,total=2i {now - 1000}"])
    answer = source_of(server, database).load((), ())
    assert answer.nodes == {}
    assert "nothing was stored" in answer.problems[0]


def test_jobs(server: InfluxServer, database: str) -> None:
    now = int(time.time())
    lines = [
        f"RSS,host=c001,job=12,step=0,task=0 value=102400 {now - 40}",
        f"RSS,host=c001,job=12,step=0,task=0 value=204800 {now - 30}",
        f"RSS,host=c001,job=12,step=0,task=1 value=1024 {now - 31}",
        f"RSS,host=c001,job=12,step=-5,task=0 value=512 {now - 31}",
        f"RSS,host=c002,job=12,step=0,task=2 value=2048 {now - 31}",
        f"RSS,host=c002,job=13,step=-5,task=0 value=4096 {now - 31}",
        f"jobfs,host=c001,job=12 used={77 * MIB}i {now}",
    ]
    for ago in (60, 30, 0):
        passed, at = 1000 - ago, now - ago
        lines += [
            f"lustre2,host=oss1,name=home-{target},jobid=12 jobstats_read_bytes={passed * 10}i,"
            f"jobstats_write_bytes={passed * 20}i,jobstats_read_calls={passed}i {at}"
            for target in ("OST0000", "OST0001")
        ]
        lines.append(
            f"lustre2,host=mds1,name=home-MDT0000,jobid=12 jobstats_open={passed}i,"
            f"jobstats_close={passed * 2}i {at}"
        )
        lines.append(f"lustre2,host=mds1,name=home-MDT0000,jobid=bash.0 jobstats_open={passed}i {at}")
    server.write(database, lines)
    jobs = source_of(server, database).load((), ("12", "13")).jobs
    assert set(jobs) == {"12", "13"}
    assert jobs["12"].memory == {"c001": 201.5, "c002": 2}
    assert jobs["12"].jobfs == {"c001": 77}
    assert jobs["12"].lustre == {
        "home": {"oss": LustreRate(20, 40, 2), "mds": LustreRate(None, None, 3)},
    }
    assert jobs["13"].memory == {"c002": 4}
    assert jobs["13"].lustre == {}


def test_charts(server: InfluxServer, database: str) -> None:
    now = int(time.time()) // 20 * 20
    start = now - 1800
    lines = []
    for at in range(start, now, 10):
        if start + 600 <= at < start + 700:
            continue
        count = (at - start) if at < start + 1200 else (at - start - 1200)
        lines += [cpu_line(host, "cpu-total", (30, 5, 10, 2, 53), at) for host in (HOST, ODD)]
        lines += [
            cpu_line(HOST, "cpu0", (90, 0, 0, 0, 10), at),
            f"mem,host={HOST} used={(2000 if at < start + 900 else 4000) * MIB}i,total={8000 * MIB}i {at}",
            f"swap,host={HOST} free={900 * MIB}i,total={1000 * MIB}i {at}",
            f"nvidia_smi,host={HOST},index=0 utilization_gpu=20i,memory_used=100i {at}",
            f"nvidia_smi,host={HOST},index=1 utilization_gpu=40i,memory_used=300i {at}",
            f"infiniband,host={HOST},device=mlx5_0,port=1 port_rcv_data={count * 25}i,port_xmit_data=0i {at}",
            f"diskio,host={HOST},name=nvme0n1 read_bytes={count * 3}i,write_bytes={count * 5}i {at}",
            f"diskio,host={HOST},name=sda read_bytes={count * 300}i,write_bytes=0i {at}",
            f"RSS,host=c001,job=12,step=0,task=0 value=10240 {at}",
            f"RSS,host=c002,job=12,step=0,task=1 value=20480 {at}",
            f"lustre2,host=oss1,name=home-OST0000,jobid=12 jobstats_read_bytes={count * 4}i {at}",
            f"lustre2,host=oss1,name=work-OST0000,jobid=12 jobstats_read_bytes={count * 6}i {at}",
        ]
    server.write(database, lines)

    def wanted(reading: str, name: str = HOST, points: int = 90) -> SeriesRequest:
        kind = "job" if name == "12" else "node"
        return SeriesRequest(kind=kind, name=name, reading=reading, start=start, end=now, points=points)  # type: ignore[arg-type]

    expected = {
        ("cpu_user", HOST): 35.0,
        ("cpu_user", ODD): 35.0,
        ("cpu_wait", HOST): 2.0,
        ("swap", HOST): 100.0,
        ("gpu", HOST): 30.0,
        ("gpu:1", HOST): 40.0,
        ("gpu_memory", HOST): 400.0,
        ("gpu_memory:0", HOST): 100.0,
        ("infiniband_in", HOST): 100.0,
        ("jobfs_write", HOST): 5.0,
        ("memory", "12"): 30.0,
        ("lustre_read", "12"): 10.0,
        ("lustre_read:home", "12"): 4.0,
    }
    requests = [wanted(reading, name) for reading, name in expected]
    source = source_of(server, database)
    for series, value, request in zip(source.series(requests), expected.values(), requests, strict=True):
        assert series is not None, request
        if request.kind == "node":
            assert len(series.times) == 90
            assert series.times[0] == start
            # Twenty seconds a step; nothing was stored for a hundred seconds.
            assert series.values[30:35] == (None,) * 5, request
        known = [number for number in series.values if number is not None]
        assert known == pytest.approx([value] * len(known)), request
    (memory,) = source.series([wanted("memory")])
    assert memory is not None
    assert memory.unit == "MiB"
    assert (memory.values[0], memory.values[-1]) == (2000, 4000)
    assert source.series([wanted("lustre_read:nowhere", "12"), wanted("cpu_system", "12")]) == [None, None]


@pytest.mark.parametrize(
    "name",
    [
        "c001' OR 'a' = 'a",
        "c001\\' OR \\'a\\' = \\'a",
        'x\'; DROP DATABASE "kept"; --',
        'c001"',
        "c\n001",
        "\\",
    ],
)
def test_a_name_is_never_part_of_the_query(server: InfluxServer, database: str, name: str) -> None:
    server.create("kept")
    now = int(time.time())
    server.write(database, [f"mem,host={HOST} used=1i,total=2i {at}" for at in range(now - 100, now, 10)])
    request = SeriesRequest(kind="node", name=name, reading="memory", start=now - 100, end=now)
    honest = replace(request, name=HOST)
    assert source_of(server, database).series([request])[0] is None
    assert source_of(server, database).series([request, honest])[1] is not None
    assert "kept" in server.databases()


def test_a_database_that_is_not_there(server: InfluxServer) -> None:
    with pytest.raises(SourceError, match="database not found: nowhere"):
        source_of(server, "nowhere").load((), ())


def test_user_and_password_from_a_file(tmp_path: Path) -> None:
    servers.demand(why_unavailable())
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text("open sésame\n")
    wrong.write_text("closed sesame\n")
    with InfluxServer(user="reader", password="open sésame") as server:
        server.create("telegraf")
        server.write("telegraf", [f"mem,host={HOST} used={MIB}i,total={MIB}i {int(time.time())}"])
        options = InfluxOptions(url=server.url, user="reader", password=SecretPlace(file=right))
        assert InfluxSource(options).load((), ()).nodes[HOST].memory == Used(1, 1)
        with pytest.raises(SourceError) as caught:
            InfluxSource(replace(options, password=SecretPlace(file=wrong))).load((), ())
        assert "401" in caught.value.message
        assert "password" in caught.value.hint
        assert "sesame" not in repr((caught.value, caught.value.__context__, options))
        with pytest.raises(SourceError, match="401"):
            InfluxSource(InfluxOptions(url=server.url)).load((), ())


@pytest.mark.slow
def test_slurm_writes_what_its_jobs_use(server: InfluxServer) -> None:
    database = "profiles"
    server.create(database)
    servers.demand(why_no_slurm())
    hold = "python3 -c 'import time; held = bytearray(b\"x\") * (200 * 1024**2); time.sleep(600)'"
    with SlurmCluster(profile_to=f"127.0.0.1:{server.port}", profile_database=database) as cluster:
        job = cluster.submit("games", "--nodelist=c002", "--acctg-freq=task=1", script=hold)
        source = source_of(server, database)

        def megabytes() -> float:
            reading = source.load(("c002",), (job,)).jobs.get(job)
            return reading.memory.get("c002", 0) if reading else 0

        cluster.wait_until(lambda: megabytes() > 200, "the job's memory is stored", deadline=90)
        assert 200 < megabytes() < 240
        now = time.time()
        request = SeriesRequest(kind="job", name=job, reading="memory", start=now - 120, end=now + 10)
        (series,) = source.series([request])
        assert series is not None
        assert 200 < max(value for value in series.values if value is not None) < 240
