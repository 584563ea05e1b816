"""What jobs hold, from ``scontrol -d show job``: cores, GPUs and memory on each node.

The command prints every job and cannot be asked for the running ones only. Nine tenths of a queue wait, so
its text is searched for the lines that only a job with nodes has, and the rest is never looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from jobmon_tui.model.hostlist import expand
from jobmon_tui.sources.slurm.gres import parse_gres, parse_indices

_LAYOUT = b"\n     Nodes="
_RECORD = b"\nJobId="
_NUMBER = re.compile(r"JobId=(\d+) ")
_ON_NODES = re.compile(
    r"  Nodes=(?P<nodes>\S+) CPU_IDs=(?P<cpus>\S*) Mem=(?P<memory>\d+) GRES=(?P<gres>.*)\Z", re.DOTALL
)


class Details(NamedTuple):
    """What one job holds, and where it writes."""

    layout: Mapping[str, tuple[int, ...]]
    gpu_layout: Mapping[str, tuple[int, ...]]
    """Empty where Slurm gives only the number of its GPUs."""
    memory_layout: Mapping[str, int]
    """MiB."""
    memory_on_each: float | None
    """The largest of these: where memory goes by CPU, nodes with fewer of its CPUs have less."""
    n_gpus: int
    tres_requested: str | None
    """Printed since Slurm 23.02."""
    tres_allocated: str | None
    stdout: str | None
    stderr: str | None


class DetailsReader:
    """Reads dump after dump; what a job holds hardly ever changes and is shared between them."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[str, Details]] = {}

    def read(self, dump: bytes, multiline: Iterable[str] = ()) -> dict[int, Details]:
        """What the jobs that have nodes hold, by their number (which is not their array's).

        Args:
            dump: What ``scontrol -d show job`` printed.
            multiline: Texts with line breaks that users gave their jobs (names, paths). They could otherwise
                pose as the beginning of another job.

        Raises:
            ValueError: The dump is cut short.
        """
        if dump and not dump.endswith(b"\n"):
            raise ValueError("the list is cut short")
        for text in set(multiline):
            dump = dump.replace(text.encode("utf-8", "surrogateescape"), b"?")
        found: dict[int, tuple[str, Details]] = {}
        doubtful: set[int] = set()
        position = 0
        while True:
            hit = dump.find(_LAYOUT, position)
            if hit < 0:
                break
            start = dump.rfind(_RECORD, position, hit) + 1
            if start == 0 and not dump.startswith(_RECORD[1:]):
                position = hit + 1
                continue
            end = dump.find(b"\n\n", hit)
            position = len(dump) if end < 0 else end
            block = dump[start:position].decode("utf-8", "replace")
            number = _NUMBER.match(block)
            if number is None:
                continue
            job = int(number[1])
            if job in found:
                # Some other job's comment poses as this one; nobody can tell which of the two is right.
                doubtful.add(job)
            found[job] = self._read_block(job, block)
        for job in doubtful:
            del found[job]
        self._known = found
        return {job: details for job, (_, details) in found.items()}

    def _read_block(self, job: int, block: str) -> tuple[str, Details]:
        key = block[block.find("\n   NodeList=") :]
        known = self._known.get(job)
        return known if known is not None and known[0] == key else (key, _details(key))


def _details(block: str) -> Details:
    cores: dict[str, tuple[int, ...]] = {}
    gpus: dict[str, tuple[int, ...]] = {}
    memory: dict[str, int] = {}
    n_gpus = 0
    paths: dict[str, str] = {}
    for line in block.split("\n   "):
        if line.startswith("  Nodes="):
            n_gpus += _add_nodes(line, cores, gpus, memory)
            continue
        name, separator, value = line.partition("=")
        if separator and name in ("TRES", "ReqTRES", "AllocTRES", "StdOut", "StdErr"):
            paths[name] = value.strip()
    return Details(
        layout=cores,
        gpu_layout=gpus,
        memory_layout=memory,
        memory_on_each=float(max(memory.values())) if memory else None,
        n_gpus=n_gpus,
        tres_requested=_said(paths.get("ReqTRES")),
        tres_allocated=_said(paths.get("AllocTRES")) or _said(paths.get("TRES")),
        stdout=_said(paths.get("StdOut")),
        stderr=_said(paths.get("StdErr")),
    )


def _add_nodes(
    line: str, cores: dict[str, tuple[int, ...]], gpus: dict[str, tuple[int, ...]], memory: dict[str, int]
) -> int:
    """Add one line, which may speak of several nodes; returns how many GPUs the job has on them."""
    match = _ON_NODES.match(line)
    if match is None:
        return 0
    try:
        hosts = expand(match["nodes"])
    except ValueError:
        return 0
    held = [one for one in parse_gres(match["gres"].strip()) if one.name == "gpu"]
    which = tuple(sorted({index for one in held for index in one.indices or ()}))
    indices = parse_indices(match["cpus"]) or ()
    amount = int(match["memory"][:18])
    for host in hosts:
        cores[host] = indices
        if which:
            gpus[host] = which
        if amount:
            # 0 is printed where the site does not let Slurm hand out memory: then nobody knows.
            memory[host] = amount
    return sum(one.amount for one in held) * len(hosts)


def _said(text: str | None) -> str | None:
    return None if text in (None, "", "(null)") else text
