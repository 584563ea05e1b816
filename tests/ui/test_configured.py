"""What is configured, in the app: the columns of tables, and from where on something counts as wasted."""

from __future__ import annotations

import pytest

from jobmon_tui.analysis.warnings import Thresholds
from jobmon_tui.tui.remember import Remembered
from tests.ui.conftest import FakeFeed, OpenApp
from tests.ui.test_app import app_of, press

pytestmark = pytest.mark.slow


async def test_configured_columns_hold_until_others_are_chosen(open_app: OpenApp, feed: FakeFeed) -> None:
    Remembered(columns={"jobs": ["id", "state"], "nodes": ["name", "state"]}).save()
    async with open_app(feed, columns={"jobs": ("id", "account")}) as pilot:
        assert "account" in await press(pilot, "2")
        assert app_of(pilot).columns == {"jobs": ["id", "account"], "nodes": ["name", "state"]}
        await press(pilot, "c")
        await press(pilot, "down", "space", "escape")
        chosen = app_of(pilot).columns["jobs"]
        assert chosen != ["id", "account"]
    assert Remembered.load().columns == {"jobs": chosen, "nodes": ["name", "state"]}


async def test_configured_thresholds_decide_what_is_wasted(open_app: OpenApp, feed: FakeFeed) -> None:
    async with open_app(feed, thresholds=Thresholds(warning_window=17)) as pilot:
        assert app_of(pilot).poller._window._thresholds.warning_window == 17
