"""Several sources at once, of which some fail, hang or come late."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from jobmon_tui.backends import side_by_side
from jobmon_tui.backends.side_by_side import SideBySide
from jobmon_tui.errors import SourceError
from jobmon_tui.model.series import Series, SeriesRequest
from jobmon_tui.sources.readings import NodeReading, ReadingsAnswer
from tests.unit.fake_readings import NOW, FakeSource, answer

SHORT = 0.15
"""Seconds that the tests wait for what never comes."""


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def loads(answer: ReadingsAnswer) -> list[float | None]:
    return [reading.load for reading in answer.nodes.values()]


def settle(source: FakeSource) -> None:
    """Let a hanging source go on, and wait until its thread has ended."""
    source.let_go.set()
    for thread in threading.enumerate():
        if thread.name == f"jobmon-{source.name}":
            thread.join(5)
            assert not thread.is_alive()


def test_all_are_asked_at_the_same_time() -> None:
    meeting = threading.Barrier(3, timeout=5)

    def meet() -> ReadingsAnswer:
        # Passes only when all three are here at once.
        meeting.wait()
        return answer(n1=1)

    sources = [FakeSource(name, meet) for name in ("a", "b", "c")]
    together = SideBySide(sources)
    together.load(["n1"], ["5"])
    assert len(together.answers()) == 3
    assert [source.asked for source in sources] == [[(["n1"], ["5"])]] * 3
    assert all(status.ok for status in together.statuses())


def test_the_answers_stand_in_the_order_of_rank_whoever_is_first() -> None:
    slow, quick = FakeSource("slow", answer(n1=1)), FakeSource("quick", answer(n1=2))
    slow.before = quick.finished.wait
    together = SideBySide([slow, quick])
    together.load([], [])
    assert [loads(each) for each in together.answers()] == [[1], [2]]


def test_cost_and_version_are_told() -> None:
    told = ReadingsAnswer(taken_at=NOW, version="3.7", calls=2)
    together = SideBySide([FakeSource("ganglia", told)])
    together.load([], [])
    (status,) = together.statuses()
    assert (status.name, status.ok, status.version, status.calls) == ("ganglia", True, "3.7", 2)
    assert status.read_at == NOW
    assert 0 <= status.seconds < 5


@pytest.mark.parametrize(
    ("wrong", "words", "hint"),
    [
        (SourceError("ganglia: no route", "see whether gmetad runs"), "ganglia: no route", "gmetad runs"),
        (KeyError("x"), "KeyError: 'x'", ""),
        (SystemExit(3), "SystemExit: 3", ""),
        (RecursionError(), "RecursionError", ""),
        ("garbage", "did not answer with readings", ""),
        (None, "did not answer with readings", ""),
    ],
)
def test_one_that_fails_costs_its_own_readings_only(wrong: Any, words: str, hint: str) -> None:
    bad, good = FakeSource("bad", wrong), FakeSource("good", answer(n1=2))
    together = SideBySide([bad, good])
    together.load([], [])
    assert [loads(each) for each in together.answers()] == [[2]]
    first, second = together.statuses()
    assert second.ok
    assert not first.ok
    assert words in (first.error or "")
    assert hint in first.hint
    assert "unknown" in first.hint


def test_since_when_it_fails_and_that_it_is_back() -> None:
    clock = Clock()
    error = SourceError("down")
    source = FakeSource("a", answer(n1=1), error, error, answer(n1=2), error)
    together = SideBySide([source], clock=clock)
    seen = []
    for _ in range(5):
        together.load([], [])
        (status,) = together.statuses()
        seen.append((status.ok, status.failing_since, [loads(each) for each in together.answers()]))
        clock.now += 10
    assert seen == [
        (True, None, [[1]]),
        (False, NOW + 10, [[1]]),
        (False, NOW + 10, [[1]]),
        (True, None, [[2]]),
        (False, NOW + 40, [[2]]),
    ]


def test_the_last_good_readings_stand_for_a_while_only() -> None:
    clock = Clock()
    source = FakeSource("a", answer(n1=1), SourceError("down"), SourceError("down"))
    together = SideBySide([source], stale_after=60, clock=clock)
    together.load([], [])
    together.load([], [])
    assert [loads(each) for each in together.answers()] == [[1]]
    assert "until they are 60 s old" in together.statuses()[0].hint
    clock.now += 61
    together.load([], [])
    assert together.answers() == []
    assert "unknown" in together.statuses()[0].hint


def test_one_that_hangs_neither_holds_up_the_cycle_nor_gets_another_call() -> None:
    hung, good = FakeSource("hung", FakeSource.HANG), FakeSource("good", answer(n1=2))
    together = SideBySide([hung, good], limit=SHORT)
    started = time.monotonic()
    together.load([], [])
    assert SHORT <= time.monotonic() - started < SHORT + 2
    for _ in range(3):
        started = time.monotonic()
        together.load([], [])
        assert [loads(each) for each in together.answers()] == [[2]]
        assert time.monotonic() - started < SHORT + 2
    status = together.statuses()[0]
    assert not status.ok
    assert "has not answered for" in (status.error or "")
    assert len(hung.asked) == 1
    assert len(good.asked) == 4
    assert sum(thread.name == "jobmon-hung" for thread in threading.enumerate()) == 1
    settle(hung)


def test_one_that_is_known_to_fail_is_hardly_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "SHORT_LIMIT", 0.01)
    source = FakeSource("a", SourceError("down"), FakeSource.HANG)
    together = SideBySide([source], limit=30)
    together.load([], [])
    started = time.monotonic()
    together.load([], [])
    assert time.monotonic() - started < 10
    assert together.statuses()[0].error == "down"
    settle(source)


def test_what_comes_late_stands_for_the_next_cycle() -> None:
    source = FakeSource("a", FakeSource.HANG, answer(n1=7))
    source.after_hanging = answer(n1=5)
    together = SideBySide([source], limit=SHORT)
    together.load([], [])
    assert together.answers() == []
    settle(source)
    source.before = lambda: None
    together.load([], [])
    assert [loads(each) for each in together.answers()] == [[7]]
    assert together.statuses()[0].ok


def test_one_that_is_always_late_is_told_with_its_time() -> None:
    source = FakeSource("a", FakeSource.HANG, FakeSource.HANG)
    source.after_hanging = answer(n1=5)
    together = SideBySide([source], limit=0.001, clock=Clock())
    together.load([], [])
    settle(source)
    source.let_go.clear()
    together.load([], [])
    assert [loads(each) for each in together.answers()] == [[5]]
    status = together.statuses()[0]
    assert not status.ok
    assert "is waited for 0.001 s" in (status.error or "")
    settle(source)


def test_parts_that_are_missing_are_told_beside_the_rest() -> None:
    clock = Clock()
    partly = ReadingsAnswer(
        taken_at=NOW, nodes={"n1": NodeReading(load=1)}, problems=("head2: no route", "head3: no route")
    )
    together = SideBySide([FakeSource("ganglia", partly, partly, answer(n1=2))], clock=clock)
    together.load([], [])
    clock.now += 10
    together.load([], [])
    whole, part = together.statuses()
    assert whole.ok
    assert (part.name, part.ok) == ("ganglia: in part", False)
    assert part.error == "head2: no route (and 1 more)"
    assert part.failing_since == NOW
    assert len(together.answers()) == 1
    together.load([], [])
    assert [status.ok for status in together.statuses()] == [True]


def test_closing_ends_a_wait_at_once() -> None:
    stubborn = FakeSource("stubborn", FakeSource.HANG)
    stubborn.ends_when_closed = False
    together = SideBySide([stubborn], limit=60)

    def close_when_it_hangs() -> None:
        stubborn.begun.wait(5)
        together.close()

    closer = threading.Thread(target=close_when_it_hangs)
    closer.start()
    started = time.monotonic()
    with pytest.raises(SourceError, match="closed"):
        together.load([], [])
    assert time.monotonic() - started < 10
    closer.join(5)
    assert stubborn.is_closed
    settle(stubborn)


def test_closing_closes_the_others_if_one_cannot_be_closed() -> None:
    class Broken(FakeSource):
        def close(self) -> None:
            raise OSError("no")

    good = FakeSource("good")
    SideBySide([Broken("broken"), good]).close()
    assert good.is_closed


# -- series ------------------------------------------------------------------------------------------------

SERIES = Series(times=(1.0,), values=(2.0,), unit="%")


def request(name: str) -> SeriesRequest:
    return SeriesRequest(kind="node", name=name, reading="cpu_user", start=0, end=10)


def keeps(*names: str) -> Callable[[Sequence[SeriesRequest]], list[Series | None]]:
    return lambda requests: [SERIES if each.name in names else None for each in requests]


def test_series_come_from_the_first_source_that_keeps_them() -> None:
    none, some, more = FakeSource("a"), FakeSource("b"), FakeSource("c")
    some.series_of, more.series_of = keeps("n1"), keeps("n1", "n2")
    found = SideBySide([none, some, more]).series([request("n1"), request("n2"), request("n3")])
    assert found == [SERIES, SERIES, None]
    assert [each.name for each in more.charted] == ["n2", "n3"]


def test_series_of_a_source_that_fails_come_from_the_next() -> None:
    def fail(requests: Sequence[SeriesRequest]) -> list[Series | None]:
        raise SourceError("no such database", "create it")

    bad, good = FakeSource("bad"), FakeSource("good")
    bad.series_of = fail
    good.series_of = keeps("n1")
    assert SideBySide([bad, good]).series([request("n1"), request("n2")]) == [SERIES, None]
    good.series_of = keeps()
    with pytest.raises(SourceError, match="bad: no such database") as caught:
        SideBySide([bad, good]).series([request("n1")])
    assert caught.value.hint == "create it"


def test_series_in_a_wrong_number_are_refused() -> None:
    source = FakeSource("a")
    source.series_of = lambda requests: []
    with pytest.raises(SourceError, match="one series for each request"):
        SideBySide([source]).series([request("n1")])


def test_series_of_a_source_that_hangs_end_in_time_and_keep_it_busy() -> None:
    source = FakeSource("a", answer(n1=1))

    def hang(requests: Sequence[SeriesRequest]) -> list[Series | None]:
        source.hang()
        return [None]

    source.series_of = hang
    together = SideBySide([source], limit=SHORT)
    with pytest.raises(SourceError, match="did not answer within"):
        together.series([request("n1")])
    with pytest.raises(SourceError, match="has not answered yet"):
        together.series([request("n1")])
    together.load([], [])
    assert source.asked == []
    assert not together.statuses()[0].ok
    settle(source)
    together.load([], [])
    assert together.statuses()[0].ok


def test_nodes_are_asked_about_as_the_source_spells_them() -> None:
    source = FakeSource("a", ReadingsAnswer(taken_at=NOW, nodes={"n1.site.org": NodeReading()}))
    source.series_of = keeps("n1.site.org")
    together = SideBySide([source])
    together.load([], [])
    job = SeriesRequest(kind="job", name="n1", reading="memory", start=0, end=10)
    assert together.series([request("n1"), request("n9"), job]) == [SERIES, None, None]
