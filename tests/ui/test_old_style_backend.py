"""A file of the web-based jobmon, dropped as it is into the folder of plug-ins, drives the whole app."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path
from typing import cast

import pytest
from textual.pilot import Pilot

from jobmon_tui.backends.loading import load_backend
from jobmon_tui.backends.readings import JOB_READINGS, NODE_READINGS
from jobmon_tui.feeds.live import LiveFeed
from jobmon_tui.model.snapshot import BackfillSlot
from jobmon_tui.tui.app import JobmonApp
from tests.pictures import eventually, screen_text, shows
from tests.ui.conftest import OpenApp

FILE = Path(__file__).with_name("old_style_backend.py")
WHOLE_CLUSTER = {"init", "pre_update", "core_usage", "calculate_backfill", "write_influx"}
LISTS = {"hostnames", "job_ids", "job_has_mem_stats"}


@pytest.fixture
def feed(isolated: Path) -> LiveFeed:
    """The file in the user's own folder of plug-ins, found by its name."""
    folder = isolated / ".config" / "jobmon" / "backends"
    folder.mkdir(parents=True)
    shutil.copy(FILE, folder / "backend_forest.py")
    return LiveFeed(load_backend("forest"))


def test_the_file_has_every_method_of_the_contract() -> None:
    tree = ast.parse(FILE.read_text(encoding="utf-8"))
    defined = {each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)} - {"__init__"}
    methods = {reading.method for reading in (*NODE_READINGS, *JOB_READINGS)}
    assert defined == methods | WHOLE_CLUSTER | LISTS


def test_every_method_is_heard(feed: LiveFeed) -> None:
    feed.open()
    snapshot = feed.latest()
    assert all(source.ok for source in snapshot.sources), snapshot.sources
    for reading in NODE_READINGS:
        assert getattr(snapshot.nodes["elm1"], reading.field), reading.method
    for reading in JOB_READINGS:
        assert getattr(snapshot.jobs["501"], reading.field), reading.method
    assert snapshot.jobs["502_4"].memory == {}
    assert snapshot.jobs["502_4"].time_limit is None
    assert snapshot.nodes["oak1"].cpu is None
    assert snapshot.usage is not None
    assert (snapshot.usage.available, dict(snapshot.usage.users)) == (77, {"hanna": 4, "otto": 2})
    assert feed.backfill() == {"main": {8: BackfillSlot(count=3, shortest=3600, longest=7200)}}


async def see(pilot: Pilot[None], keys: str, *patterns: str) -> None:
    """Press keys, and wait until the screen shows all of these."""
    app = cast(JobmonApp, pilot.app)
    for key in keys.split():
        await pilot.press(key)
        await app.settled()
    for pattern in patterns:
        await eventually(pilot, shows(app, pattern), seconds=5)
    assert "could not" not in screen_text(app)


@pytest.mark.slow
async def test_every_view_shows_its_values(feed: LiveFeed, open_app: OpenApp) -> None:
    async with open_app(feed, (200, 60)) as pilot:
        await see(pilot, "1", "forest", "6/77", "2 running", "1 pending", "2 up", "1 down", "hanna +4 ")
        await see(pilot, "", "CPU in use", r"elm1 +8 cores +36 %")
        await see(pilot, "m", "Memory in use", "20 of 64")
        await see(pilot, "2", "melt", r"502_4 +scan +otto +RUNNING", "unlimited", "71 %", "8.0 GiB")
        await see(
            pilot,
            "enter",
            *("Job 501", "4 cores and 1 GPU", r"memory used +4.0 GiB in all", r"memory max +5.0 GiB"),
            *(r"job disk +.*10 GiB on each node asked for", "0:45 of 2:00", "8 cores, 3 its own"),
            *("61 %", r"own 3.0, in use 20 GiB", r"in use 20 GiB"),
        )
        await see(pilot, "escape 3", r"elm2 +up", r"oak1 +down", "hanna, ot")
        await see(
            pilot, "enter", "Node elm1", "user 34 %  system 2 %", "20 GiB of 64 GiB", "1.0 GiB of 4.0 GiB"
        )
        await see(pilot, "escape 5", r"503 +later +hanna +16")


@pytest.mark.slow
async def test_what_is_measured_over_time_is_charted(feed: LiveFeed, open_app: OpenApp) -> None:
    async with open_app(feed, (200, 60)) as pilot:
        await see(pilot, "2 enter", "Lustre home +. read 1.0 MB/s", "operations +. 12 /s", "busy 61 %")
        await see(pilot, "escape 3 enter", "InfiniBand +. in 2.1 MB/s", "packets +. in 1.5 k/s")
        await see(pilot, "", "Lustre +. read 5.2 MB/s", "Job disk +. read 9.4 MB/s", "GPU 0 +. busy 61 %")
