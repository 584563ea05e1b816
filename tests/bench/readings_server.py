"""``python -m tests.bench.readings_server KIND NODES CORES``: answers as a cluster's collectors would.

KIND is ganglia, influxql, flux or prometheus. It prints its port, then serves until its input ends. Values
differ from node to node and from answer to answer; they are cut from a few dozen prepared nodes, so that
making them costs less than reading them.
"""

from __future__ import annotations

import json
import random
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from tests.ganglia_documents import HEAD, cores, host

VARIANTS = 24
"""Different nodes that are prepared; each then goes by many names."""
NAME = "NODE_NAME"
KINDS = ("user", "nice", "system", "wio", "idle")


def core_times(chance: random.Random) -> tuple[float, float, float, float, float]:
    """Plausible percentages of one core, to one decimal."""
    user, system, wait = (round(chance.random() * most, 1) for most in (80, 12, 3))
    return user, 0.0, system, wait, round(100 - user - system - wait, 1)


# -- Ganglia -----------------------------------------------------------------------------------------------

AMOUNTS = {
    "mem_total": 527_000_000,
    "mem_free": 200_000_000,
    "mem_buffers": 1_000_000,
    "mem_cached": 90_000_000,
    "swap_total": 8_000_000,
    "swap_free": 7_900_000,
    "disk_total": 960.0,
    "disk_free": 700.0,
    "load_one": 12.5,
    "cpu_user": 40.0,
    "cpu_nice": 0.0,
    "cpu_system": 5.0,
    "cpu_wio": 0.5,
    "cpu_idle": 54.5,
    **{f"unknown_metric_{number}": number for number in range(40)},
}
"""Of a node besides its cores; jobmon has no use for the last ones."""


def ganglia(n_nodes: int, n_cores: int) -> Callable[[socket.socket], None]:
    """What gmetad says to each who connects."""
    chance = random.Random(1)
    start = time.time()
    prepared = [
        host(
            NAME,
            AMOUNTS | cores(core_times(chance) for _ in range(n_cores)),
            reported=int(start),
        ).encode()
        for _ in range(VARIANTS)
    ]

    def talk(connection: socket.socket) -> None:
        now = int(time.time())
        first = chance.randrange(VARIANTS)
        connection.sendall(f'{HEAD}<GANGLIA_XML VERSION="3.7.2" SOURCE="gmetad">\n'.encode())
        connection.sendall(f'<CLUSTER NAME="c" LOCALTIME="{now}" OWNER="" LATLONG="" URL="">\n'.encode())
        for node in range(n_nodes):
            variant = prepared[(first + node) % VARIANTS]
            connection.sendall(variant.replace(NAME.encode(), f"n{node + 1:05}".encode(), 1))
        connection.sendall(b"</CLUSTER>\n</GANGLIA_XML>\n")

    return talk


# -- HTTP --------------------------------------------------------------------------------------------------


def _read_request(connection: socket.socket) -> bytes:
    said = b""
    while b"\r\n\r\n" not in said:
        piece = connection.recv(65536)
        if not piece:
            return b""
        said += piece
    head, _, body = said.partition(b"\r\n\r\n")
    lengths = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    length = int(lengths[0].split(b":")[1]) if lengths else 0
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def _chunk(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(body), body)


def _talks_http(answer: Callable[[bytes], Iterator[bytes]]) -> Callable[[socket.socket], None]:
    def talk(connection: socket.socket) -> None:
        while request := _read_request(connection):
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for piece in answer(request):
                connection.sendall(_chunk(piece))
            connection.sendall(b"0\r\n\r\n")

    return talk


# -- InfluxDB ----------------------------------------------------------------------------------------------

CPU_FIELDS = ("usage_user", "usage_nice", "usage_system", "usage_iowait", "usage_idle")
SERIES_OF_CHUNK = 500


