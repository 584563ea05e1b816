"""What Ganglia's XML comes to: readings of hosts, whatever way they are written."""

from __future__ import annotations

import re
import socket
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobmon_tui.errors import SourceError, UsageError
from jobmon_tui.model.measures import CoreUse, CpuTimes, CpuUse, Free, Gpu, ReadWrite, Traffic, Used
from jobmon_tui.model.series import SeriesRequest
from jobmon_tui.sources.ganglia import GangliaSource, shorten
from jobmon_tui.sources.ganglia_measurement import complete_times
from jobmon_tui.sources.ganglia_metrics import DEFAULT_METRICS, READINGS, MetricMap, Recogniser
from jobmon_tui.sources.ganglia_xml import RefusedError, TreeReader
from jobmon_tui.sources.readings import NodeReading
from tests.ganglia_documents import HEAD, NOW, Talker, cluster, cores, document, host, metric, sends


def read(data: bytes, metrics: MetricMap = DEFAULT_METRICS, *, piece: int = 65_536) -> TreeReader:
    recogniser = Recogniser(metrics)
    tree = TreeReader(lambda _: recogniser, 60)
    for start in range(0, len(data), piece):
        tree.feed(data[start : start + piece])
    tree.finish()
    return tree


def reading(*metrics: str, **options: Any) -> NodeReading:
    return read(document(cluster(host("n1", "".join(metrics)))), **options).hosts["n1"]


def written_otherwise(data: bytes) -> bytes:
    """The same document with the attributes in another order, so that only expat can read it."""
    return re.sub(rb'<METRIC (NAME="[^"]*") (VAL="[^"]*")', rb"<METRIC \2 \1", data)


# -- readings ----------------------------------------------------------------------------------------------


def test_each_core_has_the_times_that_were_reported() -> None:
    times = [(12.5, 0.1, 3.0, 0.4, 84.0), (0.0, 0.0, 0.0, 0.0, 100.0), (99.9, 0.0, 0.1, 0.0, 0.0)]
    cpu = read(document(cluster(host("n1", cores(times))))).hosts["n1"].cpu
    assert cpu is not None
    assert list(cpu.cores) == [CpuTimes(*core) for core in times]
    assert cpu.total == pytest.approx(tuple(sum(kind) / 3 for kind in zip(*times, strict=True)))


def test_the_total_is_the_hosts_own_where_it_reports_one() -> None:
    totals = {"cpu_user": 10, "cpu_nice": 1, "cpu_system": 2, "cpu_wio": 3, "cpu_idle": 84, "cpu_aidle": 99}
    cpu = read(document(cluster(host("n1", {**totals, **cores([(1, 2, 3, 4, 90)])})))).hosts["n1"].cpu
    assert cpu == CpuUse(CpuTimes(10, 1, 2, 3, 84), CoreUse([(1, 2, 3, 4, 90)]))


def test_a_core_that_is_missing_is_unknown_and_those_behind_it_keep_their_numbers() -> None:
    metrics = cores([(1, 0, 0, 0, 99), (2, 0, 0, 0, 98), (3, 0, 0, 0, 97)])
    left = {name: value for name, value in metrics.items() if not name.endswith("1")}
    cpu = read(document(cluster(host("n1", left)))).hosts["n1"].cpu
    assert cpu is not None
    assert list(cpu.cores) == [CpuTimes(1, 0, 0, 0, 99), None, CpuTimes(3, 0, 0, 0, 97)]
    assert cpu.total is None


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "", "many", "1e999"])
def test_a_core_whose_time_is_no_number_is_unknown(value: str) -> None:
    metrics = {**cores([(1, 0, 0, 0, 99), (2, 0, 0, 0, 98)]), "multicpu_user0": value}
    cpu = read(document(cluster(host("n1", metrics)))).hosts["n1"].cpu
    assert cpu is not None
    assert list(cpu.cores) == [None, CpuTimes(2, 0, 0, 0, 98)]


def test_core_numbers_that_cannot_be_cost_nothing() -> None:
    metrics = {"multicpu_user4000": 1, "multicpu_user99999999": 1, "multicpu_user٣": 1}
    data = document(cluster(host("n1", "".join(metric(name, 1) for name in list(metrics)[:2]))))
    assert read(data).hosts["n1"].cpu is None


