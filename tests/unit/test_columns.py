from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.analysis.cells import (
    EMPTY,
    UNKNOWN,
    Cell,
    Column,
    Context,
    ListingRow,
    columns_of,
    fit_columns,
    moment_cell,
    natural,
    part_cell,
    span_cell,
)
from jobmon_tui.analysis.columns import DEFAULT_JOB_COLUMNS, JOB_COLUMNS
from jobmon_tui.analysis.index import UserTotals, index_snapshot
from jobmon_tui.analysis.job_cells import job_number
from jobmon_tui.analysis.listing import node_listing, partition_listing, reservation_listing, user_listing
from jobmon_tui.analysis.node_columns import DEFAULT_NODE_COLUMNS, NODE_COLUMNS
from jobmon_tui.analysis.partitions import partition_totals
from jobmon_tui.analysis.summary_columns import PARTITION_COLUMNS, RESERVATION_COLUMNS, USER_COLUMNS
from jobmon_tui.model.snapshot import Job, Node, Partition, Reservation, Snapshot

TABLES = (JOB_COLUMNS, NODE_COLUMNS, USER_COLUMNS, PARTITION_COLUMNS, RESERVATION_COLUMNS)
HOSTILE = "a\x1b[31m\nb‮"


def job(job_id: str = "100", **more: Any) -> Job:
    facts: dict[str, Any] = {"name": "train", "username": "asr", "state": "RUNNING", "n_cpus": 4}
    return Job(job_id=job_id, **(facts | more))


def cell_of(row: ListingRow, key: str, context: Context | None = None) -> Cell:
    (column,) = columns_of(JOB_COLUMNS, [key])
    return column.cell(row, context or Context())


def value_of(row: ListingRow, key: str, context: Context | None = None) -> object:
    (column,) = columns_of(JOB_COLUMNS, [key])
    return column.sort_value(row, context or Context())


def row_of(one: Job) -> ListingRow:
    return ListingRow(one.job_id, "job", one)


class TestTables:
    @pytest.mark.parametrize("columns", TABLES)
    def test_columns_are_fit_to_be_chosen(self, columns: Sequence[Column]) -> None:
        keys = [column.key for column in columns]
        assert len(keys) == len(set(keys))
        for column in columns:
            assert column.description
            assert 0 < column.narrowest <= column.width
            assert len(column.title) <= column.width
        assert any(column.rank == 0 for column in columns)

    def test_defaults_exist(self) -> None:
        assert len(columns_of(JOB_COLUMNS, DEFAULT_JOB_COLUMNS)) == len(DEFAULT_JOB_COLUMNS)
        assert len(columns_of(NODE_COLUMNS, DEFAULT_NODE_COLUMNS)) == len(DEFAULT_NODE_COLUMNS)

    def test_unknown_column_is_named(self) -> None:
        with pytest.raises(Exception, match='no column "colour"') as caught:
            columns_of(JOB_COLUMNS, ["id", "colour"])
        assert "elapsed" in caught.value.hint  # type: ignore[attr-defined]

    def test_roles_are_in_the_palette(self) -> None:
        from jobmon_tui.analysis.job_cells import STATE_ROLES
        from jobmon_tui.tui.theme import THEMES, palette_of

        palette = palette_of(THEMES[0])
        for role in STATE_ROLES.values():
            assert hasattr(palette, role)


def column(key: str, width: int, rank: int, min_width: int = 0, grow: bool = False) -> Column:
    return Column(
        key=key,
        title=key,
        width=width,
        rank=rank,
        min_width=min_width,
        grow=grow,
        description=key,
        sort_value=lambda row, _: row.key,
        cell=lambda row, _: Cell(row.key),
    )


