"""From a plan to the record that the scheduler would show of it at some instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any

from jobmon_tui.backends.simulation import behaviour
from jobmon_tui.backends.simulation.hardware import Machine
from jobmon_tui.backends.simulation.plans import ArrayPlan, Order, Plan
from jobmon_tui.model.snapshot import Job

PURGED_AFTER = 300.0
"""Seconds for which an ended job is still shown."""

_FIELDS = tuple(field.name for field in fields(Job))
_VALUES = attrgetter(*_FIELDS)
_SETTERS = tuple(getattr(Job, name).__set__ for name in _FIELDS)
_PLACE = {name: place for place, name in enumerate(_FIELDS)}


def renewed(job: Job, **changes: Any) -> Job:
    """A copy of a record with some fields changed; ``dataclasses.replace`` takes four times as long."""
    values = list(_VALUES(job))
    for name, value in changes.items():
        values[_PLACE[name]] = value
    copy: Job = object.__new__(Job)
    for setter, value in zip(_SETTERS, values, strict=True):
        setter(copy, value)
    return copy


def fold(machines: Sequence[Machine]) -> str:
    """The names of some nodes of one kind, folded: ``milan[003-006,009]``."""
    if not machines:
        return ""
    if len(machines) == 1:
        return machines[0].name
    prefix = machines[0].kind.prefix
    ranges: list[list[str]] = []
    previous = -2
    for machine in machines:
        number = machine.name.removeprefix(prefix)
        if machine.index == previous + 1:
            ranges[-1][1:] = [number]
        else:
            ranges.append([number])
        previous = machine.index
    return f"{prefix}[{','.join('-'.join(ends) for ends in ranges)}]"


def common(order: Order, number: int, task: str = "") -> dict[str, Any]:
    """The fields that a job keeps from its submission to its end.

    Args:
        order: What was asked for.
        number: The job id.
        task: What follows the number in the id: ``_7`` for a task.
    """
    user, work = order.user, order.work
    cpus, gpus = order.cores * order.n_nodes, order.gpus * order.n_nodes
    folder = f"/scratch/{user.account}/{user.name}/{work.name}"
    tres = f"cpu={cpus},mem={order.memory * order.n_nodes // 1024}G,node={order.n_nodes},billing={cpus}"
    if gpus:
        tres += f",gres/gpu={gpus}"
    suffix = "%A_%a" if task.startswith("_[") else f"{number}{task}"
    return {
        "job_id": f"{number}{task}",
        "name": work.name if task or work.script.startswith("/") else f"{work.name}_{number % 97:02d}",
        "username": user.name,
        "n_cpus": cpus,
        "n_gpus": gpus,
        "time_limit": order.limit,
        "memory_request": float(order.memory),
        "jobfs_request": 100.0 if user.habit.jobfs < 1 else 20_480.0,
        "partition": order.partition,
        "account": user.account,
        "qos": order.qos,
        "n_nodes": order.n_nodes,
        "tres_requested": tres,
        "gres": f"gpu:{order.gpus}" if order.gpus else None,
        "reservation": order.reservation,
        "n_tasks": order.n_nodes if work.threads else cpus,
        "cpus_per_task": order.cores if work.threads else 1,
        "work_dir": folder,
        "stdout": f"{folder}/slurm-{suffix}.out",
        "stderr": f"{folder}/slurm-{suffix}.out",
        "command": work.script if work.script.startswith("/") else f"{folder}/{work.script}",
    }


def pending_job(plan: Plan, priority: int) -> Job:
    """The record of a job that waits for its start."""
    return Job(
        **common(plan.order, plan.number),
        state="PENDING",
        priority=priority,
        reason=plan.waits_for,
        submit_time=plan.submit,
        eligible_time=plan.submit,
    )


def array_job(array: ArrayPlan, priority: int) -> Job:
    """The record that stands for all tasks of an array that have not started."""
    first, last = array.started, array.tasks - 1
    tasks = str(last) if first == last else f"{first}-{last}"
    if array.together:
        tasks += f"%{array.together}"
    held = array.together and array.started >= array.together
    return Job(
        **common(array.order, array.number, f"_[{tasks}]"),
        state="PENDING",
        priority=priority,
        reason="JobArrayTaskLimit" if held else array.waits_for,
        submit_time=array.submit,
        eligible_time=array.submit,
        array_id=str(array.number),
        array_tasks=tasks,
        task_count=array.tasks - array.started,
    )


def running_job(plan: Plan, time: float) -> Job:
    """The record of a job that runs since its start; `refreshed` keeps it fresh from then on."""
    order = plan.order
    fixed = common(order, plan.number, f"_{plan.task}" if plan.array else "")
    plan.sampled = 0.0
    job = Job(
        **fixed,
        state="RUNNING",
        layout={machine.name: cores for machine, cores, _ in plan.placements},
        gpu_layout={machine.name: gpus for machine, _, gpus in plan.placements if gpus},
        memory_layout={machine.name: order.memory for machine, _, _ in plan.placements},
        start_time=plan.start,
        end_time=plan.start + order.limit * 60,
        priority=10_000,
        reason="None",
        submit_time=plan.submit,
        eligible_time=plan.submit,
        nodes=fold([machine for machine, _, _ in plan.placements]),
        tres_allocated=fixed["tres_requested"],
        array_id=str(plan.number) if plan.array else None,
    )
    return refreshed(job, plan, time)


def refreshed(job: Job, plan: Plan, time: float) -> Job:
    """The record of a running job with its run time and its newest readings."""
    run_time = (time - plan.start) / 60
    sample = behaviour.last_sample(time, plan.shift)
    if sample == plan.sampled:
        return renewed(job, run_time=run_time)
    plan.sampled = sample
    memory = behaviour.memory_of_job(plan, sample)
    return renewed(
        job,
        run_time=run_time,
        memory=memory,
        memory_max=behaviour.memory_peak(plan, sample) if memory else None,
        lustre=behaviour.lustre_of_job(plan, sample),
        jobfs=behaviour.jobfs_of_job(plan, sample),
    )


def completing_job(job: Job, plan: Plan) -> Job:
    """The record of a job whose processes are gone and whose nodes are still cleaned up."""
    return renewed(
        job,
        state="COMPLETING",
        run_time=(plan.end - plan.start) / 60,
        end_time=plan.end,
        exit_code=plan.outcome.exit_code,
        memory={},
        lustre={},
        jobfs={},
        memory_max=None,
    )


def ended_job(plan: Plan) -> Job:
    """The record of a job that is over."""
    fixed = common(plan.order, plan.number, f"_{plan.task}" if plan.array else "")
    measured = any(machine.measured for machine, _, _ in plan.placements)
    return Job(
        **fixed,
        state=plan.outcome.state,
        run_time=(plan.end - plan.start) / 60,
        start_time=plan.start,
        end_time=plan.end,
        memory_max=behaviour.memory_peak(plan, plan.end) if measured else None,
        priority=10_000,
        reason=plan.outcome.reason,
        submit_time=plan.submit,
        eligible_time=plan.submit,
        nodes=fold([machine for machine, _, _ in plan.placements]),
        tres_allocated=fixed["tres_requested"],
        exit_code=plan.outcome.exit_code,
        array_id=str(plan.number) if plan.array else None,
    )
