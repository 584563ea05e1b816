"""What jobs ask for, told from the many ways in which they can."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.sources.slurm.requests import Needs, Request, needs_of

PLAIN = Request(
    n_cpus="4",
    n_nodes="2",
    n_tasks="4",
    tres="cpu=4,mem=8G,node=2,billing=4",
    minimum_memory="0",
    memory_per_gpu="N/A",
    sockets="*",
    per_node="N/A",
    per_job="N/A",
    per_socket="N/A",
    per_task="N/A",
)


@pytest.mark.parametrize(
    ("changed", "n_gpus"),
    [
        ({}, 0),
        ({"per_node": "gres:gpu:p100:2"}, 4),
        ({"per_node": "gres/gpu:2"}, 4),
        ({"per_node": "gres:lustre:1"}, 0),
        ({"per_job": "gres:gpu:5"}, 5),
        ({"per_task": "gres:gpu:1"}, 4),
        ({"per_task": "cpu=3"}, 0),
        ({"per_socket": "gres:gpu:1", "sockets": "2"}, 4),
        ({"per_socket": "gres:gpu:1"}, 2),
        ({"per_job": "gres:gpu:5", "per_node": "gres:gpu:3"}, 5),
        ({"tres": "cpu=4,mem=8G,node=2,gres/gpu=6,gres/gpu:p100=6", "per_node": "gres:gpu:2"}, 6),
    ],
)
def test_gpus_over_all_nodes(changed: dict[str, str], n_gpus: int) -> None:
    assert needs_of(PLAIN._replace(**changed)).n_gpus == n_gpus


@pytest.mark.parametrize(
    ("changed", "memory"),
    [
        # By node, by CPU (two on each node), by CPU where the CPUs do not go up in the nodes.
        ({"minimum_memory": "4G"}, 4096),
        ({"minimum_memory": "2G"}, 4096),
        ({"n_cpus": "3", "minimum_memory": "1000M", "tres": "cpu=3,mem=3000M,node=2"}, 2000),
        # The whole node (--mem=0), nothing tracked, one CPU on each node.
        ({"minimum_memory": "0", "tres": "cpu=16,mem=125G,node=2"}, 64000),
        ({"minimum_memory": "2G", "tres": "cpu=4"}, None),
        ({"minimum_memory": "2G", "tres": "cpu=4", "n_cpus": "2"}, 2048),
        ({"minimum_memory": "", "tres": ""}, None),
        # By GPU: three of them on two nodes are two on one of them.
        ({"memory_per_gpu": "gres:gpu:3072", "per_job": "gres:gpu:3"}, 6144),
        ({"memory_per_gpu": "gres/gpu:3072", "per_node": "gres/gpu:1"}, 3072),
        # Slurm rounds: 62.51G are not exactly 4 x 16002M.
        ({"minimum_memory": "16002M", "tres": "cpu=4,mem=62.51G,node=2"}, 32004),
    ],
)
def test_memory_on_each_node(changed: dict[str, str], memory: float | None) -> None:
    assert needs_of(PLAIN._replace(**changed)).memory_on_each == memory


def test_numbers() -> None:
    assert needs_of(PLAIN._replace(n_nodes="2-4"))[:3] == (4, 2, 4)
    assert needs_of(PLAIN._replace(n_nodes="", n_tasks="N/A", n_cpus="?", tres="")) == Needs(
        0, None, None, 0, None
    )


@given(st.tuples(*[st.text(max_size=20)] * len(Request._fields)))
def test_any_texts_come_to_something(texts: tuple[str, ...]) -> None:
    needs = needs_of(Request(*texts))
    assert needs.n_cpus >= 0
    assert needs.n_gpus >= 0
    assert needs.memory_on_each is None or needs.memory_on_each >= 0
