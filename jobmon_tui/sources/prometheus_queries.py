"""What Prometheus is asked: one PromQL query for each reading, which a site may replace.

In a query stand for something: ``$host`` the label that names the node, ``$select`` further label matchers,
``$window`` the time over which rates are taken, ``$age`` the seconds after which a sample is too old and
``$job`` a pattern of job ids. Any other ``$`` is PromQL's own. A query that is empty is not asked.

Rows are told apart by their labels: ``$host`` (the node), ``part`` (which number of a reading), ``cpu`` and
``mode``, ``gpu`` (its index), ``jobid``, ``component`` and ``fs``. Amounts are bytes, rates are per second.
Write ``{$select}`` behind each metric of your own queries: a chart of one node then fetches that node only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from string import Template

ANY_JOB = "[0-9]+"
"""What ``$job`` stands for while all jobs are asked for."""
LOCAL_FILE_SYSTEMS = "ext[234]|xfs|btrfs|zfs|f2fs"
LOCAL_DISKS = "(sd|vd|xvd|hd)[a-z]+|nvme[0-9]+n[0-9]+"
NO_REAL_NETWORK = "lo|.*[.].*|(veth|docker|br|virbr|bond|cni|flannel|cali|tap|tun).*"
"""Interfaces whose traffic also passes, and is counted by, another one."""


def _part(part: str, expression: str) -> str:
    return f'label_replace({expression}, "part", "{part}", "", "")'


def _any_of(*expressions: str) -> str:
    return " or ".join(expressions)


def _select(metric: str, *matchers: str) -> str:
    return metric + "{" + ",".join((*matchers, "$select")) + "}"


def _fresh(metric: str, *matchers: str) -> str:
    # Without this an instant query answers with what was measured up to five minutes ago.
    selected = _select(metric, *matchers)
    return f"({selected} and timestamp({selected}) > time() - $age)"


def _rate(counter: str, *matchers: str) -> str:
    return f"rate({_select(counter, *matchers)}[$window])"


def _host_rate(part: str, counter: str, *matchers: str) -> str:
    return _part(part, f"sum by ($host) ({_rate(counter, *matchers)})")


def _cpu() -> str:
    """A core's five modes in one number, three digits each: a fifth of the rows, and each whole per cent.

    A double holds whole numbers of 15 digits exactly: user, nice, system, wait and idle, in this order.
    """

    def whole(expression: str) -> str:
        # A counter that ran backwards looks like a restart and gives a rate beyond all measure.
        return f"clamp_max(round(100 * {expression}), 200)"

    counter = "node_cpu_seconds_total"
    kernel = _rate(counter, 'mode=~"system|irq|softirq|steal"')
    modes = _any_of(
        whole(_rate(counter, 'mode="user"')) + " * 1e12",
        whole(_rate(counter, 'mode="nice"')) + " * 1e9",
        whole(f"sum by ($host, cpu) ({kernel})") + " * 1e6",
        whole(_rate(counter, 'mode="iowait"')) + " * 1e3",
        whole(_rate(counter, 'mode="idle"')),
    )
    return f"sum by ($host, cpu) ({modes})"


def _memory() -> str:
    names = ("MemTotal", "MemFree", "Buffers", "Cached")
    total, *unused = (_select(f"node_memory_{name}_bytes") for name in names)
    return _any_of(_part("total", total), _part("used", " - ".join((total, *unused))))


def _disk() -> str:
    # One device may be mounted at several places.
    def by_host(metric: str) -> str:
        selected = _select(metric, f'fstype=~"{LOCAL_FILE_SYSTEMS}"')
        return f"sum by ($host) (max by ($host, device) ({selected}))"

    free, total = by_host("node_filesystem_avail_bytes"), by_host("node_filesystem_size_bytes")
    return _any_of(_part("free", free), _part("total", total))


def _infiniband() -> str:
    # A node without InfiniBand shows its Ethernet: `or` takes what stands right of it for such nodes only.
    port, network = "node_infiniband_port_", "node_network_"
    real = f'device!~"{NO_REAL_NETWORK}"'
    return _any_of(
        _host_rate("bytes_in", port + "data_received_bytes_total"),
        _host_rate("bytes_in", network + "receive_bytes_total", real),
        _host_rate("bytes_out", port + "data_transmitted_bytes_total"),
        _host_rate("bytes_out", network + "transmit_bytes_total", real),
        _host_rate("packets_in", port + "packets_received_total"),
        _host_rate("packets_in", network + "receive_packets_total", real),
        _host_rate("packets_out", port + "packets_transmitted_total"),
        _host_rate("packets_out", network + "transmit_packets_total", real),
    )


def _read_write(read: str, write: str, *matchers: str) -> str:
    return _any_of(_host_rate("read", read, *matchers), _host_rate("write", write, *matchers))


def _gpus() -> str:
    def dcgm(metric: str) -> str:
        # Rows of a GPU's slices (MIG) carry the number of the whole GPU.
        whole = _fresh(metric, 'GPU_I_ID=""')
        return f"max by ($host, gpu) ({whole})"

    def nvidia(metric: str) -> str:
        numbered = f'label_replace({_fresh(metric)}, "gpu", "$1", "minor_number", "(.+)")'
        return f"max by ($host, gpu) ({numbered})"

    return _any_of(
        _part("utilisation", dcgm("DCGM_FI_DEV_GPU_UTIL")),
        _part("used", dcgm("DCGM_FI_DEV_FB_USED") + " * 1048576"),
        _part("free", dcgm("DCGM_FI_DEV_FB_FREE") + " * 1048576"),
        _part("utilisation", nvidia("nvidia_gpu_duty_cycle")),
        _part("used", nvidia("nvidia_gpu_memory_used_bytes")),
        _part("total", nvidia("nvidia_gpu_memory_total_bytes")),
    )


def _power() -> str:
    def by_host(how: str, metric: str) -> str:
        return f"{how} by ($host) ({_select(metric)})"

    return _any_of(
        by_host("max", "ipmi_dcmi_power_consumption_watts"),
        by_host("sum", "node_hwmon_power_average_watt"),
        by_host("sum", "node_hwmon_power_watt"),
    )


IN_CGROUP = 'cgroup=~".*/job_$job"'
"""A job's own control group, not those of its steps and tasks, which it includes."""
OF_JOB = 'slurmjobid=~"$job"'


