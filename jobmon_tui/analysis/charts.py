"""The charts of a job and of a node, as data: which readings, in which colours, on which scale.

A role is the name of a style in the palette: the same reading has the same colour in every chart, and in
the map, the core grid and the bars.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal, NamedTuple

from jobmon_tui.analysis.series import gpu_number
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.model.snapshot import Job, Node

Kind = Literal["node", "job"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One reading in a chart."""

    reading: str
    """See `model.series.SeriesRequest`."""
    title: str
    role: str
    """The name of its style in the palette."""
    scale: float = 1.0
    """What values are multiplied with to come to the chart's unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A value that stays the same over the whole chart, such as what was asked for."""

    title: str
    role: str
    value: float
    """In the chart's unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One chart."""

    key: str
    title: str
    unit: str
    """``%``, ``MiB``, ``B/s`` or ``1/s``."""
    lines: tuple[Line, ...]
    stacked: bool = False
    """Whether each line lies on top of those before it, as areas."""
    levels: tuple[Level, ...] = ()
    ceiling: float | None = None
    """Where the scale ends however low the values are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledChart:
    """A chart with what was measured."""

    chart: Chart
    lines: tuple[tuple[Line, Series], ...]
    """Those lines that anything was measured for, in the chart's unit."""
    start: float
    """Where its left edge is, in Unix seconds."""
    end: float
    """Where its right edge is, in Unix seconds."""


class Range(NamedTuple):
    """How much time a chart shows."""

    title: str
    seconds: float | None
    """``None``: everything since the start."""


RANGES = (
    Range("30 min", 1800.0),
    Range("2 h", 7200.0),
    Range("8 h", 28800.0),
    Range("since start", None),
)
"""From the shortest to the longest."""


class _Plan(NamedTuple):
    """A chart as it is declared; the subject decides on its names, levels and scales."""

    key: str
    title: str
    unit: str
    lines: tuple[tuple[str, str, str], ...]
    """Reading, title and role of each."""
    stacked: bool = False
    levels: Callable[[Any], Iterable[tuple[str, str, float | None]]] = lambda _: ()
    """From the node or job: title, role and value of each level; unknown ones are left out."""
    ceiling: float | None = None
    each: Callable[[Any], Iterable[str]] | None = None
    """From the node or job: the names that there is one chart of each for."""


_CPU = (("cpu_user", "user", "user"), ("cpu_system", "system", "system"), ("cpu_wait", "wait", "wait"))


def _asked_memory(job: Job) -> Iterator[tuple[str, str, float | None]]:
    hosts = len(job.layout) or job.n_nodes or 1
    if hosts == 1:
        yield "max", "dim", job.memory_max
    yield "asked", "accent", None if job.memory_request is None else job.memory_request * hosts


def _asked_disk(job: Job) -> Iterator[tuple[str, str, float | None]]:
    hosts = len(job.layout) or job.n_nodes or 1
    yield "asked", "accent", None if job.jobfs_request is None else job.jobfs_request * hosts


def _memory_of_node(node: Node) -> Iterator[tuple[str, str, float | None]]:
    yield "allocated", "accent", node.memory_allocated
    yield "total", "dim", node.memory.total if node.memory else node.memory_total


def _gpus_of(node: Node) -> Iterator[str]:
    return (gpu_number(gpu, place) for place, gpu in enumerate(node.gpus or ()))


JOB_PLANS: tuple[_Plan, ...] = (
    _Plan("cpu", "CPU", "%", _CPU, stacked=True, ceiling=100.0),
    _Plan("memory", "Memory", "MiB", (("memory", "used", "memory"),), levels=_asked_memory),
    _Plan("gpu", "GPU", "%", (("gpu", "busy", "gpu"),), ceiling=100.0),
    _Plan("gpu_memory", "GPU memory", "MiB", (("gpu_memory", "used", "memory"),)),
    _Plan(
        "lustre",
        "Lustre {}",
        "B/s",
        (("lustre_read:{}", "read", "network"), ("lustre_write:{}", "write", "primary")),
        each=lambda job: sorted(job.lustre),
    ),
    _Plan(
        "lustre_iops",
        "Lustre {} operations",
        "1/s",
        (("lustre_iops:{}", "", "network"),),
        each=lambda job: sorted(job.lustre),
    ),
    _Plan("jobfs", "Job disk", "MiB", (("jobfs", "used", "memory"),), levels=_asked_disk),
)
"""The charts of a job, most important first."""

