"""Reading and writing snapshot documents: nothing lost, nothing invented, nothing that crashes."""

from __future__ import annotations

import gzip
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobmon_tui.errors import SnapshotError
from jobmon_tui.model import wire
from jobmon_tui.model.snapshot import (
    BackfillSlot,
    CoreUse,
    CpuTimes,
    CpuUse,
    Free,
    Gpu,
    Job,
    LustreRate,
    Node,
    Partition,
    ReadWrite,
    Reservation,
    Snapshot,
    SourceStatus,
    Traffic,
    Usage,
    Used,
)

NODE_15: dict[str, Any] = {
    "up": True,
    "isCounted": False,
    "nCpus": 4,
    "nGpus": 1,
    "cpu": {"total": [40, 1, 2, 3, 54], "core": [[10, 0, 1, 0, 89], None, [70, 2, 3, 6, 19]]},
    "mem": {"used": 900, "total": 64000},
    "swap": {"free": 10, "total": 20},
    "gpus": {
        "gpu10": {"util": 40, "memory": {"used": 101, "total": 12288}},
        "gpu2": {"util": None, "memory": None},
    },
    "infiniband": {"bytes_in": 1, "bytes_out": 2, "pkts_in": 3, "pkts_out": 4},
    "lustre": {"read": 5, "write": 6},
    "jobfs": {"read": 7, "write": 8},
}
JOB_15: dict[str, Any] = {
    "name": "banks.sh",
    "username": "ann",
    "state": "RUNNING",
    "nCpus": 2,
    "nGpus": 1,
    "layout": {"c1": [0, 2]},
    "gpuLayout": {"c1": [0]},
    "timeLimit": 2880,
    "runTime": 502,
    "startTime": 1600959515,
    "mem": {"c1": 764},
    "memMax": 835,
    "memReq": 4096,
    "lustre": {"dagg": {"oss": {"read_bytes": 1.5, "write_bytes": None, "iops": 3}}},
    "jobfs": {"c1": 0},
    "jobfsReq": 100,
}


def document(**changes: Any) -> dict[str, Any]:
    whole = {"api": 15, "timestamp": 1000, "nodes": {"c1": NODE_15}, "jobs": {"7": JOB_15}}
    return {**whole, **changes}


def read(**changes: Any) -> Snapshot:
    return wire.snapshot_from_document(document(**changes), "here")


def read_node(**changes: Any) -> Node:
    return read(nodes={"c1": {**NODE_15, **changes}}).nodes["c1"]


def read_job(**changes: Any) -> Job:
    return read(jobs={"7": {**JOB_15, **changes}}).jobs["7"]


def read_old_job(**changes: Any) -> Job:
    return read(api=12, jobs={"7": {**JOB_15, **changes}}).jobs["7"]


# Reading API 15


def test_a_node_is_read_with_all_its_readings() -> None:
    assert read().nodes["c1"] == Node(
        name="c1",
        up=True,
        is_counted=False,
        n_cpus=4,
        n_gpus=1,
        cpu=CpuUse(CpuTimes(40, 1, 2, 3, 54), CoreUse([(10, 0, 1, 0, 89), None, (70, 2, 3, 6, 19)])),
        memory=Used(900, 64000),
        swap=Free(10, 20),
        gpus=(Gpu("gpu2", None, None), Gpu("gpu10", 40, Used(101, 12288))),
        infiniband=Traffic(1, 2, 3, 4),
        lustre=ReadWrite(5, 6),
        jobfs=ReadWrite(7, 8),
    )


def test_a_job_is_read_with_all_that_is_known_of_it() -> None:
    assert read().jobs["7"] == Job(
        job_id="7",
        name="banks.sh",
        username="ann",
        state="RUNNING",
        n_cpus=2,
        n_gpus=1,
        layout={"c1": (0, 2)},
        gpu_layout={"c1": (0,)},
        time_limit=2880,
        run_time=502,
        start_time=1600959515,
        memory={"c1": 764},
        memory_max=835,
        memory_request=4096,
        lustre={"dagg": {"oss": LustreRate(1.5, None, 3)}},
        jobfs={"c1": 0},
        jobfs_request=100,
    )