class TestFitting:
    COLUMNS = (column("a", 10, 0, 4), column("b", 8, 2), column("c", 6, 1), column("d", 6, 3, 2, grow=True))

    @pytest.mark.parametrize(
        ("width", "expected"),
        [
            (40, {"a": 10, "b": 8, "c": 6, "d": 13}),
            (33, {"a": 10, "b": 8, "c": 6, "d": 6}),
            (23, {"a": 4, "b": 8, "c": 6, "d": 2}),
            (22, {"a": 6, "b": 8, "c": 6}),
            (19, {"a": 10, "c": 6}),
            (7, {"a": 7}),
            (3, {"a": 3}),
        ],
    )
    def test_widths(self, width: int, expected: dict[str, int]) -> None:
        assert {one.key: cells for one, cells in fit_columns(self.COLUMNS, width)} == expected

    def test_columns_stay_in_their_order(self) -> None:
        assert [one.key for one, _ in fit_columns(self.COLUMNS, 22)] == ["a", "b", "c"]

    @given(st.integers(1, 400), st.integers(1, 3), st.sampled_from(TABLES))
    def test_never_wider_than_the_terminal(self, width: int, gap: int, columns: Sequence[Column]) -> None:
        fitted = fit_columns(columns, width, gap)
        assert 1 <= sum(cells for _, cells in fitted) + gap * (len(fitted) - 1) <= width
        if len(fitted) > 1:
            assert all(cells >= one.narrowest for one, cells in fitted)

    @given(st.integers(20, 300))
    def test_a_wider_terminal_shows_no_fewer_columns(self, width: int) -> None:
        assert len(fit_columns(JOB_COLUMNS, width + 1)) >= len(fit_columns(JOB_COLUMNS, width))

    def test_forty_columns_show_what_matters(self) -> None:
        keys = [one.key for one, _ in fit_columns(columns_of(JOB_COLUMNS, DEFAULT_JOB_COLUMNS), 37)]
        assert keys == ["alert", "id", "name", "state"]


class TestNatural:
    def test_numbers_count_as_numbers(self) -> None:
        names = ["d1", "c11", "c10000000000000", "c2", "c10x", "c", "c010"]
        assert sorted(names, key=natural) == ["c", "c2", "c010", "c10x", "c11", "c10000000000000", "d1"]

    @given(st.integers(0, 10**19), st.integers(0, 10**19))
    def test_of_any_size(self, one: int, other: int) -> None:
        assert (natural(f"c{one}") < natural(f"c{other}")) is (one < other)


class TestJobNumber:
    def test_order(self) -> None:
        ids = ["9", "10_[3-9]", "10_2", "10_10", "11", "100"]
        numbers = [job_number(one) for one in ids]
        assert None not in numbers
        assert numbers == sorted(numbers, key=lambda one: one or 0)

    @given(st.text())
    def test_nonsense_is_unknown(self, text: str) -> None:
        number = job_number(text)
        assert number is None or text[0].isdecimal()