@pytest.mark.parametrize(
    ("kinds", "times"),
    [
        ([50, None, 5, None, 45], (50, 0, 5, 0, 45)),
        ([50, 1, 5, 2, None], (50, 1, 5, 2, 42)),
        ([80, 1, 50, 2, None], (80, 1, 50, 2, 0)),
        ([50, 1, None, 2, None], None),
        ([None, 1, 5, 2, 92], None),
    ],
)
def test_what_is_not_collected_apart(kinds: list[float | None], times: tuple[float, ...] | None) -> None:
    assert complete_times(kinds) == times


def test_memory_leaves_out_buffers_and_cache() -> None:
    amounts = {"total": 4_194_304, "free": 1_048_576, "buffers": 524_288, "cached": 524_288}
    metrics = [metric(f"mem_{name}", kilobytes, "KB") for name, kilobytes in amounts.items()]
    assert reading(*metrics).memory == Used(2048, 4096)
    assert reading(*metrics[:3]).memory is None, "what is cached would have counted as used"
    assert reading(*metrics[1:]).memory is None


def test_swap_and_disk() -> None:
    metrics = [metric("swap_total", 2_097_152, "KB"), metric("swap_free", 1_048_576, "KB")]
    assert reading(*metrics).swap == Free(1024, 2048)
    assert reading(*metrics[:1]).swap is None
    metrics = [metric("disk_total", 1000, "GB"), metric("disk_free", 536.870912, "GB")]
    # gmond's GB are decimal.
    assert reading(*metrics).disk == pytest.approx((500, 931.3225746))


def test_gpus() -> None:
    found = reading(
        metric("gpu10_util", 7, "%"),
        metric("gpu0_util", 52, "%"),
        metric("gpu0_mem_total", 16_384, "MB"),
        metric("gpu0_mem_used", 2_097_152, "KB"),
        metric("gpu1_fb_total", 16_384),
        metric("gpu1_fb_free", 16_000),
        metric("gpu1_mem_util", 99, "%"),
        metric("gpu0_type", "Tesla", type="string"),
        metric("gpu70_util", 1),
    ).gpus
    assert found == (
        Gpu("gpu0", 52, Used(2048, 16_384)),
        Gpu("gpu1", None, Used(384, 16_384)),
        Gpu("gpu10", 7, None),
    )


def test_network_sums_ports_and_does_not_invent_packets() -> None:
    metrics = [
        metric("ib_port_rcv_data_mlx5_0_port1", 100, "bytes/sec"),
        metric("ib_port_rcv_data_mlx5_1_port1", 20.5, "bytes/sec"),
        metric("ib_port_xmit_data_mlx5_0_port1", 2, "KB/s"),
    ]
    assert reading(*metrics).infiniband == Traffic(120.5, 2048, None, None)
    counted = [metric("ib_port_rcv_packets_x_port1", 5), metric("ib_port_xmit_packets_x_port1", 6)]
    assert reading(*metrics, *counted).infiniband == Traffic(120.5, 2048, 5, 6)
    assert reading(*metrics[:2]).infiniband is None


def test_lustre_and_local_disks_are_summed_once() -> None:
    found = reading(
        metric("lusclt_home_read_bytes_per_sec", 10, "bytes/sec"),
        metric("lusclt_scratch_read_bytes_per_sec", 20, "bytes/sec"),
        metric("lusclt_scratch_brw_read_bytes_per_sec", 1000, "bytes/s"),
        metric("lusclt_total_read_bytes_per_sec", 30, "bytes/sec"),
        metric("lusclt_home_write_bytes_per_sec", 3, "bytes/sec"),
        metric("diskstat_sda_read_bytes_per_sec", 1, "bytes/sec"),
        metric("diskstat_sdb_read_bytes_per_sec", 2, "bytes/sec"),
        metric("diskstat_sda_write_bytes_per_sec", 4, "bytes/sec"),
        metric("diskstat_sda_read_time", 4000, "s"),
    )
    assert found.lustre == ReadWrite(30, 3)
    assert found.jobfs == ReadWrite(3, 4)