def test_the_cluster_is_read() -> None:
    usage = {"avail": 4, "running": 2, "users": {"ann": 2}}
    snapshot = read(usage=usage, timestamp=1000.5, unheard_of={"deep": [1]})
    assert snapshot.timestamp == 1000.5
    assert snapshot.usage == Usage(available=4, running=2, users={"ann": 2})


def test_a_task_of_an_array_belongs_to_its_array() -> None:
    jobs = read(jobs={"12_7": JOB_15, "12": JOB_15}).jobs
    assert jobs["12_7"].array_id == "12"
    assert jobs["12"].array_id is None


# Older versions


def test_api_12_has_bare_percentages_of_gpus_and_disks() -> None:
    node = {**NODE_15, "gpus": {"gpu1": 45.0, "gpu0": 40.0}, "disk": {"free": 3, "total": 9}}
    for version in (12, 13):
        found = read(api=version, nodes={"c1": node}).nodes["c1"]
        assert found.gpus == (Gpu("gpu0", 40.0, None), Gpu("gpu1", 45.0, None))
        assert found.disk == Free(3, 9)


def test_gpus_named_after_their_metric_are_read() -> None:
    assert read_node(gpus={"gpu0_util": 12}).gpus == (Gpu("gpu0", 12, None),)


def test_old_jobs_say_zero_or_an_empty_object_where_nothing_is_known() -> None:
    job = read_old_job(mem=0, memMax={}, hasMem=False)
    assert job.memory == {}
    assert job.memory_max is None
    unmeasured = read_old_job(mem={"c1": 0}, memMax=0, hasMem=False)
    assert unmeasured.memory == {}
    assert unmeasured.memory_max is None
    measured = read_old_job(hasMem=True)
    assert measured.memory == {"c1": 764}


def test_a_start_time_of_zero_is_none() -> None:
    assert read_job(startTime=0).start_time is None


def test_pending_tasks_that_are_expanded_stay_so() -> None:
    pending = {**JOB_15, "state": "PENDING", "layout": {}}
    snapshot = read(api=12, jobs={"9_1": pending, "9_2": pending})
    assert list(snapshot.jobs) == ["9_1", "9_2"]
    assert all(job.task_count == 1 and job.array_id == "9" for job in snapshot.jobs.values())


@pytest.mark.parametrize("version", [11, 14, 16, 0, -1, 10**30])
def test_other_versions_are_refused_by_number(version: int) -> None:
    with pytest.raises(SnapshotError, match=rf"^here: api: .*API {str(version)[:10]}") as caught:
        read(api=version)
    assert "15" in caught.value.hint


# What is wrong


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"api": "15"}, "here: api: expected a version number, found a string"),
        ({"api": True}, "here: api: expected a version number, found true or false"),
        ({"timestamp": None}, "here: timestamp: expected a time in Unix seconds, found null"),
        ({"timestamp": math.inf}, "here: timestamp: expected a time in Unix seconds, found a number"),
        ({"nodes": []}, "here: nodes: expected an object, found a list"),
        ({"nodes": {"c1": 5}}, "here: nodes.c1: expected an object, found a number"),
        ({"jobs": None}, "here: jobs: expected an object, found null"),
        ({"jobs": {"7": "x"}}, "here: jobs.7: expected an object, found a string"),
    ],
)
def test_a_wrong_shape_is_named_with_its_place(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SnapshotError) as caught:
        read(**changes)
    assert caught.value.message == message


@pytest.mark.parametrize("key", ["api", "timestamp", "nodes", "jobs"])
def test_a_missing_part_is_named(key: str) -> None:
    incomplete = document()
    del incomplete[key]
    with pytest.raises(SnapshotError, match=rf"^here: {key}: expected .*, found nothing$"):
        wire.snapshot_from_document(incomplete, "here")