class TestJobCells:
    def test_unknown_is_not_zero(self) -> None:
        row = row_of(job())
        assert cell_of(row, "memory") == UNKNOWN
        assert cell_of(row, "cpu") == UNKNOWN
        assert cell_of(row, "memory_asked") == UNKNOWN
        assert value_of(row, "memory") is None
        assert cell_of(row, "gpus") == Cell("0", "faint")

    def test_what_a_waiting_job_cannot_have_is_empty(self) -> None:
        row = row_of(job(state="PENDING", reason="Priority"))
        assert {
            key: cell_of(row, key) for key in ("elapsed", "memory", "cpu", "left", "nodes")
        } == dict.fromkeys(("elapsed", "memory", "cpu", "left", "nodes"), EMPTY)
        assert cell_of(row, "reason") == Cell("Priority", "dim")

    def test_reasons_that_need_someone_stand_out(self) -> None:
        assert cell_of(row_of(job(state="PENDING", reason="JobHeldUser")), "reason").role == "warning"
        assert (
            cell_of(row_of(job(state="PENDING", reason="DependencyNeverSatisfied")), "reason").role
            == "warning"
        )
        assert cell_of(row_of(job(state="RUNNING", reason="None")), "reason") == EMPTY

    def test_numbers(self) -> None:
        row = row_of(
            job(
                n_cpus=16,
                run_time=502.0,
                time_limit=2880.0,
                layout={"john41": (0,)},
                memory={"a": 512.0, "b": 1536.0},
                memory_request=4096.0,
                n_gpus=2,
            )
        )
        texts = {
            key: cell_of(row, key).text for key in ("cores", "gpus", "nodes", "elapsed", "limit", "left")
        }
        assert texts == {
            "cores": "16",
            "gpus": "2",
            "nodes": "john41",
            "elapsed": "8:22",
            "limit": "2-00:00",
            "left": "1-15:38",
        }
        assert cell_of(row, "memory").text == "1.5 GiB"
        assert cell_of(row, "progress").fraction == pytest.approx(502 / 2880)

    def test_a_waiting_array_asks_for_the_cores_of_all_its_tasks(self) -> None:
        record = row_of(job("5_[0-87]", state="PENDING", task_count=88, array_id="5", n_cpus=2))
        assert cell_of(record, "cores").text == "176"
        assert cell_of(record, "tasks").text == "88"

    def test_a_folded_array_speaks_for_its_tasks(self) -> None:
        tasks = (
            job("5_1", run_time=10.0, n_cpus=2, array_id="5", layout={"a": (0,)}, memory={"a": 100.0}),
            job("5_2", run_time=90.0, n_cpus=2, array_id="5", layout={"b": (0,)}, memory={"b": 900.0}),
            job("5_[3-90]", state="PENDING", task_count=88, n_cpus=2, array_id="5", reason="Priority"),
        )
        row = ListingRow("5_*", "array", tasks[0], tasks)
        keys = ("id", "state", "cores", "elapsed", "nodes", "memory", "tasks", "reason")
        assert [cell_of(row, key).text for key in keys] == [
            "5 ▸90",
            "2R 88PD",
            "4",
            "1:30",
            "2 nodes",
            "900 MiB",
            "90",
            "Priority",
        ]
        assert cell_of(row._replace(is_open=True), "id").text == "5 ▾90"
        context = Context(cpu={"5_1": 50.0, "5_2": 100.0}, warned={"5_2": "idle"})
        assert cell_of(row, "cpu", context).text == "75 %"
        assert cell_of(row, "alert", context) == Cell("!", "trouble")
        assert cell_of(row, "alert") == EMPTY

    def test_own_jobs_stand_out(self) -> None:
        assert cell_of(row_of(job()), "user", Context(me="asr")).role == "strong"
        assert cell_of(row_of(job()), "user", Context(me="jor")).role == "plain"

    def test_how_it_ended(self) -> None:
        assert cell_of(row_of(job(state="FAILED", exit_code="2:0")), "exit") == Cell("2:0", "trouble")
        assert cell_of(row_of(job(state="COMPLETED", exit_code="0:0")), "exit") == Cell("0:0", "dim")
        assert cell_of(row_of(job(exit_code="0:0")), "exit") == EMPTY

    @pytest.mark.parametrize("state", ["RUNNING", "PENDING", "FAILED"])
    def test_hostile_text_is_harmless_in_every_column(self, state: str) -> None:
        hostile = job(
            f"{HOSTILE}_1",
            name=HOSTILE,
            username=HOSTILE,
            state=state,
            partition=HOSTILE,
            account=HOSTILE,
            qos=HOSTILE,
            reason=HOSTILE,
            nodes=HOSTILE,
            layout={HOSTILE: (0,)} if state == "RUNNING" else {},
            features=HOSTILE,
            reservation=HOSTILE,
            exit_code=f"1:{HOSTILE}",
            array_id=HOSTILE,
            start_time=1e30,
            run_time=float("nan"),
            priority=1 << 70,
        )
        for row in (row_of(hostile), ListingRow("x", "array", hostile, (hostile, hostile))):
            for one in JOB_COLUMNS:
                assert one.cell(row, Context()).text.isprintable()
                one.sort_value(row, Context())

    def test_odd_state_is_printable(self) -> None:
        assert cell_of(row_of(job(state=HOSTILE)), "state").text.isprintable()


class TestValues:
    def test_moments(self) -> None:
        now = 1_795_000_000.0  # 18 Nov 2026, 11:06 UTC
        assert moment_cell(now - 3600, now).text == "10:06"
        assert moment_cell(now - 86400, now).text == "17 Nov 11:06"
        assert moment_cell(now - 400 * 86400, now).text == "14 Oct 2025"
        assert moment_cell(None, now) == UNKNOWN
        assert moment_cell(1e300, now) == UNKNOWN

    def test_spans_and_parts(self) -> None:
        assert span_cell(float("inf")).text == "unlimited"
        assert span_cell(float("nan")) == UNKNOWN
        assert part_cell(20, 36).text == "20/ 36"
        assert part_cell(None, 36).text == "–/ 36"
        assert part_cell(None, None) == UNKNOWN