def _cgroup_job(expression: str) -> str:
    return f'label_replace({expression}, "jobid", "$1", "cgroup", ".*/job_([0-9]+)")'


def _slurm_job(expression: str) -> str:
    return f'label_replace({expression}, "jobid", "$1", "slurmjobid", "(.+)")'


def _job_memory() -> str:
    measured = (
        _cgroup_job(_fresh("cgroup_memory_rss_bytes", IN_CGROUP)),
        _slurm_job(_fresh("slurm_job_memory_rss", OF_JOB)),
        _slurm_job(_fresh("slurm_job_memory_usage", OF_JOB)),
    )
    return _any_of(*(f"sum by ($host, jobid) ({expression})" for expression in measured))


def _job_cpu() -> str:
    # Per cent of the job's cores. The second exporter counts nanoseconds, core by core.
    def cgroup(counter: str) -> str:
        seconds = f"sum by (jobid) ({_cgroup_job(_rate(counter, IN_CGROUP))})"
        cores = f"sum by (jobid) ({_cgroup_job(_select('cgroup_cpus', IN_CGROUP))})"
        return f"100 * {seconds} / ({cores} > 0)"

    whole = f"avg by (jobid) ({_slurm_job(_rate('slurm_job_core_usage_total', OF_JOB))}) / 1e7"
    return _any_of(
        _part("user", cgroup("cgroup_cpu_user_seconds")),
        _part("system", cgroup("cgroup_cpu_system_seconds")),
        _part("user", whole),
    )