@pytest.mark.parametrize("other", [None, [], "x", 3, True])
def test_what_is_no_object_is_no_snapshot(other: object) -> None:
    with pytest.raises(SnapshotError, match=r"^here: expected an object, found "):
        wire.snapshot_from_document(other, "here")


def test_names_in_messages_cannot_control_the_terminal() -> None:
    with pytest.raises(SnapshotError) as caught:
        read(nodes={"c1\x1b[2J": 5})
    assert "\x1b" not in caught.value.message


@pytest.mark.parametrize("key", list(NODE_15))
@pytest.mark.parametrize("value", [{}, [], "x", [[]], {"a": {}}])
def test_a_reading_of_the_wrong_type_is_unknown_and_costs_nothing_else(key: str, value: object) -> None:
    broken, whole = read_node(**{key: value}), read_node()
    differing = [name for name in Node.__slots__ if getattr(broken, name) != getattr(whole, name)]
    assert len(differing) <= 1
    if key == "isCounted":
        assert broken.is_counted is True
    elif key not in ("cpu", "gpus"):
        assert getattr(broken, differing[0]) is None


@pytest.mark.parametrize("key", list(JOB_15))
@pytest.mark.parametrize("value", [{}, [], "x", True, {"c1": {"a": []}}])
def test_a_wrong_value_of_a_job_costs_nothing_else(key: str, value: object) -> None:
    broken, whole = read_job(**{key: value}), read_job()
    assert sum(getattr(broken, name) != getattr(whole, name) for name in Job.__slots__) <= 1


def test_numbers_that_measure_nothing_are_unknown() -> None:
    data = (
        '{"api":15,"timestamp":1,"jobs":{},"nodes":{"c1":{"nCpus":-1,"mem":{"used":NaN,"total":1},'
        '"swap":{"free":1e999,"total":1},"cpu":{"total":[1,2,3,4,-Infinity],"core":[[1,2,3,4,NaN]]},'
        '"nGpus":99999999,"gpus":{"gpu0":{"util":NaN,"memory":{"used":1}}}}}}'
    )
    node = wire.decode(data.encode(), "here").nodes["c1"]
    assert (node.n_cpus, node.n_gpus, node.memory, node.swap) == (None, None, None, None)
    assert node.cpu == CpuUse(None, CoreUse([None]))
    assert node.gpus == (Gpu("gpu0", None, None),)


def test_cores_of_the_wrong_shape_are_unknown_one_by_one() -> None:
    cores = [[1, 0, 0, 0, 99], [1, 2], None, "x", [1.5, 0, 0, 0, 98.5], [300, 0, 0, 0, -200]]
    cpu = read_node(cpu={"total": None, "core": cores}).cpu
    assert cpu is not None
    expected = [(1, 0, 0, 0, 99), None, None, None, (1.5, 0, 0, 0, 98.5), (300, 0, 0, 0, -200)]
    assert list(cpu.cores) == expected


def test_missing_identity_is_told_apart_from_a_measurement() -> None:
    job = read(jobs={"7": {"layout": {"c1": [0, 1], "c2": [5]}}}).jobs["7"]
    assert (job.name, job.username, job.state, job.n_cpus) == ("", "", "UNKNOWN", 3)


# Bytes


def test_plain_and_compressed_bytes_are_read() -> None:
    data = json.dumps(document()).encode()
    assert wire.decode(data, "here") == wire.decode(gzip.compress(data), "here") == read()


@pytest.mark.parametrize("kept", [0, 1, 2, 10, 30, -1])
def test_a_truncated_file_is_named(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "data7.json.gz"
    path.write_bytes(gzip.compress(json.dumps(document()).encode())[:kept])
    with pytest.raises(SnapshotError, match=r"data7\.json\.gz") as caught:
        wire.read_snapshot(path)
    assert caught.value.hint


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"\xff\xfe\x00", b'{"api": 15', b"[" * 100_000, b"9" * 5000, b'"\xe4"']
)
def test_what_is_no_json_is_named(data: bytes) -> None:
    with pytest.raises(SnapshotError, match=r"^here: expected"):
        wire.decode(data, "here")


