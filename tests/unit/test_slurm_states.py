"""Node states: the base, the flags and whether the node answers, as Slurm's versions write them."""

from __future__ import annotations

import pytest

from jobmon_tui.sources.slurm.states import is_up, split_state


@pytest.mark.parametrize(
    ("text", "state", "flags", "up"),
    [
        ("IDLE", "IDLE", (), True),
        ("IDLE+DRAIN+NOT_RESPONDING", "IDLE", ("DRAIN", "NOT_RESPONDING"), False),
        ("MIXED+PLANNED", "MIXED", ("PLANNED",), True),
        ("DOWN*", "DOWN", ("NOT_RESPONDING",), False),
        ("DOWN", "DOWN", (), False),
        ("IDLE*+DRAIN", "IDLE", ("NOT_RESPONDING", "DRAIN"), False),
        ("IDLE~", "IDLE", ("POWERED_DOWN",), False),
        ("MIXED#", "MIXED", ("POWERING_UP",), False),
        ("IDLE%", "IDLE", ("POWERING_DOWN",), False),
        ("IDLE!", "IDLE", ("POWER_DOWN",), True),
        ("ALLOCATED$", "ALLOCATED", ("MAINTENANCE",), True),
        ("IDLE@", "IDLE", ("REBOOT_REQUESTED",), True),
        ("IDLE^", "IDLE", ("REBOOT_ISSUED",), True),
        ("IDLE-", "IDLE", ("PLANNED",), True),
        ("idle+cloud+power", "IDLE", ("CLOUD", "POWERED_DOWN"), False),
        ("UNKNOWN+DRAIN+INVALID_REG", "UNKNOWN", ("DRAIN", "INVALID_REG"), False),
        ("FUTURE", "FUTURE", (), False),
        ("", "UNKNOWN", (), False),
        ("IDLE+SOMETHING_NEW", "IDLE", ("SOMETHING_NEW",), True),
    ],
)
def test_splits_a_state(text: str, state: str, flags: tuple[str, ...], up: bool) -> None:
    assert split_state(text, 0, 16) == (state, flags)
    assert is_up(state, flags) is up


@pytest.mark.parametrize(
    ("allocated", "state"), [(0, "IDLE"), (None, "IDLE"), (3, "MIXED"), (16, "ALLOCATED")]
)
def test_a_flag_in_place_of_the_base_leaves_the_base_to_its_cpus(allocated: int | None, state: str) -> None:
    assert split_state("MAINT", allocated, 16) == (state, ("MAINTENANCE",))
    assert split_state("DRAINING*", allocated, 16) == (state, ("DRAIN", "NOT_RESPONDING"))
