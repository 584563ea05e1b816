"""Whether tests may do without a real server that is not installed."""

from __future__ import annotations

import os

import pytest

REQUIRED = os.environ.get("JOBMON_REQUIRE_SERVERS") == "1"
"""Set by the continuous integration: a missing server is a failure there, not a reason to skip."""


def demand(why_unavailable: str | None) -> None:
    """Skip the test that calls this (or fail it, where servers are required) unless its server is there.

    Args:
        why_unavailable: What is missing, as a sentence; ``None`` if nothing is.
    """
    if why_unavailable is None:
        return
    if REQUIRED:
        pytest.fail(why_unavailable, pytrace=False)
    pytest.skip(why_unavailable)
