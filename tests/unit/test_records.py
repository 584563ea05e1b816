"""Records from columns are those that the constructor makes."""

from __future__ import annotations

import pytest

from jobmon_tui.model.records import RecordMaker
from jobmon_tui.model.snapshot import Job, Node


def test_they_are_equal_to_those_that_are_made_one_by_one() -> None:
    made = RecordMaker(Node).made(2, {"name": ["a", "b"], "n_cpus": [4, None], "flags": [("DRAIN",), ()]})
    assert made == [Node(name="a", n_cpus=4, flags=("DRAIN",)), Node(name="b")]


def test_none_may_be_missing_and_none_too_many() -> None:
    maker = RecordMaker(Job)
    with pytest.raises(KeyError, match="job_id"):
        maker.made(1, {"name": ["x"]})
    with pytest.raises(ValueError, match="2 values of job_id for 1 records"):
        maker.made(1, {"job_id": ["1", "2"]})
    assert maker.made(0, {name: [] for name in ("job_id", "name", "username", "state", "n_cpus")}) == []
