"""A job that keeps one core and 100 MiB busy, for the tests that observe it; and what it has to look like."""

from __future__ import annotations

import os
import pwd
import sys
import time
from collections.abc import Callable

from jobmon_tui.sources.slurm.sampler import JobSampler
from jobmon_tui.sources.slurm.sampler_frame import Observation
from tests.real.slurm_cluster import SlurmCluster

NODE = "c006"
GONE_WITHIN = 6.0
"""Seconds after which nothing may be left of an observer that has ended."""
SCRIPT = (
    f"{sys.executable} -c 'import time; held = bytearray(100 << 20); time.sleep(3000)' & while :; do :; done"
)
_SEEN_WITHIN = 20.0


def submit_busy_job(cluster: SlurmCluster, *options: str, task: str = "") -> str:
    """Start one of whoever runs the tests on `NODE`, and wait until it runs.

    Args:
        cluster: Where.
        options: More of sbatch's.
        task: Of a job array, the task that runs first.

    Returns:
        What users call it: ``12`` or ``12_3``.
    """
    user = pwd.getpwuid(os.getuid()).pw_name
    number = cluster.submit(user, "-n1", "--mem=500", f"--nodelist={NODE}", *options, script=SCRIPT)
    job = f"{number}_{task}" if task else number
    cluster.wait_until(lambda: cluster.job_states().get(job, ("",))[0] == "RUNNING", "the job runs")
    return job


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether it holds before that time has passed."""
    last = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > last:
            return False
        time.sleep(0.05)
    return True


def observed(sampler: JobSampler) -> Observation:
    """The first observation that tells how busy the job is."""
    seen: list[Observation] = []

    def is_there() -> bool:
        newest = sampler.latest()
        if newest is not None and newest.busy is not None:
            seen.append(newest)
        return bool(seen)

    assert wait_for(is_there, _SEEN_WITHIN), sampler.latest()
    return seen[0]


def assert_busy(seen: Observation) -> None:
    """It is what this job looks like, and no other's use is in it."""
    assert seen.node == NODE
    assert seen.busy is not None, seen
    # One process that never rests; other tests may want this machine's few cores, too.
    assert 0.2 < seen.busy < 1.2, seen
    assert seen.memory is not None, seen
    assert 100 < seen.memory < 150, seen
    # Nobody confines the job to its core here, so that nobody knows which one it is.
    assert seen.cores == {}
    assert seen.gpus == ()
