"""Durations, times, amounts of memory and TRES as Slurm writes them, and as people read them."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, tzinfo
from functools import lru_cache

UNKNOWN = "–"
"""What is written where a reading is unknown."""

_DURATION = re.compile(
    r"(?:(?P<days>[0-9]{1,7})-)?(?P<first>[0-9]{1,9})(?::(?P<second>[0-9]{1,2}))?(?::(?P<third>[0-9]{1,2}))?"
    r"(?:\.[0-9]+)?\Z"
)
_AMOUNT = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,18})?)([KMGTPE]?)[iI]?[bB]?[cn]?\Z")
_POWERS = {"K": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}
_SECONDS = re.compile(r"(?:[0-9]{2})?\Z")
_MINUTE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}\Z")


@lru_cache(maxsize=8192)
def parse_duration(text: str) -> float | None:
    """A duration in minutes: ``1-02:03:04``, ``02:03:04``, ``30:00``, ``2-00``; a bare number is minutes.

    ``None`` for ``UNLIMITED``, ``NOT_SET``, ``INVALID``, ``Partition_Limit``, ``N/A`` and whatever else is no
    duration.
    """
    match = _DURATION.match(text)
    if match is None:
        return None
    first, second, third = int(match["first"]), match["second"], match["third"]
    if match["days"] is not None:
        hours = int(match["days"]) * 24 + first
        return hours * 60 + int(second or 0) + int(third or 0) / 60
    if third is not None:
        return first * 60 + int(second) + int(third) / 60
    if second is not None:
        return first + int(second) / 60
    return float(first)


def parse_time(text: str, zone: tzinfo | None = None) -> float | None:
    """An instant in Unix seconds: ``2026-11-22T14:07:13``.

    Args:
        text: The time; ``None`` is the answer to ``Unknown``, ``N/A``, ``None``, ``NONE`` and other words.
        zone: The time zone that it is written in; by default the local one.
    """
    # Times of many jobs fall into the same minutes, so that a minute is worth remembering.
    minute = _parse_minute(text[:16], zone)
    seconds = text[17:19]
    if minute is None or len(text) < 16 or not _SECONDS.match(seconds):
        return None
    return minute + int(seconds or 0)


@lru_cache(maxsize=8192)
def _parse_minute(text: str, zone: tzinfo | None) -> float | None:
    if not _MINUTE.match(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if zone is None else moment.replace(tzinfo=zone)).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


@lru_cache(maxsize=32768)
def parse_utc(text: str) -> float | None:
    """`parse_time` for a time written in UTC."""
    return parse_time(text, UTC)


@lru_cache(maxsize=4096)
def parse_memory(text: str, default: str = "M") -> float | None:
    """An amount of memory in MiB: ``62.50G``, ``2000M``, ``1T``, ``0``; ``None`` where it is none.

    Args:
        text: The amount, with or without a unit; a trailing ``c`` or ``n`` (per CPU, per node) is ignored.
        default: The unit of a bare number: K, M (as Slurm mostly means it), G, T, P or E.
    """
    match = _AMOUNT.match(text)
    if match is None:
        return None
    return float(match[1]) * 1024.0 ** (_POWERS[match[2] or default] - 2)


@lru_cache(maxsize=8192)
def _parse_tres(text: str) -> tuple[tuple[str, float], ...]:
    found: list[tuple[str, float]] = []
    for part in text.split(","):
        name, _, value = part.partition("=")
        match = _AMOUNT.match(value)
        if not match or not name:
            continue
        if name in ("mem", "vmem"):
            amount = parse_memory(value)
            assert amount is not None  # The same pattern has just matched.
        else:
            amount = float(match[1]) * 1024.0 ** (_POWERS[match[2]] if match[2] else 0)
        found.append((name, amount))
    return tuple(found)


def parse_tres(text: str | None) -> dict[str, float]:
    """Trackable resources by name: ``cpu=4,mem=4G,node=2,gres/gpu:p100=2``; ``mem`` is in MiB.

    What cannot be read is left out.
    """
    return dict(_parse_tres(text)) if text else {}


def format_mib(mib: float | None) -> str:
    """An amount of memory for people, at most seven characters wide: ``1.5 GiB``, ``64 GiB``, ``512 MiB``."""
    if mib is None or not math.isfinite(mib):
        return UNKNOWN
    amount = abs(mib)
    unit = "MiB"
    for larger in ("GiB", "TiB", "PiB", "EiB"):
        if amount < 999.5:
            break
        amount /= 1024
        unit = larger
    whole = unit == "MiB" or amount >= 9.95
    return f"{'-' if mib < 0 else ''}{amount:.{0 if whole else 1}f} {unit}"


def format_bytes_rate(rate: float | None) -> str:
    """Bytes per second for people: ``1.5 MB/s``, ``64 kB/s``, ``0 B/s``. The units are powers of 1000."""
    if rate is None or not math.isfinite(rate):
        return UNKNOWN
    amount = abs(rate)
    unit = "B/s"
    for larger in ("kB/s", "MB/s", "GB/s", "TB/s", "PB/s"):
        if amount < 999.5:
            break
        amount /= 1000
        unit = larger
    whole = unit == "B/s" or amount >= 9.95
    return f"{'-' if rate < 0 else ''}{amount:.{0 if whole else 1}f} {unit}"


def format_duration(minutes: float | None) -> str:
    """A duration as days, hours and minutes: ``1-02:03``, ``8:22``, ``0:05``. Seconds are cut off."""
    if minutes is None or not math.isfinite(minutes):
        return UNKNOWN
    hours, rest = divmod(int(abs(minutes)), 60)
    days, hours = divmod(hours, 24)
    sign = "-" if minutes <= -1 else ""
    return f"{sign}{days}-{hours:02d}:{rest:02d}" if days else f"{sign}{hours}:{rest:02d}"


def format_slurm_duration(minutes: float | None) -> str:
    """A duration as Slurm takes it in ``--time``: ``1-02:03:04``, ``02:03:04``."""
    if minutes is None or not math.isfinite(minutes):
        return UNKNOWN
    total, seconds = divmod(round(max(0.0, minutes) * 60), 60)
    hours, rest = divmod(total, 60)
    days, hours = divmod(hours, 24)
    return f"{f'{days}-' if days else ''}{hours:02d}:{rest:02d}:{seconds:02d}"


def format_duration_words(minutes: float | None) -> str:
    """A duration in words, two units at most: ``2 h 05 min``, ``3 days 4 h``, ``12 min``, ``40 s``."""
    if minutes is None or not math.isfinite(minutes):
        return UNKNOWN
    sign = "-" if minutes < 0 else ""
    seconds = round(abs(minutes) * 60)
    if seconds < 60:
        return f"{sign if seconds else ''}{seconds} s"
    total = seconds // 60
    if total < 60:
        return f"{sign}{total} min"
    hours, rest = divmod(total, 60)
    if hours < 24:
        return f"{sign}{hours} h {rest:02d} min"
    days, hours = divmod(hours, 24)
    return f"{sign}{days} day{'s' if days > 1 else ''} {hours} h"
