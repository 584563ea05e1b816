"""Anonymised snapshots: nothing private is left, and everything that is counted comes out the same."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobmon_tui.analysis.anonymise import Anonymiser
from jobmon_tui.analysis.invented import Names
from jobmon_tui.analysis.report import build_report
from jobmon_tui.backends.demo import DemoBackend
from jobmon_tui.model import hostlist, wire
from jobmon_tui.model.snapshot import (
    BackfillSlot,
    Job,
    Node,
    Partition,
    Reservation,
    Snapshot,
    SourceStatus,
    Usage,
)

KEY = bytes(range(32))
KEPT: Mapping[type, frozenset[str]] = {
    Job: frozenset(("state", "partition", "gres", "features", "tres_requested", "tres_allocated")),
    Node: frozenset(("state", "flags", "gres", "gpu_model", "features", "partitions")),
    Partition: frozenset(("name", "state")),
    Reservation: frozenset(("flags", "partition")),
    SourceStatus: frozenset(),
    Snapshot: frozenset(),
}
"""What says nothing about anybody. A field that the model gets is private until it stands here."""
HOSTS = frozenset(("nodes", "scheduled_nodes", "requested_nodes"))
"""Names of nodes, which are kept unless they are to be hidden, too."""


def every_text(kind: type, secret: Iterator[str], hides_nodes: bool) -> dict[str, Any]:
    """A secret for each field that holds text or several texts, and for the keys of mappings by host."""
    filled: dict[str, Any] = {}
    for one in fields(kind):
        hint = str(one.type)
        is_host = one.name in HOSTS or (kind is Node and one.name == "name")
        if one.name in KEPT[kind] or (is_host and not hides_nodes):
            continue
        if hint in ("str", "str | None"):
            filled[one.name] = next(secret)
        elif hint == "tuple[str, ...]":
            filled[one.name] = (next(secret), f"-{next(secret)}")
        elif hint.startswith("Mapping[str, ") and kind is Job and one.name != "lustre" and hides_nodes:
            filled[one.name] = {next(secret): (1, 2) if "tuple" in hint else 7}
    return filled


def private_snapshot(secret: Iterator[str], hides_nodes: bool) -> Snapshot:
    """A snapshot whose every private text is one of the secrets."""
    node = Node(**{"name": "c1", **every_text(Node, secret, hides_nodes)})
    basics = {"job_id": "1", "name": "", "username": "", "state": "RUNNING", "n_cpus": 1}
    jobs = [Job(**{**basics, **every_text(Job, secret, hides_nodes)}) for _ in range(2)]
    parts = every_text(Partition, secret, hides_nodes)
    return Snapshot(
        timestamp=1000,
        nodes={node.name: node},
        jobs={job.job_id: job for job in jobs},
        usage=Usage(available=1, running=1, users={next(secret): 3}),
        partitions=(Partition(name="milan", **parts),),
        reservations=(Reservation(**every_text(Reservation, secret, hides_nodes)),),
        sources=(SourceStatus(**every_text(SourceStatus, secret, hides_nodes)),),
        **every_text(Snapshot, secret, hides_nodes),
    )


def texts_in(value: object) -> Iterator[str]:
    """All strings of a JSON document, keys as well."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from texts_in(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts_in(one)
    elif isinstance(value, str):
        yield value


