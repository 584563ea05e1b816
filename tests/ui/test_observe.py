"""Observing a job of one's own from its drill-down, with a sampler that needs no Slurm."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import cast

import pytest
from textual.pilot import Pilot

from jobmon_tui.config_sections import ObserveSettings
from jobmon_tui.errors import SourceError
from jobmon_tui.model.measures import Gpu, Used
from jobmon_tui.model.snapshot import Snapshot
from jobmon_tui.sources.slurm.sampler_frame import Observation
from jobmon_tui.tui.app import JobmonApp
from jobmon_tui.tui.observing import Counted
from jobmon_tui.tui.screens.base import Place
from jobmon_tui.tui.screens.main import MainScreen
from tests.pictures import eventually, screen_text, shows
from tests.ui.conftest import NOW, FakeFeed, OpenApp

pytestmark = pytest.mark.slow

SEEN = Observation(
    node="c1",
    taken_at=NOW - 1,
    busy=3.0,
    cores={4: 99.6, 5: 12.0},
    memory=2048.0,
    gpus=(Gpu("gpu0", 77.0, Used(1024.0, 16384.0)),),
)


class FakeSampler:
    """Says what the test puts into it."""

    def __init__(self) -> None:
        self.started: tuple[str, str] | None = None
        self.settings: ObserveSettings | None = None
        self.gpus: tuple[int, ...] = ()
        self.answer: Observation | SourceError | None = None
        self.refusal: SourceError | None = None
        self.closed = False

    def start(self, job_id: str, node: str, gpus: Collection[int] = ()) -> None:
        self.started = (job_id, node)
        self.gpus = tuple(gpus)
        if self.refusal is not None:
            raise self.refusal

    def latest(self) -> Observation | None:
        if isinstance(self.answer, SourceError):
            raise self.answer
        return self.answer

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def samplers(monkeypatch: pytest.MonkeyPatch) -> list[FakeSampler]:
    """Every sampler that the app makes; its user is ada, and it looks at them often."""
    made: list[FakeSampler] = []

    def _new_sampler(
        settings: ObserveSettings | None, environment: Mapping[str, str] | None = None
    ) -> FakeSampler:
        made.append(FakeSampler())
        made[-1].settings = settings
        return made[-1]

    monkeypatch.setattr("jobmon_tui.tui.observing.new_sampler", _new_sampler)
    monkeypatch.setattr("jobmon_tui.tui.observing.count", lambda job_id, _: Counted(job_id, 5400.0, 512.0))
    monkeypatch.setattr("jobmon_tui.tui.screens.job.LOOK", 0.02)
    monkeypatch.setattr("getpass.getuser", lambda: "ada")
    return made


def app_of(pilot: Pilot[None]) -> JobmonApp:
    return cast(JobmonApp, pilot.app)


async def open_job(pilot: Pilot[None], job_id: str) -> None:
    cast(MainScreen, pilot.app.screen).go(Place("job", job_id))
    await eventually(pilot, shows(app_of(pilot), f"Job {job_id}"))
    await app_of(pilot).settled()
    await pilot.pause()


async def test_the_key_shows_cpu_memory_and_gpus_and_ends_it_again(
    open_app: OpenApp, feed: FakeFeed, samplers: list[FakeSampler]
) -> None:
    async with open_app(feed, (140, 50)) as pilot:
        app = app_of(pilot)
        await open_job(pilot, "10")
        assert "o observe" in screen_text(app)
        assert "Observed on" not in screen_text(app)
        await pilot.press("o")
        await eventually(pilot, shows(app, r"the step starts"))
        (sampler,) = samplers
        assert sampler.started == ("10", "c1")
        sampler.answer = SEEN
        await eventually(pilot, shows(app, r"75 % \(3\.0 cores busy of 4\)"))
        text = screen_text(app)
        await eventually(pilot, shows(app, r"CPU time +1 h 30 min"))
        assert "512 MiB" in screen_text(app)
        for words in ("Observed on c1", "2 s ago", "4: 100 %, 5: 12 %", "2.0 GiB", "77 %, 1.0 GiB of 16 GiB"):
            assert words in text
        await pilot.press("o")
        await eventually(pilot, lambda: "Observed on" not in screen_text(app))
        assert sampler.closed


async def test_where_the_site_says_ssh_it_is_ssh(
    open_app: OpenApp, feed: FakeFeed, samplers: list[FakeSampler]
) -> None:
    snapshot = cast(Snapshot, feed.answer)
    job = replace(snapshot.jobs["10"], gpu_layout={"c1": (1, 3)})
    feed.answer = replace(snapshot, jobs={**snapshot.jobs, "10": job})
    settings = ObserveSettings(via="ssh", ssh_host="{node}.site.org")
    async with open_app(feed, (140, 50), observe=settings) as pilot:
        await open_job(pilot, "10")
        await pilot.press("o")
        await eventually(pilot, shows(app_of(pilot), r"ssh connects"))
        assert samplers[0].started == ("10", "c1")
        assert samplers[0].gpus == (1, 3)
        assert samplers[0].settings == settings


async def test_an_address_that_is_none_is_said_where_the_job_is(
    open_app: OpenApp, feed: FakeFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "ada")
    async with open_app(feed, (140, 50), observe=ObserveSettings(via="ssh", ssh_host="-x")) as pilot:
        await open_job(pilot, "10")
        await pilot.press("o")
        await eventually(pilot, shows(app_of(pilot), r"observe\.ssh_host cannot be '-x'"))


async def test_what_went_wrong_is_said_in_words(
    open_app: OpenApp, feed: FakeFeed, samplers: list[FakeSampler], monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = Counted("10", problem="Slurm tells the use of job 10 to nobody")
    monkeypatch.setattr("jobmon_tui.tui.observing.count", lambda *_: refused)
    async with open_app(feed, (140, 50)) as pilot:
        await open_job(pilot, "10")
        await pilot.press("o")
        samplers[0].answer = SourceError("srun: no\x1b[31m such step", "try again")
        await eventually(pilot, shows(app_of(pilot), r"ended +srun: no.\[31m such step"))
        assert "try again" in screen_text(app_of(pilot))
        await eventually(pilot, shows(app_of(pilot), r"sstat +Slurm tells"))


@pytest.mark.parametrize("job_id", ["11", "13"])
async def test_jobs_of_others_and_waiting_ones_have_no_such_key(
    open_app: OpenApp, feed: FakeFeed, samplers: list[FakeSampler], job_id: str
) -> None:
    async with open_app(feed, (140, 50)) as pilot:
        await open_job(pilot, "10")
        assert "o observe" in screen_text(app_of(pilot))
        await open_job(pilot, job_id)
        await eventually(pilot, lambda: "o observe" not in screen_text(app_of(pilot)))
        await pilot.press("o")
        assert samplers == []


async def test_a_recording_is_not_observed(
    open_app: OpenApp, feed: FakeFeed, samplers: list[FakeSampler]
) -> None:
    feed.kind = "recorded"
    async with open_app(feed, (140, 50)) as pilot:
        await open_job(pilot, "10")
        await pilot.press("o")
        assert samplers == []


@pytest.mark.parametrize("way", ["escape", "another job", "a node"])
async def test_leaving_the_job_ends_it(
    open_app: OpenApp, feed: FakeFeed, samplers: list[FakeSampler], way: str
) -> None:
    async with open_app(feed, (140, 50)) as pilot:
        await open_job(pilot, "10")
        await pilot.press("o")
        assert not samplers[0].closed
        if way == "escape":
            await pilot.press("escape")
        elif way == "another job":
            await open_job(pilot, "11")
        else:
            cast(MainScreen, pilot.app.screen).go(Place("node", "c1"))
        await eventually(pilot, lambda: samplers[0].closed)


async def test_the_end_of_the_app_ends_it(
    open_app: OpenApp, feed: FakeFeed, samplers: list[FakeSampler]
) -> None:
    async with open_app(feed, (140, 50)) as pilot:
        await open_job(pilot, "10")
        await pilot.press("o")
        assert not samplers[0].closed
    assert samplers[0].closed
