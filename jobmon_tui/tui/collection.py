"""Python's garbage collector, kept out of the way while snapshots are made.

A collection in the middle of parsing walks through all records and stalls every thread, the one that draws
among them. Snapshots hold no cycles: they are freed by reference count when another takes their place.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from jobmon_tui.model.snapshot import Snapshot

LARGE_SNAPSHOT = 5_000
"""Nodes and jobs above which the collector is kept from ever walking through them."""

_lock = threading.Lock()
_makers = 0


@contextmanager
def no_collection() -> Iterator[None]:
    """Nothing is collected while any thread is in here."""
    global _makers
    with _lock:
        _makers += 1
        gc.disable()
    try:
        yield
    finally:
        with _lock:
            _makers -= 1
            if not _makers:
                gc.enable()


def put_out_of_sight(snapshot: Snapshot) -> None:
    """Keep the collector from walking through a snapshot that is large."""
    if len(snapshot.nodes) + len(snapshot.jobs) > LARGE_SNAPSHOT:
        gc.freeze()
