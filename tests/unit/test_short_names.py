"""User names cut short for public displays."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.backends.short_names import shorten_names

NAMES = st.sets(st.text("abc", min_size=1, max_size=8), max_size=30)


def test_names_are_as_short_as_they_can_be_told_apart() -> None:
    assert shorten_names(["asrini", "asrael", "jordan", "bo"]) == {
        "asrini": "asri",
        "asrael": "asra",
        "jordan": "jor",
        "bo": "bo",
    }


def test_a_name_that_begins_another_stays_whole() -> None:
    assert shorten_names(["anna", "annabel", "annabelle"], least=1) == {
        "anna": "anna",
        "annabel": "annabel",
        "annabelle": "annabell",
    }


@given(NAMES, st.integers(0, 5))
def test_short_names_are_unique_beginnings(names: set[str], least: int) -> None:
    short = shorten_names(names, least)
    assert set(short) == names
    assert len(set(short.values())) == len(names)
    for name, beginning in short.items():
        assert beginning
        assert name.startswith(beginning)
        assert len(beginning) >= min(least, len(name))
        if beginning != name:
            assert not any(other.startswith(beginning) for other in names - {name})


@given(NAMES)
def test_no_shorter_beginning_would_do(names: set[str]) -> None:
    for name, beginning in shorten_names(names, 1).items():
        if len(beginning) > 1:
            shorter = beginning[:-1]
            assert any(other.startswith(shorter) for other in names - {name})
