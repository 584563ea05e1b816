"""Every source of measurements, failing in every way: the cycle ends, the others' readings stay, it is told.

The single sources' own tests look closer at what each says; here a whole backend goes through a cycle in
which all is well, some in which one source is broken, and some after it was mended.
"""

from __future__ import annotations

import importlib
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from jobmon_tui.backends.measured import MeasuredBackend
from jobmon_tui.model.measures import Used
from jobmon_tui.model.snapshot import Node, Snapshot, SourceStatus
from jobmon_tui.sources.ganglia import GangliaSource
from jobmon_tui.sources.influxdb import InfluxOptions, InfluxSource
from jobmon_tui.sources.prometheus import PrometheusOptions, PrometheusSource
from jobmon_tui.sources.prometheus_queries import Queries
from jobmon_tui.sources.slurm.answer import SlurmAnswer
from tests.ganglia_documents import Talker, cluster, document, host, metric
from tests.influxdb_standin import StandIn, answer

pytestmark = pytest.mark.slow

TIME_LIMIT = 1.0
"""Seconds that a cycle waits for all sources."""
TIMEOUT = 0.5
"""Seconds that each source gives itself."""
SLACK = 2.0
"""What a loaded machine may take beyond that."""
MOST_BYTES = 256 * 1024
MOST_MEMORY = 24 * MOST_BYTES
"""Bytes that a cycle may take while a source sends ten times as much as is allowed."""

TEMPERATURE, MEMORY, POWER = 61.0, Used(5.0, 10.0), 345.0
"""What Ganglia, InfluxDB and Prometheus measure of the node, each alone."""
GOOD = {
    "ganglia": document(cluster(host("c1", metric("cpu_temp", TEMPERATURE)))),
    "influxql": b'{"results":[{"statement_id":0,"series":[{"name":"mem","tags":{"host":"c1"},'
    b'"columns":["time","used","total"],"values":[[%d,5242880,10485760]]}]}]}\n',
    "flux": b"#datatype,string,long,dateTime:RFC3339,double,double,string\r\n"
    b"#group,false,false,false,false,false,true\r\n#default,,,,,,\r\n,result,table,_time,used,total,host\r\n"
    b",1,0,2026-01-01T00:00:00Z,5242880,10485760,c1\r\n",
    "prometheus": b'{"status":"success","data":{"resultType":"vector","result":['
    b'{"metric":{"instance":"c1:9100"},"value":[2,"345"]}]}}',
}
ROWS = {
    "ganglia": host("c2", metric("unknown", 1)).encode(),
    "influxql": b'{"results":[{"statement_id":1,"partial":true}]}\n',
    "flux": b",1,0,2026-01-01T00:00:00Z,1,2,c2\r\n",
    "prometheus": b'{"metric":{"instance":"c2:9100"},"value":[2,"1"]},',
}
"""What can stand any number of times at the mark in the good answers."""
FAULTS = (
    "killed",
    "hangs",
    "hangs in the middle",
    "slow",
    "truncated",
    "garbage",
    "401",
    "500",
    "10x larger",
)


def whole(kind: str) -> bytes:
    """A good answer: of InfluxDB, one result for each of its statements."""
    if kind != "influxql":
        return GOOD[kind]
    of_memory = GOOD[kind] % int(time.time() * 1000)
    others = b"".join(b'{"results":[{"statement_id":%d}]}\n' % place for place in range(30) if place != 1)
    return of_memory.replace(b'"statement_id":0', b'"statement_id":1') + others


