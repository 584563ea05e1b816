"""The worked example of a site's own backend."""

from __future__ import annotations

import ast
import inspect
import time
from pathlib import Path
from typing import Any

import pytest

from jobmon_tui.backends import ozstar
from jobmon_tui.backends.loading import load_backend
from jobmon_tui.backends.ozstar import OzstarBackend
from jobmon_tui.errors import SourceError, UsageError
from jobmon_tui.model.measures import CoreUse, CpuUse, Used
from jobmon_tui.model.snapshot import Job, Node, Reservation
from jobmon_tui.sources.readings import NodeReading, ReadingsAnswer
from jobmon_tui.sources.slurm.answer import SlurmAnswer
from tests.unit.fake_readings import FakeSource

NOW = time.time()


class Slurm:
    name = "slurm (fake)"

    def __init__(self, *usernames: str) -> None:
        self.usernames = usernames

    def load(self, only_user: str | None = None) -> SlurmAnswer:
        return SlurmAnswer(
            taken_at=NOW,
            cluster="heath",
            nodes=tuple(
                Node(
                    name=name,
                    up=name != "john2",
                    n_cpus=8,
                    sockets=2,
                    cores_per_socket=2,
                    reason_user="asrini",
                )
                for name in ("john1", "john2", "john3", "bryan1", "login1")
            ),
            jobs=tuple(
                Job(
                    job_id=str(number),
                    name="fold",
                    username=username,
                    state="RUNNING",
                    n_cpus=1,
                    work_dir=f"/home/{username}",
                    stdout=f"/home/{username}/out",
                    stderr=f"/home/{username}/err",
                    command=f"/home/{username}/run.sh",
                )
                for number, username in enumerate(self.usernames)
            ),
            reservations=(Reservation(name="tea", users=("asrini",), accounts=("physics",)),),
        )

    def close(self) -> None:
        pass


def measures(nodes: dict[str, NodeReading], *problems: str) -> FakeSource:
    return FakeSource("ganglia", ReadingsAnswer(taken_at=NOW, nodes=nodes, problems=problems))


def backend(source: FakeSource | None = None, *usernames: str, **options: Any) -> OzstarBackend:
    return OzstarBackend(Slurm(*usernames), [source or measures({})], **options)


def ups(made: OzstarBackend) -> dict[str, bool | None]:
    return {name: node.up for name, node in made.cycle().nodes.items()}


def test_nodes_are_up_when_they_report() -> None:
    source = measures(
        {
            "john1.site": NodeReading(reported_at=NOW - 200),
            "john2.site": NodeReading(reported_at=NOW - 20),
            "bryan1": NodeReading(reported_at=NOW - 20),
        }
    )
    assert ups(backend(source, dead_after=180)) == {
        "john1": False,
        "john2": True,
        "john3": False,
        "bryan1": True,
        "login1": False,
    }
    assert ups(backend(source, dead_after=300))["john1"] is True
    assert ups(backend(source, node_up_by_readings=False)) == {
        "john1": True,
        "john2": False,
        "john3": True,
        "bryan1": True,
        "login1": True,
    }


@pytest.mark.parametrize(
    "source",
    [
        FakeSource("ganglia", SourceError("down")),
        measures({"john1": NodeReading(load=1)}),
        measures({}),
    ],
)
def test_slurms_word_stands_where_nobody_tells_when_nodes_report(source: FakeSource) -> None:
    assert ups(backend(source))["john1"] is True
    assert ups(backend(source))["john2"] is False


def test_a_node_missing_from_an_answer_with_gaps_is_left_to_slurm() -> None:
    source = measures({"john2": NodeReading(reported_at=NOW)}, "head2: no route")
    seen = ups(backend(source))
    assert (seen["john1"], seen["john2"]) == (True, True)