def snapshot() -> Snapshot:
    nodes = {
        "n1": Node(name="n1", state="MIXED", n_cpus=8, cpus_allocated=4, n_gpus=0, partitions=("main",)),
        "n2": Node(name="n2", state="IDLE", flags=("DRAIN",), n_cpus=8, reason=HOSTILE, partitions=("main",)),
        "n3": Node(name="n3"),
    }
    jobs = {
        "1": job("1", layout={"n1": (0, 1, 2, 3)}, partition="main"),
        "2": job(
            "2", state="PENDING", partition="main,gpu", eligible_time=900.0, submit_time=400.0, task_count=3
        ),
        "3": job("3", state="PENDING", partition="gpu", eligible_time=2000.0),
    }
    partitions = (Partition(name="main", state="UP", nodes="n[1-2]", is_default=True),)
    reservations = (Reservation(name="r", start_time=900, end_time=1500, nodes="n1", flags=("MAINT",)),)
    return Snapshot(timestamp=1000, nodes=nodes, jobs=jobs, partitions=partitions, reservations=reservations)


class TestOtherTables:
    def texts(self, columns: Sequence[Column], row: ListingRow) -> dict[str, str]:
        context = Context(now=1000, index=index_snapshot(snapshot()))
        return {one.key: one.cell(row, context).text for one in columns}

    def test_nodes(self) -> None:
        rows = node_listing(index_snapshot(snapshot()), columns=NODE_COLUMNS).rows
        busy, drained, unknown = (self.texts(NODE_COLUMNS, row) for row in rows)
        assert (busy["cores"], busy["free"], busy["jobs"], busy["users"]) == ("4/  8", "4", "1", "asr")
        assert busy["state"] == "in use"
        assert drained["state"] == "drained"
        assert drained["reason"].isprintable()
        assert (unknown["cores"], unknown["load"], unknown["memory"], unknown["gpus"]) == ("–", "–", "–", "–")

    def test_users(self) -> None:
        rows = user_listing(index_snapshot(snapshot()), columns=USER_COLUMNS).rows
        texts = self.texts(USER_COLUMNS, rows[0])
        assert (texts["user"], texts["cores"], texts["share"], texts["pending"]) == ("asr", "4", "25 %", "4")
        tiny = UserTotals(name="z", cores=1, share=0.01, gpus=0, running=1, pending=0, pending_cores=0)
        assert self.texts(USER_COLUMNS, ListingRow("z", "user", tiny))["share"] == "<1 %"

    def test_partitions(self) -> None:
        rows = partition_listing(index_snapshot(snapshot()), columns=PARTITION_COLUMNS).rows
        main = self.texts(PARTITION_COLUMNS, next(row for row in rows if row.key == "main"))
        assert main["partition"] == "main*"
        assert (main["nodes"], main["cores"], main["running"], main["pending"]) == ("2", "4/ 16", "1", "3")
        assert main["wait"] == "0:01"
        assert main["max_time"] == "unlimited"
        gpu = self.texts(PARTITION_COLUMNS, next(row for row in rows if row.key == "gpu"))
        assert (gpu["pending"], gpu["cores"], gpu["max_time"]) == ("4", "0/  –", "–")

    def test_a_job_that_cannot_start_yet_does_not_wait(self) -> None:
        alone = Snapshot(timestamp=1000, jobs={"3": snapshot().jobs["3"]})
        (gpu,) = partition_totals(index_snapshot(alone), 1000.0)
        assert gpu.longest_wait is None
        assert gpu.pending == 1

    def test_reservations(self) -> None:
        rows = reservation_listing(index_snapshot(snapshot()), columns=RESERVATION_COLUMNS).rows
        texts = self.texts(RESERVATION_COLUMNS, rows[0])
        assert (texts["state"], texts["nodes"], texts["flags"]) == ("maintenance", "n1", "MAINT")
        for now, state in ((800.0, "to come"), (1500.0, "over")):
            (column_,) = columns_of(RESERVATION_COLUMNS, ["state"])
            assert column_.cell(rows[0], Context(now=now)).text == state
