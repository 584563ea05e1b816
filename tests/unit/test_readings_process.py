"""Readings that are taken in a process of its own, and how they travel from there."""

from __future__ import annotations

import io
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.errors import SourceError
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
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.sources.ganglia import GangliaSource
from jobmon_tui.sources.influxdb import InfluxOptions, InfluxSource
from jobmon_tui.sources.readings import JobReading, NodeReading, ReadingsAnswer
from jobmon_tui.sources.readings_process import ReadingsProcess
from jobmon_tui.sources.readings_wire import (
    GROUP,
    answer_from,
    pieces_of_answer,
    pieces_of_error,
    pieces_of_series,
    series_from,
)
from jobmon_tui.sources.secrets import SecretPlace
from tests.ganglia_documents import Talk, Talker, cluster, cores, document, host, sends

HOSTS = 3
GOOD = document(cluster(*(host(f"n{number}", cores([(1.5, 2, 3, 4, 89.5)] * 4)) for number in range(HOSTS))))

# -- the way -----------------------------------------------------------------------------------------------

numbers = st.floats(allow_nan=False, width=32)
maybe = st.none() | numbers
names = st.text(max_size=9)
percent = st.integers(0, 1000).map(lambda tenths: tenths / 10) | st.floats(0, 1e6)
core_uses = st.lists(st.none() | st.tuples(*[percent] * 5), max_size=6).map(CoreUse)
used = st.builds(Used, numbers, numbers)
node_readings = st.builds(
    NodeReading,
    reported_at=maybe,
    cpu=st.none() | st.builds(CpuUse, st.none() | st.builds(CpuTimes, *[numbers] * 5), core_uses),
    memory=st.none() | used,
    swap=st.none() | st.builds(Free, numbers, numbers),
    disk=st.none() | st.builds(Free, numbers, numbers),
    gpus=st.none() | st.lists(st.builds(Gpu, names, maybe, st.none() | used), max_size=3).map(tuple),
    infiniband=st.none() | st.builds(Traffic, numbers, numbers, maybe, maybe),
    lustre=st.none() | st.builds(ReadWrite, numbers, numbers),
    jobfs=st.none() | st.builds(ReadWrite, numbers, numbers),
    load=maybe,
    temperature=maybe,
    power=maybe,
)
rates = st.builds(LustreRate, maybe, maybe, maybe)
job_readings = st.builds(
    JobReading,
    memory=st.dictionaries(names, numbers, max_size=3),
    memory_max=maybe,
    lustre=st.dictionaries(names, st.dictionaries(names, rates, max_size=2), max_size=2),
    jobfs=st.dictionaries(names, numbers, max_size=3),
)
answers = st.builds(
    ReadingsAnswer,
    taken_at=numbers,
    version=names,
    nodes=st.dictionaries(names, node_readings, max_size=4),
    jobs=st.dictionaries(names, job_readings, max_size=4),
    calls=st.integers(0, 99),
    seconds=numbers,
    problems=st.lists(names, max_size=3).map(tuple),
)


@pytest.mark.slow
@given(answers)
def test_an_answer_arrives_as_it_left(answer: ReadingsAnswer) -> None:
    assert answer_from(io.BytesIO(b"".join(pieces_of_answer(answer))).read) == answer


@pytest.mark.slow
@given(st.lists(st.none() | st.builds(Series, times=st.tuples(numbers), values=st.tuples(maybe), unit=names)))
def test_series_arrive_as_they_left(several: list[Series | None]) -> None:
    assert series_from(io.BytesIO(b"".join(pieces_of_series(several))).read) == several


def test_a_large_answer_travels_in_small_pieces() -> None:
    node = NodeReading(cpu=CpuUse(None, CoreUse.of_tenths(array("H", [1, 0, 0, 0, 999] * 128))))
    nodes = {f"n{number}": node for number in range(4 * GROUP)}
    pieces = list(pieces_of_answer(ReadingsAnswer(taken_at=1.0, nodes=nodes)))
    assert len(pieces) == 5
    assert max(map(len, pieces)) < GROUP * 1500
    assert answer_from(io.BytesIO(b"".join(pieces)).read).nodes == nodes


def test_a_failure_arrives_with_its_hint() -> None:
    with pytest.raises(SourceError, match="gone") as caught:
        answer_from(io.BytesIO(b"".join(pieces_of_error(SourceError("gone", "look")))).read)
    assert caught.value.hint == "look"


def test_what_is_no_state_of_cores_is_refused() -> None:
    for state in (("x", b"", ()), ("B", b"1", ())):
        with pytest.raises(ValueError, match="number"):
            CoreUse.restored(*state)


# -- the process -------------------------------------------------------------------------------------------


@contextmanager
def apart(talk: Talk, longest: float = 30.0, **options: Any) -> Iterator[ReadingsProcess]:
    """A source that is read in a process of its own from the beginning."""
    with Talker(talk) as server:
        source = ReadingsProcess(
            partial(GangliaSource, [server.address], timeout=20.0), longest, most_nodes=0, **options
        )
        try:
            yield source
        finally:
            source.close()


def process_of(source: ReadingsProcess) -> int:
    process = source._child._process
    assert process is not None
    return process.pid


def is_gone(pid: int) -> bool:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if not Path(f"/proc/{pid}").exists():
            return True
        time.sleep(0.02)
    return False


