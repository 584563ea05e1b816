"""The word with systemd, the journal and signals."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import TextIO

import pytest

from jobmon_tui.cli.service import Notifier, Signals, logged_to_stderr

logger = logging.getLogger("jobmon_tui.test")


def listener(address: str) -> socket.socket:
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    channel.bind(address)
    channel.settimeout(10)
    return channel


def test_systemd_hears_over_a_socket_in_a_folder(tmp_path: Path) -> None:
    environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "HOME": "/"}
    with listener(environment["NOTIFY_SOCKET"]) as systemd:
        notifier = Notifier(environment)
        notifier.tell("READY=1", "STATUS=3 nodes\u2026")
        assert systemd.recv(4096) == "READY=1\nSTATUS=3 nodes\u2026".encode()
        assert notifier.watchdog is None
    assert environment == {"HOME": "/"}, "programs that are started could speak for the service"


def test_systemd_hears_over_an_abstract_socket() -> None:
    name = f"jobmon-test-{os.getpid()}"
    with listener(f"\0{name}") as systemd:
        Notifier({"NOTIFY_SOCKET": f"@{name}"}).tell("WATCHDOG=1")
        assert systemd.recv(4096) == b"WATCHDOG=1"


@pytest.mark.parametrize(
    ("period", "process", "expected"),
    [
        ("30000000", "", 30.0),
        ("1500000", "mine", 1.5),
        ("30000000", "1", None),
        ("0", "", None),
        ("soon", "", None),
        ("", "", None),
    ],
)
def test_the_watchdog_of_this_process(period: str, process: str, expected: float | None) -> None:
    number = str(os.getpid()) if process == "mine" else process
    environment = {"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": period, "WATCHDOG_PID": number}
    assert Notifier(environment).watchdog == expected
    assert environment == {}


@pytest.mark.parametrize("address", ["", "vsock:2:1234", "/no/such/socket", "@nobody-listens-there"])
def test_without_systemd_nothing_happens(address: str) -> None:
    Notifier({"NOTIFY_SOCKET": address} if address else {}).tell("READY=1")


def test_signals_end_the_wait_and_hang_ups_do_not() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGHUP)
    with Signals() as signals:
        os.kill(os.getpid(), signal.SIGHUP)
        assert not signals.wait(0)
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM)).start()
        assert signals.wait(20)
        threading.Timer(0.05, signals.wake).start()
        assert not signals.wait(20)
        os.kill(os.getpid(), signal.SIGINT)
        assert signals.wait(0)
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGHUP)) == before


def test_a_signal_that_another_thread_gets_ends_the_wait() -> None:
    # Python runs a handler in the main thread only, once that wakes up: it does not do so by itself.
    with Signals() as signals:
        threading.Timer(0.1, lambda: signal.pthread_kill(threading.get_ident(), signal.SIGTERM)).start()
        began = time.monotonic()
        assert signals.wait(5)
        assert time.monotonic() - began < 4


@pytest.fixture
def error_output(tmp_path: Path) -> TextIO:
    return (tmp_path / "stderr").open("w+")


def written(stream: TextIO) -> list[str]:
    stream.seek(0)
    return stream.read().splitlines()


def test_the_journal_gets_levels(error_output: TextIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", error_output)
    status = os.fstat(error_output.fileno())
    monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
    with logged_to_stderr():
        logger.info("begun")
        logger.warning("one\ntwo \x1b[2J")
        logger.error("bad")
        logger.debug("unheard")
    assert written(error_output) == ["<6>begun", "<4>one", "<4>two �[2J", "<3>bad"]


@pytest.mark.parametrize("said", ["", "1:2", "nonsense"])
def test_others_get_times(error_output: TextIO, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setattr(sys, "stderr", error_output)
    monkeypatch.setenv("JOURNAL_STREAM", said)
    with logged_to_stderr():
        try:
            raise ValueError("x")
        except ValueError:
            logger.exception("it failed")
    first, second, *_, last = written(error_output)
    assert first[4] == "-"
    assert first.endswith(" ERROR it failed")
    assert second.endswith(" ERROR Traceback (most recent call last):")
    assert last.endswith(" ERROR ValueError: x")


def test_a_log_that_nobody_reads_ends_nothing(error_output: TextIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", error_output)
    with logged_to_stderr():
        error_output.close()
        logger.warning("into the void")
