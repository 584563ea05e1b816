"""Feeds on a real Slurm: live, spool and HTTP show the same, and one takes the place of another."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from jobmon_tui.backends.slurm import SlurmBackend
from jobmon_tui.cli.arguments import parse_arguments
from jobmon_tui.cli.feeds import choose_feed
from jobmon_tui.cli.settings import load_settings
from jobmon_tui.feeds.base import Feed
from jobmon_tui.feeds.http import HttpFeed
from jobmon_tui.feeds.http_client import HttpOptions
from jobmon_tui.feeds.live import LiveFeed
from jobmon_tui.feeds.spool import SpoolFeed
from jobmon_tui.feeds.store import StoreReader
from jobmon_tui.model import wire
from jobmon_tui.model.snapshot import Snapshot
from jobmon_tui.tui.app import JobmonApp
from jobmon_tui.tui.options import WatchOptions
from tests.pictures import eventually, screen_text
from tests.real.slurm_cluster import SlurmCluster
from tests.serve_process import ServeProcess

pytestmark = [pytest.mark.real, pytest.mark.slow]


class Replayed(Feed):
    """The snapshot that was taken live, once more."""

    title = "http 127.0.0.1"

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def latest(self) -> Snapshot:
        return self._snapshot


def taken() -> Snapshot:
    feed = LiveFeed(SlurmBackend())
    feed.open()
    try:
        return feed.latest()
    finally:
        feed.close()


def write(folder: Path, snapshot: Snapshot) -> None:
    content = wire.encode(snapshot)
    (folder / f"data{int(snapshot.timestamp)}.json.gz").write_bytes(content)
    (folder / "fresh").write_bytes(content)
    (folder / "fresh").replace(folder / "data.json.gz")


async def pictures(feed: Feed, now: float, expected: list[str] | None = None) -> list[str]:
    """What the app shows of a feed in each of its views."""
    app = JobmonApp(feed, WatchOptions(interval=3600.0), clock=lambda: now)
    found = []
    async with app.run_test(size=(200, 50)) as pilot:
        await eventually(pilot, lambda: app.picture is not None)
        for number, key in enumerate(("1", "2", "3", "5")):
            await pilot.press(key)
            if expected is not None:
                await eventually(pilot, lambda at=number: screen_text(app) == expected[at])  # type: ignore[misc]
            else:
                await settled(app, pilot.pause)
            found.append(screen_text(app))
    return found


async def settled(app: JobmonApp, pause: Callable[[float], object]) -> None:
    """Wait until the screen has been the same for a while."""
    since, before = time.monotonic(), ""
    while time.monotonic() - since < 0.5:
        await pause(0.02)  # type: ignore[misc]
        text = screen_text(app)
        if text != before:
            since, before = time.monotonic(), text


async def test_live_spool_and_http_show_the_same(slurm: SlurmCluster, tmp_path: Path) -> None:
    live = taken()
    assert len(live.jobs) >= 10
    write(tmp_path, live)
    with ServeProcess(["--spool", str(tmp_path)]) as server:
        feed = HttpFeed(HttpOptions(url=server.url))
        assert SpoolFeed(tmp_path).latest() == live
        assert feed.latest() == live
        assert feed.at(live.timestamp - 100) == live
        feed.close()
        expected = await pictures(Replayed(live), live.timestamp + 5)
        assert any("solve" in text or "RUNNING" in text for text in expected)
        over_http = HttpFeed(HttpOptions(url=server.url))
        assert await pictures(over_http, live.timestamp + 5, expected) == expected


def still(snapshot: Snapshot) -> Snapshot:
    """Without what goes on by itself on a cluster where nothing happens."""
    return replace(
        snapshot,
        timestamp=0.0,
        sources=(),
        jobs={key: replace(job, run_time=0, priority=None) for key, job in snapshot.jobs.items()},
        nodes={name: replace(node, cpu_load=None, memory_free=None) for name, node in snapshot.nodes.items()},
    )


async def test_what_a_collector_wrote_is_what_is_live_and_looks_the_same_by_every_way(
    slurm: SlurmCluster, tmp_path: Path
) -> None:
    spool = tmp_path / "spool"
    collect = [sys.executable, "-m", "jobmon_tui", "collect", "--once", "--spool", str(spool)]
    subprocess.run(collect, check=True, timeout=60)
    feed = SpoolFeed(spool, following=False)
    collected = feed.latest()
    assert len(collected.jobs) >= 10
    assert still(collected) == still(taken())
    (moment,) = StoreReader(spool / "store").times()
    assert StoreReader(spool / "store").read(moment) == collected
    now = collected.timestamp + 5
    expected = await pictures(Replayed(collected), now)
    with ServeProcess(["--spool", str(spool)]) as server:
        for other in (feed, HttpFeed(HttpOptions(url=server.url))):
            other.title, other.kind = Replayed.title, "live"
            assert await pictures(other, now, expected) == expected


def test_slurm_takes_over_from_a_server_and_gives_way_again(
    slurm: SlurmCluster, tmp_path: Path, isolated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobmon_tui.feeds.candidate.FIRST_PROBE", 0.2)
    monkeypatch.setattr("jobmon_tui.paths.SITE_FOLDER", tmp_path / "etc")
    spool = tmp_path / "spool"
    spool.mkdir()
    write(spool, taken())
    config = isolated / "config.toml"
    with ServeProcess(["--spool", str(spool)]) as server:
        port = server.url.rstrip("/").rpartition(":")[2]
        config.write_text(f'[feed]\nurl = "{server.url}"\nstale_after = 600\n')
        arguments = parse_arguments(["--config", str(config)])
        feed, _ = choose_feed(arguments, load_settings(arguments))
        feed._grace = 0.0  # type: ignore[attr-defined]
        first = feed.latest()
        assert (feed.title, first.sources[0].ok) == ("http 127.0.0.1", True)
    # The server is gone.
    second = feed.latest()
    assert feed.title.startswith("slurm (")
    assert second.timestamp > first.timestamp
    assert set(second.jobs) == set(first.jobs)
    (failed,) = [source for source in second.sources if not source.ok]
    assert failed.name == "http 127.0.0.1"
    assert failed.error == "127.0.0.1 cannot be reached: Connection refused"
    newer = taken()
    write(spool, newer)
    with ServeProcess(["--spool", str(spool), "--listen", f"127.0.0.1:{port}"]):
        deadline = time.monotonic() + 20
        while feed.title != "http 127.0.0.1":
            assert time.monotonic() < deadline
            time.sleep(0.2)
            third = feed.latest()
        assert all(source.ok for source in third.sources)
        assert third == newer
        feed.close()


def test_a_cluster_whose_controller_is_gone_is_seen_from_the_spool(
    slurm_private: SlurmCluster, tmp_path: Path, isolated: Path
) -> None:
    job = slurm_private.submit("games", "-n3")
    slurm_private.wait_until(lambda: slurm_private.job_states()[job][0] == "RUNNING", "the job runs")
    write(tmp_path, taken())
    slurm_private.stop_controller()
    config = isolated / "config.toml"
    config.write_text(f'[feed]\nspool = "{tmp_path}"\n')
    arguments = parse_arguments(["--config", str(config)])
    feed, _ = choose_feed(arguments, load_settings(arguments))
    snapshot = feed.latest()
    assert list(snapshot.jobs) == [job]
    assert all(source.ok for source in snapshot.sources)
    feed.close()
