"""From the configuration's sections to the sources of measurements that they describe."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from functools import partial
from typing import Any

from jobmon_tui.backends.node_rules import Devices, NodeRules
from jobmon_tui.config_measuring import GangliaSettings, InfluxSettings, PrometheusSettings
from jobmon_tui.config_rules import split_address
from jobmon_tui.errors import UsageError
from jobmon_tui.sources.readings import ReadingsSource


def sources_from(
    ganglia: GangliaSettings, influxdb: InfluxSettings, prometheus: PrometheusSettings, rules: NodeRules
) -> list[ReadingsSource]:
    """Those that are configured, the most immediate first. Connects to none of them.

    Args:
        ganglia: Without addresses, it is left out.
        influxdb: Without a URL, it is left out.
        prometheus: Without a URL, it is left out. Its queries choose devices by themselves.
        rules: Which devices of the nodes matter.

    Raises:
        UsageError: A setting makes no sense.
    """
    sources: list[ReadingsSource] = []
    if ganglia.addresses:
        sources.append(_ganglia(ganglia, rules))
    if influxdb.url:
        sources.append(_influxdb(influxdb, rules))
    if prometheus.url:
        sources.append(_prometheus(prometheus))
    return sources


# -- Ganglia -----------------------------------------------------------------------------------------------


def _ganglia(settings: GangliaSettings, rules: NodeRules) -> ReadingsSource:
    from jobmon_tui.sources.ganglia import GangliaSource, longest_answer
    from jobmon_tui.sources.ganglia_metrics import DEFAULT_METRICS
    from jobmon_tui.sources.readings_process import ReadingsProcess

    usual = dict(DEFAULT_METRICS)
    by_host: dict[str, Mapping[str, str]] = {}
    if rules.network_interface or rules.jobfs_device:
        # What is said of all devices together must not count where one of them was chosen.
        network = _taken_out(usual, "infiniband_") if rules.network_interface else {}
        disk = _taken_out(usual, "jobfs_") if rules.jobfs_device else {}
        for host, interface in _choices(rules.network_interface):
            for other_host, device in _choices(rules.jobfs_device):
                metrics = _of_interface(interface) if interface else network
                metrics = {**metrics, **(_of_disk(device) if device else disk)}
                by_host.setdefault(rf"(?={host}\Z){other_host}", metrics)
    make = partial(
        GangliaSource,
        [split_address(address) for address in settings.addresses],
        metrics={**settings.metrics, **{name: usual[name] for name in usual if name not in settings.metrics}},
        metrics_by_host=by_host,
        timeout=settings.timeout,
        dead_after=settings.dead_after,
    )
    return ReadingsProcess(make, longest_answer(settings.timeout))


def _taken_out(metrics: dict[str, str], beginning: str) -> dict[str, str]:
    found = {name: reading for name, reading in metrics.items() if reading.startswith(beginning)}
    for name in found:
        del metrics[name]
    return found


def _choices(devices: Devices) -> list[tuple[str, str]]:
    """Expressions for hosts with the device that was chosen there; the last for the rest, without one."""
    return [(hosts.expression, device) for hosts, device in devices] + [(".*", "")]


def _of_interface(interface: str) -> dict[str, str]:
    name = re.escape(interface).replace(r"\*", ".*").replace(r"\?", ".")
    port = rf"{name}(?:_(?:port)?\d+)?"
    return {
        rf"ib_port_rcv_data_{port}|(?:rx_bytes|bytes_in|ib_bytes_in)_{name}": "infiniband_bytes_in",
        rf"ib_port_xmit_data_{port}|(?:tx_bytes|bytes_out|ib_bytes_out)_{name}": "infiniband_bytes_out",
        rf"ib_port_rcv_packets_{port}|(?:rx_pkts|pkts_in|ib_pkts_in)_{name}": "infiniband_packets_in",
        rf"ib_port_xmit_packets_{port}|(?:tx_pkts|pkts_out|ib_pkts_out)_{name}": "infiniband_packets_out",
    }


def _of_disk(device: str) -> dict[str, str]:
    name = re.escape(device).replace(r"\*", ".*").replace(r"\?", ".")
    return {
        rf"diskstat_{name}_read_bytes_per_sec": "jobfs_read",
        rf"diskstat_{name}_write_bytes_per_sec": "jobfs_write",
    }


# -- InfluxDB ----------------------------------------------------------------------------------------------


def _influxdb(settings: InfluxSettings, rules: NodeRules) -> ReadingsSource:
    from jobmon_tui.sources.influxdb import InfluxOptions, InfluxSource
    from jobmon_tui.sources.influxdb_http import longest_answer
    from jobmon_tui.sources.influxdb_schema import InfluxSchema
    from jobmon_tui.sources.readings_process import ReadingsProcess
    from jobmon_tui.sources.secrets import SecretPlace

    schema: InfluxSchema = _filled(InfluxSchema(), settings.schema, "influxdb.schema")
    if rules.network_interface:
        chosen = _pairs(rules.network_interface)
        schema = replace(
            schema, networks=tuple(replace(network, devices=chosen) for network in schema.networks)
        )
    if rules.jobfs_device:
        schema = replace(schema, job_disk=replace(schema.job_disk, devices=_pairs(rules.jobfs_device)))
    make = partial(
        InfluxSource,
        InfluxOptions(
            url=settings.url or "",
            dialect=settings.dialect,
            database=settings.database,
            retention_policy=settings.retention_policy or "",
            org=settings.org or "",
            bucket=settings.bucket,
            user=settings.user or "",
            password=SecretPlace(file=settings.password_file, variable=settings.password_variable),
            token=SecretPlace(file=settings.token_file, variable=settings.token_variable),
            ca_file=settings.ca_file,
            schema=schema,
            window=settings.window,
            job_window=settings.job_window,
            interval=settings.interval,
            job_interval=settings.job_interval,
            timeout=settings.timeout,
        ),
    )
    return ReadingsProcess(make, longest_answer(settings.timeout))


def _filled(schema: Any, own: Mapping[str, object], option: str) -> Any:
    """A schema with a site's own names in place of the usual ones, at whatever depth."""
    changes: dict[str, Any] = {}
    known = {one.name: getattr(schema, one.name) for one in fields(schema)}
    for name, value in own.items():
        usual = known.get(name)
        if is_dataclass(usual) and isinstance(value, Mapping):
            changes[name] = _filled(usual, value, f"{option}.{name}")
        elif (isinstance(usual, str) and isinstance(value, str)) or (
            isinstance(usual, int | float) and isinstance(value, int | float) and value > 0
        ):
            changes[name] = value
        elif isinstance(usual, tuple) and isinstance(value, list | tuple):
            changes[name] = tuple(_element(one, f"{option}.{name}") for one in value)
        elif name in known:
            raise UsageError(f"{option}.{name} cannot be that", f"Usually it is {usual!r}."[:200])
        else:
            raise UsageError(f"{option} has no key {name!r}", f"It has: {', '.join(known)}.")
    return replace(schema, **changes)