def test_a_gzip_bomb_is_stopped_early() -> None:
    bomb = gzip.compress(b" " * 3_000_000)
    with pytest.raises(SnapshotError, match="larger than 1,000,000 bytes"):
        wire.decode_json(bomb, "here", largest=1_000_000)
    assert wire.decode_json(gzip.compress(b" " * 999_999 + b"1"), "here", largest=1_000_000) == 1


def test_only_files_are_opened(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="not a file"):
        wire.read_snapshot(tmp_path)
    with pytest.raises(FileNotFoundError):
        wire.read_snapshot(tmp_path / "absent")


# Writing


def test_all_keys_of_api_15_are_written_even_where_nothing_is_known() -> None:
    bare = Snapshot(
        timestamp=1,
        nodes={"c1": Node(name="c1")},
        jobs={"7": Job(job_id="7", name="a", username="b", state="PENDING", n_cpus=1)},
    )
    written = wire.document_of(bare)
    assert set(NODE_15) == set(written["nodes"]["c1"])
    assert set(JOB_15) == set(written["jobs"]["7"])
    assert written["api"] == 15
    job = written["jobs"]["7"]
    assert (job["startTime"], job["layout"], job["memMax"], job["timeLimit"]) == (0, {}, None, None)


def test_what_was_read_is_written_with_the_same_keys_and_units() -> None:
    usage = {"avail": 4, "running": 2, "users": {"ann": 2}}
    written = wire.document_of(read(usage=usage))
    # As JSON: tuples are lists there.
    assert json.loads(json.dumps(written)) == document(usage=usage)


def pending_array(**changes: Any) -> Job:
    whole: dict[str, Any] = {
        "job_id": "31_[2-8:3%2]",
        "name": "sweep",
        "username": "ann",
        "state": "PENDING",
        "n_cpus": 4,
        "array_id": "31",
        "array_tasks": "2-8:3%2",
        "task_count": 3,
    }
    return Job(**{**whole, **changes})


def test_a_pending_array_is_one_entry_under_its_own_id() -> None:
    job = pending_array()
    written = wire.document_of(Snapshot(timestamp=1, jobs={job.job_id: job}))["jobs"]
    assert list(written) == ["31"]
    assert (written["31"]["tasks"], written["31"]["arrayTasks"]) == (3, "2-8:3%2")


def test_a_pending_array_is_expanded_on_demand() -> None:
    job = pending_array()
    snapshot = Snapshot(timestamp=1, jobs={job.job_id: job})
    written = wire.document_of(snapshot, expand_arrays=True)["jobs"]
    assert list(written) == ["31_2", "31_5", "31_8"]
    assert all(set(record) >= set(JOB_15) for record in written.values())
    assert wire.decode(wire.encode(snapshot, expand_arrays=True), "here") == snapshot


def test_expanded_arrays_never_hide_another_job() -> None:
    jobs = [
        pending_array(),
        pending_array(job_id="31_[4-5]", array_tasks="4-5", task_count=2),
        pending_array(job_id="31_2", state="RUNNING", array_tasks=None, task_count=1),
        pending_array(job_id="40_[1,...]", array_id="40", array_tasks="1,...", task_count=4),
    ]
    for order in (jobs, jobs[::-1]):
        snapshot = Snapshot(timestamp=1, jobs={job.job_id: job for job in order})
        written = wire.document_of(snapshot, expand_arrays=True)["jobs"]
        assert {"31_2", "31_5", "31_8", "31_4", "40_1", "40_?0", "40_?1", "40_?2"} == set(written)
        assert written["31_2"]["state"] == "RUNNING"
        assert wire.decode(wire.encode(snapshot, expand_arrays=True), "here") == snapshot


