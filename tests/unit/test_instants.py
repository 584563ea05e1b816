"""Instants as people type them, in zones with and without summer time."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobmon_tui.analysis.instants import FORMS, InstantError, parse_instant, parse_span
from jobmon_tui.errors import JobmonError
from jobmon_tui.model.times import clock_text, stamp_text

MELBOURNE = "Australia/Melbourne"
"""Clocks go from 2:00 to 3:00 on 4 October 2026, and from 3:00 back to 2:00 on 5 April 2026."""
HAVANA = "America/Havana"
"""Clocks go from 0:00 to 1:00 on 8 March 2026."""
SAMOA = "Pacific/Apia"
"""There was no 30 December 2011."""
NOW = datetime(2026, 11, 23, 12, 0, 30).replace(tzinfo=UTC).timestamp()
"""A Monday."""


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Lets the test say where it is."""

    def move(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    return move


def utc(*parts: int) -> float:
    return datetime(*parts, tzinfo=UTC).timestamp()  # type: ignore[misc, arg-type]


def there(name: str, *parts: int, fold: int = 0) -> float:
    return datetime(*parts, fold=fold, tzinfo=ZoneInfo(name)).timestamp()  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("11:30", utc(2026, 11, 23, 11, 30)),
        ("9:05", utc(2026, 11, 23, 9, 5)),
        ("12:00:30", NOW),
        ("12:00:30.25", NOW - 86400 + 0.25),
        ("12:01", utc(2026, 11, 22, 12, 1)),
        ("0:00", utc(2026, 11, 23)),
        ("now", NOW),
        (" NOW ", NOW),
        ("-2h", NOW - 7200),
        ("−2h", NOW - 7200),
        ("- 2 h", NOW - 7200),
        ("2h", NOW - 7200),
        ("2 hours ago", NOW - 7200),
        ("-1h30m", NOW - 5400),
        ("-1.5h", NOW - 5400),
        ("1 h 30 min ago", NOW - 5400),
        ("-90m", NOW - 5400),
        ("-45s", NOW - 45),
        ("-1d", NOW - 86400),
        ("-1w 2d", NOW - 9 * 86400),
        ("yesterday 23:00", utc(2026, 11, 22, 23)),
        ("Yesterday,  23:00", utc(2026, 11, 22, 23)),
        ("yesterday", utc(2026, 11, 22)),
        ("today 8:15", utc(2026, 11, 23, 8, 15)),
        ("today 14:30", utc(2026, 11, 23, 14, 30)),
        ("today", utc(2026, 11, 23)),
        ("mon 9:00", utc(2026, 11, 23, 9)),
        ("Monday 13:00", utc(2026, 11, 16, 13)),
        ("sun", utc(2026, 11, 22)),
        ("tuesday 9:00", utc(2026, 11, 17, 9)),
        ("22 Nov 14:30", utc(2026, 11, 22, 14, 30)),
        ("Thu 26 Nov 14:30", utc(2025, 11, 26, 14, 30)),
        ("28 December 2027 12:00", utc(2027, 12, 28, 12)),
        ("29 Feb", utc(2024, 2, 29)),
        ("2026-11-23 02:15", utc(2026, 11, 23, 2, 15)),
        ("2026-11-23T02:15:07", utc(2026, 11, 23, 2, 15, 7)),
        ("2026-11-23", utc(2026, 11, 23)),
        ("2026-11-23T02:15Z", utc(2026, 11, 23, 2, 15)),
        ("2026-11-23 02:15 UTC", utc(2026, 11, 23, 2, 15)),
        ("2026-11-23T02:15+11:00", utc(2026, 11, 22, 15, 15)),
        ("2026-11-23T02:15:00-0330", utc(2026, 11, 23, 5, 45)),
        ("1750000690", 1750000690.0),
        (" 1750000690.5 ", 1750000690.5),
        ("00701", 701.0),
    ],
)
def test_instants_are_read_as_people_type_them(text: str, expected: float) -> None:
    assert parse_instant(text, NOW) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("", "nothing is no time", FORMS),
        ("  \t ", "nothing is no time", FORMS),
        ("noon", "'noon' is no time", FORMS),
        ("25:00", "'25:00' is no time of the day", "0:00 to 23:59:59"),
        ("yesterday 12:60", "'12:60' is no time of the day", "0:00 to 23:59:59"),
        ("12:30:60", "'12:30:60' is no time of the day", "0:00 to 23:59:59"),
        ("1430", "'1430' is no time", "Did you mean 14:30?"),
        ("-5", "'-5' is no time", "-5m"),
        ("2026-13-01", "no such day", FORMS),
        ("2026-02-29 10:00", "no such day", FORMS),
        ("31 Nov", "no such day", FORMS),
        ("2026-11-23 02:15 +99:00", "out of every calendar", FORMS),
        ("999999999999", "out of every calendar", FORMS),
        ("-999999999d", "out of every calendar", FORMS),
        ("-2hm", "is no time", FORMS),
        ("-2x", "is no time", FORMS),
        ("+2h", "is no time", FORMS),
        ("1e9", "is no time", FORMS),
        ("inf", "is no time", FORMS),
        ("９９９９９", "is no time", FORMS),
        ("14:30\x1b[31m", "is no time", FORMS),
        ("x" * 100_000, "is no time", FORMS),
    ],
)
def test_other_instants_are_refused_with_a_hint(text: str, says: str, hint: str) -> None:
    with pytest.raises(InstantError) as caught:
        parse_instant(text, NOW)
    assert says in caught.value.message
    assert "\x1b" not in caught.value.message
    assert len(caught.value.message) < 200
    assert hint in caught.value.hint
    assert isinstance(caught.value, JobmonError)


