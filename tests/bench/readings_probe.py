"""``python -m tests.bench.readings_probe KIND PORT NODES CYCLES [here]``: reads, and watches itself.

A thread asks to be woken every 2 ms while another one reads; how much later it is woken is how long a key
would have had to wait for reading's sake. Prints one line of JSON.
"""

from __future__ import annotations

import json
import resource
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from jobmon_tui.sources.readings import ReadingsAnswer, ReadingsSource
from jobmon_tui.sources.readings_process import ReadingsProcess

BEAT = 0.002


def main() -> None:
    """Read so many times, one after the other."""
    kind, port, n_nodes, cycles = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    sys.setswitchinterval(0.001)  # As the app does.
    source = _source(kind, port)
    hosts = [f"n{node + 1:05}" for node in range(n_nodes)]
    before = _memory("VmRSS")
    outcome: list[object] = []
    seconds: list[float] = []

    def read() -> None:
        try:
            answer = None
            for _ in range(cycles):
                started = time.monotonic()
                answer = source.load(hosts, ())
                seconds.append(time.monotonic() - started)
            outcome.append(answer)
        except BaseException as error:
            outcome.append(error)

    reader = threading.Thread(target=read)
    late: list[float] = []
    reader.start()
    while reader.is_alive():
        asked = time.monotonic()
        time.sleep(BEAT)
        late.append(time.monotonic() - asked - BEAT)
    answer = outcome[0]
    if isinstance(answer, BaseException):
        raise answer
    assert isinstance(answer, ReadingsAnswer)
    cores = sum(len(node.cpu.cores) for node in answer.nodes.values() if node.cpu)
    used, children = resource.getrusage(resource.RUSAGE_SELF), _child_usage(source)
    late.sort()
    print(
        json.dumps(
            {
                "nodes": len(answer.nodes),
                "cores": cores,
                "seconds": sorted(seconds)[len(seconds) // 2],
                "cpu": (used.ru_utime + used.ru_stime) / cycles,
                "cpu_apart": children / cycles,
                "memory_before": before,
                "memory_after": _memory("VmRSS"),
                "memory_most": _memory("VmHWM"),
                "longest": late[-1] * 1000,
                "p999": late[int(len(late) * 0.999)] * 1000,
                "problems": list(answer.problems)[:3],
            }
        )
    )


def _memory(what: str) -> float:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(what + ":"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def _child_usage(source: ReadingsSource) -> float:
    source.close()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _source(kind: str, port: int) -> ReadingsSource:
    make = _maker(kind, port)
    return make() if "here" in sys.argv[5:] else ReadingsProcess(make, 300)


def _maker(kind: str, port: int) -> Callable[[], ReadingsSource]:
    if kind == "ganglia":
        from jobmon_tui.sources.ganglia import GangliaSource

        return partial(GangliaSource, [("127.0.0.1", port)], timeout=200)
    if kind == "prometheus":
        from jobmon_tui.sources.prometheus import PrometheusOptions, PrometheusSource

        return partial(
            PrometheusSource,
            PrometheusOptions(address=f"http://127.0.0.1:{port}", timeout=200, time_limit=300),
        )
    from jobmon_tui.sources.influxdb import InfluxOptions, InfluxSource

    return partial(
        InfluxSource,
        InfluxOptions(
            url=f"http://127.0.0.1:{port}",
            dialect="flux" if kind == "flux" else "influxql",
            timeout=300,
            org="o",
        ),
    )


if __name__ == "__main__":
    main()
