"""Readings on scales of their own: traffic, temperature, power, GPU memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.analysis.flow_readings import rate_fraction
from jobmon_tui.analysis.readings import READINGS, Reading
from jobmon_tui.model.snapshot import Gpu, Node, ReadWrite, Traffic, Used

BY_KEY = {reading.key: reading for reading in READINGS}


def reading(key: str) -> Reading:
    return BY_KEY[key]


@pytest.mark.parametrize(
    ("key", "node", "fraction", "words"),
    [
        (
            "network",
            Node(name="a", infiniband=Traffic(9e6, 1e6, 5, 5)),
            0.5,
            "network 9.0 MB/s in, 1.0 MB/s out",
        ),
        ("network", Node(name="a", infiniband=Traffic(0, 0, None, None)), 0.0, "network 0 B/s in, 0 B/s out"),
        ("lustre", Node(name="a", lustre=ReadWrite(1e10, 1e10)), 1.0, "Lustre 10 GB/s read, 10 GB/s written"),
        ("jobfs", Node(name="a", jobfs=ReadWrite(0, 1e5)), 1 / 6, "job disk 0 B/s read, 100 kB/s written"),
        ("temperature", Node(name="a", temperature=57.5), 0.5, "58 °C at the hottest"),
        ("temperature", Node(name="a", temperature=5), 0.0, "5 °C at the hottest"),
        ("power", Node(name="a", power=750), 0.5, "750 W"),
        ("power", Node(name="a", power=9000), 1.0, "9000 W"),
        (
            "gpu-memory",
            Node(name="a", gpus=(Gpu("gpu0", 5, Used(1024, 4096)), Gpu("gpu1", 5, Used(3072, 4096)))),
            0.5,
            "4.0 GiB of 8.0 GiB GPU memory used",
        ),
    ],
)
def test_known_values(key: str, node: Node, fraction: float, words: str) -> None:
    assert reading(key).fraction(node) == pytest.approx(fraction)
    assert reading(key).text(node) == words


@pytest.mark.parametrize("key", ["network", "lustre", "jobfs", "temperature", "power", "gpu-memory"])
def test_unknown_is_unknown_and_not_zero(key: str) -> None:
    node = Node(name="a", gpus=(Gpu("gpu0", 5, None),))
    assert reading(key).fraction(node) is None
    assert "unknown" in reading(key).text(node)


@given(st.floats(0, 1e13), st.floats(0, 1e13))
def test_more_traffic_never_looks_like_less(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0 <= rate_fraction(low) <= rate_fraction(high) <= 1
