"""Which widget a key reaches when several come at once, and that none is held back for good."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import ClassVar

import pytest
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Event, Key, Paste
from textual.widget import Widget
from textual.widgets import Input

from jobmon_tui.tui import typed_order
from jobmon_tui.tui.typed_order import TypedOrder

MOST_SECONDS = 5.0


class Pad(Widget, can_focus=True):
    """Notes the keys that reach it; lets them go on, or not."""

    def __init__(self, name: str, *, swallows: bool = False) -> None:
        super().__init__(id=name)
        self.swallows = swallows
        self.keys = ""

    def on_key(self, event: Key) -> None:
        self.keys += event.key
        if self.swallows:
            event.stop()


class TwoPads(App[None]):
    """Two pads and a line; keys that are bound here move the focus."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("2", "go('second')"),
        Binding("slash", "go('line')"),
        Binding("d", "drop"),
    ]

    def __init__(self, *, swallows: bool = False) -> None:
        super().__init__()
        self.swallows = swallows
        self.typed = TypedOrder(self, super().on_event)

    def compose(self) -> ComposeResult:
        yield Pad("first", swallows=self.swallows)
        yield Pad("second")
        yield Input(id="line")

    async def on_event(self, event: Event) -> None:
        if isinstance(event, Key | Paste) and not event.is_forwarded:
            await self.typed.take(event)
            return
        await super().on_event(event)
        if isinstance(event, Key):
            self.typed.came_back(event)

    def on_input_submitted(self) -> None:
        self.action_go("first")

    def action_go(self, where: str) -> None:
        self.screen.set_focus(self.query_one(f"#{where}"))

    def action_drop(self) -> None:
        self.query("#first").remove()

    def at_once(self, keys: str) -> None:
        """All keys before any of them is looked at."""
        for key in keys:
            name = {"/": "slash", "\r": "enter"}.get(key, key)
            self.post_message(Key(name, key))

    def keys(self, pad: str) -> str:
        return self.query_one(f"#{pad}", Pad).keys


@pytest.fixture
def until() -> Callable[[Callable[[], object]], Awaitable[None]]:
    async def wait(holds: Callable[[], object]) -> None:
        async with asyncio.timeout(MOST_SECONDS):
            while not holds():
                await asyncio.sleep(0.005)

    return wait


Until = Callable[[Callable[[], object]], Awaitable[None]]


async def test_each_key_reaches_what_the_one_before_it_opened(until: Until) -> None:
    app = TwoPads()
    async with app.run_test() as pilot:
        await pilot.pause()
        app.at_once("a2b/abc\rd")
        line = app.query_one(Input)
        await until(lambda: line.value == "abc" and not app.query("#first"))
        assert app.keys("second") == "bslash"


async def test_a_held_arrow_key_is_not_held_back_and_what_comes_after_it_is(until: Until) -> None:
    app = TwoPads()
    async with app.run_test() as pilot:
        await pilot.pause()
        given: list[str] = []
        for key in ("left", "left", "shift+right", "2", "left"):
            await app.typed.take(Key(key, None))
            given.append(key if not app.typed._waiting else f"({key})")
        assert given == ["left", "left", "shift+right", "(2)", "(left)"]
        await until(lambda: app.keys("second") == "left")
        assert app.keys("first") == "leftleftshift+right2"


@pytest.mark.slow
async def test_pasted_text_waits_like_keys(until: Until) -> None:
    app = TwoPads()
    async with app.run_test() as pilot:
        await pilot.pause()
        app.at_once("/x")
        app.post_message(Paste("yz"))
        app.at_once("\rb")
        await until(lambda: app.keys("first").endswith("b"))
        assert app.query_one(Input).value == "xyz"
        assert app.keys("first") == "slashb"


async def test_a_key_that_goes_no_further_holds_nothing_up(
    until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typed_order, "LONGEST_WAIT", 10 * MOST_SECONDS)
    app = TwoPads(swallows=True)
    async with app.run_test() as pilot:
        await pilot.pause()
        app.at_once("abc2d")
        await until(lambda: app.keys("first") == "abc2d")
        app.action_go("second")
        app.at_once("x2y")
        await until(lambda: app.keys("second") == "x2y")


async def test_the_focused_widget_may_go_while_keys_wait(
    until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typed_order, "LONGEST_WAIT", 10 * MOST_SECONDS)
    app = TwoPads()
    async with app.run_test() as pilot:
        await pilot.pause()
        app.at_once("dxyz")
        await until(lambda: app.query_one(Input).value == "xyz")


@pytest.mark.slow
async def test_keys_go_on_when_the_screen_never_answers(
    until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typed_order, "LONGEST_WAIT", 0.2)
    app = TwoPads()
    async with app.run_test() as pilot:
        await pilot.pause()
        free = asyncio.Event()
        app.screen.call_later(free.wait)
        app.at_once("abc")
        await until(lambda: app.keys("first") == "abc")
        free.set()
        await pilot.pause()