def test_no_more_tasks_are_spelled_out_than_was_asked_for() -> None:
    small, large = (
        pending_array(),
        pending_array(job_id="7_[0-999]", array_id="7", array_tasks="0-999", task_count=1000),
    )
    snapshot = Snapshot(timestamp=1, jobs={job.job_id: job for job in (large, small)})
    written = wire.document_of(snapshot, expand_arrays=True, most_tasks=500)["jobs"]
    assert list(written) == ["7", "31_2", "31_5", "31_8"]
    assert written["7"]["tasks"] == 1000
    assert wire.decode(wire.encode(snapshot, expand_arrays=True, most_tasks=500), "here") == snapshot
    assert len(wire.document_of(snapshot, expand_arrays=True)["jobs"]) == 1003


def test_an_array_that_the_scheduler_cut_short_keeps_its_number_of_tasks() -> None:
    job = pending_array(job_id="31_[0-1,...]", array_tasks="0-1,...", task_count=5)
    written = wire.document_of(Snapshot(timestamp=1, jobs={job.job_id: job}), expand_arrays=True)["jobs"]
    assert len(written) == 5
    assert {"31_0", "31_1"} < set(written)


def test_an_array_gives_way_to_a_job_of_the_same_id() -> None:
    array, plain = pending_array(), pending_array(job_id="31", array_id=None, array_tasks=None, task_count=1)
    for order in ((array, plain), (plain, array)):
        snapshot = Snapshot(timestamp=1, jobs={job.job_id: job for job in order})
        assert wire.decode(wire.encode(snapshot), "here") == snapshot


def test_the_same_snapshot_gives_the_same_bytes() -> None:
    assert wire.encode(read()) == wire.encode(read())


def test_numbers_that_measure_nothing_are_written_as_null() -> None:
    node = replace(read().nodes["c1"], memory=Used(math.nan, 1.0), cpu_load=math.inf)
    written = json.loads(gzip.decompress(wire.encode(Snapshot(timestamp=1, nodes={"c1": node}))))
    assert written["nodes"]["c1"]["mem"] == {"used": None, "total": 1.0}
    assert written["nodes"]["c1"]["cpuLoad"] is None


def test_without_the_queue_only_pending_jobs_are_left_out() -> None:
    jobs = {"1": JOB_15, "2": {**JOB_15, "state": "PENDING"}, "3": {**JOB_15, "state": "COMPLETING"}}
    slim = wire.snapshot_from_document(document(jobs=jobs), "here", with_queue=False)
    assert list(slim.jobs) == ["1", "3"]


# The other two documents


def test_backfill_is_read_and_written() -> None:
    slots = {
        "milan": {
            8: BackfillSlot(count=1, shortest=None, longest=None),
            16: BackfillSlot(count=2, shortest=17.5, longest=90),
        },
        "empty": {},
    }
    written = wire.backfill_document(slots)
    assert written["milan"]["16"] == {"count": 2, "tMin": 17.5, "tMax": 90}
    assert wire.backfill_from_document(json.loads(json.dumps(written)), "here") == slots


def test_nonsense_in_backfill_is_passed_over_or_named() -> None:
    odd = {"milan": {"x": {"count": 1}, "4": 5, "8": {"count": "many"}, "2": {"count": 1, "tMin": "soon"}}}
    assert wire.backfill_from_document(odd, "here") == {
        "milan": {2: BackfillSlot(count=1, shortest=None, longest=None)}
    }
    with pytest.raises(SnapshotError, match=r"^here: milan: expected"):
        wire.backfill_from_document({"milan": []}, "here")


def test_history_is_read_and_written_oldest_first() -> None:
    history = {
        20.0: Usage(available=4, running=1, users={"ann": 1}),
        10.0: Usage(available=4, running=0, users={}),
    }
    found = wire.history_from_document(wire.history_document(history), "here")
    assert found == history
    assert list(found) == [10.0, 20.0]
    with pytest.raises(SnapshotError, match="history: expected an object"):
        wire.history_from_document({}, "here")