def _element(value: object, option: str) -> object:
    """An element of a list: a word, a pair of patterns, or a network with all of its names."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple) and len(value) == 2 and all(isinstance(one, str) for one in value):
        return tuple(value)
    if option.endswith(".networks") and isinstance(value, Mapping):
        from jobmon_tui.sources.influxdb_schema import NETWORK

        return _filled(NETWORK, value, option)
    raise UsageError(f"{option} has an element that cannot stand there")


def _pairs(devices: Devices) -> tuple[tuple[str, str], ...]:
    return tuple((host, device) for hosts, device in devices for host in hosts.wildcards)


# -- Prometheus --------------------------------------------------------------------------------------------


def _prometheus(settings: PrometheusSettings) -> ReadingsSource:
    from jobmon_tui.sources.prometheus import PrometheusOptions, PrometheusSource
    from jobmon_tui.sources.prometheus_queries import Queries
    from jobmon_tui.sources.readings_process import ReadingsProcess
    from jobmon_tui.sources.secrets import SecretPlace

    try:
        queries = replace(Queries(), **settings.queries)
    except TypeError:
        known = [one.name for one in fields(Queries)]
        wrong = ", ".join(name for name in settings.queries if name not in known)
        raise UsageError(
            f"prometheus.queries: no reading {wrong}", f"There are {', '.join(known)}."
        ) from None
    defaults = PrometheusOptions()
    make = partial(
        PrometheusSource,
        PrometheusOptions(
            address=settings.url or defaults.address,
            user=settings.user or "",
            password=SecretPlace(file=settings.password_file, variable=settings.password_variable),
            token=SecretPlace(file=settings.token_file, variable=settings.token_variable),
            ca_file="" if settings.ca_file is None else str(settings.ca_file),
            host_label=settings.host_label,
            host_pattern=settings.host_pattern or defaults.host_pattern,
            select=settings.select,
            window=settings.window,
            stale_after=settings.stale_after,
            timeout=settings.timeout,
            time_limit=settings.time_limit,
        ),
        queries,
    )
    return ReadingsProcess(make, settings.time_limit)
