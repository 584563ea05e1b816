"""Durations, times, memory and TRES: read as Slurm writes them, written as people read them."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.model.units import (
    format_bytes_rate,
    format_duration,
    format_duration_words,
    format_mib,
    format_slurm_duration,
    parse_duration,
    parse_memory,
    parse_time,
    parse_tres,
    parse_utc,
)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("1-02:03:04", 1440 + 123 + 4 / 60),
        ("02:03:04", 123 + 4 / 60),
        ("30:00", 30),
        ("0:42", 0.7),
        ("7-00:00:00", 7 * 1440),
        ("2-00", 2880),
        ("2-01:30", 2880 + 90),
        ("90", 90),
        ("00:00:00.123", 0),
    ],
)
def test_durations_are_minutes(text: str, minutes: float) -> None:
    assert parse_duration(text) == pytest.approx(minutes)


@pytest.mark.parametrize(
    "text", ["UNLIMITED", "NOT_SET", "INVALID", "Partition_Limit", "N/A", "", "1:2:3:4", "-5:00", "x", "³"]
)
def test_what_is_no_duration_is_unknown(text: str) -> None:
    assert parse_duration(text) is None


@given(st.integers(0, 10_000_000))
def test_slurm_reads_back_the_durations_that_we_write(seconds: int) -> None:
    assert parse_duration(format_slurm_duration(seconds / 60)) == pytest.approx(seconds / 60)


@given(st.integers(0, 4_000_000_000))
def test_utc_times_are_unix_seconds(time: int) -> None:
    assert parse_utc(f"{datetime.fromtimestamp(time, UTC):%Y-%m-%dT%H:%M:%S}") == time


def test_times_are_local_where_no_zone_is_given() -> None:
    moment = datetime(2026, 11, 22, 14, 7, 13)
    assert parse_time("2026-11-22T14:07:13") == moment.timestamp()
    assert parse_time("2026-11-22T14:07") == moment.replace(second=0).timestamp()


@pytest.mark.parametrize(
    "text", ["Unknown", "N/A", "None", "NONE", "", "2026-11-22", "2026-13-22T14:07:13", "2026-11-22T14:07:xx"]
)
def test_what_is_no_time_is_unknown(text: str) -> None:
    assert parse_time(text) is None
    assert parse_utc(text) is None


@pytest.mark.parametrize(
    ("text", "mib"),
    [
        ("62.50G", 64000),
        ("2000M", 2000),
        ("1T", 1024 * 1024),
        ("0", 0),
        ("500", 500),
        ("512K", 0.5),
        ("4Gc", 4096),
        ("16Gn", 16384),
        ("2GiB", 2048),
    ],
)
def test_memory_is_mib(text: str, mib: float) -> None:
    assert parse_memory(text) == mib


def test_a_bare_number_takes_the_unit_that_is_asked_for() -> None:
    assert parse_memory("2048", "K") == 2
    assert parse_memory("2", "G") == 2048


@pytest.mark.parametrize("text", ["", "N/A", "M", "1.2.3G", "-4G", "4X", "1e9", "UNLIMITED"])
def test_what_is_no_amount_of_memory_is_unknown(text: str) -> None:
    assert parse_memory(text) is None


def test_tres_are_numbers_by_name() -> None:
    text = "cpu=4,mem=4G,node=2,billing=1.5K,gres/gpu=2,gres/gpu:p100=2,license/x=1"
    assert parse_tres(text) == {
        "cpu": 4,
        "mem": 4096,
        "node": 2,
        "billing": 1536,
        "gres/gpu": 2,
        "gres/gpu:p100": 2,
        "license/x": 1,
    }


@pytest.mark.parametrize("text", ["", None, "(null)", "N/A", "cpu", "cpu=", "=4", "cpu=x"])
def test_what_is_no_tres_is_left_out(text: str | None) -> None:
    assert parse_tres(text) == {}
    assert parse_tres(f"{text},node=2") == {"node": 2}


def test_nobody_can_change_what_is_remembered() -> None:
    parse_tres("cpu=7")["cpu"] = 8
    assert parse_tres("cpu=7") == {"cpu": 7}


@pytest.mark.parametrize(
    ("mib", "text"),
    [
        (None, "–"),
        (math.nan, "–"),
        (math.inf, "–"),
        (0, "0 MiB"),
        (512, "512 MiB"),
        (999.4, "999 MiB"),
        (1000, "1.0 GiB"),
        (1536, "1.5 GiB"),
        (64000, "62 GiB"),
        (2 * 1024**2, "2.0 TiB"),
        (-1536, "-1.5 GiB"),
    ],
)
def test_memory_for_people(mib: float | None, text: str) -> None:
    assert format_mib(mib) == text


@given(st.floats(0, 1e15))
def test_memory_for_people_is_narrow_and_right(mib: float) -> None:
    text = format_mib(mib)
    assert len(text) <= 7
    number, unit = text.split()
    power = ("MiB", "GiB", "TiB", "PiB", "EiB").index(unit)
    assert float(number) * 1024**power == pytest.approx(mib, rel=0.06, abs=0.51)


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (None, "–"),
        (0, "0 B/s"),
        (999, "999 B/s"),
        (1500, "1.5 kB/s"),
        (64e6, "64 MB/s"),
        (2.25e9, "2.2 GB/s"),
    ],
)
def test_rates_for_people(rate: float | None, text: str) -> None:
    assert format_bytes_rate(rate) == text


@pytest.mark.parametrize(
    ("minutes", "short", "slurm", "words"),
    [
        (None, "–", "–", "–"),
        (0, "0:00", "00:00:00", "0 s"),
        (0.5, "0:00", "00:00:30", "30 s"),
        (5, "0:05", "00:05:00", "5 min"),
        (125, "2:05", "02:05:00", "2 h 05 min"),
        (502.5, "8:22", "08:22:30", "8 h 22 min"),
        (1440 + 123, "1-02:03", "1-02:03:00", "1 day 2 h"),
        (2880, "2-00:00", "2-00:00:00", "2 days 0 h"),
    ],
)
def test_durations_for_people(minutes: float | None, short: str, slurm: str, words: str) -> None:
    assert format_duration(minutes) == short
    assert format_slurm_duration(minutes) == slurm
    assert format_duration_words(minutes) == words
