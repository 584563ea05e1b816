"""The garbage collector stays out of the way while any thread makes a snapshot, and comes back after it."""

from __future__ import annotations

import gc
import threading

from jobmon_tui.tui.collection import no_collection


def test_it_comes_back_when_the_last_maker_leaves() -> None:
    inside, leave = threading.Event(), threading.Event()

    def make() -> None:
        with no_collection():
            inside.set()
            leave.wait(5)

    other = threading.Thread(target=make)
    with no_collection():
        other.start()
        assert inside.wait(5)
        assert not gc.isenabled()
    still = gc.isenabled()
    leave.set()
    other.join()
    assert not still
    assert gc.isenabled()


def test_it_comes_back_after_a_failure() -> None:
    try:
        with no_collection():
            raise ValueError
    except ValueError:
        pass
    assert gc.isenabled()