def test_it_answers_as_it_would_here() -> None:
    with apart(sends(GOOD)) as source:
        there, again = source.load(["n1"], ()), source.load(["n1"], ())
        here = source.here.load(["n1"], ())
        assert source.is_apart
        assert source.name == "ganglia"
    assert there.nodes == again.nodes == here.nodes
    assert len(there.nodes) == HOSTS
    assert (there.version, there.calls, there.problems) == ("3.7.2", 1, ())


def test_a_small_cluster_is_read_here_and_a_large_one_apart() -> None:
    with Talker(sends(GOOD)) as server:
        make = partial(GangliaSource, [server.address])
        small = ReadingsProcess(make, 30.0)
        assert len(small.load(["n1"], ()).nodes) == HOSTS
        assert not small.is_apart
        small.close()
        by_cores = ReadingsProcess(make, 30.0, most_cores=4 * HOSTS - 1)
        by_cores.load(["n1"], ())
        assert by_cores.is_apart
        by_cores.close()
        by_nodes = ReadingsProcess(make, 30.0)
        by_nodes.load([f"n{number}" for number in range(1000)], ())
        assert by_nodes.is_apart
        by_nodes.close()


def test_charts_come_from_there_too() -> None:
    request = SeriesRequest(kind="node", name="n1", reading="memory", start=0, end=9)
    with apart(sends(GOOD)) as source:
        source.load(["n1"], ())
        assert source.series([request, request]) == [None, None]


def test_what_fails_there_is_told_here() -> None:
    with apart(sends(b"<nonsense><<<")) as source:
        for _ in range(2):
            with pytest.raises(SourceError, match="its answer is not Ganglia's XML"):
                source.load(["n1"], ())
        process_of(source)


def test_a_process_that_is_killed_costs_one_answer() -> None:
    with apart(sends(GOOD)) as source:
        source.load(["n1"], ())
        os.kill(process_of(source), signal.SIGKILL)
        with pytest.raises(SourceError, match=r"ganglia's process ended \(signal 9\)") as caught:
            source.load(["n1"], ())
        assert "starts another one" in caught.value.hint
        assert len(source.load(["n1"], ()).nodes) == HOSTS


@pytest.mark.slow
def test_a_process_that_hangs_is_ended_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobmon_tui.sources.readings_process.GRACE", 0.0)
    # More than a pipe takes: who writes to one that does not read must not hang with it.
    hosts = [f"node{number:09}" for number in range(20_000)]
    with apart(sends(GOOD), longest=1.0) as source:
        source.load(hosts, ())
        pid = process_of(source)
        os.kill(pid, signal.SIGSTOP)
        started = time.monotonic()
        with pytest.raises(SourceError, match="ganglia did not answer within 1 s"):
            source.load(hosts, ())
        assert time.monotonic() - started < 4
        assert is_gone(pid)
        assert len(source.load(hosts, ()).nodes) == HOSTS


def test_what_is_no_answer_is_told() -> None:
    babbling = (sys.executable, "-c", "print('x' * 4000, flush=True); import time; time.sleep(60)")
    with apart(sends(GOOD), command=babbling) as source, pytest.raises(SourceError, match="nonsense"):
        source.load(["n1"], ())


def test_closing_ends_it_at_once() -> None:
    released = threading.Event()

    def hang(connection: Any) -> None:
        released.set()
        connection.recv(1)

    outcome: list[SourceError] = []
    with apart(hang) as source:

        def load() -> None:
            try:
                source.load(["n1"], ())
            except SourceError as error:
                outcome.append(error)

        thread = threading.Thread(target=load)
        thread.start()
        assert released.wait(20)
        pid = process_of(source)
        started = time.monotonic()
        source.close()
        thread.join(10)
        assert time.monotonic() - started < 1
        assert is_gone(pid)
        assert "closed" in outcome[0].message
        with pytest.raises(SourceError, match="closed"):
            source.load(["n1"], ())


@pytest.mark.slow
def test_it_ends_with_whoever_started_it_even_in_the_middle_of_a_load() -> None:
    asked = threading.Event()

    def hang(connection: Any) -> None:
        asked.set()
        connection.recv(1)

    with Talker(hang) as server:
        program = (
            "import sys, threading, time\nfrom functools import partial\n"
            "from jobmon_tui.sources.ganglia import GangliaSource\n"
            "from jobmon_tui.sources.readings_process import ReadingsProcess\n"
            f"source = ReadingsProcess(partial(GangliaSource, [{server.address!r}]), 60.0, most_nodes=0)\n"
            "threading.Thread(target=source.load, args=(['n1'], ()), daemon=True).start()\n"
            "while source._child._process is None: time.sleep(0.01)\n"
            "print(source._child._process.pid, flush=True)\ntime.sleep(60)\n"
        )
        with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as jobmon:
            try:
                assert jobmon.stdout is not None
                pid = int(jobmon.stdout.readline())
                assert asked.wait(20)
            finally:
                jobmon.kill()
        assert is_gone(pid)


def test_no_secret_is_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_OF_TEST", "s3cr3t-t0ken")
    make = partial(InfluxSource, InfluxOptions(token=SecretPlace(variable="TOKEN_OF_TEST")))
    made = ReadingsProcess(make, 1.0)
    assert b"s3cr3t-t0ken" not in pickle.dumps(make) + made._child._greeting
    made.close()