# Properties

numbers = st.one_of(
    st.integers(0, 2**40), st.floats(0, 1e12, allow_nan=False, allow_infinity=False).map(lambda x: x + 0.0)
)
counts = st.integers(0, 60_000)
words = st.text(max_size=8)
names = st.text(min_size=1, max_size=8)
times = st.builds(CpuTimes, numbers, numbers, numbers, numbers, numbers)
percentages = st.builds(CpuTimes, *[st.integers(0, 100)] * 5)
core_use = st.one_of(
    st.lists(st.none() | percentages, max_size=4), st.lists(st.none() | times, max_size=4)
).map(CoreUse)
gpus = st.lists(
    st.tuples(st.none() | numbers, st.none() | st.builds(Used, numbers, numbers)), max_size=12
).map(lambda found: tuple(Gpu(f"gpu{index}", *reading) for index, reading in enumerate(found)))
indices = st.lists(st.integers(0, 300), max_size=4).map(tuple)
layouts = st.dictionaries(names, indices, max_size=3)
amounts = st.dictionaries(names, numbers, max_size=3)
lists = st.lists(words, max_size=3).map(tuple)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


nodes = st.builds(
    Node,
    name=names,
    up=maybe(st.booleans()),
    is_counted=st.booleans(),
    n_cpus=maybe(counts),
    n_gpus=maybe(counts),
    cpu=maybe(st.builds(CpuUse, maybe(times), core_use)),
    memory=maybe(st.builds(Used, numbers, numbers)),
    swap=maybe(st.builds(Free, numbers, numbers)),
    disk=maybe(st.builds(Free, numbers, numbers)),
    gpus=maybe(gpus),
    infiniband=maybe(st.builds(Traffic, numbers, numbers, numbers, numbers)),
    lustre=maybe(st.builds(ReadWrite, numbers, numbers)),
    temperature=maybe(numbers),
    power=maybe(numbers),
    jobfs=maybe(st.builds(ReadWrite, numbers, numbers)),
    state=maybe(words),
    flags=lists,
    reason=maybe(words),
    reason_user=maybe(words),
    reason_time=maybe(numbers),
    sockets=maybe(counts),
    cores_per_socket=maybe(counts),
    threads_per_core=maybe(counts),
    cpus_allocated=maybe(counts),
    cpu_load=maybe(numbers),
    memory_total=maybe(counts),
    memory_allocated=maybe(counts),
    memory_free=maybe(counts),
    gres=maybe(words),
    gpu_model=maybe(words),
    gpus_allocated=maybe(indices),
    n_gpus_allocated=maybe(counts),
    features=lists,
    partitions=lists,
    weight=maybe(counts),
    boot_time=maybe(numbers),
    slurm_version=maybe(words),
)
words_of_a_job = [
    *("partition", "account", "qos", "reason", "dependency", "reservation", "gres", "features"),
    *("tres_requested", "tres_allocated", "work_dir", "stdout", "stderr", "command", "exit_code"),
]
rates = st.builds(LustreRate, maybe(numbers), maybe(numbers), maybe(numbers))
jobs = st.builds(
    Job,
    job_id=st.one_of(
        names, st.from_regex(r"[0-9]{1,3}_[0-9]", fullmatch=True), st.sampled_from(["5_[1-3]", "5"])
    ),
    name=words,
    username=words,
    state=st.sampled_from(["PENDING", "RUNNING", "FAILED"]) | words,
    n_cpus=counts,
    n_gpus=counts,
    layout=layouts,
    gpu_layout=layouts,
    memory_layout=st.dictionaries(names, counts, max_size=2),
    time_limit=maybe(numbers),
    run_time=numbers,
    start_time=maybe(numbers.filter(lambda time: time > 0)),
    memory=amounts,
    cpu_used=maybe(numbers),
    memory_max=maybe(numbers),
    memory_request=maybe(numbers),
    lustre=st.dictionaries(names, st.dictionaries(names, rates, max_size=2), max_size=2),
    jobfs=amounts,
    jobfs_request=maybe(numbers),
    priority=maybe(counts),
    submit_time=maybe(numbers),
    eligible_time=maybe(numbers),
    end_time=maybe(numbers),
    n_nodes=maybe(counts),
    nodes=words,
    scheduled_nodes=words,
    requested_nodes=words,
    n_tasks=maybe(counts),
    cpus_per_task=maybe(counts),
    array_id=maybe(st.sampled_from(["5", "6", "x"])),
    array_tasks=maybe(words),
    number=maybe(counts),
    task_count=st.integers(1, 10**6),
    **{name: maybe(words) for name in words_of_a_job},
)
snapshots = st.builds(
    Snapshot,
    timestamp=numbers,
    nodes=st.lists(nodes, max_size=2).map(lambda found: {node.name: node for node in found}),
    jobs=st.lists(jobs, max_size=3).map(lambda found: {job.job_id: job for job in found}),
    usage=maybe(
        st.builds(Usage, available=counts, running=counts, users=st.dictionaries(words, counts, max_size=2))
    ),
    cluster=maybe(words),
    partitions=st.lists(
        st.builds(
            Partition,
            name=words,
            state=maybe(words),
            nodes=words,
            is_default=st.booleans(),
            max_time=maybe(numbers),
            max_nodes=maybe(counts),
            priority_tier=maybe(counts),
            n_cpus=maybe(counts),
            n_nodes=maybe(counts),
        ),
        max_size=2,
    ).map(tuple),
    reservations=st.lists(
        st.builds(
            Reservation,
            name=words,
            start_time=maybe(numbers),
            end_time=maybe(numbers),
            nodes=words,
            users=lists,
            accounts=lists,
            flags=lists,
            partition=maybe(words),
            n_cpus=maybe(counts),
        ),
        max_size=2,
    ).map(tuple),
    sources=st.lists(
        st.builds(
            SourceStatus,
            name=words,
            ok=st.booleans(),
            version=words,
            calls=counts,
            seconds=numbers,
            read_at=maybe(numbers),
            error=maybe(words),
            hint=words,
            failing_since=maybe(numbers),
        ),
        max_size=2,
    ).map(tuple),
    only_user=maybe(words),
    notes=lists,
)


