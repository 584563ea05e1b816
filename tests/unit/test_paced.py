"""Work that is asked for faster than it can be done."""

from __future__ import annotations

import asyncio

from textual.app import App

from jobmon_tui.tui.paced import Paced


async def test_the_first_is_done_at_once_and_many_more_once_later() -> None:
    done: list[int] = []
    app: App[None] = App()
    async with app.run_test():
        paced = Paced(app, lambda: done.append(len(done)), rest=0.05)
        paced.ask()
        assert done == [0]
        for _ in range(30):
            paced.ask()
        assert done == [0]
        async with asyncio.timeout(5):
            while len(done) < 2:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert done == [0, 1]
        paced.ask()
        assert done == [0, 1, 2]
