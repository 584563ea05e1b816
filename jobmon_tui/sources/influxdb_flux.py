"""Flux over ``/api/v2/query`` with influxdb-client: InfluxDB 2.x."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from jobmon_tui.errors import SourceError
from jobmon_tui.sources.influxdb_http import Exchange
from jobmon_tui.sources.influxdb_select import Newest, Row, Said, Selection, Take
from jobmon_tui.sources.secrets import SecretPlace

NUMBERS = ("double", "long", "unsignedLong")
"""Flux's types of columns that hold numbers."""


def string(text: str) -> str:
    """A string as Flux writes it, with nothing in it that Flux would evaluate."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${").replace("\n", "\\n")
    return '"' + "".join(character for character in escaped if character.isprintable()) + '"'


def pipeline(selection: Selection, bucket: str, index: int) -> str:
    """A selection in Flux, whose result is named by its place in the list."""
    fields = " or ".join(f'r["_field"] == {string(field)}' for field in selection.fields)
    conditions = [f'r["_measurement"] == {string(selection.measurement)}', f"({fields})"]
    if isinstance(selection, Newest):
        limits = f"start: -{math.ceil(selection.window)}s"
        steps = [f"tail(n: {selection.points})"]
    else:
        limits = f"start: {selection.start}, stop: {selection.end}"
        conditions += [f"r[{string(tag)}] == {string(value)}" for tag, value in selection.where]
        steps = ["derivative(unit: 1s, nonNegative: true)"] if selection.is_counter else []
        steps.append(
            f'aggregateWindow(every: {selection.step}s, fn: mean, createEmpty: false, timeSrc: "_start")'
        )
    steps += [
        'drop(columns: ["_start", "_stop", "_measurement"])',
        'pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")',
        f'yield(name: "{index}")',
    ]
    first = f"from(bucket: {string(bucket)}) |> range({limits})"
    return " |> ".join((first, f"filter(fn: (r) => {' and '.join(conditions)})", *steps))


class Flux:
    """Asks by Flux, all selections as the results of one request.

    Args:
        exchange: Runs the requests.
        org: The organisation, by name or id.
        bucket: The bucket.
        token: Where the token is kept; ``user:password`` is one too where InfluxDB 1.8 answers.
        ca_file: Certificates to trust instead of the usual ones.
    """

    def __init__(
        self,
        exchange: Exchange,
        *,
        org: str,
        bucket: str,
        token: SecretPlace | None = None,
        ca_file: Path | None = None,
    ) -> None:
        self._exchange = exchange
        self._org = org
        self._bucket = bucket
        self._token = token or SecretPlace()
        self._ca_file = ca_file

    def ask(self, selections: Sequence[Selection], take: Take) -> Said:
        """Ask for everything in one request, and hand over row by row as they arrive.

        Raises:
            SourceError: The request failed.
        """
        return self._exchange.run(lambda: self._ask(selections, take))

    def write(self, lines: Sequence[str]) -> None:
        """Store points, written in line protocol with times in whole seconds, in one request.

        Raises:
            SourceError: They were not stored, or not all of them.
        """
        self._exchange.run(lambda: self._write(lines))

    def _write(self, lines: Sequence[str]) -> None:
        from influxdb_client.client.write_api import SYNCHRONOUS

        with self._connected() as client:
            writer = client.write_api(write_options=SYNCHRONOUS)
            writer.write(self._bucket, record="\n".join(lines), write_precision="s")

    def _ask(self, selections: Sequence[Selection], take: Take) -> Said:
        query = "\n".join(
            pipeline(selection, self._bucket, index) for index, selection in enumerate(selections)
        )
        with self._connected() as client:
            response = client.query_api().query_raw(query)
            try:
                self._read(self._exchange.lines(response), selections, take)
            finally:
                response.close()
            return Said(response.headers.get("X-Influxdb-Version", ""))

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        from influxdb_client.client.influxdb_client import InfluxDBClient

        token = self._token.read("token of InfluxDB")
        self._exchange.hidden = (token,) if token else ()
        client: Any = InfluxDBClient(
            url=self._exchange.url,
            token=token or "",
            org=self._org,
            timeout=int(self._exchange.timeout * 1000),
            ssl_ca_cert=str(self._ca_file) if self._ca_file else None,
        )
        try:
            self._exchange.guard(client.api_client.rest_client.pool_manager)
            yield client
        finally:
            client.close()

    def _read(self, lines: Iterable[bytes], selections: Sequence[Selection], take: Take) -> None:
        try:
            for index, row in rows(lines, selections):
                take(index, row)
        except (csv.Error, ValueError, LookupError, ArithmeticError):
            raise SourceError(
                f"InfluxDB at {self._exchange.url} answers what is no Flux result, or half of one",
                "check the address and that the dialect is flux",
            ) from None


@dataclass(frozen=True, slots=True)
class _Table:
    """Where in its lines the columns of a table are."""

    width: int
    result: int
    time: int
    tags: tuple[tuple[str, int], ...]
    numbers: tuple[tuple[str, int], ...]
    defaults: tuple[str, ...]

    @classmethod
    def from_header(cls, annotations: dict[str, list[str]], labels: list[str]) -> _Table:
        types, groups = annotations["#datatype"], annotations["#group"]
        columns = list(zip(labels, types, groups, strict=True))[1:]
        return cls(
            width=len(labels),
            result=labels.index("result"),
            time=labels.index("_time"),
            tags=tuple(
                (label, index)
                for index, (label, kind, group) in enumerate(columns, 1)
                if kind == "string" and group == "true" and label != "result"
            ),
            numbers=tuple(
                (label, index)
                for index, (label, kind, _) in enumerate(columns, 1)
                if kind in NUMBERS and label != "table"
            ),
            defaults=tuple(annotations.get("#default") or [""] * len(labels)),
        )

    def row(self, cells: list[str]) -> tuple[int, Row]:
        if len(cells) != self.width:
            raise ValueError("a line of another length than its header")
        values = {label: float(cells[index]) for label, index in self.numbers if cells[index]}
        return int(cells[self.result] or self.defaults[self.result]), Row(
            datetime.fromisoformat(cells[self.time]).timestamp(),
            {label: cells[index] or self.defaults[index] for label, index in self.tags},
            {label: value for label, value in values.items() if math.isfinite(value)},
        )


def rows(lines: Iterable[bytes], selections: Sequence[Selection]) -> Iterator[tuple[int, Row]]:
    """Read annotated CSV: each row with the place of its selection in the list.

    Raises:
        SourceError: InfluxDB says that something went wrong; this may come after some rows.
        ValueError, LookupError, csv.Error: It is no such CSV.
    """
    table: _Table | None = None
    annotations: dict[str, list[str]] = {}
    is_error = False
    for cells in csv.reader(_whole(lines)):
        if not cells:
            continue
        if is_error:
            raise SourceError(f"InfluxDB refuses: {cells[-2][:300]}")
        if cells[0].startswith("#"):
            if table is not None:
                table, annotations = None, {}
            annotations[cells[0]] = cells
        elif cells[-2:] == ["error", "reference"]:
            is_error = True
        elif table is None:
            table = _Table.from_header(annotations, cells)
        else:
            index, row = table.row(cells)
            if not 0 <= index < len(selections):
                raise ValueError(f"nobody asked for a result {index}")
            yield index, row
    if annotations and table is None:
        raise ValueError("it ends before its header")


def _whole(lines: Iterable[bytes]) -> Iterator[str]:
    last = b""
    for last in lines:
        yield last.decode() + "\n"
    # InfluxDB ends each line, so what follows the last end is nothing, unless the answer broke off.
    if last.strip():
        raise ValueError("it ends within a line")
