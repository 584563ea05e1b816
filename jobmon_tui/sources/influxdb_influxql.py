"""InfluxQL over ``/query``: InfluxDB 1.x, 2.x with a mapping of databases (DBRP), 3.x."""

from __future__ import annotations

import json
import math
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobmon_tui.errors import SourceError
from jobmon_tui.sources.influxdb_http import Exchange
from jobmon_tui.sources.influxdb_select import Newest, OverTime, Row, Said, Selection, Take
from jobmon_tui.sources.secrets import SecretPlace

if TYPE_CHECKING:
    import requests

POINTS = "1000"
"""In one document of an answer: decoding holds Python's lock, so that the screen waits for each of them."""
NUMBERS = frozenset((int, float))
"""What JSON's numbers become; its truth values are none."""


def name(text: str) -> str:
    """A measurement, tag or field as InfluxQL writes it."""
    return '"' + _escaped(text).replace('"', '\\"') + '"'


def string(text: str) -> str:
    """A string as InfluxQL writes it."""
    return "'" + _escaped(text).replace("'", "\\'") + "'"


def _escaped(text: str) -> str:
    # There is no way to write other control characters, and nothing that we look for has any.
    return "".join(
        character for character in text.replace("\\", "\\\\").replace("\n", "\\n") if character.isprintable()
    )


def statement(selection: Selection) -> str:
    """A selection in InfluxQL."""
    if isinstance(selection, Newest):
        groups = "*" if selection.tags is None else ", ".join(map(name, selection.tags))
        return (
            f"SELECT {', '.join(map(name, selection.fields))} FROM {name(selection.measurement)} "
            f"WHERE time > now() - {math.ceil(selection.window)}s "
            f"GROUP BY {groups} ORDER BY time DESC LIMIT {selection.points}"
        )
    return _over_time(selection)


def _over_time(selection: OverTime) -> str:
    within = f"time >= {selection.start}s AND time < {selection.end}s"
    where = "".join(f" AND {name(tag)} = {string(value)}" for tag, value in selection.where)
    source = name(selection.measurement)
    condition = within + where
    if selection.is_counter:
        rates = ", ".join(
            f"non_negative_derivative({name(field)}, 1s) AS {name(field)}" for field in selection.fields
        )
        source, condition = f"(SELECT {rates} FROM {source} WHERE {condition} GROUP BY *)", within
    means = ", ".join(f"mean({name(field)}) AS {name(field)}" for field in selection.fields)
    return f"SELECT {means} FROM {source} WHERE {condition} GROUP BY time({selection.step}s), * fill(none)"


