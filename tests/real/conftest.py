"""Real servers for the tests: a Slurm cluster shared by those that look, another for those that break it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests import servers
from tests.real.slurm_cluster import SlurmCluster, why_unavailable
from tests.real.wrappers import Commands

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Servers take seconds."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session", autouse=True)
def _together(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> None:
    """Fail where several processes share these tests: see `tests.conftest.ServersTogether`."""
    if worker_id != "master":
        others = tmp_path_factory.getbasetemp().parent / "process-with-servers"
        with suppress(FileExistsError), others.open("x") as file:
            file.write(worker_id)
        assert others.read_text() == worker_id, "tests of servers run in several processes"


@pytest.fixture(scope="session")
def slurm_cluster() -> Iterator[SlurmCluster]:
    """One populated cluster for the whole run; whoever uses it leaves it as it is."""
    servers.demand(why_unavailable())
    with SlurmCluster() as cluster:
        cluster.populate()
        yield cluster


@pytest.fixture
def slurm(slurm_cluster: SlurmCluster, monkeypatch: pytest.MonkeyPatch) -> SlurmCluster:
    """The shared cluster, which this process's environment points at. Look, don't touch."""
    _point_at(slurm_cluster, monkeypatch)
    return slurm_cluster


@pytest.fixture
def slurm_private(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlurmCluster]:
    """A cluster of the test's own, with idle nodes and no job, which this environment points at."""
    servers.demand(why_unavailable())
    with SlurmCluster() as cluster:
        _point_at(cluster, monkeypatch)
        yield cluster


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """Slurm's commands with something wrong; request it after the cluster's fixture."""
    return Commands(tmp_path / "commands", monkeypatch)


def _point_at(cluster: SlurmCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLURM_CONF", "PATH"):
        monkeypatch.setenv(name, cluster.environment[name])