def influxql(n_nodes: int, n_cores: int) -> Callable[[socket.socket], None]:
    """InfluxDB 1: the cores and memory of every node, nothing of all else that is asked for."""
    chance = random.Random(1)
    # telegraf stores what a division gave, with all of its digits.
    prepared = [[value * 1.000001 for value in core_times(chance)] for _ in range(997)]

    def of_core(node: int, core: int, at: int) -> str:
        values = json.dumps(
            [at, *prepared[(node * 131 + core * 7 + at) % len(prepared)]], separators=(",", ":")
        )
        return (
            f'{{"name":"cpu","tags":{{"cpu":"cpu{core}","host":"n{node + 1:05}"}},'
            f'"columns":["time",{",".join(map(json.dumps, CPU_FIELDS))}],"values":[{values}]}}'
        )

    def document(statement: int, series: list[str], partial: bool) -> bytes:
        more = ',"partial":true' if partial else ""
        return (
            f'{{"results":[{{"statement_id":{statement},"series":[{",".join(series)}]{more}}}]}}\n'.encode()
        )

    def answer(request: bytes) -> Iterator[bytes]:
        statements = request.rpartition(b"\r\n\r\n")[2].count(b"SELECT")
        at = int(time.time() * 1000)
        series: list[str] = []
        for node in range(n_nodes):
            series += [of_core(node, core, at) for core in range(n_cores)]
            if len(series) >= SERIES_OF_CHUNK:
                yield document(0, series, node + 1 < n_nodes)
                series = []
        if series:
            yield document(0, series, False)
        yield document(
            1,
            [
                f'{{"name":"mem","tags":{{"host":"n{node + 1:05}"}},"columns":["time","used","total"],'
                f'"values":[[{at},{40_000_000_000 + node},270000000000]]}}'
                for node in range(n_nodes)
            ],
            False,
        )
        for statement in range(2, statements):
            yield f'{{"results":[{{"statement_id":{statement}}}]}}\n'.encode()

    return _talks_http(answer)


def flux(n_nodes: int, n_cores: int) -> Callable[[socket.socket], None]:
    """InfluxDB 2: the same."""
    chance = random.Random(1)
    prepared = [[value * 1.000001 for value in core_times(chance)] for _ in range(997)]

    def answer(_: bytes) -> Iterator[bytes]:
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        yield (
            b"#datatype,string,long,dateTime:RFC3339,string,string" + b",double" * 5 + b"\r\n"
            b"#group,false,false,false,true,true" + b",false" * 5 + b"\r\n#default,0" + b"," * 9 + b"\r\n"
            b",result,table,_time,cpu,host," + ",".join(CPU_FIELDS).encode() + b"\r\n"
        )
        table = 0
        for node in range(n_nodes):
            lines = []
            for core in range(n_cores):
                values = ",".join(map(repr, prepared[(node * 131 + core * 7 + table) % len(prepared)]))
                lines.append(f",,{table},{at},cpu{core},n{node + 1:05},{values}\r\n")
                table += 1
            yield "".join(lines).encode()

    return _talks_http(answer)


# -- Prometheus --------------------------------------------------------------------------------------------


def prometheus(n_nodes: int, n_cores: int) -> Callable[[socket.socket], None]:
    """The cores of every node, packed as the query asks; to all else the time, as if of a report."""
    chance = random.Random(1)
    prepared = [
        "".join(f"{round(value):03}" for value in core_times(chance)).lstrip("0") or "0" for _ in range(997)
    ]

    def of_node(node: int, at: float) -> bytes:
        return ",".join(
            f'{{"metric":{{"cpu":"{core}","instance":"n{node + 1:05}:9100"}},'
            f'"value":[{at:.3f},"{prepared[(node * 131 + core * 7 + int(at)) % len(prepared)]}"]}}'
            for core in range(n_cores)
        ).encode()

    def answer(request: bytes) -> Iterator[bytes]:
        if b"buildinfo" in request.split(b"\r\n", 1)[0]:
            yield b'{"status":"success","data":{"version":"2.42.0"}}'
            return
        at = time.time()
        is_of_cores = b"node_cpu_seconds_total" in request
        yield b'{"status":"success","data":{"resultType":"vector","result":['
        for node in range(n_nodes):
            comma = b"," if node else b""
            if is_of_cores:
                yield comma + of_node(node, at)
            else:
                yield comma + b'{"metric":{"instance":"n%05d:9100"},"value":[%d,"%d"]}' % (node + 1, at, at)
        yield b"]}}"

    return _talks_http(answer)


def main() -> None:
    """Serve one kind until the input ends."""
    kind, n_nodes, n_cores = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    talk = {"ganglia": ganglia, "influxql": influxql, "flux": flux, "prometheus": prometheus}[kind](
        n_nodes, n_cores
    )
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            talk(connection)

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