def _job_lustre() -> str:
    def part(name: str, *counters: str) -> str:
        # `or` would take rates with the same labels for one: each counter gets a label of its own.
        rates = _any_of(*(_part(counter, _rate(counter, 'jobid=~"$job"')) for counter in counters))
        named = f'label_replace({rates}, "fs", "$1", "target", "(.+)-(?:OST|MDT).*")'
        return _part(name, f"sum by (jobid, component, fs) ({named})")

    return _any_of(
        part("read_bytes", "lustre_job_read_bytes_total"),
        part("write_bytes", "lustre_job_write_bytes_total"),
        part(
            "iops",
            "lustre_job_read_samples_total",
            "lustre_job_write_samples_total",
            "lustre_job_stats_total",
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Queries:
    """One PromQL query for each reading. An empty one is not asked: its reading stays unknown."""

    reported: str = f"max by ($host) (timestamp({_select('node_load1')}))"
    """When a node was last measured, in Unix seconds."""
    names: str = f"group by ($host, nodename) ({_select('node_uname_info')})"
    """What a node calls itself (label ``nodename``), for nodes that are known here by their address."""
    cpu: str = _cpu()
    """By ``cpu``: the five modes packed into one number as the default does, or by ``mode`` as well: parts
    of a core (as ``rate`` gives). Without ``cpu``: the mean of the node's cores, by ``mode``."""
    memory: str = _memory()
    """Parts ``used`` (without buffers and cache) and ``total``."""
    swap: str = _any_of(
        _part("free", _select("node_memory_SwapFree_bytes")),
        _part("total", _select("node_memory_SwapTotal_bytes")),
    )
    """Parts ``free`` and ``total``."""
    disk: str = _disk()
    """Local file systems: parts ``free`` and ``total``."""
    load: str = f"max by ($host) ({_select('node_load1')})"
    """One-minute load average."""
    infiniband: str = _infiniband()
    """Parts ``bytes_in``, ``bytes_out``, ``packets_in`` and ``packets_out``."""
    lustre: str = _read_write("lustre_read_bytes_total", "lustre_write_bytes_total", 'component="client"')
    """What the node as a Lustre client moves: parts ``read`` and ``write``."""
    jobfs: str = _read_write(
        "node_disk_read_bytes_total", "node_disk_written_bytes_total", f'device=~"{LOCAL_DISKS}"'
    )
    """The local disk for jobs: parts ``read`` and ``write``."""
    temperature: str = f"max by ($host) ({_select('node_hwmon_temp_celsius')} < 150)"
    """Degrees Celsius; a sensor that is not connected often claims 255."""
    power: str = _power()
    """Watts."""
    gpus: str = _gpus()
    """By ``gpu``: parts ``utilisation`` in %, ``used``, and ``total`` or ``free``."""
    job_memory: str = _job_memory()
    """By node and ``jobid``."""
    job_memory_max: str = f"max by (jobid) ({_slurm_job(_fresh('slurm_job_memory_max', OF_JOB))})"
    """By ``jobid``: the most on one node since the job started."""
    job_lustre: str = _job_lustre()
    """By ``jobid``, ``component`` (``mdt``, ``ost``), ``fs``: ``read_bytes``, ``write_bytes``, ``iops``."""
    job_jobfs: str = ""
    """By node and ``jobid``: what the job keeps on the local disk. No exporter in common use measures it."""
    job_cpu: str = _job_cpu()
    """By ``jobid``, in % of its cores: parts ``user`` and ``system``. Only asked for charts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the placeholders of the queries stand for."""

    host: str = "instance"
    """The label that names the node."""
    select: str = ""
    """Label matchers that every sample must meet: ``cluster="south"``."""
    window: float = 120.0
    """Seconds; at least twice the scrape interval, better four times."""
    age: float = 180.0
    """Seconds."""
    job: str = ANY_JOB
    """A regular expression."""

    def fill(self, query: str) -> str:
        """The query with its placeholders filled in."""
        return Template(query).safe_substitute(
            host=self.host,
            select=self.select,
            window=f"{max(1, round(self.window * 1000))}ms",
            age=f"{self.age:g}",
            job=self.job,
        )


def also(select: str, label: str, values: Iterable[str]) -> str:
    """The matchers ``select`` and that ``label`` is one of the regular expressions ``values``."""
    # JSON and PromQL write strings alike.
    matcher = f"{label}=~{json.dumps('|'.join(values))}"
    return f"{select},{matcher}" if select.strip(" ,") else matcher


def literally(text: str) -> str:
    """A regular expression (for Prometheus) that matches this text only."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)


def spellings(host: str) -> str:
    """A regular expression for the ways in which a host's label may be spelt: with a domain, with a port."""
    return literally(host) + r"(\..*)?(:[0-9]+)?"
