"""The compact history: what goes in comes out, whatever happens to the file or to whoever writes it."""

from __future__ import annotations

import math
import shutil
import struct
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobmon_tui.errors import SnapshotError
from jobmon_tui.feeds import store_reader
from jobmon_tui.feeds.store import StoreReader, StoreWriter
from jobmon_tui.feeds.store_fields import JOB_KINDS, NODE_KINDS
from jobmon_tui.model.series import SeriesRequest
from jobmon_tui.model.snapshot import (
    CoreUse,
    CpuTimes,
    CpuUse,
    Job,
    LustreRate,
    Node,
    ReadWrite,
    Snapshot,
    Traffic,
    Usage,
    Used,
)
from tests.unit.test_wire import snapshots

BEGIN = 1_790_000_000.0


def snapshot(time: float, n_jobs: int = 20) -> Snapshot:
    """A small cluster that changes with time."""
    tick = int(time - BEGIN) // 30
    nodes = {}
    for number in range(4):
        busy = (7 * tick + 13 * number) % 100
        times = CpuTimes(busy, 0, 1, 0, 99 - busy)
        nodes[f"c{number}"] = Node(
            name=f"c{number}",
            up=True,
            n_cpus=8,
            cpu=CpuUse(times, CoreUse([times] * 8)),
            memory=Used(1000.0 + 10 * tick, 64000.0),
            infiniband=Traffic(1000.5 * tick, 17.0, None, None),
        )
    jobs = {}
    for number in range(tick, tick + n_jobs):
        running = number < tick + n_jobs // 2
        host = f"c{number % 4}"
        jobs[str(number)] = Job(
            job_id=str(number),
            name=f"job {number}",
            username=f"user{number % 3}",
            state="RUNNING" if running else "PENDING",
            n_cpus=2,
            layout={host: (2 * (number % 4), 2 * (number % 4) + 1)} if running else {},
            run_time=tick * 0.5,
            memory={host: 100.0 + tick} if running else {},
            lustre={"home": {"oss": LustreRate(1.5 * tick, None, 3.0)}} if running else {},
        )
    usage = Usage(available=32, running=tick % 33, users={"user0": tick % 33})
    return Snapshot(timestamp=time, nodes=nodes, jobs=jobs, usage=usage, cluster="test")


def write(folder: Path, times: Sequence[float], **options: Any) -> None:
    writer = StoreWriter(folder, **options)
    for time in times:
        writer.append(snapshot(time))
    writer.close()


def every_30_seconds(count: int, begin: float = BEGIN) -> list[float]:
    return [begin + 30 * number for number in range(count)]


def only_segment(folder: Path) -> Path:
    (path,) = folder.glob("*.segment")
    return path


def check_all(folder: Path, times: Sequence[float]) -> None:
    reader = StoreReader(folder)
    assert reader.times() == tuple(times)
    for time in times:
        assert reader.read(time) == snapshot(time)


# What goes in comes out


def test_the_kinds_leave_no_attribute_out() -> None:
    assert set(JOB_KINDS) == set(Job.__slots__)
    assert {*NODE_KINDS, "cpu"} == set(Node.__slots__)


def test_nobody_has_written_yet(tmp_path: Path) -> None:
    reader = StoreReader(tmp_path / "store")
    assert (reader.times(), reader.history(), reader.problems) == ((), {}, ())
    assert reader.series([SeriesRequest(kind="node", name="c1", reading="memory", start=0, end=1)]) == [None]
    with pytest.raises(SnapshotError, match="store holds no snapshot"):
        reader.read(5.0)


@pytest.mark.slow
def test_what_was_appended_is_read_in_any_order(tmp_path: Path) -> None:
    times = every_30_seconds(130)
    write(tmp_path, times)
    assert len(list(tmp_path.glob("*.segment"))) == 2
    check_all(tmp_path, times)
    for time in reversed(times):
        assert StoreReader(tmp_path).read(time) == snapshot(time)


def test_the_order_of_nodes_and_jobs_is_kept(tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path)
    orders: list[list[str]] = [["3", "1", "2"], ["2", "9", "3", "1"], ["1", "2", "9"], [], ["9", "1"]]
    for step, order in enumerate(orders):
        jobs = {name: Job(job_id=name, name="j", username="u", state="RUNNING", n_cpus=1) for name in order}
        writer.append(Snapshot(timestamp=BEGIN + step, jobs=jobs))
    reader = StoreReader(tmp_path)
    assert [list(reader.read(time).jobs) for time in reader.times()] == orders


