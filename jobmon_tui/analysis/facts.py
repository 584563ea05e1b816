"""Everything known of one job or node, as labelled lines for a drill-down. What is unknown is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from jobmon_tui.analysis.index import SnapshotIndex
from jobmon_tui.analysis.job_cells import STATE_ROLES
from jobmon_tui.analysis.readings import condition
from jobmon_tui.analysis.waiting import waiting_facts
from jobmon_tui.model.snapshot import Job, Node
from jobmon_tui.model.times import age_text, clock_text, stamp_text
from jobmon_tui.model.units import format_duration, format_mib


class Fact(NamedTuple):
    """One labelled line. An empty label continues the line above; an empty text makes the label a heading."""

    label: str
    text: str
    role: str = "plain"
    """The name of a style in the palette."""


NODE_ROLES = {"down": "trouble", "drained": "warning", "draining": "warning", "in use": "good"}


def job_facts(job: Job, index: SnapshotIndex) -> tuple[Fact, ...]:
    """All that is known of a job, grouped under headings."""
    return (
        *_headed("Job", _identity(job)),
        *_headed("Why it waits", _waiting(job, index)),
        *_headed("Resources", _resources(job)),
        *_headed("Time", _times(job, index.snapshot.timestamp)),
        *_headed("Where", _places(job)),
        *_headed("Files", _files(job)),
    )


def node_facts(node: Node, index: SnapshotIndex) -> tuple[Fact, ...]:
    """All that is known of a node, grouped under headings."""
    return (
        *_headed("Node", _node_identity(node, index)),
        *_headed("Resources", _node_resources(node)),
        *_headed("Measured", _node_readings(node)),
        *_headed("Reservations", _node_reservations(node, index)),
    )


def _headed(heading: str, facts: Iterator[Fact]) -> Iterator[Fact]:
    first = next(facts, None)
    if first is not None:
        yield Fact(heading, "", "primary")
        yield first
        yield from facts


def _present(*pairs: tuple[str, object]) -> Iterator[Fact]:
    """A line for each that is known and not empty."""
    for label, value in pairs:
        if value is not None and value != "" and value != ():
            yield Fact(label, ", ".join(value) if isinstance(value, tuple) else str(value))


def _identity(job: Job) -> Iterator[Fact]:
    yield from _present(
        ("id", job.job_id), ("name", job.name), ("user", job.username), ("account", job.account)
    )
    yield Fact("state", job.state, STATE_ROLES.get(job.state, "trouble"))
    if job.exit_code not in (None, "0:0"):
        yield Fact("exit code", str(job.exit_code), "warning")
    if job.task_count > 1:
        yield Fact("tasks", f"{job.task_count:,} of array {job.array_id}: {job.array_tasks}")
    elif job.array_id and job.array_id != job.job_id:
        yield Fact("array", job.array_id)
    yield from _present(
        ("partition", job.partition),
        ("QOS", job.qos),
        ("priority", job.priority),
        ("reservation", job.reservation),
    )


def _waiting(job: Job, index: SnapshotIndex) -> Iterator[Fact]:
    if job.is_pending:
        for label, text in waiting_facts(job, index, _teller(index)):
            yield Fact(label, text, "accent" if label == "why" else "plain")


def _teller(index: SnapshotIndex) -> Callable[[float], str]:
    return lambda time: clock_text(time, index.snapshot.timestamp)


def _resources(job: Job) -> Iterator[Fact]:
    word = "asked for" if job.is_pending else "holds"
    nodes = f" on {_count(job.n_nodes, 'node')}" if job.n_nodes else ""
    gpus = f" and {_count(job.n_gpus, 'GPU')}" if job.n_gpus else ""
    yield Fact(word, f"{_count(job.n_cpus, 'core')}{gpus}{nodes}")
    if job.cpu_used is not None:
        yield Fact("CPU used", f"{job.cpu_used:.0f} % of its cores, as Slurm counts")
    if job.memory_request is not None:
        yield Fact("memory", f"{format_mib(job.memory_request)} on each node asked for")
    if job.memory:
        yield Fact("memory used", f"{format_mib(sum(job.memory.values()))} in all")
    if job.memory_max is not None:
        yield Fact("memory max", f"{format_mib(job.memory_max)} on one node")
    if job.jobfs_request:
        yield Fact("job disk", f"{format_mib(job.jobfs_request)} on each node asked for")
    yield from _present(
        ("processes", job.n_tasks),
        ("cores each", job.cpus_per_task if (job.cpus_per_task or 1) > 1 else None),
        ("GRES", job.gres),
        ("features", job.features),
        ("TRES asked", job.tres_requested),
        ("TRES held", job.tres_allocated),
    )


def _times(job: Job, now: float) -> Iterator[Fact]:
    limit = "unlimited" if job.time_limit is None else format_duration(job.time_limit)
    if job.is_pending:
        yield Fact("time limit", limit)
    else:
        yield Fact("has run", f"{format_duration(job.run_time)} of {limit}")
    if job.is_running and job.time_limit is not None:
        left = job.time_limit - job.run_time
        yield Fact(
            "left", format_duration(max(0.0, left)), "warning" if left < 0.05 * job.time_limit else "plain"
        )
    for label, time in (
        ("submitted", job.submit_time),
        ("eligible", job.eligible_time if job.eligible_time != job.submit_time else None),
        ("starts" if job.is_pending else "started", job.start_time),
        ("ends" if job.is_running else "ended", None if job.is_pending else job.end_time),
    ):
        if time is not None:
            relation = f"in {age_text(time - now)}" if time > now else f"{age_text(now - time)} ago"
            yield Fact(label, f"{clock_text(time, now)}  ({relation})")


def _places(job: Job) -> Iterator[Fact]:
    yield from _present(
        ("nodes", job.nodes),
        ("insists on", job.requested_nodes),
        ("planned on", job.scheduled_nodes if job.is_pending else None),
    )


def _files(job: Job) -> Iterator[Fact]:
    yield from _present(
        ("command", job.command), ("work dir", job.work_dir), ("output", job.stdout), ("errors", job.stderr)
    )


def _node_identity(node: Node, index: SnapshotIndex) -> Iterator[Fact]:
    yield Fact("name", node.name)
    word = condition(node)
    state = "+".join((node.state or "unknown", *node.flags))
    yield Fact(
        "state", word if word == state.lower() else f"{word}  ({state})", NODE_ROLES.get(word, "plain")
    )
    if node.reason:
        by = f"by {node.reason_user}" if node.reason_user else ""
        since = stamp_text(node.reason_time) if node.reason_time else ""
        yield Fact("reason", node.reason, "warning")
        if by or since:
            yield Fact("", f"{by} {since}".strip(), "dim")
    yield from _present(("partitions", node.partitions), ("features", node.features), ("weight", node.weight))
    if node.boot_time:
        up = index.snapshot.timestamp - node.boot_time
        yield Fact("booted", f"{stamp_text(node.boot_time)}  ({age_text(up)} ago)")
    yield from _present(("Slurm", node.slurm_version))
    if not node.is_counted:
        yield Fact("counts", "not towards the cluster's cores")


def _node_resources(node: Node) -> Iterator[Fact]:
    if node.n_cpus is not None:
        held = "" if node.cpus_allocated is None else f"{node.cpus_allocated} of "
        yield Fact("cores", f"{held}{node.n_cpus}{' allocated' if held else ''}")
    if node.sockets and node.cores_per_socket:
        threads = f" x {node.threads_per_core} threads" if (node.threads_per_core or 1) > 1 else ""
        yield Fact("", f"{_count(node.sockets, 'socket')} x {node.cores_per_socket} cores{threads}", "dim")
    if node.memory_total is not None:
        held = "" if node.memory_allocated is None else f"{format_mib(node.memory_allocated)} of "
        yield Fact("memory", f"{held}{format_mib(node.memory_total)}{' allocated' if held else ''}")
    if node.memory_free is not None:
        yield Fact("", f"{format_mib(node.memory_free)} free on the node", "dim")
    if node.n_gpus:
        model = f" {node.gpu_model}" if node.gpu_model else ""
        held = "" if node.n_gpus_allocated is None else f"{node.n_gpus_allocated} of "
        yield Fact("GPUs", f"{held}{node.n_gpus}{model}{' allocated' if held else ''}")
    yield from _present(("GRES", node.gres))
    if node.cpu_load is not None:
        yield Fact("load", f"{node.cpu_load:.2f}")


def _node_readings(node: Node) -> Iterator[Fact]:
    if node.cpu is not None and node.cpu.total is not None:
        cpu = node.cpu.total
        yield Fact(
            "CPU", f"user {cpu.user + cpu.nice:.0f} %  system {cpu.system:.0f} %  wait {cpu.wait:.0f} %"
        )
    if node.memory is not None:
        yield Fact("memory", f"{format_mib(node.memory.used)} of {format_mib(node.memory.total)} used")
    if node.swap is not None and node.swap.total:
        used = node.swap.total - node.swap.free
        share = used / node.swap.total
        yield Fact(
            "swap",
            f"{format_mib(used)} of {format_mib(node.swap.total)} used",
            "warning" if share > 0.5 else "plain",
        )


def _node_reservations(node: Node, index: SnapshotIndex) -> Iterator[Fact]:
    from jobmon_tui.model.hostlist import expand

    now = index.snapshot.timestamp
    for one in index.snapshot.reservations:
        try:
            nodes = expand(one.nodes)
        except ValueError:
            continue
        if node.name not in nodes:
            continue
        begin = clock_text(one.start_time, now) if one.start_time else "?"
        end = clock_text(one.end_time, now) if one.end_time else "open end"
        kind = "maintenance" if one.is_maintenance else ", ".join(one.users or one.accounts)
        yield Fact(one.name, f"{begin} to {end}  {kind}", "warning" if one.is_active(now) else "plain")


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