NODE_PLANS: tuple[_Plan, ...] = (
    _Plan("cpu", "CPU", "%", _CPU, stacked=True, ceiling=100.0),
    _Plan("memory", "Memory", "MiB", (("memory", "used", "memory"),), levels=_memory_of_node),
    _Plan(
        "gpu",
        "GPU {}",
        "%",
        (("gpu:{}", "busy", "gpu"), ("gpu_memory:{}", "memory", "memory")),
        ceiling=100.0,
        each=_gpus_of,
    ),
    _Plan(
        "infiniband",
        "InfiniBand",
        "B/s",
        (("infiniband_in", "in", "network"), ("infiniband_out", "out", "primary")),
    ),
    _Plan(
        "packets",
        "InfiniBand packets",
        "1/s",
        (("packets_in", "in", "network"), ("packets_out", "out", "primary")),
    ),
    _Plan(
        "lustre", "Lustre", "B/s", (("lustre_read", "read", "network"), ("lustre_write", "write", "primary"))
    ),
    _Plan(
        "jobfs", "Job disk", "B/s", (("jobfs_read", "read", "network"), ("jobfs_write", "write", "primary"))
    ),
    _Plan(
        "swap",
        "Swap",
        "MiB",
        (("swap", "used", "wait"),),
        levels=lambda node: (("total", "dim", node.swap.total if node.swap else None),),
    ),
)
"""The charts of a node, most important first."""


def job_charts(job: Job) -> tuple[Chart, ...]:
    """The charts that a job may have; those that nothing is measured for are to be left out."""
    plans = [plan for plan in JOB_PLANS if job.n_gpus or not plan.key.startswith("gpu")]
    return tuple(chart for plan in plans for chart in _made(plan, job))


def node_charts(node: Node) -> tuple[Chart, ...]:
    """The charts that a node may have; those that nothing is measured for are to be left out."""
    scales = {
        f"gpu_memory:{gpu_number(gpu, place)}": 100 / gpu.memory.total
        for place, gpu in enumerate(node.gpus or ())
        if gpu.memory is not None and gpu.memory.total > 0
    }
    return tuple(chart for plan in NODE_PLANS for chart in _made(plan, node, scales))


def _made(plan: _Plan, subject: Job | Node, scales: dict[str, float] | None = None) -> Iterator[Chart]:
    levels = tuple(
        Level(title=title, role=role, value=value)
        for title, role, value in plan.levels(subject)
        if value is not None
    )
    for name in [""] if plan.each is None else plan.each(subject):
        lines = []
        for reading, title, role in plan.lines:
            # A name may contain braces itself: it is put in, not interpreted.
            asked = reading.replace("{}", name)
            lines.append(Line(reading=asked, title=title, role=role, scale=(scales or {}).get(asked, 1.0)))
        yield Chart(
            key=f"{plan.key}:{name}" if name else plan.key,
            title=plan.title.replace("{}", name),
            unit=plan.unit,
            lines=tuple(lines),
            stacked=plan.stacked,
            levels=levels,
            ceiling=plan.ceiling,
        )


def requests_for(
    charts: Sequence[Chart], kind: Kind, name: str, start: float, end: float, points: int
) -> tuple[SeriesRequest, ...]:
    """What must be asked for to fill some charts: one request for each of their lines, in order.

    Args:
        charts: The charts.
        kind: Whether they are a node's or a job's.
        name: The node's name or the job's id.
        start: Unix seconds.
        end: Unix seconds.
        points: About how many points each line can show.
    """
    return tuple(
        SeriesRequest(kind=kind, name=name, reading=line.reading, start=start, end=end, points=points)
        for chart in charts
        for line in chart.lines
    )


def filled_charts(
    charts: Sequence[Chart], answers: Sequence[Series | None], start: float, end: float
) -> tuple[FilledChart, ...]:
    """The charts with the answers to `requests_for`, without those that nothing was measured for."""
    given = iter(answers)
    found = []
    for chart in charts:
        lines = tuple(
            (line, _scaled(series, line.scale, chart.unit))
            for line, series in [(line, next(given)) for line in chart.lines]
            if series is not None and any(value is not None and isfinite(value) for value in series.values)
        )
        if lines:
            found.append(FilledChart(chart=chart, lines=lines, start=start, end=end))
    return tuple(found)


def _scaled(series: Series, scale: float, unit: str) -> Series:
    values = tuple(
        value * scale if value is not None and isfinite(value) else None for value in series.values
    )
    return Series(times=series.times, values=values, unit=unit)
