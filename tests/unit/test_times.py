"""Instants and ages in words."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from jobmon_tui.model.times import age_text, clock_text, stamp_text

NOW = datetime(2026, 11, 23, 12, 0)


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (NOW + timedelta(hours=2, minutes=30), "14:30"),
        (NOW + timedelta(days=1), "tomorrow 12:00"),
        (NOW - timedelta(days=1), "yesterday 12:00"),
        (NOW + timedelta(days=3), "Thu 26 Nov 12:00"),
        (NOW + timedelta(days=400), "28 Dec 2027 12:00"),
    ],
)
def test_instants(moment: datetime, words: str) -> None:
    assert clock_text(moment.timestamp(), NOW.timestamp()) == words


def test_impossible_instants_are_said_to_be_unknown() -> None:
    for time in (1e30, float("nan"), float("inf")):
        assert clock_text(time, NOW.timestamp()) == "an unknown time"
        assert stamp_text(time) == "an unknown time"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0 s"), (3.4, "3 s"), (119, "119 s"), (600, "10 min"), (7200, "2 h"), (200_000, "2 days")],
)
def test_ages(seconds: float, words: str) -> None:
    assert age_text(seconds) == words