def test_a_record_under_another_key_keeps_it(tmp_path: Path) -> None:
    odd = Snapshot(timestamp=BEGIN, nodes={"alias": Node(name="c1")})
    StoreWriter(tmp_path).append(odd)
    assert StoreReader(tmp_path).read(BEGIN) == odd


def test_without_the_queue_only_pending_jobs_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, [BEGIN])
    slim = StoreReader(tmp_path).read(BEGIN, with_queue=False)
    whole = snapshot(BEGIN)
    assert slim == replace(whole, jobs={key: job for key, job in whole.jobs.items() if job.is_running})


def test_unchanged_records_are_shared_between_snapshots(tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path)
    still = {"1": Job(job_id="1", name="x" * 100, username="u", state="PENDING", n_cpus=1)}
    for step in range(3):
        writer.append(replace(snapshot(BEGIN + step), jobs=dict(still)))
    reader = StoreReader(tmp_path)
    found = [reader.read(time).jobs["1"] for time in reader.times()]
    assert found[0] is found[1] is found[2]


def kept(value: Any) -> Any:
    """A value as the store keeps it: rates to seven digits, times of cores to tenths if they are no such."""

    def single(number: Any) -> Any:
        return None if number is None else struct.unpack("<f", struct.pack("<f", number))[0]

    def node(one: Node) -> Node:
        changes: dict[str, Any] = {
            name: type(value)(*map(single, value))
            for name in ("infiniband", "lustre", "jobfs")
            if (value := getattr(one, name)) is not None
        }
        if one.gpus is not None:
            changes["gpus"] = tuple(
                gpu._replace(
                    utilisation=single(gpu.utilisation),
                    memory=None if gpu.memory is None else Used(*map(single, gpu.memory)),
                )
                for gpu in one.gpus
            )
        if one.cpu is not None:
            total = None if one.cpu.total is None else CpuTimes(*map(single, one.cpu.total))
            cores = one.cpu.cores
            known = [time for core in cores if core is not None for time in core]
            if any(time > 6500 for time in known):
                changes["cpu"] = CpuUse(total, cores)
            else:
                rounded = [
                    None if core is None else CpuTimes(*(round(time * 10) / 10 for time in core))
                    for core in cores
                ]
                changes["cpu"] = CpuUse(total, CoreUse(rounded))
        return replace(one, **changes)

    def job(one: Job) -> Job:
        lustre = {
            system: {server: LustreRate(*map(single, rate)) for server, rate in servers.items()}
            for system, servers in one.lustre.items()
        }
        return replace(one, lustre=lustre)

    return replace(
        value,
        nodes={name: node(one) for name, one in value.nodes.items()},
        jobs={job_id: job(one) for job_id, one in value.jobs.items()},
    )


@pytest.mark.slow
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(snapshots, min_size=1, max_size=6))
def test_writing_and_reading_again_changes_nothing(tmp_path: Path, found: list[Snapshot]) -> None:
    folder = tmp_path / "store"
    shutil.rmtree(folder, ignore_errors=True)
    written = [replace(one, timestamp=BEGIN + 30 * step) for step, one in enumerate(found)]
    writer = StoreWriter(folder)
    for one in written:
        writer.append(one)
    reader = StoreReader(folder)
    for one in written:
        assert kept(reader.read(one.timestamp)) == kept(one)
    writer.close()
    reader = StoreReader(folder)
    for one in reversed(written):
        assert kept(reader.read(one.timestamp)) == kept(one)


def test_numbers_of_every_size_come_back_exactly(tmp_path: Path) -> None:
    odd = [
        0,
        1,
        -1,
        2**53 + 1,
        -(2**63),
        2**63 - 1,
        2**70,
        0.1,
        1 / 3,
        5.0,
        1e300,
        -1e-300,
        math.inf,
        17 / 60,
    ]
    writer = StoreWriter(tmp_path)
    given_jobs = []
    for step in range(4):
        numbers = odd[step:] + odd[:step]
        jobs = {
            str(at): Job(job_id=str(at), name="", username="", state="", n_cpus=1, memory_max=number)
            for at, number in enumerate(numbers)
        }
        given_jobs.append(jobs)
        writer.append(Snapshot(timestamp=BEGIN + step, jobs=jobs))
    reader = StoreReader(tmp_path)
    for time, jobs in zip(reader.times(), given_jobs, strict=True):
        found = reader.read(time).jobs
        assert [repr(job.memory_max) for job in found.values()] == [
            repr(job.memory_max) for job in jobs.values()
        ]