# Letters that neither the format nor an invented name has, so that every find is a leak.
secrets_ = st.lists(
    st.text("QXÄΩ漢", min_size=3, max_size=6).flatmap(
        lambda core: st.tuples(
            st.just(core), st.sampled_from(["{}", "/{}/x.sh", "({})", "[{}", "{},a", "{}\x1b\n"])
        )
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda pair: pair[0],
)


@pytest.mark.slow
@settings(deadline=None, max_examples=50)
@given(found=secrets_, hides_nodes=st.booleans(), key=st.binary(min_size=16, max_size=32))
def test_no_private_text_is_left(found: list[tuple[str, str]], hides_nodes: bool, key: bytes) -> None:
    def supply() -> Iterator[str]:
        while True:
            for core, around in found:
                yield around.format(core)

    document = wire.document_of(
        Anonymiser(key, hides_nodes).snapshot(private_snapshot(supply(), hides_nodes))
    )
    data = json.dumps(document, ensure_ascii=False) + json.dumps(document)
    texts = list(texts_in(document))
    for core, _ in found:
        assert core not in data
        assert not any(core in text for text in texts)
        assert json.dumps(core)[1:-1] not in data


def test_every_kept_field_is_a_field() -> None:
    for kind, kept in KEPT.items():
        assert is_dataclass(kind)
        assert kept <= {one.name for one in fields(kind)}


@lru_cache(maxsize=1)
def demo() -> tuple[Snapshot, ...]:
    """Six snapshots of the demo cluster, a few minutes apart."""
    clock = iter(range(1_800_000_000, 1_800_001_000, 60))
    backend = DemoBackend(nodes=60, jobs=400, seed=4, clock=lambda: float(next(clock)))
    backend.init()
    return tuple(backend.cycle() for _ in range(6))


NAMED = ("nodes", "users", "layout", "gpuLayout", "node_usage", "instant", "window")
"""The tables of a report whose keys are names of somebody or something."""


def renamed(value: Any, names: Mapping[str, str], table: str = "") -> Any:
    """The same report under other names."""
    if isinstance(value, dict):
        return {
            names.get(key, key) if table in NAMED else key: renamed(one, names, key)
            for key, one in value.items()
        }
    if isinstance(value, list):
        return [renamed(one, names) for one in value]
    return names.get(value, value) if isinstance(value, str) else value


@pytest.mark.slow
@pytest.mark.parametrize("hides_nodes", [False, True])
def test_a_report_is_the_same_up_to_names(hides_nodes: bool) -> None:
    anonymiser = Anonymiser(KEY, hides_nodes)
    hidden = [anonymiser.snapshot(snapshot) for snapshot in demo()]
    reports = [
        build_report(window[-1], window, source="spool", backfill={}, now=2e9) for window in (demo(), hidden)
    ]
    plain, secret = reports
    names: dict[str, str] = {plain["cluster"]: secret["cluster"]}
    for before, after in zip(demo(), hidden, strict=True):
        for old, new in zip(before.jobs.values(), after.jobs.values(), strict=True):
            assert old.job_id == new.job_id
            for kind in ("name", "username", "partition", "reason"):
                one, other = getattr(old, kind), getattr(new, kind)
                if one and other:
                    assert names.setdefault(one, other) == other
        names.update(zip(before.nodes, after.nodes, strict=True))
        for node, other_node in zip(before.nodes.values(), after.nodes.values(), strict=True):
            if node.reason and other_node.reason:
                assert names.setdefault(node.reason, other_node.reason) == other_node.reason
    assert sum(1 for user in plain["users"].values() if user["badness"]) > 3
    for report in reports:
        for source in report["sources"]:
            del source["error"]
    assert renamed(plain, names) == secret
    assert len(set(names.values())) == len(names)


@pytest.mark.slow
def test_nothing_of_the_demo_cluster_is_left() -> None:
    anonymiser = Anonymiser(KEY, hide_nodes=True)
    kept = {"normal"}
    for snapshot in demo():
        private = {
            one for job in snapshot.jobs.values() for one in (job.name, job.username, job.account, job.qos)
        }
        private |= {one for job in snapshot.jobs.values() for one in (job.work_dir, job.stdout, job.command)}
        private |= {one.name for one in snapshot.reservations} | set(snapshot.nodes)
        texts = set(texts_in(wire.document_of(anonymiser.snapshot(snapshot))))
        assert not texts & ({one for one in private if one and len(one) > 2} - kept)


@pytest.mark.parametrize("hides_nodes", [False, True])
def test_nodes_are_named_alike_everywhere(hides_nodes: bool) -> None:
    anonymiser = Anonymiser(KEY, hides_nodes)
    snapshot = demo()[-1]
    hidden = anonymiser.snapshot(snapshot)
    assert (list(hidden.nodes) == list(snapshot.nodes)) is not hides_nodes
    new_name = dict(zip(snapshot.nodes, hidden.nodes, strict=True))

    def expected(names: str) -> list[str]:
        return sorted(new_name[name] for name in hostlist.expand(names))

    pairs = [
        *zip(snapshot.jobs.values(), hidden.jobs.values(), strict=True),
        *zip(snapshot.partitions, hidden.partitions, strict=True),
        *zip(snapshot.reservations, hidden.reservations, strict=True),
    ]
    for old, new in pairs:
        for kind in HOSTS:
            names = getattr(old, kind, "")
            assert sorted(hostlist.expand(getattr(new, kind, ""))) == expected(names)
            assert getattr(new, kind, "").count("[") == names.count("[")
    for old, new in zip(snapshot.jobs.values(), hidden.jobs.values(), strict=True):
        assert [new_name[host] for host in old.layout] == list(new.layout)
        assert [new_name[host] for host in old.memory] == list(new.memory)


@settings(deadline=None, max_examples=50)
@given(
    hosts=st.lists(
        st.from_regex(r"[a-z]{1,3}[0-9]{1,3}(-ib[0-9])?(\.site)?", fullmatch=True), min_size=1, max_size=12
    )
)
def test_folding_and_naming_go_in_any_order(hosts: list[str]) -> None:
    names = Names(KEY)
    one_by_one = sorted({names.of_host(host) for host in hosts})
    assert sorted(hostlist.expand(names.of_host(hostlist.fold(hosts)))) == one_by_one
    assert len(one_by_one) == len(set(hosts))


def test_the_same_name_is_the_same_in_every_snapshot_and_another_with_another_key() -> None:
    one = Names(KEY)
    assert one.of("user", "ann") == one.of("user", "ann") == Names(KEY).of("user", "ann")
    assert one.of("user", "ann") != one.of("job", "ann")
    others = {Names(bytes([index]) * 16).of("user", "ann") for index in range(50)}
    assert len(others) > 45


def test_a_short_key_is_none() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        Names(b"secret")


def test_different_names_stay_different_however_many_there_are() -> None:
    names = Names(KEY)
    assert len({names.of("job", f"run{index}") for index in range(20_000)}) == 20_000


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("Resources", "Resources"),
        ("(Priority)", "(Priority)"),
        ("QOSMaxJobsPerUserLimit", "QOSMaxJobsPerUserLimit"),
        ("ReqNodeNotAvail, UnavailableNodes:m[2-4]", "ReqNodeNotAvail, UnavailableNodes:m[2-4]"),
        ("ReqNodeNotAvail,_UnavailableNodes:m[2-4]", "ReqNodeNotAvail, UnavailableNodes:m[2-4]"),
        ("ReqNodeNotAvail, Reserved for maintenance", "ReqNodeNotAvail, Reserved for maintenance"),
        ("ReqNodeNotAvail, ask Ann Smith", "ReqNodeNotAvail"),
        (
            "Nodes required for job are DOWN, DRAINED or reserved for Ann",
            "Nodes required for job are DOWN",
        ),
        (None, None),
        ("", ""),
    ],
)
def test_what_slurm_says_itself_stays(reason: str | None, expected: str | None) -> None:
    job = Job(job_id="1", name="a", username="ann", state="PENDING", n_cpus=1, reason=reason)
    hidden = Anonymiser(KEY).snapshot(Snapshot(timestamp=0, jobs={"1": job}))
    assert hidden.jobs["1"].reason == expected


