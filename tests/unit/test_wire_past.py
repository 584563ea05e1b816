"""The documents about a time: what is written is read again, and what is odd is unknown or refused."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.errors import SnapshotError
from jobmon_tui.model import wire
from jobmon_tui.model.series import Series
from jobmon_tui.model.wire_past import (
    series_document,
    series_from_document,
    timeline_document,
    timeline_from_document,
)

numbers = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15)
times = st.lists(st.floats(0, 1e11), unique=True, max_size=20).map(sorted)
keys = st.sampled_from(["timeline", "series", "times", "values", "unit", "x"])
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | numbers | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)


@st.composite
def series(draw: st.DrawFn) -> Series:
    moments = draw(times)
    values = [draw(st.none() | numbers) for _ in moments]
    return Series(times=tuple(moments), values=tuple(values), unit=draw(st.sampled_from(["%", "MiB", ""])))


def sent(document: object) -> object:
    """A document on its way through a server and a connection."""
    return wire.decode_json(wire.encode_json(document), "here")


@given(times)
def test_timelines_are_read_as_they_were_written(moments: list[float]) -> None:
    assert timeline_from_document(sent(timeline_document(moments)), "here") == tuple(moments)


@pytest.mark.slow
@given(st.lists(st.none() | series(), max_size=5))
def test_series_are_read_as_they_were_written(found: list[Series | None]) -> None:
    assert series_from_document(sent(series_document(found)), "here", len(found)) == found


@pytest.mark.slow
@given(documents, st.integers(0, 4))
def test_whatever_comes_is_refused_in_words_or_has_the_right_shape(document: object, count: int) -> None:
    with suppress(SnapshotError):
        moments = timeline_from_document(document, "here")
        assert list(moments) == sorted(set(moments))
    with suppress(SnapshotError):
        found = series_from_document(document, "here", count)
        assert len(found) == count
        assert all(one is None or len(one.times) == len(one.values) for one in found)


@pytest.mark.parametrize("document", [None, [], {}, {"timeline": 5, "series": {}}, {"series": [None]}])
def test_what_is_no_such_document_is_refused(document: object) -> None:
    with pytest.raises(SnapshotError, match="here: timeline: expected a list of times"):
        timeline_from_document(document, "here")
    with pytest.raises(SnapshotError, match="here: series: expected a list of 2 series"):
        series_from_document(document, "here", 2)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"times": [2, 1, "x"], "values": [5, True, 1]}, Series(times=(1, 2), values=(None, 5))),
        ({"times": [1], "values": []}, None),
        ({"times": [1], "values": ["a"], "unit": 5}, Series(times=(1,), values=(None,))),
        ([], None),
    ],
)
def test_odd_series(record: object, expected: Series | None) -> None:
    assert series_from_document({"series": [record]}, "here", 1) == [expected]
