"""Reading the XML that gmond and gmetad send, as it arrives and without trusting it.

The document is always expat's to judge. But a large cluster's has millions of metrics, each with three or
four elements that describe it, and a call into Python for each of them adds up to a minute for 10,000 nodes
of 128 cores. So the inside of a host, where it looks exactly as Ganglia writes it, is read by one regular
expression, and expat gets the host without it; a host that looks in any way different goes to expat whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.parsers import expat

from jobmon_tui.errors import SourceError
from jobmon_tui.sources.ganglia_measurement import Measurement
from jobmon_tui.sources.ganglia_metrics import Recogniser
from jobmon_tui.sources.readings import NodeReading

MOST_HOSTS = 65_536
"""Hosts in one document."""
MOST_CORES_IN_ALL = 4_000_000
"""Cores in one document."""
LONGEST_HOST = 16 * 1024 * 1024
"""Bytes from a host's start to its end; one with 4,096 cores needs 12 MB."""
LONGEST_TAG = 1024 * 1024
"""Bytes without the start or end of an element; the DTD has 3 kB."""
DEEPEST = 32
"""Elements within one another; gmetad's grids of grids are hardly ever more than ten."""
ENCODINGS = ("iso-8859-1", "us-ascii", "utf-8")
"""Those in which ASCII is ASCII, so that two ways of reading see the same."""

_HOST_START = b"<HOST "
_HOST_END = b"</HOST>"
_HOST_TAG = re.compile(rb"""<HOST(?:\s+\w+="[^"<]*")*\s*>""")
# One match for each metric, so that one which is written differently shows as a match without a name.
_METRIC = re.compile(
    rb'<METRIC (?:NAME="([^"]*)" VAL="([^"]*)" TYPE="[^"]*" UNITS="([^"]*)" TN="([^"]*)" TMAX="([^"]*)"|)'
)


class RefusedError(SourceError):
    """The document is not one that Ganglia writes; the message continues "its answer ..."."""


