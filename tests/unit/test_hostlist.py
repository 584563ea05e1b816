"""Host lists: what Slurm prints is expanded, what we print is folded, nonsense is refused in bounded time."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.model.hostlist import count, expand, fold, natural_key

LETTERS = st.text("abcxyz-", min_size=1, max_size=3).filter(lambda text: not text.startswith("-"))
HOST_NAMES = st.one_of(
    LETTERS,
    st.builds(lambda text, number: f"{text}{number}", LETTERS, st.integers(0, 120)),
    st.builds(lambda text, number: f"{text}{number:03d}", LETTERS, st.integers(0, 1200)),
    st.builds(lambda rack, node: f"r{rack}n{node:02d}", st.integers(1, 3), st.integers(0, 30)),
    st.builds(lambda node: f"g{node}-ib0", st.integers(0, 20)),
)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ()),
        (None, ()),
        ("(null)", ()),
        ("login", ("login",)),
        ("c[001-003,007]", ("c001", "c002", "c003", "c007")),
        ("c[8-11]", ("c8", "c9", "c10", "c11")),
        ("g[1,3-4]-ib0", ("g1-ib0", "g3-ib0", "g4-ib0")),
        ("a,b2,c[1-2],d", ("a", "b2", "c1", "c2", "d")),
        ("r[1-2]n[01-02]", ("r1n01", "r1n02", "r2n01", "r2n02")),
        (" a , b[1-2] ", ("a", "b1", "b2")),
        ("[1-2]", ("1", "2")),
    ],
)
def test_expands_as_slurm_means_it(text: str | None, names: tuple[str, ...]) -> None:
    assert expand(text) == names
    assert count(text) == len(names)


@pytest.mark.parametrize(
    "text", ["c[1-", "c1]", "c[[1-2]]", "c[1-[2-3]]", "c[]", "c[a-b]", "c[3-1]", "c[1-2,]"]
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="host list"):
        expand(text)


@pytest.mark.parametrize("text", ["c[1-1000000000]", "c[0-99999]d[0-99999]", f"c[1-{'9' * 5000}]"])
def test_a_list_of_a_billion_hosts_is_refused_without_making_them(text: str) -> None:
    with pytest.raises(ValueError, match=r"more than 200000 hosts|is none"):
        expand(text)


def test_the_limit_holds_for_plain_lists_too() -> None:
    with pytest.raises(ValueError, match="3 hosts is longer than 2"):
        expand("a,b,c", limit=2)
    assert expand("a,b", limit=2) == ("a", "b")


def test_a_billion_hosts_are_counted_without_making_them() -> None:
    assert count("c[1-1000000000],d[1-2]e[1-3]") == 1_000_000_006


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["c1"], "c1"),
        (["c003", "c001", "c002", "c007", "login"], "c[001-003,007],login"),
        (["c9", "c10", "c8"], "c[8-10]"),
        (["c098", "c099", "c100", "c101"], "c[098-101]"),
        (["g1-ib0", "g2-ib0", "g4-ib0"], "g[1-2,4]-ib0"),
        (["a", "a1"], "a,a1"),
        (["c1", "c1", "c2"], "c[1-2]"),
    ],
)
def test_folds_into_what_slurm_would_print(names: list[str], text: str) -> None:
    assert fold(names) == text


@given(st.lists(HOST_NAMES, max_size=60))
def test_folding_loses_and_invents_no_host(names: list[str]) -> None:
    expanded = expand(fold(names))
    assert set(expanded) == set(names)
    assert len(expanded) == len(set(names))
    assert fold(expanded) == fold(names)


@given(st.lists(st.integers(0, 300), min_size=1, unique=True))
def test_one_row_of_nodes_folds_into_one_bracket(numbers: list[int]) -> None:
    text = fold(f"c{number:03d}" for number in numbers)
    assert text.count("c") == 1
    assert len(text) <= 5 * len(numbers)


@given(st.text(max_size=30))
def test_any_text_is_either_a_list_or_refused(text: str) -> None:
    try:
        names = expand(text)
    except ValueError:
        return
    assert len(names) == count(text)
    assert all(names)


def test_sorts_by_the_numbers_in_names() -> None:
    names = ["c1", "c2", "c10", "c010", "d1", "login", "r1n2", "r1n10", "r2n1", f"z{'9' * 6000}"]
    shuffled = random.Random(3).sample(names, len(names))
    assert sorted(shuffled, key=natural_key) == ["c1", "c2", "c010", "c10", *names[4:]]


@given(st.lists(st.text(max_size=8)))
def test_any_names_can_be_sorted_and_equal_keys_mean_equal_names(names: list[str]) -> None:
    assert len({natural_key(name) for name in names}) == len(set(names))
    backwards = [*names]
    backwards.reverse()
    backwards.sort(key=natural_key)
    assert backwards == sorted(names, key=natural_key)
