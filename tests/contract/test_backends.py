"""One suite for every backend: what the contract promises whoever calls it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jobmon_tui.backends import shapes
from jobmon_tui.backends.base import BackendBase, workings_of
from jobmon_tui.backends.finding import BUILT_IN
from jobmon_tui.backends.readings import JOB_READINGS, NODE_READINGS, Reading
from jobmon_tui.feeds.live import LiveFeed
from jobmon_tui.model.snapshot import Snapshot
from tests.contract.sites import SITES, FakeSlurm, old_site, slurm_site

UNKNOWN: tuple[Any, ...] = (None, {}, "", 0, False)


@pytest.fixture(params=SITES)
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> BackendBase:
    made = SITES[request.param](tmp_path)
    made.init()
    made.pre_update()
    return made


def test_every_shipped_backend_is_covered() -> None:
    assert set(BUILT_IN) <= set(SITES)


def test_names_and_ids_are_different_strings(backend: BackendBase) -> None:
    for names in (backend.hostnames(), backend.job_ids()):
        assert names
        assert all(isinstance(name, str) for name in names)
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("reading", NODE_READINGS, ids=lambda reading: reading.method)
def test_node_methods_answer_in_the_contracts_shape(backend: BackendBase, reading: Reading) -> None:
    for name in backend.hostnames():
        reading.read(getattr(backend, reading.method)(name))


@pytest.mark.parametrize("reading", JOB_READINGS, ids=lambda reading: reading.method)
def test_job_methods_answer_in_the_contracts_shape(backend: BackendBase, reading: Reading) -> None:
    for job_id in backend.job_ids():
        reading.read(getattr(backend, reading.method)(job_id))
        assert isinstance(backend.job_has_mem_stats(job_id), bool)


@pytest.mark.slow
@pytest.mark.parametrize("site", ["slurm", "measured", "ozstar", "demo", "file that answers nothing"])
@pytest.mark.parametrize("reading", NODE_READINGS + JOB_READINGS, ids=lambda reading: reading.method)
def test_what_nobody_knows_is_unknown(site: str, reading: Reading, tmp_path: Path) -> None:
    backend = SITES[site](tmp_path)
    backend.init()
    backend.pre_update()
    answer = getattr(backend, reading.method)("987654321_5")
    assert answer in UNKNOWN or reading.method == "is_counted"


def test_snapshot_says_what_the_methods_say(backend: BackendBase) -> None:
    hosts, ids = backend.hostnames(), backend.job_ids()
    snapshot = backend.cycle()
    assert list(snapshot.nodes) == hosts
    assert sum(job.task_count for job in snapshot.jobs.values()) == len(ids)
    for name, node in snapshot.nodes.items():
        for reading in NODE_READINGS:
            said = reading.read(getattr(backend, reading.method)(name))
            kept = getattr(node, reading.field)
            # An empty answer and no answer are the same.
            assert (said or None) == (kept or None), (name, reading.method)


def test_core_usage_agrees_with_the_snapshot(backend: BackendBase) -> None:
    snapshot = backend.cycle()
    answer = backend.core_usage(snapshot)
    assert set(answer) == {"avail", "running", "users"}
    if snapshot.usage is not None:
        assert shapes.usage(answer) == snapshot.usage
        assert snapshot.usage.running == sum(snapshot.usage.users.values())


def test_core_usage_of_the_web_format_is_the_same(tmp_path: Path) -> None:
    from jobmon_tui.model.wire_write import document_of

    backend = slurm_site(tmp_path)
    snapshot = backend.cycle()
    expected = {"avail": 64, "running": 5, "users": {"bea": 3, "cai": 2}}
    assert backend.core_usage(document_of(snapshot)) == backend.core_usage(snapshot) == expected


def test_backfill_has_the_contracts_shape(backend: BackendBase) -> None:
    if workings_of(backend).overrides("calculate_backfill") is None:
        assert backend.calculate_backfill() == {}
    backend.cycle()
    for sizes in backend.calculate_backfill().values():
        for cores, slot in sizes.items():
            assert cores > 0
            assert set(slot) == {"count", "tMin", "tMax"}


def test_every_cycle_makes_a_snapshot_without_failures(backend: BackendBase) -> None:
    feed = LiveFeed(backend)
    for _ in range(2):
        snapshot = feed.latest()
        assert isinstance(snapshot, Snapshot)
        assert snapshot.sources
        assert all(source.ok for source in snapshot.sources), snapshot.sources
    feed.close()
    feed.close()


def test_the_scheduler_is_asked_once_a_cycle() -> None:
    from jobmon_tui.backends.slurm import SlurmBackend

    source = FakeSlurm()
    backend = SlurmBackend(source)
    backend.cycle()
    for job_id in backend.job_ids():
        backend.job_layout(job_id)
    for name in backend.hostnames():
        backend.n_cpus(name)
    assert source.loads == 1
    backend.cycle()
    assert source.loads == 2


def test_pending_arrays_are_spelled_out_on_demand(tmp_path: Path) -> None:
    backend = slurm_site(tmp_path)
    snapshot = backend.cycle()
    assert set(snapshot.jobs) == {"10", "11_[0-9:3%2]", "12_[0-4,...]", "11_2"}
    ids = backend.job_ids()
    assert [job_id for job_id in ids if job_id.startswith("11_")] == ["11_0", "11_3", "11_6", "11_9", "11_2"]
    assert [job_id for job_id in ids if job_id.startswith("12_?")] == ["12_?0", "12_?1", "12_?2", "12_?3"]
    assert {job_id: backend.job_state(job_id) for job_id in ("11_3", "11_2", "12_?3", "12_?4", "11_4")} == {
        "11_3": "PENDING",
        "11_2": "RUNNING",
        "12_?3": "PENDING",
        "12_?4": "",
        "11_4": "",
    }
    assert backend.job_ncpus("11_6") == 2


def test_old_file_is_read_as_it_is(tmp_path: Path) -> None:
    snapshot = old_site(tmp_path).cycle()
    one, two = snapshot.nodes["c1"], snapshot.nodes["c2"]
    assert (one.up, two.up) == (True, False)
    assert one.cpu is not None
    assert len(one.cpu.cores) == 4
    assert one.cpu.cores[3] is None
    assert two.cpu is None
    assert one.gpus is not None
    assert two.gpus is not None
    assert [gpu.utilisation for gpu in (*one.gpus, *two.gpus)] == [40, 55.5]
    assert one.infiniband is not None
    assert one.infiniband.packets_out == 4
    running, waiting = snapshot.jobs["100"], snapshot.jobs["200_7"]
    assert running.layout == {"c1": (0, 1), "c2": (3,)}
    assert running.memory == {}
    assert running.memory_max is None
    assert waiting.array_id == "200"
    # c2 does not count but a job runs there; only c1's four cores would be available otherwise.
    assert snapshot.usage is not None
    assert snapshot.usage.available == 12
    assert snapshot.timestamp > NOW_AT_LEAST


NOW_AT_LEAST = 1_600_000_000
