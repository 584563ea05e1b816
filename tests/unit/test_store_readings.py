"""What charts show: one subject read alone is what it is among all; names and readings that come later."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jobmon_tui.backends.demo import DemoBackend
from jobmon_tui.feeds.store_readings import ReadingFrames, SubjectFrames
from jobmon_tui.model.snapshot import Snapshot

BEGIN = 1_790_000_000.0


def snapshots() -> list[Snapshot]:
    """Hours of a cluster whose jobs come and go, of which at first nothing is known but its nodes' names."""
    now = [BEGIN]
    backend = DemoBackend(nodes=12, jobs=900, clock=lambda: now[0])
    found = []
    for _ in range(6):
        found.append(backend.cycle())
        now[0] += 3600
    bare = {name: replace(node, cpu=None, memory=None) for name, node in found[0].nodes.items()}
    return [replace(found[0], nodes=bare, jobs={}), *found]


@pytest.fixture(scope="module")
def frames() -> list[bytes]:
    writer = ReadingFrames()
    return [writer.pack(snapshot) for snapshot in snapshots()]


def test_one_subject_alone_is_what_it_is_among_all(frames: list[bytes]) -> None:
    everything = ReadingFrames()
    names = {"node": set[str](), "job": set[str]()}
    for frame in frames:
        everything.read(frame)
        for kind, slots in everything._slots.items():
            names[kind].update(slots)
    # More than there was room for at first, so that the rows were laid out anew.
    assert len(names["job"]) > 256
    for kind, some in names.items():
        for name in [*sorted(some)[::7], "nobody"]:
            together, alone = ReadingFrames(), SubjectFrames(kind, name)
            measured = 0
            for frame in frames:
                together.read(frame)
                alone.read(frame)
                assert alone.readings() == together.readings(kind, name)
                measured += bool(alone.readings())
            assert bool(measured) == (name != "nobody"), name


def test_a_frame_too_short_is_refused(frames: list[bytes]) -> None:
    alone = SubjectFrames("node", "gina001")
    alone.read(frames[0])
    # The second frame has the names of all jobs: without it the third does not fit.
    with pytest.raises(ValueError, match="readings are missing"):
        alone.read(frames[2])
