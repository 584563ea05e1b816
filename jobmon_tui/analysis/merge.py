"""Putting what was asked about one user into the picture of everyone."""

from __future__ import annotations

from dataclasses import replace

from jobmon_tui.model.snapshot import Job, Snapshot


def with_jobs_of_user(whole: Snapshot, partial: Snapshot) -> Snapshot:
    """A whole snapshot with the newer jobs of one user; all else stays as it was.

    Slurm's short answer about one user does not say which cores a job holds, so a job that still runs on the
    same nodes keeps the cores that it had.

    Args:
        whole: The snapshot of everyone.
        partial: A newer one with ``only_user`` set.
    """
    jobs = {job.job_id: job for job in whole.jobs.values() if job.username != partial.only_user}
    for job in partial.jobs.values():
        jobs[job.job_id] = _with_layout(job, whole.jobs.get(job.job_id))
    return replace(
        whole,
        timestamp=partial.timestamp,
        jobs=jobs,
        nodes=partial.nodes or whole.nodes,
        sources=partial.sources,
    )


def _with_layout(job: Job, before: Job | None) -> Job:
    if job.layout or before is None or (job.state, job.nodes) != (before.state, before.nodes):
        return job
    return replace(
        job,
        layout=before.layout,
        gpu_layout=before.gpu_layout,
        memory_layout=before.memory_layout,
        n_gpus=before.n_gpus,
    )
