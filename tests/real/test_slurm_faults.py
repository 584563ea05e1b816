"""What jobmon's Slurm commands do when the real Slurm fails them: words in time, and recovery."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from jobmon_tui.errors import SourceError
from jobmon_tui.sources.slurm.answer import SlurmAnswer
from jobmon_tui.sources.slurm.commands import SlurmCommands
from tests.real.slurm_cluster import SlurmCluster
from tests.real.wrappers import Commands

pytestmark = [pytest.mark.real, pytest.mark.slow]

TIMEOUT = 1.5
"""Seconds that the source under test is told to wait for a command."""
SLACK = 2.0
"""Seconds that a busy machine with two cores may take on top."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    start = time.monotonic()
    yield
    assert time.monotonic() - start < seconds


def failure(source: SlurmCommands) -> SourceError:
    with pytest.raises(SourceError) as caught:
        source.load()
    message = caught.value.message
    assert "\n" not in message
    assert re.search(r"[a-z]{3,}.* [a-z]{2,}", message), "words, please"
    assert "Traceback" not in message
    return caught.value


def test_controller_that_stops_and_comes_back(slurm_private: SlurmCluster) -> None:
    job = slurm_private.submit("games", "-n3")
    slurm_private.wait_until(lambda: slurm_private.job_states()[job][0] == "RUNNING", "the job runs")
    source = SlurmCommands(timeout=TIMEOUT)
    assert [job.job_id for job in source.load().jobs] == [job]

    slurm_private.stop_controller()
    with within(4 * TIMEOUT + SLACK):
        failure(source)

    slurm_private.start_controller()
    answer = source.load()
    assert [(found.job_id, found.state) for found in answer.jobs] == [(job, "RUNNING")]
    assert answer.problems == ()


def test_controller_that_hangs_and_goes_on(slurm_private: SlurmCluster) -> None:
    source = SlurmCommands(timeout=TIMEOUT)
    assert len(source.load().nodes) == 14
    slurm_private.suspend_controller()
    with within(4 * TIMEOUT + SLACK):
        failure(source)
    slurm_private.resume_controller()
    assert len(source.load().nodes) == 14


def test_close_from_another_thread_ends_a_call_to_a_hung_controller(slurm_private: SlurmCluster) -> None:
    source = SlurmCommands(timeout=60)
    slurm_private.suspend_controller()
    _assert_close_ends_load(source)


def test_squeue_that_is_not_installed(slurm: SlurmCluster, commands: Commands) -> None:
    commands.missing("squeue")
    error = failure(SlurmCommands(timeout=TIMEOUT))
    assert "squeue" in error.message
    assert error.hint


def test_no_slurm_command_at_all(slurm: SlurmCluster, commands: Commands) -> None:
    commands.missing("squeue", "scontrol", "sinfo", "sdiag", "sacct")
    assert failure(SlurmCommands(timeout=TIMEOUT)).hint


def test_squeue_slower_than_the_timeout(slurm: SlurmCluster, commands: Commands) -> None:
    commands.slow("squeue", 20)
    with within(4 * TIMEOUT + SLACK):
        error = failure(SlurmCommands(timeout=TIMEOUT))
    assert "squeue" in error.message


def test_squeue_that_is_slow_but_answers(slurm: SlurmCluster, commands: Commands) -> None:
    commands.slow("squeue", 0.7)
    answer = SlurmCommands(timeout=10).load()
    assert len(answer.jobs) == len(slurm.job_states())
    assert answer.seconds >= 0.7


def test_close_from_another_thread_ends_a_slow_command(slurm: SlurmCluster, commands: Commands) -> None:
    commands.slow("squeue", 20)
    _assert_close_ends_load(SlurmCommands(timeout=60))


def test_closed_source_stays_closed(slurm: SlurmCluster) -> None:
    source = SlurmCommands()
    source.load()
    source.close()
    source.close()
    failure(source)


def test_squeue_that_refuses(slurm: SlurmCluster, commands: Commands) -> None:
    commands.failing("squeue", "slurm_load_jobs error: Access/permission denied")
    assert "permission denied" in failure(SlurmCommands()).message


def test_nodes_that_cannot_be_had(slurm: SlurmCluster, commands: Commands) -> None:
    commands.failing("scontrol", "slurm_load_node error: Zero Bytes were transmitted or received")
    failure(SlurmCommands())


@pytest.mark.parametrize("printed", [b"\xff\xfe\x00 not\nwhat|was,asked for\n" * 50, b"|||||\n\n\n"])
def test_garbage_is_no_empty_cluster(slurm: SlurmCluster, commands: Commands, printed: bytes) -> None:
    commands.garbage("squeue", printed)
    commands.garbage("scontrol", printed)
    failure(SlurmCommands())


def test_configuration_that_does_not_exist(slurm: SlurmCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_CONF", "/nonexistent/slurm.conf")
    failure(SlurmCommands(timeout=TIMEOUT))


def _assert_close_ends_load(source: SlurmCommands) -> None:
    outcome: list[SlurmAnswer | SourceError] = []

    def load() -> None:
        try:
            outcome.append(source.load())
        except SourceError as error:
            outcome.append(error)

    thread = threading.Thread(target=load)
    thread.start()
    # Long enough for the first command to be under way; if it is not, close() must still do its work.
    thread.join(0.4)
    assert thread.is_alive()
    with within(1):
        source.close()
        thread.join(10)
    assert not thread.is_alive()
    assert isinstance(outcome[0], SourceError)
