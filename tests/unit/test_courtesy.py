"""Giving way: reading rests while somebody draws, and ends when nobody wants it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from jobmon_tui.feeds import courtesy
from jobmon_tui.feeds.courtesy import UnwantedError, ask_for_quiet, give_way, while_wanted


@pytest.fixture(autouse=True)
def rests(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    yield slept
    ask_for_quiet(0)


def test_whoever_reads_rests_for_as_long_as_was_asked_for(rests: list[float]) -> None:
    give_way()
    assert rests == []
    ask_for_quiet(0.2)
    give_way()
    assert 0.1 < rests[0] <= 0.2
    ask_for_quiet(0)
    give_way()
    assert len(rests) == 1


def test_nobody_rests_for_ever(rests: list[float]) -> None:
    ask_for_quiet(1e9)
    give_way()
    assert rests[0] <= courtesy.LONGEST


def test_what_is_not_wanted_any_more_ends() -> None:
    wanted = [True]
    with while_wanted(lambda: wanted[0]):
        give_way()
        wanted[0] = False
        with pytest.raises(UnwantedError):
            give_way()
    give_way()


def test_each_thread_has_wishes_of_its_own() -> None:
    others: list[BaseException | None] = []

    def read() -> None:
        try:
            give_way()
            others.append(None)
        except UnwantedError as error:
            others.append(error)

    with while_wanted(lambda: False):
        thread = threading.Thread(target=read)
        thread.start()
        thread.join()
        with while_wanted(lambda: True):
            give_way()
        with pytest.raises(UnwantedError):
            give_way()
    assert others == [None]
