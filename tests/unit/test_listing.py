from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.analysis.cells import Context, columns_of
from jobmon_tui.analysis.columns import JOB_COLUMNS
from jobmon_tui.analysis.filter import parse_filter
from jobmon_tui.analysis.index import SnapshotIndex, index_snapshot
from jobmon_tui.analysis.listing import (
    Listing,
    array_key,
    job_listing,
    node_listing,
    partition_listing,
    user_listing,
)
from jobmon_tui.analysis.node_columns import NODE_COLUMNS
from jobmon_tui.analysis.node_filter import parse_node_filter
from jobmon_tui.analysis.summary_columns import PARTITION_COLUMNS, USER_COLUMNS
from jobmon_tui.model.snapshot import Job, Node, Snapshot


def job(job_id: str, **more: Any) -> Job:
    facts: dict[str, Any] = {"name": "train", "username": "asr", "state": "RUNNING", "n_cpus": 4}
    return Job(job_id=job_id, **(facts | more))


def index_of(*jobs: Job) -> SnapshotIndex:
    return index_snapshot(Snapshot(timestamp=1000, jobs={one.job_id: one for one in jobs}))


def keys(listing: Listing) -> list[str]:
    return [row.key for row in listing.rows]


ARRAY = (
    job("5_10", array_id="5", n_cpus=1, run_time=5.0),
    job("5_2", array_id="5", n_cpus=1, run_time=50.0),
    job("5_[20-99]", array_id="5", n_cpus=1, state="PENDING", task_count=80),
)


class TestJobs:
    def test_ids_stand_in_natural_order(self) -> None:
        listing = job_listing(index_of(job("100"), job("20"), job("3")), columns=JOB_COLUMNS)
        assert keys(listing) == ["3", "20", "100"]
        assert listing.position == {"3": 0, "20": 1, "100": 2}

    def test_filter_and_counts(self) -> None:
        listing = job_listing(
            index_of(*ARRAY, job("7", username="jor")),
            columns=JOB_COLUMNS,
            filter=parse_filter("state:pending"),
        )
        assert keys(listing) == ["5_[20-99]"]
        assert (listing.shown, listing.total) == (80, 83)

    def test_the_filter_knows_the_time(self) -> None:
        index = index_of(job("1", state="PENDING", submit_time=400.0))
        wanted = parse_filter("wait>10m")
        assert job_listing(index, columns=JOB_COLUMNS, filter=wanted).shown == 0
        assert job_listing(index, columns=JOB_COLUMNS, filter=wanted, now=1001.0).shown == 1

    def test_unknown_comes_last_either_way_and_equals_keep_their_order(self) -> None:
        index = index_of(
            job("4", priority=None),
            job("3", priority=5),
            job("2", priority=5),
            job("1", priority=9),
            job("5"),
        )
        rising = job_listing(index, columns=JOB_COLUMNS, sort_key="priority")
        falling = job_listing(index, columns=JOB_COLUMNS, sort_key="priority", reverse=True)
        assert keys(rising) == ["2", "3", "1", "4", "5"]
        assert keys(falling) == ["1", "2", "3", "4", "5"]

    def test_not_a_number_is_unknown(self) -> None:
        index = index_of(job("1", run_time=float("nan")), job("2", run_time=1.0), job("3", run_time=2.0))
        assert keys(job_listing(index, columns=JOB_COLUMNS, sort_key="elapsed", reverse=True)) == [
            "3",
            "2",
            "1",
        ]

    def test_columns_may_sort_by_what_the_caller_knows(self) -> None:
        index = index_of(job("1"), job("2"), job("3"))
        listing = job_listing(
            index, columns=JOB_COLUMNS, sort_key="cpu", context=Context(cpu={"2": 10.0, "3": 5.0})
        )
        assert keys(listing) == ["3", "2", "1"]

    def test_unknown_sort_key_leaves_the_order_of_the_ids(self) -> None:
        listing = job_listing(index_of(job("2"), job("1")), columns=JOB_COLUMNS, sort_key="colour")
        assert keys(listing) == ["1", "2"]

    @pytest.mark.parametrize("key", [column.key for column in JOB_COLUMNS])
    @pytest.mark.parametrize("reverse", [False, True])
    def test_every_column_sorts_whatever_is_known(self, key: str, reverse: bool) -> None:
        index = index_of(
            *ARRAY,
            job("1"),
            job("x?", nodes="c[1-2]", partition="a", account="b", memory={"c1": 3.0}, time_limit=5.0),
            job("3", state="PENDING", reason="Priority", priority=3, submit_time=5.0, partition="b"),
            job(
                "4",
                state="FAILED",
                exit_code="1:0",
                layout={"c10": (0,)},
                start_time=1.0,
                end_time=3.0,
                qos="q",
            ),
        )
        listing = job_listing(
            index, columns=JOB_COLUMNS, sort_key=key, reverse=reverse, unfolded=frozenset({"5"})
        )
        assert sorted(keys(listing)) == sorted(["5_*", "5_10", "5_2", "5_[20-99]", "1", "x?", "3", "4"])


