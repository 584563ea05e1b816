"""The app while a real Slurm changes, stops, hangs, is slow or prints nonsense under it."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

from jobmon_tui.analysis.readings import GLYPHS
from jobmon_tui.sources.slurm.commands import SlurmCommands
from jobmon_tui.tui.widgets.core_grid import CoreGrid
from tests import servers
from tests.real.app_driving import (
    INSTANT,
    Driver,
    assert_harmless,
    drawn_cores,
    drawn_gpus,
    environment_on,
    opened,
    program,
)
from tests.real.slurm_cluster import SlurmCluster, why_unavailable
from tests.real.slurm_truth import true_job
from tests.real.terminals import Terminal
from tests.real.wrappers import Commands

pytestmark = [pytest.mark.real, pytest.mark.slow]

WIDE = (200, 50)
SOON = 0.5
"""Seconds between two polls, for what the app has to notice by itself."""
SWIFT = 0.5
"""Seconds that a key may take until its answer is seen, found by looking every few hundredths."""
VIEWS = (
    ("3", r"c008 +\w+ +main"),
    ("5", "─ +Pending jobs "),
    ("2", "─ +Jobs "),
    ("1", "─ +Users "),
)
"""The keys of the views and what each of them shows."""


@pytest.fixture(scope="module")
def own_cluster() -> Iterator[SlurmCluster]:
    """A cluster that the tests of this file may break, if they mend it."""
    servers.demand(why_unavailable())
    with SlurmCluster() as cluster:
        yield cluster


@pytest.fixture
def cluster(own_cluster: SlurmCluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlurmCluster]:
    for name in ("SLURM_CONF", "PATH"):
        monkeypatch.setenv(name, own_cluster.environment[name])
    yield own_cluster
    own_cluster.cancel_all()


@pytest.fixture(autouse=True)
def no_traceback(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever fails out there, nothing of jobmon's own may."""
    yield
    logged = caplog.get_records("call")
    assert [record for record in logged if record.levelno >= logging.ERROR or record.exc_info] == []


async def answers_keys(driver: Driver, *keys: tuple[str, str]) -> None:
    """Keys are answered at once, whatever goes on with Slurm.

    Args:
        driver: In front of the app.
        keys: Each key, and a pattern of what it brings to the screen; by default those of the four views.
    """
    seconds = [await driver.key_to_screen(key, pattern) for key, pattern in keys or VIEWS]
    # One of them may have been late because this machine was busy; a call that hangs would hold up all.
    assert median(seconds) < SWIFT, seconds
    assert max(seconds) < 4 * SWIFT, seconds


async def waits_for_slurm(driver: Driver) -> None:
    """Wait until a poll has been under way for longer than one takes that is answered."""
    since = time.monotonic()

    def hangs() -> bool:
        nonlocal since
        if driver.app.poller.is_idle:
            since = time.monotonic()
        return time.monotonic() - since > 0.5

    await driver.until(hangs)


def is_grey(driver: Driver) -> bool:
    """Whether the picture steps back because it is an old one."""
    return driver.main.query_one("#views").has_class("stale")


async def keeps_its_picture(driver: Driver, complaint: str, seconds: float = 30.0) -> None:
    """Wait until it says what failed; the last picture must stay, with its age."""
    await driver.sees(
        rf"(?m)^ ✕ {complaint}.*  since (yesterday )?\d\d:\d\d, \d+ s; (next try in \d+ s|trying now)",
        seconds,
    )
    await driver.sees(r"The picture is of (yesterday )?\d\d:\d\d, \d+ s ago")
    await driver.sees(r"NO ANSWER .* +\d+ s ago ")
    assert is_grey(driver)
    assert "Traceback" not in driver.text
    assert_harmless(driver.text)


async def recovers(driver: Driver, seconds: float = 20.0) -> None:
    """Wait, without a key, until there is a new picture and no word of the failure."""
    before = driver.app.picture
    await driver.until(lambda: driver.app.picture is not before, seconds)
    await driver.no_longer_sees("(?m)^ ✕ |NO ANSWER", seconds)
    await driver.sees(r"LIVE .* +[0-3] s ago ")
    assert not is_grey(driver)


# -- jobs and nodes come and go ------------------------------------------------------------------------------