def test_an_hour_that_the_clocks_skipped_is_refused(zone: Callable[[str], None]) -> None:
    zone(MELBOURNE)
    now = there(MELBOURNE, 2026, 10, 4, 12)
    for text in ("2026-10-04 02:30", "today 2:30", "4 Oct 2026 02:30"):
        with pytest.raises(InstantError, match="put forward past 02:30 on 2026-10-04"):
            parse_instant(text, now)
    assert parse_instant("today 3:00", now) == there(MELBOURNE, 2026, 10, 4, 3)
    # The last time that it was half past two.
    for text in ("2:30", "4 Oct 2:30"):
        assert datetime.fromtimestamp(parse_instant(text, now)).strftime("%H:%M") == "02:30"
    assert parse_instant("2:30", now) == there(MELBOURNE, 2026, 10, 3, 2, 30)
    assert parse_instant("sun 2:30", now) == there(MELBOURNE, 2026, 9, 27, 2, 30)


def test_an_hour_that_came_twice(zone: Callable[[str], None]) -> None:
    zone(MELBOURNE)
    first, second = (there(MELBOURNE, 2026, 4, 5, 2, 30, fold=fold) for fold in (0, 1))
    assert second - first == 3600
    assert parse_instant("2:30", second + 60) == second
    assert parse_instant("2:30", second - 60) == first
    assert parse_instant("2026-04-05 02:30", second + 86400) == first
    assert parse_instant("2026-04-05 02:30 +10:00", second + 86400) == second


def test_days_are_as_long_as_they_are(zone: Callable[[str], None]) -> None:
    zone(MELBOURNE)
    now = there(MELBOURNE, 2026, 10, 4, 12)
    # The day before summer time ended 23 hours later on the clock, not 24.
    assert parse_instant("yesterday 12:00", now) == now - 23 * 3600
    assert parse_instant("-1d", now) == now - 24 * 3600


def test_a_day_begins_where_its_first_instant_is(zone: Callable[[str], None]) -> None:
    zone(HAVANA)
    now = there(HAVANA, 2026, 3, 8, 12)
    assert parse_instant("today", now) == there(HAVANA, 2026, 3, 8, 1)
    assert parse_instant("2026-03-08", now) == there(HAVANA, 2026, 3, 8, 1)
    with pytest.raises(InstantError, match="put forward past 00:30"):
        parse_instant("today 0:30", now)


def test_a_day_that_never_was(zone: Callable[[str], None]) -> None:
    zone(SAMOA)
    with pytest.raises(InstantError, match="put forward"):
        parse_instant("2011-12-30 12:00", there(SAMOA, 2012, 1, 5))
    assert parse_instant("12:00", there(SAMOA, 2011, 12, 31, 6)) == there(SAMOA, 2011, 12, 29, 12)


@pytest.mark.parametrize(
    "name", ["UTC", MELBOURNE, HAVANA, "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns"]
)
def test_what_jobmon_shows_can_be_typed(zone: Callable[[str], None], name: str) -> None:
    zone(name)
    for step in range(0, 400 * 86400, 86400 * 3 + 1867):
        instant = NOW - step
        for shown, exact in ((clock_text(instant, NOW), 60), (stamp_text(instant), 1)):
            read = parse_instant(shown, NOW)
            # Of an hour that came twice the other one may be meant.
            assert any(0 <= instant - offset - read < exact for offset in (0, 3600, -3600)), shown


@pytest.mark.slow
@settings(deadline=None)
@given(
    text=st.one_of(
        st.text(max_size=40),
        st.from_regex(
            r"\A(today|yesterday|mon|[0-9]{1,2} nov|[0-9]{4}-[0-9]{2}-[0-9]{2})?[ T]?[0-9]{1,2}:[0-9]{2}\Z"
        ),
        st.from_regex(r"\A-?([0-9]{1,10}[smhdw] ?){1,4}(ago)?\Z"),
        st.from_regex(r"\A[0-9]{1,14}(\.[0-9]{1,12})?\Z"),
    ),
    now=st.floats(min_value=0, max_value=4e9),
)
def test_whatever_is_typed_is_an_instant_or_refused_in_words(text: str, now: float) -> None:
    try:
        instant = parse_instant(text, now)
    except InstantError as error:
        refused = error
    else:
        datetime.fromtimestamp(instant)
        return
    assert refused.message.isprintable()
    assert refused.hint


@settings(deadline=None)
@given(minutes=st.integers(0, 24 * 60 - 1), now=st.floats(min_value=1e9, max_value=2e9))
def test_a_clock_alone_is_never_in_the_future_and_of_the_last_day(minutes: int, now: float) -> None:
    instant = parse_instant(f"{minutes // 60}:{minutes % 60:02d}", now)
    assert 0 <= now - instant < timedelta(days=1).total_seconds() + 1e-3


@pytest.mark.parametrize("now", [float("nan"), float("inf"), 1e30])
def test_a_clock_gone_mad_is_told(now: float) -> None:
    with pytest.raises(InstantError, match="calendar"):
        parse_instant("14:30", now)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("10m", 600), ("1h30m", 5400), (" 2 Days ", 172_800), ("1.5h", 5400), ("1w 1 d", 691_200)],
)
def test_spans_are_read_as_people_type_them(text: str, seconds: float) -> None:
    assert parse_span(text) == seconds


@pytest.mark.parametrize(
    ("text", "hint"),
    [("10", "10 of what? Write 10s, 10m or 10h."), ("", "1h30m"), ("-2h", "1h30m"), ("1h ago", "1h30m")],
)
def test_other_spans_are_refused_with_a_hint(text: str, hint: str) -> None:
    with pytest.raises(InstantError, match="is no span of time") as caught:
        parse_span(text)
    assert hint in caught.value.hint
