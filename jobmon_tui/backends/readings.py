"""Which method of the contract answers for which field of the model: each is declared once, here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jobmon_tui.backends import shapes


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class Reading:
    """One method of the contract and the field that it fills."""

    method: str
    """The contract's name."""
    field: str
    """The field of `Node` or `Job`."""
    read: shapes.Reader
    """From what a method returned to what the model holds."""
    show: Callable[[Any], Any] = _same
    """From what the model holds to what the contract returns."""


NODE_READINGS = (
    Reading("node_up", "up", shapes.flag),
    Reading("is_counted", "is_counted", shapes.flag),
    Reading("n_cpus", "n_cpus", shapes.count),
    Reading("n_gpus", "n_gpus", shapes.count),
    Reading("cpu_usage", "cpu", shapes.cpu_use, shapes.show_cpu_use),
    Reading("mem", "memory", shapes.used, shapes.show_named),
    Reading("swap", "swap", shapes.free, shapes.show_named),
    Reading("disk", "disk", shapes.free, shapes.show_named),
    Reading("gpus", "gpus", shapes.gpus, shapes.show_gpus),
    Reading("infiniband", "infiniband", shapes.traffic, shapes.show_traffic),
    Reading("lustre", "lustre", shapes.read_write, shapes.show_named),
    Reading("jobfs", "jobfs", shapes.read_write, shapes.show_named),
)

JOB_READINGS = (
    Reading("job_name", "name", shapes.text),
    Reading("job_username", "username", shapes.text),
    Reading("job_state", "state", shapes.text),
    Reading("job_ncpus", "n_cpus", shapes.count),
    Reading("job_ngpus", "n_gpus", shapes.count),
    Reading("job_layout", "layout", shapes.indices, shapes.show_indices),
    Reading("job_gpu_layout", "gpu_layout", shapes.indices, shapes.show_indices),
    Reading("job_time_limit", "time_limit", shapes.optional_number),
    Reading("job_run_time", "run_time", shapes.optional_number),
    Reading("job_start_time", "start_time", shapes.instant),
    Reading("job_mem", "memory", shapes.amounts, dict),
    Reading("job_mem_max", "memory_max", shapes.optional_number),
    Reading("job_mem_request", "memory_request", shapes.optional_number),
    Reading("job_lustre", "lustre", shapes.lustre_rates, shapes.show_lustre_rates),
    Reading("jobfs_usage", "jobfs", shapes.amounts, dict),
    Reading("jobfs_request", "jobfs_request", shapes.optional_number),
)