async def test_a_job_appears_runs_on_its_cores_and_ends(cluster: SlurmCluster) -> None:
    go = cluster.folder / "work" / "go"
    async with opened(WIDE, interval=SOON) as driver:
        await driver.sees(" 0 running  0 pending ")
        await driver.press("2")
        job = cluster.submit(
            "games", "--job-name=traced", "-N2", "-n7", "-pgpu", "--gres=gpu:p100:1", "--hold",
            script=f"while [ ! -e {go} ]; do sleep 0.1; done",
        )  # fmt: skip
        await driver.sees(rf" {job} +traced +games +PENDING ")
        await driver.sees(" 0 running  1 pending ")
        assert "Its owner holds it back" in await driver.opens("Job", job)

        cluster.run("scontrol", "release", job)
        await driver.sees("state +RUNNING")
        await driver.sees(" 1 running  0 pending ")
        truth = true_job(cluster, job)
        assert sum(map(len, truth.cores.values())) == truth.cpus == 7
        await driver.until(lambda: driver.snapshot.jobs[job].layout == truth.cores)
        await driver.app.settled()
        assert driver.snapshot.jobs[job].gpu_layout == truth.gpus
        grids = [grid for grid in driver.main.view.query(CoreGrid) if grid.display]
        for host, grid in zip(sorted(truth.cores), grids, strict=True):
            await driver.sees(rf"{len(truth.cores[host])} its own, 0 others', ")
            assert drawn_cores(grid, 8) == truth.cores[host], driver.text
            assert drawn_gpus(grid) == truth.gpus[host]
        await driver.sees(rf" {truth.cpus}/480 ")

        go.touch()
        await driver.sees("state +COMPLETED|has left the queue")
        await driver.sees(" 0 running  0 pending ")
        await driver.sees(" 0/480 ")
    go.unlink()


async def test_a_drained_node_turns_and_turns_back(cluster: SlurmCluster) -> None:
    drained = re.escape(GLYPHS["drained"].glyph)
    async with opened(WIDE, interval=SOON) as driver:
        await driver.sees(r"c004 \S\S\S ")
        assert " 14 up " in driver.text
        cluster.drain("c004", "a test")
        try:
            await driver.sees(rf"c004\s+{drained}\s")
            await driver.sees(" 13 up  1 drained ")
            await driver.press("3")
            await driver.sees("c004 +drained .* a test")
        finally:
            cluster.restore("c004")
        await driver.sees("c004 +idle ")
        await driver.sees(" 14 up ")
        assert " drained " not in driver.text


# -- the controller ------------------------------------------------------------------------------------------


async def test_a_controller_that_stops_and_starts_again(cluster: SlurmCluster) -> None:
    job = cluster.submit("games", "--job-name=steady", "-n3")
    cluster.wait_until(lambda: cluster.job_states()[job][0] == "RUNNING", "the job runs")
    async with opened(WIDE, interval=SOON) as driver:
        await asyncio.to_thread(cluster.stop_controller)
        try:
            await answers_keys(driver)
            # squeue itself tries for about ten seconds before it gives up.
            await keeps_its_picture(driver, r"squeue: .*Unable to contact slurm controller")
            await driver.sees("check `scontrol ping`: slurmctld is down, restarting or out of reach")
            await driver.sees(rf" {job} +steady +games +RUNNING ")
            await driver.sees(" 1 running  0 pending ")
            await answers_keys(driver)
        finally:
            # Not in a thread: the controller dies with the thread that started it.
            cluster.start_controller()
        await recovers(driver)
        await driver.sees(rf" {job} +steady +games +RUNNING ")
        await driver.quits()


async def test_a_controller_that_is_down_from_the_start(cluster: SlurmCluster) -> None:
    cluster.stop_controller()
    try:
        source = SlurmCommands(timeout=1.5)
        async with opened(source=source, interval=SOON, with_picture=False) as driver:
            await driver.sees("Waiting for the first answer")
            await driver.sees("There is no picture of the cluster")
            await driver.sees(r"squeue did not answer within 1\.5 s|Unable to contact slurm controller")
            await driver.sees("check `scontrol ping`")
            await driver.sees(r"since (yesterday )?\d\d:\d\d \(\d+ s\), (next try in \d+ s|trying now)")
            keys = ("2", "3", "5", "colon", "slash", "enter", "u", "escape", "f", "m", "g", "y", "n", "1")
            for key in keys:
                await driver.press(key)
                # An empty cluster is not what there is: nobody knows what there is.
                assert not re.search(r"\d (running|pending|up)|0/|No (job|node)", driver.text), driver.text
            await driver.sees("There is no picture of the cluster")
            cluster.start_controller()
            await driver.until(lambda: driver.app.picture is not None)
            await driver.sees(" 0 running  0 pending   nodes ")
            assert not is_grey(driver)
            await driver.quits()
    finally:
        if not cluster.node_states():
            cluster.start_controller()


async def test_a_controller_that_hangs(cluster: SlurmCluster) -> None:
    async with opened(WIDE, source=SlurmCommands(timeout=2.5), interval=SOON) as driver:
        cluster.suspend_controller()
        try:
            await waits_for_slurm(driver)
            await answers_keys(driver)
            await keeps_its_picture(driver, r"squeue did not answer within 2\.5 s")
            await answers_keys(driver)
        finally:
            cluster.resume_controller()
        await recovers(driver)


async def test_quitting_while_a_call_hangs(cluster: SlurmCluster) -> None:
    try:
        async with opened(interval=SOON) as driver:
            cluster.suspend_controller()
            await waits_for_slurm(driver)
            assert calls_under_way(cluster)
            await driver.quits()
        # The call has been ended, not left behind.
        assert calls_under_way(cluster) == []
    finally:
        cluster.resume_controller()