def test_the_hottest_and_the_whole_power() -> None:
    found = reading(
        metric("cpu_temp", 41, "C"),
        metric("ipmi_cpu1_temp", 67.5, "degrees C"),
        metric("inlet_temp", 77, "F"),
        metric("temperature_setpoints", 500),
        metric("attempts", 900),
        metric("node_power", 0.4, "kW"),
        metric("gpu0_power_usage", 250_000, "watts"),
        metric("load_one", 3.25, " "),
    )
    assert (found.temperature, found.power, found.load) == (67.5, 400, 3.25)
    assert reading(metric("inlet_temp", 77, "F")).temperature == pytest.approx(25)


def test_what_is_not_measured_is_unknown() -> None:
    assert reading(metric("os_name", "Linux", type="string")) == NodeReading(reported_at=NOW - 5)


def test_a_metric_whose_collector_died_is_unknown_though_its_host_lives() -> None:
    assert reading(metric("load_one", 3, age=4801, silence=1200)).load is None
    assert reading(metric("load_one", 3, age=4799, silence=1200)).load == 3
    assert reading(metric("load_one", 3, age=900, silence=60)).load == 3, "a script run by cron now and then"


# -- a site's own names ------------------------------------------------------------------------------------


def test_a_sites_own_names_go_before_the_usual() -> None:
    metrics = {r"accel(\d)_busy": "gpu_utilisation", "mem_inuse": "memory_used", **DEFAULT_METRICS}
    found = reading(
        metric("accel3_busy", 12), metric("mem_inuse", 1024, "KB"), metric("mem_total", 4096), metrics=metrics
    )
    assert found.gpus == (Gpu("gpu3", 12, None),)
    assert found.memory == Used(1, 4)


@pytest.mark.parametrize(
    ("metrics", "words"),
    [
        ({"x": "cpu_usre"}, "'cpu_usre' is no reading"),
        ({"x(": "load"}, "no regular expression"),
        ({"multicpu_user": "core_user"}, "needs the number"),
    ],
)
def test_metrics_that_make_no_sense_are_refused(metrics: MetricMap, words: str) -> None:
    with pytest.raises(UsageError, match=re.escape(words)):
        GangliaSource([("localhost", 1)], metrics=metrics)


def test_each_usual_name_is_a_reading() -> None:
    assert set(DEFAULT_METRICS.values()) == set(READINGS) - {"memory_used"}


# -- hosts -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("age", "is_alive"), [(0, True), (60, True), (61, False), (90_000, False)])
def test_a_host_that_stopped_reporting_has_no_readings(age: int, is_alive: bool) -> None:
    found = read(document(cluster(host("n1", {"load_one": 1}, age=age)))).hosts["n1"]
    assert found == NodeReading(reported_at=NOW - age, load=1 if is_alive else None)


def test_age_is_told_by_ganglias_clocks_alone() -> None:
    # TN says that it is old though both times agree: a gmetad that lost its gmond.
    lost = host("n1", {"load_one": 1}, age=500, reported=NOW - 5)
    assert read(document(cluster(lost))).hosts["n1"].load is None
    late = host("n1", {"load_one": 1}, age=5, reported=NOW - 500).replace(' TN="5" TMAX="20"', "")
    assert read(document(cluster(late))).hosts["n1"].load is None
    assert read(document(cluster(late, time=NOW - 495))).hosts["n1"].load == 1


def test_a_host_in_two_clusters_is_the_one_heard_of_last() -> None:
    old, new = host("n1", {"load_one": 1}, age=30), host("n1", {"load_one": 2}, age=3)
    for order in ((old, new), (new, old)):
        tree = read(document(cluster(order[0], name="a"), cluster(order[1], name="b")))
        assert tree.hosts["n1"] == NodeReading(reported_at=NOW - 3, load=2)


def test_summaries_and_empty_hosts_are_no_nodes() -> None:
    summary = (
        '<HOSTS UP="3" DOWN="0" SOURCE="gmetad"/>\n<METRICS NAME="load_one" SUM="9" NUM="3" TYPE="double"/>'
    )
    tree = read(document(cluster(summary, host(""), '<HOST NAME="n2" REPORTED="5" TN="1"/>\n', host("n3"))))
    assert set(tree.hosts) == {"n2", "n3"}
    assert tree.version == "3.7.2"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["n1.a.example", "n2.a.example"], ["n1", "n2"]),
        (["n1.a.example", "n1.b.example", "n2"], ["n1.a.example", "n1.b.example", "n2"]),
        (["n1.a.example", "n1"], ["n1"]),
        (["10.1.1.1", "10.1.1.2"], ["10.1.1.1", "10.1.1.2"]),
        (["10.1.1.1"], ["10.1.1.1"]),
        ([".x"], [".x"]),
    ],
)
def test_names_are_shortened_while_they_tell_hosts_apart(names: list[str], expected: list[str]) -> None:
    assert list(shorten({name: NodeReading() for name in names})) == expected