class TestArrays:
    def test_fold_into_one_row(self) -> None:
        listing = job_listing(index_of(job("9"), *ARRAY, job("1")), columns=JOB_COLUMNS)
        assert keys(listing) == ["1", array_key("5"), "9"]
        row = listing.rows[1]
        assert (row.kind, row.is_open, len(row.members)) == ("array", False, 3)
        assert row.item.state == "RUNNING"
        assert (listing.shown, listing.total) == (84, 84)

    def test_a_lone_record_is_no_group(self) -> None:
        listing = job_listing(index_of(ARRAY[2], job("6_1", array_id="6")), columns=JOB_COLUMNS)
        assert [(row.key, row.kind) for row in listing.rows] == [("5_[20-99]", "job"), ("6_1", "job")]

    def test_unfold_with_the_tasks_under_their_row_in_the_same_order(self) -> None:
        index = index_of(job("9", run_time=20.0), *ARRAY)
        listing = job_listing(
            index, columns=JOB_COLUMNS, sort_key="elapsed", reverse=True, unfolded=frozenset({"5", "77"})
        )
        assert [(row.key, row.kind, row.depth) for row in listing.rows] == [
            ("5_*", "array", 0),
            ("5_2", "task", 1),
            ("5_10", "task", 1),
            ("5_[20-99]", "task", 1),
            ("9", "job", 0),
        ]
        assert listing.rows[0].is_open
        assert listing.position["9"] == 4

    def test_need_not_fold(self) -> None:
        listing = job_listing(index_of(*ARRAY), columns=JOB_COLUMNS, fold=False)
        assert keys(listing) == ["5_[20-99]", "5_2", "5_10"]

    def test_fold_only_what_passes_the_filter(self) -> None:
        listing = job_listing(index_of(*ARRAY), columns=JOB_COLUMNS, filter=parse_filter("state:running"))
        assert [len(row.members) for row in listing.rows] == [2]

    @pytest.mark.slow
    @given(
        st.lists(
            st.tuples(st.integers(1, 6), st.integers(0, 5), st.floats(0, 99)), unique_by=lambda one: one[:2]
        ),
        st.booleans(),
        st.frozensets(st.sampled_from("123456")),
    )
    def test_no_job_is_lost_or_shown_twice(
        self, tasks: list[tuple[int, int, float]], reverse: bool, unfolded: frozenset[str]
    ) -> None:
        jobs = [job(f"{array}_{task}", array_id=str(array), run_time=time_) for array, task, time_ in tasks]
        listing = job_listing(
            index_of(*jobs), columns=JOB_COLUMNS, sort_key="elapsed", reverse=reverse, unfolded=unfolded
        )
        single = [row.item.job_id for row in listing.rows if not row.members]
        folded = [
            one.job_id for row in listing.rows if row.members and not row.is_open for one in row.members
        ]
        assert sorted(single + folded) == sorted(one.job_id for one in jobs)
        assert [listing.position[row.key] for row in listing.rows] == list(range(len(listing.rows)))
        (column,) = columns_of(JOB_COLUMNS, ["elapsed"])
        values = [column.sort_value(row, Context()) for row in listing.rows if not row.depth]
        assert values == sorted(values, reverse=reverse)  # type: ignore[type-var]


class TestSuccessor:
    def listing(self, *ids: str, unfolded: bool = True) -> Listing:
        chosen = [one for one in (*ARRAY, job("1"), job("7"), job("8"), job("9")) if one.job_id in ids]
        return job_listing(
            index_of(*chosen), columns=JOB_COLUMNS, unfolded=frozenset({"5"} if unfolded else ())
        )

    def test_a_row_is_found_wherever_it_went(self) -> None:
        before, after = self.listing("7", "8"), self.listing("1", "7", "8")
        assert after.successor(before, 1) == 2

    def test_the_next_one_takes_the_place_of_a_row_that_is_gone(self) -> None:
        before, after = self.listing("1", "7", "8", "9"), self.listing("1", "9")
        assert after.successor(before, 1) == 1
        assert self.listing("1", "7").successor(before, 3) == 1
        assert self.listing().successor(before, 3) == 0

    def test_a_task_gives_way_to_its_array(self) -> None:
        tasks = ("5_2", "5_10", "5_[20-99]")
        before, after = self.listing("1", *tasks), self.listing("1", *tasks, unfolded=False)
        assert keys(before)[3] == "5_2"
        assert after.successor(before, 3) == after.position[array_key("5")]

    def test_beyond_the_end(self) -> None:
        assert self.listing("1", "7").successor(Listing(), 5) == 1


class TestOthers:
    def index(self) -> SnapshotIndex:
        nodes = {name: Node(name=name, state="IDLE", n_cpus=8) for name in ("c10", "c9", "d1")}
        jobs = (
            job("1", partition="a"),
            job("2", username="jor", n_cpus=9, partition="b"),
            job("3", partition="b", state="PENDING"),
        )
        return index_snapshot(Snapshot(timestamp=0, nodes=nodes, jobs={one.job_id: one for one in jobs}))

    def test_nodes(self) -> None:
        listing = node_listing(self.index(), columns=NODE_COLUMNS)
        assert keys(listing) == ["c9", "c10", "d1"]
        listing = node_listing(
            self.index(), columns=NODE_COLUMNS, filter=parse_node_filter("c"), reverse=True
        )
        assert keys(listing) == ["c10", "c9"]
        assert (listing.shown, listing.total) == (2, 3)

    def test_users_and_partitions(self) -> None:
        assert keys(user_listing(self.index(), columns=USER_COLUMNS)) == ["jor", "asr"]
        assert keys(user_listing(self.index(), columns=USER_COLUMNS, sort_key="user", reverse=False)) == [
            "asr",
            "jor",
        ]
        assert keys(partition_listing(self.index(), columns=PARTITION_COLUMNS)) == ["b", "a"]


@pytest.mark.slow
def test_fifty_thousand_jobs_are_sorted() -> None:
    index = index_of(*(job(str(number), run_time=float(number * 7919 % 50_021)) for number in range(50_000)))
    listing = job_listing(index, columns=JOB_COLUMNS, sort_key="elapsed", reverse=True)
    times = [row.item.run_time for row in listing.rows]
    assert len(times) == 50_000
    assert times == sorted(times, reverse=True)
