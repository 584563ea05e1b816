"""Make the screenshots from the running app: ``python screenshots/make.py``.

On the demo cluster always; on a real Slurm too where one can be started (see ``tests/real``).
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobmon_tui.tui.app import JobmonApp

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

INSTANT = 1_790_000_000.0
"""The demo's clock stands still here, so that a screenshot changes only when the app does."""


@dataclass(frozen=True)
class Shot:
    """One picture: its name, the size of the terminal, and the keys pressed before it is taken."""

    name: str
    size: tuple[int, int]
    keys: tuple[str, ...] = ()
    wall: bool = False


SIZES = ((80, 24), (120, 40), (200, 50))
KEYS: dict[str, tuple[str, ...]] = {
    "cluster": (),
    "jobs": ("2",),
    "nodes": ("3",),
    "queue": ("5",),
    "job": ("2", "enter"),
    "node": ("3", "down", "enter"),
    "charts": ("3", "down", "enter", "v"),
    "filter": ("2", "slash", *"gpu"),
    "help": ("question_mark",),
    "past": ("t", "left_square_bracket", "left_square_bracket"),
    "changes": ("t", "left_square_bracket", "equals_sign", "end"),
}


def shots(kind: str) -> list[Shot]:
    """Every view in every size."""
    views = (
        KEYS if kind == "demo" else {name: KEYS[name] for name in ("cluster", "jobs", "job", "node", "queue")}
    )
    made = [
        Shot(f"{kind}-{name}-{width}x{height}", (width, height), keys)
        for name, keys in views.items()
        for width, height in SIZES
    ]
    if kind == "demo":
        made.append(Shot("demo-wall-200x50", (200, 50), wall=True))
    return made


async def shown(app: JobmonApp) -> None:
    """Wait until lists and charts are worked out and laid out."""
    await app.settled(60)
    await asyncio.sleep(0.4)


async def take(shot: Shot, kind: str) -> None:
    """Run the app without a terminal, press the keys, save what it shows."""
    from jobmon_tui.backends.demo import DemoBackend
    from jobmon_tui.backends.slurm import SlurmBackend
    from jobmon_tui.feeds.live import LiveFeed
    from jobmon_tui.tui.app import JobmonApp
    from jobmon_tui.tui.options import WatchOptions

    options = WatchOptions(interval=3600, wall=shot.wall)
    if kind == "demo":
        app = JobmonApp(LiveFeed(DemoBackend(clock=lambda: INSTANT)), options, clock=lambda: INSTANT + 1)
    else:
        app = JobmonApp(LiveFeed(SlurmBackend()), options)
    async with app.run_test(size=shot.size) as pilot:
        await shown(app)
        for key in shot.keys:
            await pilot.press(key)
            await shown(app)
        await pilot.pause()
        (HERE / f"{shot.name}.svg").write_text(app.export_screenshot(title="jobmon"), encoding="utf-8")
    print(shot.name)


async def take_all(kind: str, only: str) -> None:
    """One after the other: two cores are enough for one app and its cluster."""
    for shot in shots(kind):
        if only in shot.name:
            await take(shot, kind)


def main() -> int:
    """Take those whose name holds the first argument, or all."""
    only = sys.argv[1] if len(sys.argv) > 1 else ""
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"HOME": home, "XDG_STATE_HOME": home, "XDG_CONFIG_HOME": home}
        asyncio.run(take_all("demo", only))
        from tests.real.slurm_cluster import SlurmCluster, why_unavailable

        if reason := why_unavailable():
            print(f"no pictures of a real Slurm: {reason}")
            return 0
        with SlurmCluster() as cluster:
            cluster.populate()
            os.environ |= cluster.environment
            asyncio.run(take_all("slurm", only))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