# -- two ways of reading -----------------------------------------------------------------------------------


PLAIN = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters='"<&\x7f'), max_size=12)
NAMES = st.one_of(
    PLAIN,
    st.sampled_from(
        ["load_one", "mem_total", "mem_free", "mem_buffers", "mem_cached", "gpu0_util", "cpu_temp"]
    ),
    st.builds(
        "multicpu_{}{}".format, st.sampled_from(["user", "nice", "system", "wio", "idle"]), st.integers(0, 3)
    ),
)
VALUES = st.one_of(st.floats(0, 1e6).map(str), st.integers(0, 100).map(str), PLAIN)
UNITS = st.one_of(st.sampled_from(["KB", "MB", "%", "C", "F", "bytes/sec"]), PLAIN)
METRICS = st.lists(
    st.builds(metric, NAMES, VALUES, UNITS, age=st.integers(0, 10_000)),
    max_size=25,
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(hosts=st.lists(METRICS, max_size=4), piece=st.integers(1, 3000))
def test_the_quick_way_sees_what_expat_sees_however_it_arrives(hosts: list[list[str]], piece: int) -> None:
    data = document(cluster(*(host(f"n{number}", "".join(each)) for number, each in enumerate(hosts))))
    quick = read(data, piece=piece).hosts
    assert quick == read(written_otherwise(data)).hosts
    assert set(quick) == {f"n{number}" for number in range(len(hosts))}


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_damaged_documents_are_refused_or_read_but_never_crash(data: st.DataObject) -> None:
    whole = document(cluster(host("n1", cores([(1, 2, 3, 4, 90)])), host("n2", {"load_one": 1})))
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(len(whole), start + 60)))
    damaged = whole[:start] + data.draw(st.binary(max_size=20)) + whole[end:]
    piece = data.draw(st.integers(1, 500))
    with suppress(RefusedError):
        assert len(read(damaged, piece=piece).hosts) <= 3


@given(cut=st.integers(0, 10_000))
def test_a_document_that_ends_early_is_refused(cut: int) -> None:
    whole = document(cluster(host("n1", {"load_one": 1}), host("n2", {"load_one": 2})))
    cut %= len(whole) - len("</GANGLIA_XML>\n")
    with pytest.raises(RefusedError, match="ends in the middle"):
        read(whole[:cut])


def test_what_a_comment_or_reference_hides_is_read_as_xml_says() -> None:
    hidden = "<!-- " + metric("load_one", 9).replace("--", "") + " -->" + metric("load_one", 2)
    assert reading(hidden).load == 2
    assert reading(metric("load&#95;one", "&#55;")).load == 7
    assert reading("<![CDATA[" + metric("load_one", 9) + "]]>").load is None
    assert reading("<?note " + metric("load_one", 9) + "?>").load is None


# -- documents that Ganglia does not write -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "ends in the middle"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "not Ganglia's XML"),
        (b"<html><body/></html>", "not Ganglia's XML"),
        (b"\x00\xff\xfe" * 100, "not Ganglia's XML"),
        (document() + document(), "not Ganglia's XML"),
        (HEAD.replace("\n]>", "<!ENTITY a 'b'>]>").encode(), "declares entities"),
        (HEAD.replace("\n]>", "<!ENTITY % a 'b'>]>").encode(), "declares entities"),
        (HEAD.replace("\n]>", "<!ENTITY a SYSTEM 'file:///etc/passwd'>]>").encode(), "declares entities"),
        (b"<!DOCTYPE GANGLIA_XML SYSTEM 'http://127.0.0.1/x.dtd'><GANGLIA_XML/>", "another document"),
        (b"<?xml version='1.0' encoding='cp037'?><GANGLIA_XML/>", "encoding"),
        (b"<GANGLIA_XML>" + b"<GRID>" * 40, "nests too deeply"),
        (b"<GANGLIA_XML>" + b"x" * 1_200_000, "never ends"),
        (b"<GANGLIA_XML><!--" + b"x" * 1_200_000, "never ends"),
        (b'<GANGLIA_XML X="' + b"x" * 1_200_000, "never ends"),
        (b'<GANGLIA_XML><HOST NAME="x">' + b"<METRIC " * 2_200_000, "never ends"),
        (b"<GANGLIA_XML>" + b'<HOST NAME="x"></HOST>' + b"</HOST>", "not Ganglia's XML"),
    ],
)  # fmt: skip
def test_what_is_no_tree_of_ganglia_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(RefusedError, match=words):
        read(data)


