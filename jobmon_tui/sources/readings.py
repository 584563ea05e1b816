"""What every source of measurements returns, so that a backend can put several together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from jobmon_tui.model.measures import CpuUse, Free, Gpu, LustreRate, ReadWrite, Traffic, Used
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.model.snapshot import NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeReading:
    """What one source measured of one node. ``None``: it does not measure that."""

    reported_at: float | None = None
    """When the node last reported, in Unix seconds."""
    cpu: CpuUse | None = None
    """Core by core as the source numbers them; a backend maps that onto the scheduler's numbering."""
    memory: Used | None = None
    """MiB, without buffers and cache."""
    swap: Free | None = None
    """MiB."""
    disk: Free | None = None
    """GiB."""
    gpus: tuple[Gpu, ...] | None = None
    infiniband: Traffic | None = None
    lustre: ReadWrite | None = None
    jobfs: ReadWrite | None = None
    load: float | None = None
    """One-minute load average."""
    temperature: float | None = None
    """The hottest that it reports, in degrees Celsius."""
    power: float | None = None
    """Watts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReading:
    """What one source measured of one job."""

    memory: Mapping[str, float] = field(default_factory=lambda: NOTHING)
    """Host to MiB."""
    memory_max: float | None = None
    """The highest use on one node since the job started, in MiB."""
    lustre: Mapping[str, Mapping[str, LustreRate]] = field(default_factory=lambda: NOTHING)
    """File system to ``mds`` or ``oss`` to rates."""
    jobfs: Mapping[str, float] = field(default_factory=lambda: NOTHING)
    """Host to MiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingsAnswer:
    """Everything that one source measured."""

    taken_at: float
    """Unix seconds."""
    version: str = ""
    nodes: Mapping[str, NodeReading] = field(default_factory=lambda: NOTHING)
    """By host name, as the source spells it."""
    jobs: Mapping[str, JobReading] = field(default_factory=lambda: NOTHING)
    """By job id."""
    calls: int = 0
    """Requests made to the outside system."""
    seconds: float = 0.0
    """How long they took together."""
    problems: tuple[str, ...] = ()
    """Parts that could not be had, each a sentence; the rest is good."""


class ReadingsSource(Protocol):
    """A system that measures nodes or jobs."""

    name: str
    """As shown to users: ``ganglia``, ``influxdb``, ``prometheus``."""

    def load(self, hosts: Sequence[str], job_ids: Sequence[str]) -> ReadingsAnswer:
        """Read everything once, with a fixed number of requests.

        Args:
            hosts: The nodes that are wanted; others may be left out of the answer.
            job_ids: The running jobs that are wanted.

        Raises:
            SourceError: Nothing could be had.
        """

    def series(self, requests: Sequence[SeriesRequest]) -> Sequence[Series | None]:
        """What was measured over a time, for charts; ``None`` for what this source does not keep.

        Raises:
            SourceError: Nothing could be had.
        """

    def close(self) -> None:
        """End a request under way at once, from whichever thread; later calls raise SourceError."""