@pytest.mark.parametrize(
    "dependency",
    [
        "afterok:3(unfulfilled)",
        "afterany:4:5_7,after:6+10",
        "afternotok:3?aftercorr:4_*",
        "singleton(failed)",
    ],
)
def test_dependencies_on_job_numbers_stay(dependency: str) -> None:
    job = Job(job_id="1", name="a", username="ann", state="PENDING", n_cpus=1, dependency=dependency)
    assert Anonymiser(KEY).snapshot(Snapshot(timestamp=0, jobs={"1": job})).jobs["1"].dependency == dependency
    job = replace(job, dependency=f"{dependency},by:ann")
    hidden = Anonymiser(KEY).snapshot(Snapshot(timestamp=0, jobs={"1": job}))
    assert "ann" not in (hidden.jobs["1"].dependency or "")


def test_of_an_error_only_what_names_nobody_is_kept() -> None:
    failed = SourceStatus(
        name="influxdb", ok=False, version="1.6.7", error="http://ann:x@db timed out", hint="Ann"
    )
    own = SourceStatus(name="smith.py: cpu_usage()", version="by smith")
    first, second = Anonymiser(KEY).snapshot(Snapshot(timestamp=0, sources=(failed, own))).sources
    assert (first.name, first.version, first.hint) == ("influxdb", "1.6.7", "")
    assert first.error is not None
    assert first.error.endswith(" (timed out)")
    assert "ann" not in first.error
    assert "smith" not in second.name + second.version


def test_slots_follow_the_names_of_partitions() -> None:
    slots = {"milan": {4: BackfillSlot(count=1, shortest=None, longest=None)}}
    assert Anonymiser(KEY).backfill(slots) == slots
    hiding = Anonymiser(KEY, hide_nodes=True)
    node = Node(name="c1", partitions=("milan",))
    (name,) = hiding.snapshot(Snapshot(timestamp=0, nodes={"c1": node})).nodes.values()
    assert hiding.backfill(slots) == {name.partitions[0]: slots["milan"]}
    assert name.partitions[0] != "milan"