def test_the_strategies_leave_no_attribute_out() -> None:
    built: Any
    for model, built in ((Node, nodes), (Job, jobs), (Snapshot, snapshots)):
        given_arguments = set(built.wrapped_strategy.kwargs)
        assert set(model.__slots__) == given_arguments, model.__name__


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(snapshots)
def test_writing_and_reading_again_changes_nothing(snapshot: Snapshot) -> None:
    assert wire.decode(wire.encode(snapshot), "here") == snapshot


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
known_keys = st.sampled_from([*NODE_15, *JOB_15, "tasks", "jobId", "arrayId", "flags", "disk", "hasMem"])


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from([12, 13, 15]),
    st.dictionaries(known_keys, json_values, max_size=8),
    st.dictionaries(
        st.sampled_from(["usage", "cluster", "partitions", "reservations", "sources", "notes"]), json_values
    ),
)
def test_no_reading_however_odd_stops_the_rest(version: int, record: Any, others: Any) -> None:
    odd = {"api": version, "timestamp": 1, "nodes": {"c1": record}, "jobs": {"7": record}, **others}
    snapshot = wire.snapshot_from_document(odd, "here")
    assert list(snapshot.nodes) == ["c1"]
    assert len(snapshot.jobs) == 1
    # What was understood can be written and read again.
    assert wire.decode(wire.encode(snapshot), "here") == snapshot


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda data: b"\x1f\x8b" + data))
def test_no_bytes_do_worse_than_a_snapshot_error(data: bytes) -> None:
    with pytest.raises(SnapshotError):
        wire.decode(data, "here")
