"""Round numbers and round times beside and below charts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.analysis.axes import SPANS, amount_text, span_since, time_ticks, top_of
from jobmon_tui.model.units import UNKNOWN

HOUR = 3600.0


@given(st.floats(1e-3, 1e15), st.sampled_from(["%", "MiB", "B/s", "1/s"]))
def test_a_scale_ends_at_the_highest_value_or_a_little_above(highest: float, unit: str) -> None:
    top = top_of(highest, unit)
    assert highest * (1 - 1e-6) <= top
    # Of very little memory, half of the axis would be written as none at all.
    assert top <= (max(2 * highest, 2.0) if unit == "MiB" else 2 * highest)


@pytest.mark.parametrize(
    ("highest", "unit", "top"),
    [
        (0, "%", 100),
        (64 * 1024, "MiB", 64 * 1024),
        (65 * 1024, "MiB", 80 * 1024),
        (3e8, "B/s", 3e8),
        (3.1e8, "B/s", 4e8),
    ],
)
def test_scales_end_at_round_numbers(highest: float, unit: str, top: float) -> None:
    assert top_of(highest, unit) == top


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (84.6, "%", "85 %"),
        (1536, "MiB", "1.5 GiB"),
        (64_000, "B/s", "64 kB/s"),
        (1200, "1/s", "1.2 k/s"),
        (884, "1/s", "884 /s"),
        (None, "%", UNKNOWN),
        (float("nan"), "MiB", UNKNOWN),
    ],
)
def test_amounts_have_units(value: float | None, unit: str, text: str) -> None:
    assert amount_text(value, unit) == text


@given(st.floats(0, 1e10))
def test_a_chart_since_the_start_holds_everything_since_the_start(passed: float) -> None:
    span = span_since(1000, 1000 + passed)
    assert span >= passed * (1 - 1e-9)
    assert span == SPANS[0] or span <= max(2 * passed, SPANS[0])


def test_times_are_round_in_the_readers_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    start = 1_790_000_000.0  # 2026-09-21 14:13:20 UTC
    assert [tick.text for tick in time_ticks(start, start + 1800, 4)] == ["14:20", "14:30", "14:40"]
    monkeypatch.setenv("TZ", "Asia/Kolkata")  # half an hour off
    time.tzset()
    later = [tick.text for tick in time_ticks(start, start + 8 * HOUR, 5)]
    assert later == ["20:00", "22:00", "00:00", "02:00"]


@given(st.integers(0, 4 * 10**9), st.integers(60, 10**8), st.integers(1, 30))
def test_never_more_times_than_there_is_room_for(start: int, span: int, most: int) -> None:
    ticks = time_ticks(start, start + span, most)
    assert len(ticks) <= most + 1
    assert all(start <= tick.time <= start + span for tick in ticks)


def test_no_times_for_no_time() -> None:
    assert time_ticks(5, 5, 3) == []
    assert time_ticks(0, 100, 0) == []