@pytest.mark.parametrize("key", ["q", "\x03"])
def test_leaving_the_terminal_while_the_first_call_hangs(cluster: SlurmCluster, key: str) -> None:
    cluster.suspend_controller()
    try:
        with Terminal([program()], environment_on(cluster)) as terminal:
            terminal.sees("Waiting for the first answer")
            assert not re.search("running|Traceback", terminal.text)
            started = time.monotonic()
            terminal.press(key)
            assert terminal.ends(INSTANT) == 0
            assert time.monotonic() - started < INSTANT
            terminal.assert_restored()
            assert b"Traceback" not in terminal.written
            assert calls_under_way(cluster) == []
    finally:
        cluster.resume_controller()


def calls_under_way(cluster: SlurmCluster) -> list[int]:
    """The processes that ask this cluster something."""
    variable = f"SLURM_CONF={cluster.configuration}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            program = (entry / "cmdline").read_bytes().split(b"\0")[0]
            if Path(os.fsdecode(program)).name in ("squeue", "scontrol") and variable in (
                entry / "environ"
            ).read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


# -- the commands --------------------------------------------------------------------------------------------


async def test_squeue_vanishes_and_comes_back(slurm: SlurmCluster, commands: Commands) -> None:
    commands.missing()
    squeue = Path(os.environ["PATH"]) / "squeue"
    program = squeue.readlink()
    async with opened(interval=SOON) as driver:
        squeue.unlink()
        await keeps_its_picture(driver, "squeue is not installed here, or not in PATH")
        await driver.sees("md_run")
        await driver.sees(" 15 running  20 pending ")
        squeue.symlink_to(program)
        await recovers(driver)


async def test_squeue_is_not_there_at_first(slurm: SlurmCluster, commands: Commands) -> None:
    commands.missing("squeue")
    present = Path(os.environ["PATH"])
    async with opened(interval=SOON, with_picture=False) as driver:
        await driver.sees("There is no picture of the cluster")
        await driver.sees("this machine has neither Slurm's commands nor pyslurm")
        assert "running" not in driver.text
        (present / "squeue").symlink_to(Path((present / "scontrol").readlink()).with_name("squeue"))
        await driver.sees(" 15 running  20 pending ")


async def test_squeue_takes_ten_seconds(slurm: SlurmCluster, commands: Commands) -> None:
    async with opened(WIDE, interval=SOON) as driver:
        commands.slow("squeue", 10)
        await waits_for_slurm(driver)
        await answers_keys(driver, ("5", "─ +Pending jobs "), ("2", "▸20 "), ("F", "▾20 "))
        assert await driver.filters("user:news") == (22, 35)
        # Slow is not broken: the picture has its age, and nothing is called a failure.
        await driver.sees(r"LIVE .* +[2-9] s ago ")
        assert not is_grey(driver)
        await driver.quits()


async def test_a_slow_squeue_is_asked_less_often(slurm: SlurmCluster, commands: Commands) -> None:
    # Ten times what a cycle costs on a busy machine is not slow yet.
    async with opened(WIDE, interval=3) as driver:
        commands.slow("squeue", 0.7)
        await driver.sees(r"calls, (0\.[7-9]|1\.\d) s a cycle, slowed to one in \d+ s")
        commands.mended("squeue")
        await driver.press("r")
        await driver.no_longer_sees("slowed to")


async def test_squeue_is_slower_than_jobmon_waits(slurm: SlurmCluster, commands: Commands) -> None:
    async with opened(source=SlurmCommands(timeout=1.0), interval=SOON) as driver:
        commands.slow("squeue", 10)
        await keeps_its_picture(driver, "squeue did not answer within 1 s")
        await driver.sees("slurmctld is slow or gone")
        commands.mended("squeue")
        await recovers(driver)


@pytest.mark.parametrize(
    ("command", "output"),
    [
        ("squeue", b"\xff\xfe\x00 \x1b[2J\x1b]0;title\x07not\nwhat|was,asked for\n" * 50),
        ("scontrol", b"\xff\xfe\x00 \x1b[2Jnot\nwhat=was asked for\n" * 50),
        ("scontrol", b""),
    ],
)
async def test_nonsense_is_no_empty_cluster(
    slurm: SlurmCluster, commands: Commands, command: str, output: bytes
) -> None:
    async with opened(interval=SOON) as driver:
        commands.garbage(command, output)
        await keeps_its_picture(driver, command)
        await driver.sees(" 15 running  20 pending ")
        await driver.sees("md_run")
        commands.mended(command)
        await recovers(driver)


async def test_a_refusal_is_told_in_slurms_own_words(slurm: SlurmCluster, commands: Commands) -> None:
    async with opened(interval=SOON) as driver:
        commands.failing("squeue", "slurm_load_jobs error: Access/permission denied \x1b[31m[bold]now")
        await keeps_its_picture(
            driver, r"squeue: slurm_load_jobs error: Access/permission denied .*\[bold\]now"
        )
        await driver.sees("Slurm does not let you see this")
        commands.mended("squeue")
        await recovers(driver)