class InfluxQL:
    """Asks by InfluxQL, all selections as the statements of one request.

    Args:
        exchange: Runs the requests.
        database: The database.
        retention_policy: One of it; empty for its default.
        user: Whose password that is; empty to use the token, or nothing.
        password: Where the user's password is kept.
        token: Where a token is kept (2.x, 3.x).
        ca_file: Certificates to trust instead of the usual ones.
    """

    def __init__(
        self,
        exchange: Exchange,
        *,
        database: str,
        retention_policy: str = "",
        user: str = "",
        password: SecretPlace | None = None,
        token: SecretPlace | None = None,
        ca_file: Path | None = None,
    ) -> None:
        self._exchange = exchange
        self._parameters = {"db": database, "epoch": "ms", "chunked": "true", "chunk_size": POINTS}
        if retention_policy:
            self._parameters["rp"] = retention_policy
        self._user = user
        self._password = password or SecretPlace()
        self._token = token or SecretPlace()
        self._ca_file = ca_file

    def ask(self, selections: Sequence[Selection], take: Take) -> Said:
        """Ask for everything in one request, and hand over row by row as they arrive.

        Raises:
            SourceError: The request failed, or each of its statements.
        """
        return self._exchange.run(lambda: self._ask(selections, take))

    def write(self, lines: Sequence[str]) -> None:
        """Store points, written in line protocol with times in whole seconds, in one request.

        Raises:
            SourceError: They were not stored, or not all of them.
        """
        self._exchange.run(lambda: self._write(lines))

    def _write(self, lines: Sequence[str]) -> None:
        parameters = {name: self._parameters[name] for name in ("db", "rp") if name in self._parameters}
        data = "\n".join(lines).encode()
        with self._post("/write", parameters | {"precision": "s"}, data, {}):
            pass

    def _ask(self, selections: Sequence[Selection], take: Take) -> Said:
        question = {"q": "; ".join(map(statement, selections)).encode()}
        accepted = {"Accept": "application/json", "Accept-Encoding": "identity"}
        with self._post("/query", self._parameters, question, accepted) as response:
            errors = self._read(self._exchange.lines(response.raw), len(selections), take)
            return Said(response.headers.get("X-Influxdb-Version", ""), errors)

    @contextmanager
    def _post(
        self, path: str, parameters: Mapping[str, str], data: Any, headers: Mapping[str, str]
    ) -> Iterator[requests.Response]:
        import requests
        from requests.adapters import HTTPAdapter

        with requests.Session() as session:
            # Whose password it is, and which proxy there is, is not for ~/.netrc and the environment to say.
            session.trust_env = False
            adapter = HTTPAdapter(max_retries=0)
            self._exchange.guard(adapter.poolmanager)
            session.mount("http://", adapter)
            session.mount("https://", adapter)

            with session.post(
                f"{self._exchange.url}{path}",
                params=parameters,
                data=data,
                headers={**headers, **self._credentials()},
                stream=True,
                timeout=self._exchange.timeout,
                allow_redirects=False,
                verify=str(self._ca_file) if self._ca_file else True,
            ) as response:
                yield response

    def _credentials(self) -> dict[str, str]:
        if self._user:
            password = self._password.read("password of InfluxDB")
            if password is None:
                raise SourceError(
                    f"there is no password for the InfluxDB user {self._user}",
                    "name a file or an environment variable that holds it",
                )
            encoded = b64encode(f"{self._user}:{password}".encode()).decode()
            self._exchange.hidden = (password, encoded)
            return {"Authorization": f"Basic {encoded}"}
        token = self._token.read("token of InfluxDB")
        if token is None:
            return {}
        self._exchange.hidden = (token,)
        return {"Authorization": f"Token {token}"}

    def _read(self, lines: Iterable[bytes], count: int, take: Take) -> dict[int, str]:
        """Read one document after the other; each has a part of a statement's rows."""
        errors: dict[int, str] = {}
        missing = set(range(count))
        for line in lines:
            if not line.strip():
                continue
            try:
                document = json.loads(line.decode())
                if "error" in document:
                    raise SourceError(f"InfluxDB refuses: {str(document['error'])[:300]}")
                for result in document["results"]:
                    index = int(result.get("statement_id", 0))
                    if "error" in result:
                        errors.setdefault(index, str(result["error"])[:300])
                    for series in result.get("series") or ():
                        _hand_over(series, index, take)
                    if not result.get("partial"):
                        missing.discard(index)
            except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError):
                raise self._nonsense() from None
        if errors:
            # The server stops at the first statement that fails; InfluxDB 1 gives those behind it its number.
            errors = dict.fromkeys(missing, errors[min(errors)]) | errors
        elif missing:
            raise self._nonsense()
        if len(errors) == count:
            raise SourceError(f"InfluxDB at {self._exchange.url} refuses: {errors[min(errors)]}")
        return errors

    def _nonsense(self) -> SourceError:
        return SourceError(
            f"InfluxDB at {self._exchange.url} answers what is no InfluxQL result, or half of one",
            "check the address and that the dialect is influxql",
        )


def _hand_over(series: Mapping[str, Any], index: int, take: Take) -> None:
    tags = series.get("tags") or {}
    if not all(isinstance(value, str) for value in tags.values()):
        raise TypeError("a tag is no text")
    _, *fields = series["columns"]
    for time, *values in series["values"]:
        numbers = dict(zip(fields, values, strict=True))
        # Most rows are nothing but numbers; a sum that is neither infinite nor nan has no such part.
        if not (NUMBERS.issuperset(map(type, values)) and math.isfinite(sum(values))):
            numbers = {
                field: value
                for field, value in numbers.items()
                if type(value) in NUMBERS and math.isfinite(value)
            }
        take(index, Row(time / 1000, tags, numbers))
