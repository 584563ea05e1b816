"""Measurements over time, for charts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesRequest:
    """What a chart wants to show."""

    kind: Literal["node", "job"]
    name: str
    """A node's name or a job's id."""
    reading: str
    """One of: ``cpu_user cpu_system cpu_wait memory swap gpu gpu_memory infiniband_in infiniband_out
    packets_in packets_out lustre_read lustre_write lustre_iops jobfs_read jobfs_write jobfs``. A colon and a
    name behind it choose one GPU (``gpu:0``, ``gpu_memory:0``) or file system (``lustre_read:home``)."""
    start: float
    """Unix seconds."""
    end: float
    """Unix seconds."""
    points: int = 500
    """About how many points are useful; a source may thin out to that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One quantity over time."""

    times: tuple[float, ...]
    """Unix seconds, ascending."""
    values: tuple[float | None, ...]
    """As many as times; ``None`` where nothing was measured."""
    unit: str = ""
    """``%``, ``MiB``, ``B/s``, ``1/s``."""