def test_unknown_cores_and_cores_of_every_kind_come_back(tmp_path: Path) -> None:
    kinds = [
        CoreUse([CpuTimes(1, 0, 2, 0, 97), None, CpuTimes(100, 0, 0, 0, 0)]),
        CoreUse([CpuTimes(1.5, 0, 2.1, 0, 96.4), None]),
        CoreUse([CpuTimes(300, 0, 0, 0, -200.25)]),
        CoreUse([None]),
        CoreUse([]),
    ]
    writer = StoreWriter(tmp_path)
    for step in range(len(kinds)):
        uses = kinds[step:] + kinds[:step]
        nodes = {f"c{at}": Node(name=f"c{at}", cpu=CpuUse(None, use)) for at, use in enumerate(uses)}
        writer.append(Snapshot(timestamp=BEGIN + step, nodes=nodes))
    reader = StoreReader(tmp_path)
    for step, time in enumerate(reader.times()):
        uses = kinds[step:] + kinds[:step]
        assert [node.cpu for node in reader.read(time).nodes.values()] == [CpuUse(None, use) for use in uses]


def test_measured_rates_keep_seven_digits_and_cores_a_tenth(tmp_path: Path) -> None:
    core = CpuTimes(97.39478957915831, 0.0, 1.23456, 0.0, 1.37)
    node = Node(name="c1", cpu=CpuUse(core, CoreUse([core])), lustre=ReadWrite(123456.789123, 1 / 3))
    StoreWriter(tmp_path).append(Snapshot(timestamp=BEGIN, nodes={"c1": node}))
    found = StoreReader(tmp_path).read(BEGIN).nodes["c1"]
    assert found.lustre == pytest.approx(node.lustre, rel=1e-7)
    assert found.cpu is not None
    assert found.cpu.total == pytest.approx(core, rel=1e-7)
    assert list(found.cpu.cores) == [CpuTimes(97.4, 0.0, 1.2, 0.0, 1.4)]


@pytest.mark.slow
def test_fifty_thousand_hostile_strings_come_back(tmp_path: Path) -> None:
    pieces = ["\x1b[2J", "\n", "\0", "\ud800", "\udfff", "😀", '"', "\\", "a" * 300, "\u202e", "é", "\u2028"]
    writer = StoreWriter(tmp_path)
    hostile = [
        "".join(pieces[(number >> shift) % len(pieces)] for shift in range(0, 12, 3)) + str(number)
        for number in range(50_000)
    ]
    made = []
    for step in range(2):
        jobs = {
            name: Job(job_id=name, name=hostile[at - step], username=name, state="PENDING", n_cpus=1)
            for at, name in enumerate(hostile)
        }
        made.append(Snapshot(timestamp=BEGIN + step, jobs=jobs, notes=tuple(hostile[:50])))
        writer.append(made[-1])
    reader = StoreReader(tmp_path)
    assert [reader.read(time) for time in reader.times()] == made


def test_many_charts_at_once_are_those_that_are_asked_for_one_by_one(tmp_path: Path) -> None:
    times = every_30_seconds(150)
    write(tmp_path, times)
    reader = StoreReader(tmp_path)
    start, end = times[20] + 5, times[140]
    subjects: tuple[tuple[Literal["node", "job"], Iterable[str]], ...] = (
        ("node", snapshot(BEGIN).nodes),
        ("job", snapshot(BEGIN).jobs),
    )
    requests = [
        SeriesRequest(kind=kind, name=name, reading=reading, start=start, end=end)
        for kind, names in subjects
        for name in (*names, "nobody")
        for reading in ("memory", "cpu_user", "no such")
    ]
    assert len({(one.kind, one.name) for one in requests}) > store_reader.FEW_SUBJECTS
    one_by_one = [reader.series([one])[0] for one in requests]
    assert reader.series(requests) == one_by_one
    assert any(one is not None and len(one.times) > 20 for one in one_by_one)