class TreeReader:
    """Takes a document piece by piece and keeps what its hosts measured.

    Args:
        recogniser_of: What tells the meaning of a host's metrics, given the host's name.
        dead_after: Seconds without a report after which a host's metrics mean nothing.
    """

    def __init__(self, recogniser_of: Callable[[str], Recogniser], dead_after: float) -> None:
        self.hosts: dict[str, NodeReading] = {}
        """By name; a host that has not reported for too long has nothing but the time of its last report."""
        self.version = ""
        """Ganglia's: ``3.7.2``."""
        self._recogniser_of = recogniser_of
        self._dead_after = dead_after
        self._buffer = bytearray()
        self._searched = 0
        self._in_host = False
        self._unanswered = 0
        self._depth = 0
        self._local_time: float | None = None
        self._host = ""
        self._reported_at: float | None = None
        self._measurement: Measurement | None = None
        self._n_cores = 0
        self._parser = expat.ParserCreate()
        # Defaults from a DTD are the sender's way of making much out of little.
        self._parser.specified_attributes = True
        self._parser.XmlDeclHandler = _check_declaration
        self._parser.StartDoctypeDeclHandler = _check_doctype
        self._parser.EntityDeclHandler = _refuse_entity
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end

    def feed(self, data: bytes) -> None:
        """Take the next piece.

        Raises:
            RefusedError: It is not what Ganglia writes.
        """
        self._buffer += data
        while self._advance():
            pass

    def finish(self) -> None:
        """Say that there is no more.

        Raises:
            RefusedError: The document ends in the middle.
        """
        rest, self._buffer = bytes(self._buffer), bytearray()
        self._parse(rest)
        try:
            self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise RefusedError("its answer ends in the middle") from error

    def _advance(self) -> bool:
        """Deal with the next host, or with what stands before it; whether more may follow at once."""
        buffer = self._buffer
        at = buffer.find(_HOST_END if self._in_host else _HOST_START, self._searched)
        if at < 0:
            if self._in_host:
                if len(buffer) > LONGEST_HOST:
                    raise RefusedError("its answer has a host that never ends")
                self._searched = max(0, len(buffer) - len(_HOST_END))
            else:
                self._parse(self._cut(max(0, len(buffer) - len(_HOST_START))))
            return False
        if self._in_host:
            self._read_host(self._cut(at + len(_HOST_END)))
        else:
            self._parse(self._cut(at))
        self._in_host = not self._in_host
        return True

    def _cut(self, end: int) -> bytes:
        with memoryview(self._buffer) as view:
            taken = bytes(view[:end])
        del self._buffer[:end]
        self._searched = 0
        return taken

    def _read_host(self, host: bytes) -> None:
        tag = _HOST_TAG.match(host)
        if tag is not None and _is_plain(host):
            columns = tuple(zip(*_METRIC.findall(host, tag.end()), strict=True))
            if all(columns[0] if columns else ()):
                self._parse(tag.group())
                if self._measurement is not None and columns:
                    self._measurement.add_columns(*columns)
                self._parse(_HOST_END)
                return
        self._parse(host)

    def _parse(self, data: bytes) -> None:
        self._unanswered += len(data)
        try:
            self._parser.Parse(data)
        except expat.ExpatError as error:
            raise RefusedError("its answer is not Ganglia's XML") from error
        if self._unanswered > LONGEST_TAG:
            raise RefusedError("its answer has an element that never ends")

    # -- what expat calls ----------------------------------------------------------------------------------

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._unanswered = 0
        if self._depth == 0:
            if name != "GANGLIA_XML":
                raise RefusedError("its answer is not Ganglia's XML")
            self.version = attributes.get("VERSION", "")[:40]
        self._depth += 1
        if self._depth > DEEPEST:
            raise RefusedError("its answer nests too deeply")
        if name == "METRIC":
            if self._measurement is not None:
                self._measurement.add([_metric(attributes)])
        elif name == "HOST":
            self._start_host(attributes)
        elif name in ("CLUSTER", "GRID"):
            self._local_time = _seconds(attributes.get("LOCALTIME"))

    def _end(self, name: str) -> None:
        self._unanswered = 0
        self._depth -= 1
        if name == "HOST":
            self._end_host()

    def _start_host(self, attributes: dict[str, str]) -> None:
        self._host = attributes.get("NAME", "")
        self._reported_at = _seconds(attributes.get("REPORTED"))
        ages = [_seconds(attributes.get("TN"))]
        if self._local_time is not None and self._reported_at is not None:
            ages.append(self._local_time - self._reported_at)
        # Both by Ganglia's own clocks; of a gmond that it lost, gmetad goes on counting in TN only.
        is_dead = any(age is not None and age > self._dead_after for age in ages)
        self._measurement = None if is_dead else Measurement(self._recogniser_of(self._host))

    def _end_host(self) -> None:
        measurement, self._measurement = self._measurement, None
        if not 0 < len(self._host) < 256:
            return
        if measurement is None:
            reading = NodeReading(reported_at=self._reported_at)
        else:
            reading = measurement.reading(self._reported_at)
            self._n_cores += 0 if reading.cpu is None else len(reading.cpu.cores)
        self.hosts[self._host] = newer(self.hosts.get(self._host), reading)
        if len(self.hosts) > MOST_HOSTS or self._n_cores > MOST_CORES_IN_ALL:
            raise RefusedError("its answer has more hosts or cores than any cluster")


def newer(one: NodeReading | None, other: NodeReading) -> NodeReading:
    """That of two readings of a host which was reported last."""
    if one is None or (one.reported_at or 0.0) <= (other.reported_at or 0.0):
        return other
    return one


def _is_plain(host: bytes) -> bool:
    """Whether nothing in it stands for something else or hides something: no reference, no comment."""
    # Looking for one byte first is a hundred times as fast.
    if b"&" in host:
        return False
    return not (b"!" in host and b"<!" in host) and not (b"?" in host and b"<?" in host)


def _metric(attributes: dict[str, str]) -> tuple[bytes, bytes, bytes, bytes, bytes]:
    get = attributes.get
    texts = get("NAME", ""), get("VAL", ""), get("UNITS", ""), get("TN", ""), get("TMAX", "")
    name, value, unit, age, silence = (text.encode("latin-1", "replace") for text in texts)
    return name, value, unit, age, silence


def _seconds(text: str | None) -> float | None:
    """A count of seconds, or an instant in Unix seconds: Ganglia writes whole ones."""
    if text is None or len(text) > 15 or not (text.isascii() and text.isdecimal()):
        return None
    return float(text)


def _check_declaration(_version: str, encoding: str | None, _standalone: int) -> None:
    if encoding is not None and encoding.lower() not in ENCODINGS:
        raise RefusedError("its answer is in an encoding that Ganglia does not use")


def _check_doctype(_name: str, system: str | None, public: str | None, _has_internal: bool) -> None:
    if system is not None or public is not None:
        raise RefusedError("its answer refers to another document")


def _refuse_entity(*_: object) -> None:
    raise RefusedError("its answer declares entities")
