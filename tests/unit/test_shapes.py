"""The shapes of three generations of backend files, and everything that is none of them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.backends import shapes
from jobmon_tui.backends.readings import JOB_READINGS, NODE_READINGS
from jobmon_tui.model.snapshot import (
    CoreUse,
    CpuTimes,
    CpuUse,
    Free,
    Gpu,
    LustreRate,
    ReadWrite,
    Traffic,
    Used,
)

amount = st.one_of(st.integers(-(10**9), 10**12), st.floats(-1e12, 1e12, allow_nan=False))
cpu_times = st.builds(CpuTimes, amount, amount, amount, amount, amount)
anything = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.binary(max_size=3)
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.dictionaries(
            st.sampled_from(
                [
                    "total",
                    "core",
                    "used",
                    "free",
                    "read",
                    "gpu0",
                    "gpu0_util",
                    "util",
                    "memory",
                    "mds",
                    "host",
                ]
            ),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=8,
)


@pytest.mark.parametrize(
    "value",
    [
        {"gpu1": {"util": 7, "memory": {"used": 1, "total": 2}}, "gpu0": {"util": 5, "memory": None}},
        {"gpu1_util": 7, "gpu0_util": 5, "gpu0_temp": 60},
        {"gpu1": 7, "gpu0": 5},
    ],
)
def test_all_three_shapes_of_gpus_are_read(value: dict[str, Any]) -> None:
    gpus = shapes.gpus(value)
    assert gpus is not None
    assert [(gpu.name, gpu.utilisation) for gpu in gpus] == [("gpu0", 5), ("gpu1", 7)]


def test_gpus_stand_in_order_of_their_numbers() -> None:
    gpus = shapes.gpus({f"gpu{i}": i for i in (10, 2, 0, 1)})
    assert gpus is not None
    assert [gpu.utilisation for gpu in gpus] == [0, 1, 2, 10]


@pytest.mark.parametrize("prefix", ["", "ib_"])
def test_infiniband_is_read_with_and_without_its_prefix(prefix: str) -> None:
    keys = ("bytes_in", "bytes_out", "pkts_in", "pkts_out")
    assert shapes.traffic({prefix + key: i for i, key in enumerate(keys)}) == Traffic(0, 1, 2, 3)


@pytest.mark.parametrize("reading", NODE_READINGS + JOB_READINGS, ids=lambda reading: reading.method)
def test_none_is_unknown_everywhere(reading: Any) -> None:
    assert reading.read(None) in (None, {})


@pytest.mark.parametrize("read", [shapes.amounts, shapes.indices, shapes.lustre_rates])
def test_zero_of_older_files_means_nothing_known(read: Callable[[object], object]) -> None:
    assert read(0) == {}


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (shapes.flag, "yes"),
        (shapes.flag, 2),
        (shapes.count, -1),
        (shapes.count, 1.5),
        (shapes.count, "4"),
        (shapes.count, True),
        (shapes.optional_number, float("nan")),
        (shapes.optional_number, float("inf")),
        (shapes.optional_number, 10**400),
        (shapes.text, 5),
        (shapes.used, {"used": 1}),
        (shapes.used, [1, 2]),
        (shapes.traffic, {"bytes_in": 1, "bytes_out": 2}),
        (shapes.cpu_use, {"total": [1, 2, 3]}),
        (shapes.cpu_use, {"total": "12345"}),
        (shapes.cpu_use, {"core": 3}),
        (shapes.cpu_use, [1, 2, 3, 4, 5]),
        (shapes.indices, {"c1": "0-3"}),
        (shapes.indices, {"c1": [-1]}),
        (shapes.amounts, {"c1": "much"}),
        (shapes.usage, {"avail": 5}),
        (shapes.backfill, {"main": {"x": {"count": 1}}}),
    ],
)
def test_a_wrong_shape_is_refused(read: Callable[[object], object], value: object) -> None:
    with pytest.raises(shapes.ShapeError, match="expected"):
        read(value)


@pytest.mark.slow
@given(value=anything)
def test_nothing_but_shape_errors_comes_of_nonsense(value: object) -> None:
    reads = {reading.read for reading in NODE_READINGS + JOB_READINGS}
    for read in (*reads, shapes.usage, shapes.backfill):
        with contextlib.suppress(shapes.ShapeError):
            read(value)


def test_a_long_answer_is_told_in_short() -> None:
    with pytest.raises(shapes.ShapeError, match=r"^expected a number, not 'x+\.\.\.$") as raised:
        shapes.number("x" * 10_000)
    assert len(str(raised.value)) < 200


@pytest.mark.slow
@given(st.one_of(st.none(), cpu_times), st.lists(st.one_of(st.none(), cpu_times), max_size=8))
def test_cpu_use_survives_the_round_trip(total: CpuTimes | None, cores: list[CpuTimes | None]) -> None:
    cpu = CpuUse(total, CoreUse(cores))
    assert shapes.cpu_use(shapes.show_cpu_use(cpu)) == cpu


@given(amount, amount, amount, amount)
def test_simple_readings_survive_the_round_trip(a: float, b: float, c: float, d: float) -> None:
    assert shapes.used(shapes.show_named(Used(a, b))) == Used(a, b)
    assert shapes.free(shapes.show_named(Free(a, b))) == Free(a, b)
    assert shapes.read_write(shapes.show_named(ReadWrite(a, b))) == ReadWrite(a, b)
    assert shapes.traffic(shapes.show_traffic(Traffic(a, b, c, d))) == Traffic(a, b, c, d)
    gpus = (Gpu("gpu0", a, Used(b, c)), Gpu("gpu1", None, None))
    assert shapes.gpus(shapes.show_gpus(gpus)) == gpus
    rates = {"home": {"mds": LustreRate(a, None, b), "oss": LustreRate(c, d, None)}}
    assert shapes.lustre_rates(shapes.show_lustre_rates(rates)) == rates


def test_backfill_reads_what_it_shows_and_what_json_makes_of_it() -> None:
    shown = {"main": {4: {"count": 2, "tMin": 60.5, "tMax": None}}}
    slots = shapes.backfill(shown)
    assert slots["main"][4].shortest == 60.5
    assert slots["main"][4].longest is None
    assert shapes.show_backfill(slots) == shown
    assert shapes.backfill({"main": {"4": shown["main"][4]}}) == slots