def test_cores_arrive_where_the_scheduler_has_them() -> None:
    """Two sockets of two cores with two threads, dealt out in columns; the second threads come last."""
    users = CoreUse([(number, 0, 0, 0, 100 - number) for number in range(8)])
    reading = NodeReading(cpu=CpuUse(None, users), memory=Used(1, 2))
    source = measures({"john1.site.org": reading, "bryan1": reading})
    made = backend(
        source,
        nodes={
            "reported": ["john*,bryan[1-2]"],
            "counted": ["john[1-2]"],
            "column_ordered": ["john*"],
            "threaded": {"john*": {"cores": 4, "threads": 2}},
        },
    )
    snapshot = made.cycle()
    assert list(snapshot.nodes) == ["john1", "john2", "john3", "bryan1"]
    shown = {name: node.cpu for name, node in snapshot.nodes.items() if node.cpu is not None}
    assert [core.user for core in shown["john1"].cores if core] == [0, 4, 2, 6, 1, 5, 3, 7]
    assert [core.user for core in shown["bryan1"].cores if core] == [0, 1, 2, 3, 4, 5, 6, 7]
    told = made.cpu_usage("john1")
    assert told is not None
    assert [core[0] for core in told["core"]] == [0, 4, 2, 6, 1, 5, 3, 7]
    assert [name for name, node in snapshot.nodes.items() if node.is_counted] == ["john1", "john2"]


def test_a_public_display_gives_away_little() -> None:
    snapshot = backend(None, "asrini", "asrael", "jordan", short_user_names=True).cycle()
    assert [job.username for job in snapshot.jobs.values()] == ["asri", "asra", "jor"]
    assert snapshot.usage is not None
    assert set(snapshot.usage.users) == {"asri", "asra", "jor"}
    shown = repr(snapshot)
    for secret in ("asrini", "asrael", "jordan", "/home", "physics"):
        assert secret not in shown


def test_elsewhere_names_are_whole() -> None:
    snapshot = backend(None, "asrini").cycle()
    assert snapshot.jobs["0"].username == "asrini"
    assert snapshot.jobs["0"].work_dir == "/home/asrini"
    assert snapshot.reservations[0].users == ("asrini",)


def test_whoever_asks_for_a_user_finds_that_users_jobs() -> None:
    made = backend(None, "asrini", "asrael", short_user_names=True)
    made.only_user = "asrini"
    assert [job.username for job in made.cycle().jobs.values()] == ["asrini"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"short_user_names": "yes"}, "'short_user_names' must be true or false, not 'yes'"),
        ({"node_up_by_readings": 1}, "'node_up_by_readings' must be true or false"),
        ({"dead_after": 0}, "'dead_after' must be a number of seconds above 0"),
        ({"nodes": {"reported": ["john[3-1]"]}}, "nodes.reported: the host list"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_backend("ozstar", options=options)
    assert words in str(caught.value)


def test_a_copy_of_the_file_is_a_site_s_backend(tmp_path: Path) -> None:
    """What its first lines tell an administrator to do works."""
    text = Path(inspect.getfile(ozstar)).read_text(encoding="utf-8")
    copy = text.replace("class OzstarBackend(", "class Backend(")
    (tmp_path / "backend_mysite.py").write_text(copy, encoding="utf-8")
    made = load_backend(
        "mysite",
        folders=[tmp_path],
        options={"slurm": Slurm("ada"), "readings": [measures({})], "short_user_names": True},
    )
    assert list(made.cycle().jobs) == ["0"]


def test_the_configuration_in_its_first_lines_is_a_configuration(tmp_path: Path) -> None:
    from jobmon_tui.config import load_config

    head = ast.get_docstring(ast.parse(inspect.getsource(ozstar))) or ""
    lines = [line[4:] for line in head.splitlines() if line.startswith("    ") or not line]
    path = tmp_path / "config.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    config = load_config({}, tmp_path, tmp_path / "none")
    assert config.backend.name == "ozstar"
    made = load_backend(
        "ozstar",
        options={
            "ganglia": config.ganglia,
            "influxdb": config.influxdb,
            "nodes": config.nodes,
            **config.backend.options,
        },
    )
    assert isinstance(made, OzstarBackend)
    assert made.rules.jobfs_device("john5.site") == "sdb"
    assert [node.name for node in made.rules.nodes([Node(name="john7"), Node(name="x")])] == ["john7"]
