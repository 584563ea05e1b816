"""Running commands: bounded, stoppable, and their failures told in words."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from jobmon_tui.errors import SourceError
from jobmon_tui.sources.slurm.run import Runner, slurm_environment


def runner(timeout: float = 20.0, most_bytes: int = 1_000_000) -> Runner:
    return Runner({"PATH": os.environ["PATH"]}, timeout, most_bytes)


def failure_of(script: str, timeout: float = 20.0, most_bytes: int = 1_000_000) -> SourceError:
    with pytest.raises(SourceError) as caught:
        runner(timeout, most_bytes).run(["sh", "-c", script])
    return caught.value


def test_what_a_command_prints_is_returned_with_its_time() -> None:
    output = runner().run(["sh", "-c", "printf 'caf\\351\\n'; echo quiet >&2"])
    assert output.printed == b"caf\xe9\n"
    assert output.text == "caf\ufffd\n"
    assert 0 < output.seconds < 20


def test_large_answers_and_large_complaints_do_not_block_each_other() -> None:
    script = "head -c 600000 /dev/zero; head -c 600000 /dev/zero >&2; echo end"
    assert len(runner().run(["sh", "-c", script]).printed) == 600_004


def test_printing_nothing_is_a_success() -> None:
    assert runner().run(["true"]).printed == b""


def test_a_command_that_is_not_there() -> None:
    with pytest.raises(SourceError, match="squeue-of-nobody is not installed") as caught:
        runner().run(["squeue-of-nobody"])
    assert "PATH" in caught.value.hint or "module" in caught.value.hint


def test_a_command_that_may_not_be_run(tmp_path: Path) -> None:
    script = tmp_path / "squeue"
    script.write_text("#!/bin/sh\n")
    with pytest.raises(SourceError, match="cannot be started: Permission denied"):
        runner().run([str(script)])


@pytest.mark.parametrize(
    ("script", "message", "hint"),
    [
        (
            "echo a >&2; echo 'slurm_load_jobs error: Unable to contact slurm controller (x)' >&2; exit 1",
            "sh: slurm_load_jobs error: Unable to contact slurm controller (x)",
            "scontrol ping",
        ),
        ("echo 'sh: error: Invalid user: zz' >&2; exit 1", "sh: error: Invalid user: zz", "no user"),
        ("echo 'Munge encode failed: x' >&2; echo 'error: y' >&2; exit 1", "sh: error: y", "munge"),
        ("exit 3", "sh failed with exit status 3 and said nothing", ""),
        ("kill -9 $$", "sh was ended by signal 9 and said nothing", ""),
        ("echo 'error: odd' >&2", "sh: error: odd", ""),
    ],
)
def test_failures_are_told_in_words(script: str, message: str, hint: str) -> None:
    error = failure_of(script)
    assert error.message == message
    assert hint in error.hint
    assert bool(hint) == bool(error.hint)


def test_a_warning_beside_an_empty_answer_is_no_failure() -> None:
    assert runner().run(["sh", "-c", "echo 'squeue: warning: odd setting' >&2"]).printed == b""


@pytest.mark.slow
@pytest.mark.parametrize("last", ["wait", "exit 0"])
def test_a_command_that_does_not_answer_is_ended_with_all_that_it_started(tmp_path: Path, last: str) -> None:
    mark = tmp_path / "mark"
    error = failure_of(f"(sleep 30; touch {mark}) & echo $! > {tmp_path}/child; {last}", timeout=0.5)
    assert error.message == "sh did not answer within 0.5 s"
    assert "scontrol ping" in error.hint
    assert ends(int((tmp_path / "child").read_text()))


def test_a_command_that_closes_its_output_but_does_not_end_is_ended() -> None:
    assert "did not answer within" in failure_of("exec >&- 2>&-; sleep 30", timeout=0.3).message


def test_a_command_that_prints_without_end_is_ended() -> None:
    assert failure_of("yes", most_bytes=3 * 1024**2).message == "sh printed more than 3 MiB"


def test_another_thread_ends_the_command_under_way(tmp_path: Path) -> None:
    one = runner()
    started = tmp_path / "started"
    errors: list[SourceError] = []

    def work() -> None:
        try:
            one.run(["sh", "-c", f"echo $$ > {started}.new; mv {started}.new {started}; sleep 30"])
        except SourceError as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    deadline = time.monotonic() + 10
    while not started.exists() and time.monotonic() < deadline:
        os.sched_yield()
    one.close()
    thread.join(5)
    assert not thread.is_alive()
    assert ["stops asking" in error.message for error in errors] == [True]
    assert ends(int(started.read_text()))
    with pytest.raises(SourceError, match="stops asking"):
        one.run(["true"])


def test_the_environment_is_made_for_reading_back() -> None:
    base = {"PATH": "/bin", "SQUEUE_FORMAT": "%i", "SLURM_CONF": "/x", "TZ": "Asia/Tokyo", "LC_ALL": "de_DE"}
    assert slurm_environment(base) == {
        "PATH": "/bin",
        "SLURM_CONF": "/x",
        "LC_ALL": "C",
        "TZ": "UTC",
        "SLURM_TIME_FORMAT": "standard",
        "SLURM_BITSTR_LEN": "0",
    }


def ends(pid: int) -> bool:
    """Whether a process ends at once: a signal takes a moment to arrive. One to be collected has ended."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        os.sched_yield()
    return False
