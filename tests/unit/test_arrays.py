"""Job arrays: which tasks an expression stands for, and how many."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.model.arrays import parse_tasks


@pytest.mark.parametrize(
    ("text", "indices", "limit"),
    [
        ("7", [7], None),
        ("0-9:3%2", [0, 3, 6, 9], 2),
        ("1-9:3", [1, 4, 7], None),
        ("1,3,5-9", [1, 3, 5, 6, 7, 8, 9], None),
        ("6-8%6", [6, 7, 8], 6),
        ("[6-8%6]", [6, 7, 8], 6),
        (" 1 , 2 ", [1, 2], None),
        ("0-3%0", [0, 1, 2, 3], None),
        ("", [], None),
    ],
)
def test_spells_out_the_tasks(text: str, indices: list[int], limit: int | None) -> None:
    tasks = parse_tasks(text)
    assert list(tasks.indices()) == indices
    assert (tasks.count, tasks.limit, tasks.is_truncated) == (len(indices), limit, False)
    assert all(index in tasks for index in indices)
    assert 4711 not in tasks


@pytest.mark.parametrize(
    ("text", "indices"),
    [
        ("0-2,...", [0, 1, 2]),
        ("0-2,10-1...", [0, 1, 2, 10]),
        ("0-2,1...", [0, 1, 2]),
        ("0-2,...%5", [0, 1, 2]),
        ("...", []),
    ],
)
def test_of_a_cut_text_only_what_is_certain_is_known(text: str, indices: list[int]) -> None:
    tasks = parse_tasks(text)
    assert tasks.is_truncated
    assert list(tasks.indices()) == indices
    assert tasks.count == len(indices)
    assert parse_tasks(text, count=5000).count == 5000
    assert list(parse_tasks(text, count=5000).indices()) == indices


def test_a_told_count_never_lowers_what_is_spelled_out() -> None:
    assert parse_tasks("0-99,...", count=3).count == 100
    assert parse_tasks("0-99", count=3).count == 100


@pytest.mark.parametrize("text", ["abc", "5-1", "0-9:0", "1-99999999999", "-3", "0-9:3:2", "²"])
def test_nonsense_stands_for_nothing_that_is_known(text: str) -> None:
    tasks = parse_tasks(text)
    assert (tasks.count, tasks.is_truncated, list(tasks)) == (0, True, [])


def test_many_tasks_are_counted_without_being_made() -> None:
    tasks = parse_tasks("0-4000000:2%7")
    assert (tasks.count, tasks.limit) == (2_000_001, 7)
    assert len(tasks.ranges) == 1
    assert next(tasks.indices()) == 0
    assert 3_999_998 in tasks
    assert 3_999_999 not in tasks


PARTS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(1, 9)), max_size=6)


@given(PARTS)
def test_counts_each_task_once_even_where_ranges_overlap(parts: list[tuple[int, int, int]]) -> None:
    text = ",".join(f"{first}-{first + length}:{step}" for first, length, step in parts)
    tasks = parse_tasks(text)
    expected = {index for first, length, step in parts for index in range(first, first + length + 1, step)}
    found = list(tasks.indices())
    assert set(found) == expected
    assert len(found) == len(expected) == tasks.count


@given(st.text("0123456789,-:%.[] a", max_size=30))
def test_any_text_gives_a_count_that_fits_its_tasks(text: str) -> None:
    tasks = parse_tasks(text)
    assert tasks.count == sum(1 for _ in zip(range(tasks.count + 1), tasks.indices(), strict=False))
