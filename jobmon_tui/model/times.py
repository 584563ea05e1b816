"""Instants and ages in words. Instants are shown in the reader's own time zone."""

from __future__ import annotations

from datetime import datetime, timedelta


def clock_text(time: float, now: float) -> str:
    """An instant as a person would say it: ``14:30``, ``tomorrow 14:30``, ``Thu 26 Nov 14:30``.

    Args:
        time: Unix seconds.
        now: The instant it is said at, in Unix seconds.
    """
    try:
        moment, today = datetime.fromtimestamp(time), datetime.fromtimestamp(now)
    except (OverflowError, OSError, ValueError):
        return "an unknown time"
    days = (moment.date() - today.date()).days
    if days == 0:
        return f"{moment:%H:%M}"
    if days in (1, -1):
        return f"{'tomorrow' if days == 1 else 'yesterday'} {moment:%H:%M}"
    if abs(moment - today) < timedelta(days=300):
        return f"{moment:%a} {moment.day} {moment:%b %H:%M}"
    return f"{moment.day} {moment:%b %Y %H:%M}"


def stamp_text(time: float) -> str:
    """An instant in full: ``2026-11-22 14:07:13``."""
    try:
        return f"{datetime.fromtimestamp(time):%Y-%m-%d %H:%M:%S}"
    except (OverflowError, OSError, ValueError):
        return "an unknown time"


def age_text(seconds: float) -> str:
    """How long ago or how long for: ``3 s``, ``12 min``, ``5 h``, ``3 days``. Never more than one unit."""
    seconds = max(0.0, seconds)
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    if seconds < 172800:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86400:.0f} days"
