"""What the sampler's script prints, understood: one frame after the other, and what two of them tell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from jobmon_tui.model.measures import Gpu, Used
from jobmon_tui.model.snapshot import NOTHING
from jobmon_tui.sources.slurm.gres import parse_indices

MIB = 1024 * 1024
HIGHEST = 10**15
"""Seconds of CPU time, or MiB, above which a number is nonsense."""
MOST_GPUS = 64

_NUMBER = re.compile(r"[0-9]{1,20}\Z")
_UPTIME = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)(?: |\Z)")
_CORE = re.compile(r"cpu([0-9]{1,5})((?: [0-9]{1,18}){4,10}) *\Z")
_PROCESS = re.compile(
    r".*\) [A-Za-z](?: -?[0-9]{1,20}){10}((?: -?[0-9]{1,20}){4})(?: -?[0-9]{1,20}){6} (-?[0-9]{1,20})(?: |\Z)"
)
"""Of ``/proc/<pid>/stat``: behind the name and ten numbers the four CPU times, and after six more the RSS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One look at the node. ``None``: not to be had there."""

    uptime: float
    """Seconds, by the node's own clock."""
    allowed: frozenset[int] | None
    """The cores that the step may use, as the node numbers them."""
    cores: Mapping[int, tuple[int, int]]
    """Every core of the node: ticks at work, and all ticks."""
    cpu_seconds: float | None
    """CPU time of the job up to now."""
    memory: float | None
    """MiB that the job uses, without the page cache."""
    gpus: tuple[Gpu, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What a job was seen to use on one of its nodes."""

    node: str
    taken_at: float
    """Unix seconds, when it arrived here."""
    busy: float | None = None
    """CPU time of the job per second, that is the cores it keeps busy; it takes two looks."""
    cores: Mapping[int, float] = field(default_factory=lambda: NOTHING)
    """Each of the job's cores, as the node numbers them, to % at work; empty unless the job is confined to
    its cores, for nobody could tell then which they are."""
    memory: float | None = None
    """MiB."""
    gpus: tuple[Gpu, ...] = ()


def read_frame(lines: Iterable[str]) -> Frame | None:
    """Understand what is printed between ``@begin`` and ``@end``; ``None`` if it is no frame at all."""
    sections = _sections(lines)
    match = _UPTIME.match(sections.get("uptime", [""])[0])
    if match is None:
        return None
    ticks = _number(sections.get("ticks", [""])[0]) or 100
    page = _number(sections.get("page", [""])[0]) or 4096
    allowed = sections.get("allowed", [""])
    processes = [held for line in sections.get("processes", ()) if (held := _PROCESS.match(line))]
    cpu = _group_cpu(sections)
    memory = _group_memory(sections)
    if cpu is None and processes:
        cpu = sum(sum(map(int, held[1].split())) for held in processes) / ticks
    if memory is None and processes:
        memory = sum(max(0, int(held[2])) for held in processes) * page / MIB
    return Frame(
        uptime=float(match[1]),
        allowed=_indices(allowed[0].partition(":")[2].strip()),
        cores=dict(_cores(allowed[1:])),
        cpu_seconds=cpu if cpu is None or cpu < HIGHEST else None,
        memory=memory if memory is None or memory < HIGHEST else None,
        gpus=_gpus(sections.get("gpus", [])),
    )


def observe(node: str, taken_at: float, before: Frame | None, now: Frame) -> Observation:
    """What two frames in a row tell; of the first one, what it tells alone.

    Args:
        node: Where they come from.
        taken_at: When the newer one arrived, in Unix seconds.
        before: The older one.
        now: The newer one.
    """
    busy = None
    cores: dict[int, float] = {}
    if before is not None and now.uptime > before.uptime:
        if now.cpu_seconds is not None and before.cpu_seconds is not None:
            spent = now.cpu_seconds - before.cpu_seconds
            # It goes down when a process ends whose parent is not the job's: then nobody knows.
            busy = spent / (now.uptime - before.uptime) if spent >= 0 else None
        if now.allowed is not None and now.allowed < now.cores.keys():
            for core in sorted(now.allowed & before.cores.keys()):
                worked = now.cores[core][0] - before.cores[core][0]
                passed = now.cores[core][1] - before.cores[core][1]
                if 0 <= worked <= passed and passed > 0:
                    cores[core] = 100 * worked / passed
    return Observation(node=node, taken_at=taken_at, busy=busy, cores=cores, memory=now.memory, gpus=now.gpus)


def _sections(lines: Iterable[str]) -> dict[str, list[str]]:
    """Each section's title line (without its name) and what follows it; files go by their names."""
    found: dict[str, list[str]] = {}
    here: list[str] = []
    for line in lines:
        if line.startswith("@"):
            name, _, rest = line[1:].partition(" ")
            here = found.setdefault(rest if name == "file" else name, [rest])
        else:
            here.append(line)
    return found


def _number(text: str) -> int | None:
    return int(text) if _NUMBER.match(text) else None


def _indices(text: str) -> frozenset[int] | None:
    indices = parse_indices(text)
    return None if indices is None else frozenset(indices)


def _cores(lines: Iterable[str]) -> Iterable[tuple[int, tuple[int, int]]]:
    for line in lines:
        match = _CORE.match(line)
        if match is not None:
            # The first eight: what guests get is in user and nice already.
            ticks = [int(text) for text in match[2].split()[:8]]
            passed = sum(ticks)
            resting = ticks[3] + (ticks[4] if len(ticks) > 4 else 0)
            yield int(match[1]), (passed - resting, passed)


def _group_cpu(sections: Mapping[str, list[str]]) -> float | None:
    """Seconds of CPU time that the job's control group counts."""
    v2 = _values(sections.get("cpu.stat", ())).get("usage_usec")
    if v2 is not None:
        return v2 / 1e6
    v1 = _number("".join(sections.get("cpuacct.usage", [])[1:]))
    return None if v1 is None else v1 / 1e9


def _group_memory(sections: Mapping[str, list[str]]) -> float | None:
    """MiB that the job's control group counts, without the page cache but with shared memory."""
    parts = _values(sections.get("memory.stat", ()))
    v2 = _number("".join(sections.get("memory.current", [])[1:]))
    if v2 is not None:
        return max(0, v2 - parts.get("file", 0) + parts.get("shmem", 0)) / MIB
    v1 = _number("".join(sections.get("memory.usage_in_bytes", [])[1:]))
    if v1 is not None:
        return max(0, v1 - parts.get("total_cache", 0) + parts.get("total_shmem", 0)) / MIB
    return None


def _values(lines: Iterable[str]) -> dict[str, int]:
    pairs = (line.split(" ") for line in lines)
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and _NUMBER.match(pair[1])}


def _gpus(lines: list[str]) -> tuple[Gpu, ...]:
    """The job's GPUs. On a node that does not confine the job all are listed: its own are picked."""
    if not lines:
        return ()
    listed: dict[int, Gpu] = {}
    for line in lines[1 : MOST_GPUS + 1]:
        index, *values = (_number(text.strip()) for text in line.split(","))
        if index is None or len(values) != 3:
            continue
        utilisation, used, total = values
        memory = Used(float(used), float(total)) if used is not None and total is not None else None
        listed[index] = Gpu(f"gpu{index}", None if utilisation is None else float(utilisation), memory)
    count, _, which = lines[0].partition(" ")
    own = _indices(which)
    held = _number(count) or (len(own) if own else None)
    if held is None or len(listed) > held:
        listed = {index: gpu for index, gpu in listed.items() if own and index in own}
    return tuple(listed[index] for index in sorted(listed))
