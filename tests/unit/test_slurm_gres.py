"""Generic resources in the forms of Slurm's versions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.sources.slurm.gres import (
    Gres,
    gpu_count,
    gpus_in_tres,
    gpus_of,
    parse_gres,
    parse_indices,
    plain_gres,
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("gpu:p100:2(IDX:0-1)", [Gres("gpu", "p100", 2, (0, 1))]),
        ("gpu:p100:0(IDX:N/A)", [Gres("gpu", "p100", 0, ())]),
        ("gpu:p100(CNT:1)", [Gres("gpu", "p100", 1, None)]),
        ("gpu:2", [Gres("gpu", None, 2, None)]),
        ("gpu:p100:2(S:0-1)", [Gres("gpu", "p100", 2, None)]),
        ("gres:gpu:p100:2", [Gres("gpu", "p100", 2, None)]),
        ("gres/gpu:1", [Gres("gpu", None, 1, None)]),
        ("gres/gpu=3", [Gres("gpu", None, 3, None)]),
        ("gpu:a100_2g.10gb:7(IDX:0,2-3)", [Gres("gpu", "a100_2g.10gb", 7, (0, 2, 3))]),
        ("gpu", [Gres("gpu", None, 1, None)]),
        ("gres/gpu:h100", [Gres("gpu", "h100", 1, None)]),
        ("craynetwork:4,gpu:k80:1(IDX:3)", [Gres("craynetwork", None, 4, None), Gres("gpu", "k80", 1, (3,))]),
        ("bandwidth:lustre:4G", [Gres("bandwidth", "lustre", 4 * 1024**3, None)]),
        (
            "gpu:p100:1(IDX:0,2),gpu:v100:1(IDX:1)",
            [Gres("gpu", "p100", 1, (0, 2)), Gres("gpu", "v100", 1, (1,))],
        ),
        ("(null)", []),
        ("N/A", []),
        ("", []),
    ],
)
def test_reads_what_slurm_prints(text: str, found: list[Gres]) -> None:
    assert list(parse_gres(text)) == found


def test_only_gpus_count_as_gpus() -> None:
    text = "gpu:p100:2,shard:8,gpu:v100:1"
    assert [one.model for one in gpus_of(text)] == ["p100", "v100"]
    assert gpu_count(text) == 3
    assert gpu_count(None) == 0


@pytest.mark.parametrize(
    ("tres", "count"),
    [
        ({"cpu": 4.0}, None),
        ({"gres/gpu": 2.0, "gres/gpu:p100": 2.0}, 2),
        ({"gres/gpu:p100": 2.0, "gres/gpu:v100": 1.0}, 3),
        ({"gres/gpu": 0.0}, 0),
        ({"gres/gpumem": 80.0}, None),
    ],
)
def test_tracked_gpus_are_not_counted_twice(tres: dict[str, float], count: int | None) -> None:
    assert gpus_in_tres(tres) == count


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("gres:gpu:p100:2", "gpu:p100:2"),
        ("gres/gpu:1,gres/shard:2", "gpu:1,shard:2"),
        ("N/A", None),
        ("", None),
    ],
)
def test_the_prefix_of_a_version_is_dropped(text: str, plain: str | None) -> None:
    assert plain_gres(text) == plain


@given(st.lists(st.integers(0, 500), min_size=1))
def test_indices_are_read_back(numbers: list[int]) -> None:
    expected = tuple(sorted(set(numbers)))
    assert parse_indices(",".join(map(str, numbers))) == expected


@pytest.mark.parametrize("text", ["", "N/A", "3-1", "0-99999", "1,,2", "-1", "a"])
def test_what_is_no_list_of_indices_is_unknown(text: str) -> None:
    assert parse_indices(text) is None


@given(st.text(max_size=40))
def test_any_text_is_read_without_a_crash(text: str) -> None:
    assert all(one.amount >= 0 and one.name for one in parse_gres(text))
