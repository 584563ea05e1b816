"""Two real Slurm clusters in one configuration, each shown as itself, and one of them lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jobmon_tui.cli import main
from jobmon_tui.cli.arguments import parse_arguments
from jobmon_tui.cli.clusters import cluster_choices
from jobmon_tui.feeds.recording import RecordingFeed
from jobmon_tui.tui.overview import Overview
from tests import servers
from tests.real.slurm_cluster import SlurmCluster, why_unavailable

pytestmark = pytest.mark.real


class Northern(SlurmCluster):
    """Another cluster than the one that the tests share, by its name too."""

    def _start_munge(self) -> None:
        text = self.configuration.read_text()
        assert "ClusterName=testbed\n" in text
        self.configuration.write_text(text.replace("ClusterName=testbed\n", "ClusterName=north\n"))
        super()._start_munge()


@pytest.fixture
def northern() -> Iterator[SlurmCluster]:
    servers.demand(why_unavailable())
    with Northern() as cluster:
        yield cluster


@pytest.fixture
def configured(
    slurm: SlurmCluster, northern: SlurmCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """One configuration of both; nothing in the environment says which."""
    monkeypatch.delenv("SLURM_CONF")
    path = tmp_path / "config.toml"
    path.write_text(
        f"[slurm]\nconf = '{slurm.configuration}'\nprefer = 'commands'\n"
        f"[clusters.nt.slurm]\nconf = '{northern.configuration}'\ntimeout = 5\n"
    )
    monkeypatch.setenv("JOBMON_CONFIG", str(path))
    return path


def test_both_clusters_are_shown_as_they_are(
    slurm: SlurmCluster,
    northern: SlurmCluster,
    configured: Path,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    job = northern.submit("games", "--job-name=aurora", "--ntasks=3")
    northern.wait_until(lambda: northern.job_states().get(job, ("", ""))[0] == "RUNNING", "the job runs")

    def report(*words: str) -> dict[str, Any]:
        assert main(["report", "--format", "json", *words]) == 0
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    here, there = report(), report("-M", "nt")
    assert (here["cluster"], there["cluster"]) == ("testbed", "north")
    assert list(there["jobs"]) == [job]
    assert there["jobs"][job]["name"] == "aurora"
    assert there["cores"]["running"] == 3
    assert len(here["jobs"]) > 5
    assert not any(one["name"] == "aurora" for one in here["jobs"].values())

    recorded = tmp_path / "north.jsonl.gz"
    assert main(["record", str(recorded), "-M", "nt", "--count", "1", "--anonymise"]) == 0
    feed = RecordingFeed(recorded)
    feed.open()
    latest = feed.latest()
    assert list(latest.jobs) == [job]
    assert latest.jobs[job].username != "games"
    assert latest.cluster != "north"

    assert main(["doctor", "-M", "nt"]) == 0
    assert "north, 14 nodes, 1 jobs" in capsys.readouterr().out


def test_one_cluster_that_is_lost_costs_only_its_own_line(
    slurm: SlurmCluster, northern: SlurmCluster, configured: Path, until: Callable[..., None]
) -> None:
    overview = Overview(cluster_choices(parse_arguments(["watch"])), "games", period=0.5)
    overview.look(lambda _: None)
    try:
        until(lambda: all(state.totals is not None for state in overview.states))
        here, there = overview.states
        assert (here.title, here.is_shown, there.title, there.name) == ("testbed", True, "nt", "nt")
        assert there.totals is not None
        assert (there.totals.nodes_up, there.totals.running, there.my_running) == (14, 0, 0)
        job = northern.submit("games", "--ntasks=2")
        until(lambda: overview.states[1].my_running == 1)
        northern.stop_controller()
        until(lambda: bool(overview.states[1].error))
        lost, still = overview.states[1], overview.states[0]
        assert lost.failing_since is not None
        assert lost.my_running == 1
        assert still.error == ""
        before = still.taken_at
        until(lambda: overview.states[0].taken_at != before)
        northern.start_controller()
        until(lambda: not overview.states[1].error, deadline=60)
        assert job in northern.job_states()
    finally:
        overview.close()


@pytest.fixture
def until() -> Callable[..., None]:
    import time

    def wait(met: Callable[[], bool], deadline: float = 45) -> None:
        end = time.monotonic() + deadline
        while not met():
            assert time.monotonic() < end, "it did not come to that"
            time.sleep(0.05)

    return wait