def longer(kind: str) -> bytes:
    """Ten times what is allowed, and nothing wrong with it otherwise."""
    good, row = whole(kind), ROWS[kind]
    mark = {"ganglia": b"<HOST ", "influxql": b"{", "flux": b",1,0", "prometheus": b'{"metric"'}[kind]
    before, _, behind = good.partition(mark)
    return before + row * (10 * MOST_BYTES // len(row)) + mark + behind


class Broken:
    """What a server does: the right thing, until a test says otherwise."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.fault = ""
        self.ended = threading.Event()

    def __call__(self, connection: socket.socket) -> None:
        """Talk to one client."""
        said = whole(self.kind)
        if self.fault == "hangs":
            connection.recv(1)
        elif self.fault == "slow":
            for byte in self._framed(said):
                connection.sendall(bytes([byte]))
                self.ended.wait(0.02)
        elif self.fault == "hangs in the middle":
            connection.sendall(self._framed(said)[: -len(said) // 2])
            connection.recv(1)
        elif self.fault == "truncated":
            connection.sendall(self._framed(said)[: -len(said) // 2])
        elif self.fault == "garbage":
            connection.sendall(self._framed(b"\xff\x00<>{[" * 700))
        elif self.fault in ("401", "500"):
            connection.sendall(answer(b"no", f"{self.fault} So it is"))
        else:
            connection.sendall(self._framed(longer(self.kind) if self.fault else said))

    def _framed(self, body: bytes) -> bytes:
        return body if self.kind == "ganglia" else answer(body)


class Slurm:
    """One node, no job."""

    name = "slurm (fake)"

    def load(self, only_user: str | None = None) -> SlurmAnswer:
        return SlurmAnswer(taken_at=time.time(), cluster="heath", nodes=(Node(name="c1", n_cpus=4, up=True),))

    def close(self) -> None:
        pass


class Site:
    """A backend on three servers."""

    def __init__(self, stack: ExitStack, dialect: str) -> None:
        kinds = {"ganglia": "ganglia", "influxdb": dialect, "prometheus": "prometheus"}
        self.broken = {name: Broken(kind) for name, kind in kinds.items()}
        for each in self.broken.values():
            stack.callback(each.ended.set)
        self.servers: dict[str, Talker | StandIn] = {}
        for name, talk in self.broken.items():
            server: Talker | StandIn = Talker(talk) if name == "ganglia" else StandIn(talk)
            stack.enter_context(server)
            self.servers[name] = server
        self.backend = MeasuredBackend(
            Slurm(),
            self._sources(dialect),
            time_limit=TIME_LIMIT,
            stale_after=0.01,
            keep_job_memory=False,
        )
        stack.callback(self.backend.close)

    def _sources(self, dialect: str) -> list[Any]:
        ganglia, influxdb, prometheus = self.servers.values()
        assert isinstance(ganglia, Talker)
        assert isinstance(influxdb, StandIn)
        assert isinstance(prometheus, StandIn)
        queries = dict.fromkeys(Queries.__slots__, "") | {"power": Queries().power}
        return [
            GangliaSource([ganglia.address], timeout=TIMEOUT, most_bytes=MOST_BYTES, clock=time.time),
            InfluxSource(
                InfluxOptions(
                    url=influxdb.url,
                    dialect="flux" if dialect == "flux" else "influxql",
                    org="site",
                    timeout=TIMEOUT,
                    most_bytes=MOST_BYTES,
                )
            ),
            PrometheusSource(
                PrometheusOptions(
                    address=prometheus.url, timeout=TIMEOUT, time_limit=TIMEOUT, most_bytes=MOST_BYTES
                ),
                Queries(**queries),
            ),
        ]

    def cycle(self) -> tuple[Snapshot, dict[str, Any], dict[str, SourceStatus]]:
        """The snapshot, what each source measured in it, and how each did; in time."""
        started = time.monotonic()
        snapshot = self.backend.cycle()
        assert time.monotonic() - started < TIME_LIMIT + SLACK
        node = snapshot.nodes["c1"]
        measured = {"ganglia": node.temperature, "influxdb": node.memory, "prometheus": node.power}
        return snapshot, measured, {status.name: status for status in snapshot.sources}

    def cycles_until_all_is_well(self) -> dict[str, SourceStatus]:
        """How each source did in the first cycle in which all were read."""
        deadline = time.monotonic() + 10
        while True:
            _, measured, statuses = self.cycle()
            if measured == ALL:
                return statuses
            assert time.monotonic() < deadline, statuses


@pytest.fixture(scope="module", autouse=True)
def warmed_up() -> None:
    """Import what the sources import when they are first used, lest it counts as their time."""
    for name in ("influxdb_client", "requests", "jobmon_tui.sources.http"):
        importlib.import_module(name)


@pytest.fixture
def site() -> Iterator[Callable[[str], Site]]:
    with ExitStack() as stack:
        yield lambda dialect: Site(stack, dialect)


ALL = {"ganglia": TEMPERATURE, "influxdb": MEMORY, "prometheus": POWER}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(
    ("victim", "dialect"),
    [("ganglia", "influxql"), ("influxdb", "influxql"), ("influxdb", "flux"), ("prometheus", "influxql")],
    ids=["ganglia", "influxql", "flux", "prometheus"],
)
def test_one_source_fails(site: Callable[[str], Site], victim: str, dialect: str, fault: str) -> None:
    here = site(dialect)
    statuses = here.cycles_until_all_is_well()
    assert all(status.ok for name, status in statuses.items() if "in part" not in name)

    begun = time.time()
    here.broken[victim].fault = fault
    if fault == "killed":
        here.servers[victim].__exit__(None, None, None)
    time.sleep(0.02)  # The last readings must be older than they may be.
    tracemalloc.start()
    try:
        _, measured, statuses = here.cycle()
        assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY
    finally:
        tracemalloc.stop()
    assert measured == ALL | {victim: None}
    failing = statuses[victim]
    assert not failing.ok
    assert failing.error
    assert "\n" not in failing.error
    assert "unknown" in failing.hint
    assert failing.failing_since is not None
    assert begun <= failing.failing_since <= time.time()
    assert [name for name, status in statuses.items() if not status.ok and "in part" not in name] == [victim]

    _, measured, statuses = here.cycle()
    assert statuses[victim].failing_since == failing.failing_since
    if fault == "killed":
        return
    here.broken[victim].fault = ""
    statuses = here.cycles_until_all_is_well()
    assert statuses[victim].ok
    assert statuses[victim].failing_since is None


@pytest.mark.parametrize("fault", ["hangs", "500"])
def test_all_sources_fail_and_the_cycle_still_tells_what_slurm_knows(
    site: Callable[[str], Site], fault: str
) -> None:
    here = site("influxql")
    for each in here.broken.values():
        each.fault = fault
    snapshot, measured, statuses = here.cycle()
    assert set(measured.values()) == {None}
    assert snapshot.nodes["c1"].n_cpus == 4
    assert all(not statuses[name].ok for name in ALL)
