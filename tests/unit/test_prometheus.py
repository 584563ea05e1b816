"""Prometheus' answers, cut anywhere, become readings of nodes and jobs; queries name what they should."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.errors import SourceError, UsageError
from jobmon_tui.model.measures import CpuTimes, Gpu, LustreRate, Used
from jobmon_tui.model.series import SeriesRequest
from jobmon_tui.sources.prometheus import PrometheusOptions, PrometheusSource
from jobmon_tui.sources.prometheus_queries import Queries, Terms, also, literally, spellings
from jobmon_tui.sources.prometheus_readings import (
    WITHOUT_PORT,
    Hosts,
    read_ages,
    read_cpu,
    read_gpus,
    read_job_hosts,
    read_job_lustre,
    read_memory,
)
from jobmon_tui.sources.prometheus_rows import Sample, read_samples
from jobmon_tui.sources.prometheus_series import NODE_CHARTS, chart_of, draw, range_of, read_range

NOW = 1_700_000_000.0
LABELS = st.dictionaries(st.text(max_size=8), st.text(max_size=12), max_size=3)
FINITE = st.floats(allow_nan=False, allow_infinity=False)


def written(rows: Iterable[tuple[dict[str, str], float]], *, tail: dict[str, Any] | None = None) -> bytes:
    """An answer as Prometheus writes it."""
    result = [{"metric": labels, "value": [NOW, repr(value)]} for labels, value in rows]
    document = {"status": "success", "data": {"resultType": "vector", "result": result}, **(tail or {})}
    return json.dumps(document, separators=(",", ":")).encode()


def cut(text: bytes, places: Iterable[int]) -> list[bytes]:
    edges = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [text[start:end] for start, end in pairwise(edges)]


def hosts(*wanted: str) -> Hosts:
    return Hosts("instance", re.compile(WITHOUT_PORT), wanted)


def sample(value: float, at: float = NOW, **labels: str) -> Sample:
    return {"instance": "ash1:9100", **labels}, value, at


@pytest.mark.slow
@given(st.lists(st.tuples(LABELS, FINITE), max_size=12), st.lists(st.integers(0, 5000), max_size=12))
def test_an_answer_is_read_however_it_is_cut(
    rows: list[tuple[dict[str, str], float]], places: list[int]
) -> None:
    answer = written(rows, tail={"warnings": ["part of it is missing"]})
    assert list(read_samples(cut(answer, places))) == [(labels, value, NOW) for labels, value in rows]


@pytest.mark.slow
@given(st.lists(st.tuples(LABELS, FINITE), max_size=6), st.integers(0, 10**6), st.lists(st.integers(0, 5000)))
def test_an_answer_that_ends_early_is_never_taken_for_whole(
    rows: list[tuple[dict[str, str], float]], end: int, places: list[int]
) -> None:
    answer = written(rows)
    with pytest.raises(SourceError):
        list(read_samples(cut(answer[: end % len(answer)], places)))


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_garbage_is_refused_in_words(pieces: list[bytes]) -> None:
    with pytest.raises(SourceError):
        list(read_samples(pieces))


def test_label_values_may_look_like_rows() -> None:
    odd = {"instance": '},{"metric":{"a":"b"},"value":[1,"2"]}', "b": '{"metric":'}
    assert list(read_samples([written([(odd, 1.0), (odd, 2.0)])])) == [(odd, 1.0, NOW), (odd, 2.0, NOW)]


def test_what_is_no_number_is_unknown() -> None:
    text = written([({"instance": "ash1"}, float("nan")), ({"instance": "ash2"}, float("inf"))])
    assert list(read_samples([text.replace(b'"nan"', b'"NaN"').replace(b'"inf"', b'"+Inf"')])) == []


def test_an_answer_written_with_spaces() -> None:
    text = json.dumps(json.loads(written([({"instance": "ash1"}, 1.0)])), indent=2).encode()
    assert list(read_samples([text])) == [({"instance": "ash1"}, 1.0, NOW)]


@pytest.mark.slow
@given(st.lists(st.lists(st.integers(0, 100), min_size=5, max_size=5), min_size=1, max_size=40), st.randoms())
def test_packed_cores_come_back_in_any_order(cores: list[list[int]], random: Any) -> None:
    samples = [
        sample(float(sum(mode * 1000**place for place, mode in enumerate(reversed(core)))), cpu=str(index))
        for index, core in enumerate(cores)
    ]
    random.shuffle(samples)
    use = read_cpu(samples, hosts())["ash1"]
    assert [list(core) for core in use.cores if core is not None] == cores
    assert use.total == pytest.approx([sum(mode) / len(cores) for mode in zip(*cores, strict=True)])


def test_a_core_that_is_missing_is_unknown_and_no_zero() -> None:
    use = read_cpu([sample(100e12, cpu="3"), sample(50e12 + 50, cpu="1")], hosts())["ash1"]
    assert list(use.cores) == [None, (50, 0, 0, 0, 50), None, (100, 0, 0, 0, 0)]
    assert use.total == CpuTimes(75, 0, 0, 0, 25)


def test_more_than_all_of_a_core_is_rounding() -> None:
    use = read_cpu([sample(101e12, cpu="0")], hosts())["ash1"]
    assert list(use.cores) == [(100, 0, 0, 0, 0)]


@pytest.mark.parametrize("cpu", ["", "-1", "x", "999999999999", "8192", "٣", "1.0"])
def test_a_core_that_cannot_be_costs_nothing(cpu: str) -> None:
    assert read_cpu([sample(1.0, cpu=cpu)], hosts()) == {}


def test_modes_of_their_own_rows() -> None:
    modes = {"user": 0.5, "iowait": 0.125, "irq": 0.05, "softirq": 0.1, "idle": 0.225, "guest": 7.0}
    rows = [sample(value, cpu="1", mode=mode) for mode, value in modes.items()]
    use = read_cpu(rows, hosts())["ash1"]
    assert use.cores[0] is None
    assert use.cores[1] == pytest.approx((50, 0, 15, 12.5, 22.5))
    assert use.total == use.cores[1]


def test_the_mean_of_a_node_without_its_cores() -> None:
    use = read_cpu([sample(0.75, mode="user"), sample(0.25, mode="idle")], hosts())["ash1"]
    assert use.total == CpuTimes(75, 0, 0, 0, 25)
    assert len(use.cores) == 0


def test_half_a_reading_is_none() -> None:
    rows = [sample(2**20, part="used"), ({"instance": "ash2"}, 2.0**30, NOW)]
    assert read_memory(rows, hosts()) == {}
    assert read_memory([*rows, sample(2**30, part="total")], hosts()) == {"ash1": Used(1, 1024)}


def test_gpus_stand_in_order_and_lack_what_is_not_measured() -> None:
    rows = [sample(5.0, gpu="10", part="utilisation"), sample(2**20, gpu="2", part="used")]
    rows += [sample(3 * 2**20, gpu="2", part="free"), sample(2**20, gpu="10", part="used")]
    assert read_gpus(rows, hosts())["ash1"] == (Gpu("gpu2", None, Used(1, 4)), Gpu("gpu10", 5, None))


def test_jobs_by_node_and_by_server() -> None:
    rows = [sample(2**20, jobid="7"), ({"instance": "ash2:9306", "jobid": "7"}, 2.0**21, NOW), sample(1.0)]
    assert read_job_hosts(rows, hosts()) == {"7": {"ash1": 1, "ash2": 2}}
    rates = [sample(5.0, jobid="7", component="mdt", fs="home", part="iops"), sample(1.0, jobid="8")]
    assert read_job_lustre(rates, hosts()) == {"7": {"home": {"mds": LustreRate(None, None, 5)}}}


@pytest.mark.parametrize(
    ("spelt", "wanted", "host"),
    [
        ("ash1:9100", (), "ash1"),
        ("ash1.cluster:9100", (), "ash1.cluster"),
        ("ash1.cluster:9100", ("ash1",), "ash1"),
        ("ash1.cluster:9100", ("ash1.cluster",), "ash1.cluster"),
        ("ash1", ("ash2",), None),
        ("10.0.0.1:9400", ("ash1",), "ash1"),
        ("10.0.0.1:9400", (), "10.0.0.1"),
        ("[fe80::1]:9100", (), "[fe80::1]"),
        ("", (), None),
        (":9100", (), None),
    ],
)
def test_which_node_a_row_is_of(spelt: str, wanted: tuple[str, ...], host: str | None) -> None:
    naming = hosts(*wanted)
    naming.learn([({"instance": "10.0.0.1:9100", "nodename": "ash1.cluster"}, 1.0, NOW)])
    assert naming({"instance": spelt}) == host
    assert naming.spellings() == ({host: (spelt,)} if host else {})


def test_a_site_names_its_nodes_otherwise() -> None:
    naming = Hosts("target", re.compile(r"hpc-(?P<host>\w+)-exporter"))
    assert naming({"target": "hpc-ash1-exporter"}) == "ash1"
    assert naming({"target": "ash1"}) is None
    assert naming({}) is None


def test_the_age_is_by_the_clock_of_the_server() -> None:
    assert read_ages([sample(900.0, at=1000.0), sample(990.0, at=1000.0)], hosts()) == {"ash1": (990.0, 10.0)}


def test_no_query_is_left_with_a_gap() -> None:
    terms = Terms(host="nodename", select='cluster="south"', window=90, age=45)
    for name in Queries.__slots__:
        query = terms.fill(getattr(Queries(), name))
        assert not re.search(r"\$[a-z{]", query), name
        assert query.count("(") == query.count(")"), name
        selectors = re.findall(r"\{[^}]*\}", query)
        assert all('cluster="south"' in selector for selector in selectors), name
        assert bool(selectors) == bool(query), name
    assert "by (nodename, cpu)" in terms.fill(Queries().cpu)
    assert "[90000ms]" in terms.fill(Queries().cpu)


def test_dollars_of_promql_stay() -> None:
    assert Terms().fill('label_replace(x{$select}, "a", "$1", "b", "(.+)$")').count("$") == 2


@given(st.text(st.characters(codec="ascii"), min_size=1, max_size=20))
def test_a_name_is_taken_literally(name: str) -> None:
    assert re.fullmatch(literally(name), name)
    matcher = also("", "instance", [spellings(name)])
    pattern = json.loads(matcher.removeprefix("instance=~"))
    for spelt in (name, f"{name}:9100", f"{name}.cluster", f"{name}.cluster:9100"):
        assert re.fullmatch(pattern, spelt)
    assert not re.fullmatch(pattern, "x" + name)


def test_matchers_are_joined() -> None:
    assert also('a="b"', "instance", ["x", "y"]) == 'a="b",instance=~"x|y"'


def request(reading: str, **changes: Any) -> SeriesRequest:
    fields = {
        "kind": "node",
        "name": "ash1",
        "reading": reading,
        "start": NOW,
        "end": NOW + 100,
        "points": 10,
    }
    return SeriesRequest(**{**fields, **changes})


def test_a_chart_has_gaps_where_nothing_was_measured() -> None:
    asked_for = request("memory")
    chart = NODE_CHARTS["memory"]
    asked = range_of(asked_for, chart)
    assert asked is not None
    rows = [
        sample(number * 2.0**20, at=NOW + 10 * number, part=part)
        for number in (0, 1, 5, 10, 11)
        for part in ("used", "total")
    ]
    found = read_range(asked, rows, hosts("ash1"))
    series = draw(asked_for, chart, asked, found)
    assert series is not None
    assert series.times == tuple(NOW + 10 * number for number in range(11))
    assert list(series.values) == [0, 1, None, None, None, 5, None, None, None, None, 10]
    assert series.unit == "MiB"
    assert draw(asked_for, chart, asked, {}) is None


@pytest.mark.parametrize(
    "changes", [{"end": NOW}, {"end": NOW - 1}, {"end": float("inf")}, {"start": float("nan")}]
)
def test_a_chart_of_no_time_at_all(changes: dict[str, float]) -> None:
    assert range_of(request("memory", **changes), NODE_CHARTS["memory"]) is None


@given(st.floats(0.001, 10**9), st.integers(-5, 10**9))
def test_a_chart_never_asks_for_too_many_points(seconds: float, points: int) -> None:
    asked = range_of(request("memory", start=0.0, end=seconds, points=points), NODE_CHARTS["memory"])
    assert asked is not None
    assert 1 <= asked.points <= 2001
    assert asked.times[-1] <= seconds


@pytest.mark.parametrize("reading", ["lustre_iops", "weather", "", "memory:0", "jobfs"])
def test_charts_that_there_are_not(reading: str) -> None:
    assert chart_of(request(reading)) is None


@pytest.mark.parametrize(
    "options",
    [
        {"address": "prometheus:9090"},
        {"address": "ftp://prometheus"},
        {"address": "http://"},
        {"address": "http://prometheus:x"},
        {"address": "http://prometheus/?a=b"},
        {"timeout": 0},
        {"time_limit": -1.0},
        {"stale_after": float("nan")},
        {"host_pattern": "("},
        {"host_pattern": ".*"},
        {"host_label": "a b"},
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        PrometheusSource(PrometheusOptions(**options))


def test_a_password_in_the_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(UsageError) as raised:
        PrometheusSource(PrometheusOptions(address="http://ada:hidden@prometheus:9090"))
    assert "hidden" not in raised.value.message + raised.value.hint


def test_requests_is_not_loaded_before_it_is_needed() -> None:
    code = (
        "import sys; from jobmon_tui.sources.prometheus import PrometheusSource; PrometheusSource();"
        "assert not {'requests', 'urllib3'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