def test_more_hosts_than_any_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobmon_tui.sources.ganglia_xml.MOST_HOSTS", 10)
    assert len(read(document(cluster(*(host(f"n{number}") for number in range(10))))).hosts) == 10
    with pytest.raises(RefusedError, match="more hosts"):
        read(document(cluster(*(host(f"n{number}") for number in range(11)))))


def test_more_cores_than_any_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobmon_tui.sources.ganglia_xml.MOST_CORES_IN_ALL", 10)
    with pytest.raises(RefusedError, match="cores"):
        read(document(cluster(host("n1", cores([(0, 0, 0, 0, 100)] * 11)))))


# -- the source --------------------------------------------------------------------------------------------


def test_everything_that_one_address_knows() -> None:
    data = document(cluster(host("n1.example", {"load_one": 1}), host("n2.example", {"load_one": 2}, age=99)))
    with Talker(sends(data[:100], data[100:])) as gmetad:
        answer = GangliaSource([gmetad.address], clock=lambda: 77.0).load([], [])
    assert answer.nodes == {
        "n1": NodeReading(reported_at=NOW - 5, load=1),
        "n2": NodeReading(reported_at=NOW - 99),
    }
    assert (answer.taken_at, answer.version, answer.calls, answer.problems) == (77.0, "3.7.2", 1, ())
    assert answer.seconds > 0


def test_several_are_merged_host_by_host() -> None:
    one = document(cluster(host("n1", {"load_one": 1}, age=30), host("n2", {"load_one": 2}, age=3)))
    two = document(
        cluster(host("n1", {"load_one": 3}, age=2), host("n2", {"load_one": 4}, age=20), host("n3"))
    )
    with Talker(sends(one)) as first, Talker(sends(two)) as second:
        for addresses in ([first.address, second.address], [second.address, first.address, first.address]):
            answer = GangliaSource(addresses).load([], [])
            loads = {name: node.load for name, node in answer.nodes.items()}
            assert loads == {"n1": 3, "n2": 2, "n3": None}
            assert answer.calls == 2


def test_full_names_on_request_and_metrics_by_host() -> None:
    metrics = {"diskstat_sda_read_bytes_per_sec": 1, "diskstat_sda_write_bytes_per_sec": 2}
    scratch = {"nvme_read": 5, "nvme_write": 6}
    data = document(cluster(host("n1.x", metrics), host("big1.x", scratch)))
    with Talker(sends(data)) as gmond:
        answer = GangliaSource(
            [gmond.address],
            shorten_hosts=False,
            metrics_by_host={r"big\d+\..*": {"nvme_read": "jobfs_read", "nvme_write": "jobfs_write"}},
        ).load([], [])
    assert {name: node.jobfs for name, node in answer.nodes.items()} == {
        "n1.x": ReadWrite(1, 2),
        "big1.x": ReadWrite(5, 6),
    }


def test_the_interactive_port_is_asked_for_everything() -> None:
    asked: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        asked.append(connection.recv(100))
        connection.sendall(document(cluster(host("n1"))))

    with Talker(talk) as gmetad:
        port = gmetad.address[1]
        answer = GangliaSource([gmetad.address], interactive_ports=[port]).load([], [])
    assert asked == [b"/\n"]
    assert set(answer.nodes) == {"n1"}


def test_it_keeps_no_history_and_needs_an_address() -> None:
    source = GangliaSource([("127.0.0.1", 1)])
    request = SeriesRequest(kind="node", name="n1", reading="cpu_user", start=0, end=1)
    assert source.series([request, request]) == [None, None]
    source.close()
    with pytest.raises(SourceError, match="closed"):
        source.series([request])
    with pytest.raises(SourceError, match="closed"):
        source.load([], [])
    with pytest.raises(UsageError, match="no address"):
        GangliaSource([])
