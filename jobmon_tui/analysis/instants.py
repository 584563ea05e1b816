"""Instants as people type them: ``14:30``, ``-2h``, ``yesterday 23:00``, ``2026-11-23 02:15``.

Clocks are those of the reader's own time zone, with its summer time. An hour that the clocks skipped never
was, and is refused; of an hour that they showed twice, the first is meant where a date is given, and the last
that has passed where none is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta, timezone

from jobmon_tui.errors import JobmonError
from jobmon_tui.model.text import printable

FORMS = "Write 14:30, -2h, yesterday 23:00, 2026-11-23 02:15 or Unix seconds."
"""What can be typed, in one line."""

_LONGEST = 80
_CLOCK = r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?P<fraction>\.[0-9]{1,9})?)?"
_ZONE = r"(?: ?(?P<zone>z|utc|[+-][0-9]{2}:?[0-9]{2}))?"
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_UNITS = "s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?"
_AMOUNT = re.compile(rf"([0-9]{{1,9}}(?:\.[0-9]{{1,3}})?) ?({_UNITS})(?![a-z]) ?")
_SPAN = re.compile(rf"(?P<amounts>(?:{_AMOUNT.pattern})+)")


class InstantError(JobmonError):
    """What was typed is no instant: says why, and what can be typed."""


def parse_instant(text: str, now: float) -> float:
    """Read an instant that a person typed.

    Args:
        text: A clock (``14:30``, ``9:05:30``: the last time that it was this late), how long ago (``-2h``,
            ``-1h30m``, ``90 min ago``), a day with or without a clock (``yesterday 23:00``, ``today``,
            ``mon 9:00``, ``26 Nov 14:30``, ``2026-11-23 02:15``, ``2026-11-23T02:15:00+11:00``; without one
            it is the day's beginning), ``now``, or Unix seconds of at least five digits. Capitals and blanks
            do not matter.
        now: The instant that it is typed at, in Unix seconds.

    Returns:
        Unix seconds. A day with a clock may lie in the future.

    Raises:
        InstantError: It is none of these, or an instant that never was.
    """
    asked = " ".join(text.lower().split()).replace("−", "-")
    if not asked:
        raise InstantError("nothing is no time", FORMS)
    if len(asked) <= _LONGEST and asked.isascii():
        for pattern, read in _READERS:
            match = pattern.fullmatch(asked)
            if match is not None:
                return _within_bounds(read, match, now, text)
    hint = f"Did you mean {asked[:-2]}:{asked[-2:]}?" if re.fullmatch(r"[0-9]{3,4}", asked) else FORMS
    if re.fullmatch(r"- ?[0-9.]+", asked):
        hint = f"{asked} of what? Write {asked}s, {asked}m, {asked}h or {asked}d."
    raise InstantError(f"{printable(text.strip(), 60)!r} is no time", hint)


def parse_span(text: str) -> float:
    """Read how long something shall last: ``90s``, ``10m``, ``1h30m``, ``2 days``. In seconds.

    Raises:
        InstantError: It is no such span.
    """
    asked = " ".join(text.lower().split())
    match = _SPAN.fullmatch(asked) if len(asked) <= _LONGEST and asked.isascii() else None
    if match is None:
        hint = "Write 90s, 10m or 1h30m."
        if re.fullmatch(r"[0-9.]{1,9}", asked):
            hint = f"{asked} of what? Write {asked}s, {asked}m or {asked}h."
        raise InstantError(f"{printable(text.strip(), 60)!r} is no span of time", hint)
    return _seconds(match["amounts"])


def _seconds(amounts: str) -> float:
    return sum(float(number) * _SECONDS[unit[0]] for number, unit in _AMOUNT.findall(amounts))


def _within_bounds(
    read: Callable[[re.Match[str], datetime], float], match: re.Match[str], now: float, text: str
) -> float:
    try:
        return read(match, datetime.fromtimestamp(now))
    except (ValueError, OverflowError, OSError):
        raise InstantError(
            f"{printable(text.strip(), 60)!r} is no time: it is out of every calendar", FORMS
        ) from None


def _unix(match: re.Match[str], _now: datetime) -> float:
    seconds = float(match[0])
    datetime.fromtimestamp(seconds)
    return seconds


def _ago(match: re.Match[str], now: datetime) -> float:
    instant = now.timestamp() - _seconds(match["amounts"])
    datetime.fromtimestamp(instant)
    return instant


def _present(_match: re.Match[str], now: datetime) -> float:
    return now.timestamp()


def _clock_alone(match: re.Match[str], now: datetime) -> float:
    # Today or yesterday, but where the clocks skipped this hour or a whole day.
    return _last(now, (now.date() - timedelta(days=back) for back in range(4)), _clock(match), match[0])


def _day_word(match: re.Match[str], now: datetime) -> float:
    day = now.date() - timedelta(days=int(match["day"] == "yesterday"))
    return _instant(day, _clock(match), match[0])


def _weekday(match: re.Match[str], now: datetime) -> float:
    wanted = [name[:3] for name in _WEEKDAYS].index(match["weekday"][:3])
    back = (now.weekday() - wanted) % 7
    days = (now.date() - timedelta(days=back + 7 * week) for week in range(3))
    return _last(now, days, _clock(match), match[0])


def _named_date(match: re.Match[str], now: datetime) -> float:
    month = [name[:3] for name in _MONTHS].index(match["month"][:3]) + 1
    day = int(match["day"])
    clock = _clock(match)
    if match["year"]:
        return _instant(_date(int(match["year"]), month, day, match[0]), clock, match[0])
    # Eight years may lie between two 29ths of February.
    years = range(now.year, max(now.year - 9, 0), -1)
    days = [one for year in years if (one := _date_or_none(year, month, day))]
    if not days:
        raise InstantError(f"{match[0]!r} is no time: there is no such day", FORMS)
    return _last(now, days, clock, match[0])


def _iso_date(match: re.Match[str], _now: datetime) -> float:
    day = _date(int(match["year"]), int(match["month"]), int(match["day"]), match[0])
    clock = _clock(match)
    zone = match["zone"]
    if zone is None:
        return _instant(day, clock, match[0])
    if zone in ("z", "utc"):
        offset = timedelta(0)
    else:
        digits = zone[1:].replace(":", "")
        offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:])) * (-1 if zone[0] == "-" else 1)
    return datetime.combine(day, clock or time(), timezone(offset)).timestamp()


def _clock(match: re.Match[str]) -> time | None:
    """The clock that was matched; ``None`` without one."""
    if match["hour"] is None:
        return None
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"] or 0)
    if hour > 23 or minute > 59 or second > 59:
        wrong = f"{match['hour']}:{match['minute']}" + (f":{match['second']}" if match["second"] else "")
        raise InstantError(f"{wrong!r} is no time of the day", "Clocks go from 0:00 to 23:59:59.")
    return time(hour, minute, second, int(float(match["fraction"] or 0) * 1e6))


def _date(year: int, month: int, day: int, asked: str) -> date:
    found = _date_or_none(year, month, day)
    if found is None:
        raise InstantError(f"{asked!r} is no time: there is no such day", FORMS)
    return found


def _date_or_none(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _instant(day: date, clock: time | None, asked: str) -> float:
    """When the clock shows that on that day; the first of two; without a clock, the day's beginning."""
    instants = _instants(day, clock)
    if not instants:
        raise InstantError(
            f"{asked!r} is no time: the clocks were put forward past {clock:%H:%M} on {day.isoformat()}",
            "Name an hour before or after it.",
        )
    return instants[0]


def _last(now: datetime, days: Iterable[date], clock: time | None, asked: str) -> float:
    """The last of these instants that is not in the future.

    Args:
        now: What is the future begins here.
        days: The latest first.
        clock: ``None`` for the beginning of a day.
        asked: What was typed, for messages.
    """
    present = now.timestamp()
    for day in days:
        for instant in reversed(_instants(day, clock)):
            if instant <= present:
                return instant
    raise InstantError(f"{asked!r} is no time that has been", FORMS)


def _instants(day: date, clock: time | None) -> tuple[float, ...]:
    """When a clock shows that on a day: mostly once; never or twice as summer time begins or ends."""
    if clock is None:
        # Where the clocks are put forward at midnight, this is the first instant that there is.
        return (datetime.combine(day, time()).timestamp(),)
    moment = datetime.combine(day, clock)
    found = {one.timestamp() for one in (moment, moment.replace(fold=1))}
    return tuple(sorted(one for one in found if datetime.fromtimestamp(one).replace(fold=0) == moment))


_WEEKDAY = "|".join(f"{name[:3]}(?:{name[3:]})?" for name in _WEEKDAYS)
_MONTH = "|".join(f"{name[:3]}(?:{name[3:]})?" for name in _MONTHS)
_READERS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], datetime], float]], ...] = (
    (re.compile(r"[0-9]{5,12}(?:\.[0-9]{1,9})?"), _unix),
    (re.compile(r"now"), _present),
    (re.compile(rf"(?:- ?)?{_SPAN.pattern}(?:ago)?"), _ago),
    (re.compile(_CLOCK), _clock_alone),
    (re.compile(rf"(?P<day>today|yesterday)(?:,? {_CLOCK})?"), _day_word),
    (re.compile(rf"(?P<weekday>{_WEEKDAY})(?:,? {_CLOCK})?"), _weekday),
    (
        re.compile(
            rf"(?:(?:{_WEEKDAY}),? )?(?P<day>[0-9]{{1,2}}) (?P<month>{_MONTH})(?: (?P<year>[0-9]{{4}}))?"
            rf"(?:,? {_CLOCK})?"
        ),
        _named_date,
    ),
    (
        re.compile(
            rf"(?P<year>[0-9]{{4}})-(?P<month>[0-9]{{2}})-(?P<day>[0-9]{{2}})(?:[t ]{_CLOCK}{_ZONE})?"
        ),
        _iso_date,
    ),
)
"""What can be typed, and what reads it."""
