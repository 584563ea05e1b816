"""From the configuration to sources, and from a gmetad that answers to the scheduler's cores."""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Iterator
from typing import Any, cast

import pytest

from jobmon_tui.backends.loading import load_backend
from jobmon_tui.backends.measuring import sources_from
from jobmon_tui.backends.node_rules import NodeRules
from jobmon_tui.config_measuring import GangliaSettings, InfluxSettings, NodeSettings, PrometheusSettings
from jobmon_tui.model.measures import ReadWrite, Traffic
from jobmon_tui.model.snapshot import Node
from jobmon_tui.sources.influxdb import InfluxOptions
from jobmon_tui.sources.influxdb_schema import InfluxSchema
from jobmon_tui.sources.slurm.answer import SlurmAnswer

CORES = 8


def metric(name: str, value: float, unit: str = "") -> str:
    return f'<METRIC NAME="{name}" VAL="{value}" TYPE="float" UNITS="{unit}" TN="1" TMAX="60" DMAX="0"/>'


def host(name: str) -> str:
    """A host whose every core and device can be told from the others."""
    metrics = [
        metric(f"multicpu_{kind}{core}", value, "%")
        for core in range(CORES)
        for kind, value in (("user", core), ("nice", 0), ("system", 1), ("wio", 0), ("idle", 99 - core))
    ]
    for place, device in enumerate(("ib0", "eth0"), 1):
        metrics += [
            metric(f"rx_bytes_{device}", 100 * place, "bytes/sec"),
            metric(f"tx_bytes_{device}", 200 * place, "bytes/sec"),
            metric(f"rx_pkts_{device}", 3 * place, "pkts/sec"),
            metric(f"tx_pkts_{device}", 4 * place, "pkts/sec"),
        ]
    for place, device in enumerate(("sda", "sdb"), 1):
        metrics += [
            metric(f"diskstat_{device}_read_bytes_per_sec", 10 * place, "bytes/sec"),
            metric(f"diskstat_{device}_write_bytes_per_sec", 20 * place, "bytes/sec"),
        ]
    reported = int(time.time()) - 1
    return (
        f'<HOST NAME="{name}.site.org" IP="10.0.0.1" REPORTED="{reported}" TN="1" TMAX="20" DMAX="0">'
        + "".join(metrics)
        + "</HOST>"
    )


@pytest.fixture
def gmetad() -> Iterator[str]:
    """The address of one that knows four hosts."""
    document = (
        '<?xml version="1.0" encoding="ISO-8859-1" standalone="yes"?>'
        '<GANGLIA_XML VERSION="3.7.2" SOURCE="gmetad"><GRID NAME="g" AUTHORITY="" LOCALTIME="1">'
        '<CLUSTER NAME="c" LOCALTIME="1" OWNER="" LATLONG="" URL="">'
        + "".join(map(host, ("john1", "john2", "bryan1", "oak1")))
        + "</CLUSTER></GRID></GANGLIA_XML>"
    ).encode("latin-1")

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(document)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield "127.0.0.1:{}".format(*server.server_address[1:2])
        server.shutdown()
        thread.join(5)


class Slurm:
    name = "slurm (fake)"

    def load(self, only_user: str | None = None) -> SlurmAnswer:
        names = ("john1", "john2", "bryan1", "oak1")
        return SlurmAnswer(
            taken_at=time.time(), nodes=tuple(Node(name=name, n_cpus=CORES, sockets=2) for name in names)
        )

    def close(self) -> None:
        pass


def test_gmetad_s_readings_arrive_as_the_site_configured(gmetad: str) -> None:
    backend = load_backend(
        "ozstar",
        options={
            "slurm": Slurm(),
            "ganglia": {"addresses": [gmetad]},
            "nodes": {
                "reported": ["john[1-2]", "bryan*", "oak1"],
                "column_ordered": ["john*"],
                "threaded": {"bryan*": {"cores": 4, "threads": 2}},
                "network_interface": {"john1": "ib0", "john*": "eth*"},
                "jobfs_device": {"john2,bryan1": "sdb"},
            },
        },
    )
    snapshot = backend.cycle()
    assert all(source.ok for source in snapshot.sources), snapshot.sources
    assert all(node.up for node in snapshot.nodes.values())

    def users(name: str) -> list[float]:
        cpu = snapshot.nodes[name].cpu
        assert cpu is not None
        return [core.user for core in cpu.cores if core is not None]

    assert users("john1") == users("john2") == [0, 2, 4, 6, 1, 3, 5, 7]
    assert users("bryan1") == [0, 4, 1, 5, 2, 6, 3, 7]
    assert users("oak1") == [0, 1, 2, 3, 4, 5, 6, 7]
    traffic = {name: node.infiniband for name, node in snapshot.nodes.items()}
    assert traffic == {
        "john1": Traffic(100, 200, 3, 4),
        "john2": Traffic(200, 400, 6, 8),
        "bryan1": None,
        "oak1": None,
    }
    disks = {name: node.jobfs for name, node in snapshot.nodes.items()}
    assert disks["john2"] == disks["bryan1"] == ReadWrite(20, 40)
    # Where no device was chosen, all of them together count, as they do without any configuration.
    assert disks["john1"] == disks["oak1"] == ReadWrite(30, 60)
    backend.close()


def options_of(settings: InfluxSettings, nodes: NodeSettings) -> InfluxOptions:
    (source,) = sources_from(GangliaSettings(), settings, PrometheusSettings(), NodeRules(nodes))
    return cast(InfluxOptions, cast(Any, source).here._options)


def test_influxdb_is_told_the_site_s_names_and_devices() -> None:
    options = options_of(
        InfluxSettings(
            url="http://metrics:8086",
            schema={"host_tag": "hostname", "cpu": {"measurement": "our_cpu"}},
            timeout=3,
        ),
        NodeSettings(network_interface={"c[1-2]": "ib0"}, jobfs_device={"*": "nvme0n1"}),
    )
    assert (options.url, options.timeout) == ("http://metrics:8086", 3)
    schema, usual = options.schema, InfluxSchema()
    assert (schema.host_tag, schema.cpu.measurement, schema.cpu.user) == (
        "hostname",
        "our_cpu",
        usual.cpu.user,
    )
    devices = (("c1", "ib0"), ("c1.*", "ib0"), ("c2", "ib0"), ("c2.*", "ib0"))
    assert [network.devices for network in schema.networks] == [devices, devices]
    assert ("*", "nvme0n1") in schema.job_disk.devices


def test_without_settings_everything_is_as_usual() -> None:
    assert options_of(InfluxSettings(url="http://metrics:8086"), NodeSettings()).schema == InfluxSchema()
    none = sources_from(GangliaSettings(), InfluxSettings(), PrometheusSettings(), NodeRules(NodeSettings()))
    assert none == []


def test_sources_stand_by_their_rank() -> None:
    sources = sources_from(
        GangliaSettings(addresses=("head1:8651", "[::1]:8649")),
        InfluxSettings(url="http://metrics:8086"),
        PrometheusSettings(url="http://prom:9090", queries={"power": "watts"}),
        NodeRules(NodeSettings()),
    )
    assert [source.name for source in sources] == ["ganglia", "influxdb", "prometheus"]
    for source in sources:
        source.close()
