"""Site files that are broken in every way that a site file can be."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from jobmon_tui.backends.faults import describe
from jobmon_tui.backends.loading import load_backend
from jobmon_tui.backends.output import printed_to_log
from jobmon_tui.errors import PluginError, SourceError
from jobmon_tui.feeds.live import LiveFeed

HEAD = "from backend_base import BackendBase\n\n\n"


def site(folder: Path, text: str) -> LiveFeed:
    (folder / "backend_site.py").write_text(text, encoding="utf-8")
    return LiveFeed(load_backend("site", folders=[folder]))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD + "class Backend(BackendBase)\n    pass\n", "line 4: SyntaxError: expected ':'"),
        (HEAD + "import no_such_module_anywhere\n", "line 4: ModuleNotFoundError"),
        (HEAD + "def load():\n    return 1 / 0\n\n\nload()\n", "line 5, in load(): ZeroDivisionError"),
        (HEAD + "raise SystemExit(3)\n", "line 4: SystemExit: 3"),
        (HEAD + "class Site(BackendBase):\n    pass\n", "has no class named Backend"),
        (HEAD + "class Backend:\n    pass\n", "Backend is not derived from BackendBase"),
        (HEAD + "Backend = 5\n", "Backend is not derived from BackendBase"),
        (
            HEAD + "class Backend(BackendBase):\n    def __init__(self):\n        self.x = {}['y']\n",
            "line 6, in __init__(): KeyError: 'y'",
        ),
        (
            HEAD + "class Backend(BackendBase):\n    def __init__(self, address):\n        pass\n",
            "line 5, in __init__(): TypeError",
        ),
        ("", "has no class named Backend"),
        ("\0", "backend_site.py"),
    ],
)
def test_a_broken_file_is_named_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(PluginError) as raised:
        site(tmp_path, text)
    assert str(tmp_path / "backend_site.py") in raised.value.message
    assert words in raised.value.message
    assert "\n" not in raised.value.message


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "backend_site.py").write_bytes(b"\xff\xfe\x00binary")
    with pytest.raises(PluginError, match="backend_site"):
        load_backend("site", folders=[tmp_path])


def test_a_folder_in_place_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "backend_site.py").mkdir()
    with pytest.raises(PluginError, match="Is a directory"):
        load_backend("site", folders=[tmp_path])


@pytest.mark.parametrize(("method", "step"), [("init", LiveFeed.open), ("pre_update", LiveFeed.latest)])
def test_a_method_that_everything_needs(
    tmp_path: Path, method: str, step: Callable[[LiveFeed], object]
) -> None:
    feed = site(
        tmp_path,
        HEAD + f"class Backend(BackendBase):\n    def {method}(self):\n        return helper()\n\n\n"
        "def helper():\n    raise OSError('no route')\n",
    )
    with pytest.raises(PluginError, match=rf"backend_site\.py line 10, in {method}\(\): OSError: no route"):
        step(feed)


def test_a_failed_cycle_may_be_tried_again(tmp_path: Path) -> None:
    feed = site(
        tmp_path,
        HEAD + "class Backend(BackendBase):\n    tries = 0\n\n    def pre_update(self):\n"
        "        self.tries += 1\n        if self.tries == 1:\n            raise OSError\n\n"
        "    def hostnames(self):\n        return ['n1']\n",
    )
    with pytest.raises(PluginError):
        feed.latest()
    assert set(feed.latest().nodes) == {"n1"}


def test_endless_recursion_costs_one_reading(tmp_path: Path) -> None:
    feed = site(
        tmp_path,
        HEAD + "class Backend(BackendBase):\n    def hostnames(self):\n        return ['n1']\n\n"
        "    def mem(self, name):\n        return self.mem(name)\n\n"
        "    def n_cpus(self, name):\n        return 4\n",
    )
    snapshot = feed.latest()
    assert snapshot.nodes["n1"].n_cpus == 4
    assert any("RecursionError" in (source.error or "") for source in snapshot.sources)


def test_what_a_file_prints_goes_to_the_log(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "jobmon_tui"):
        feed = site(
            tmp_path,
            "import sys\n" + HEAD + "print('imported')\n\n\nclass Backend(BackendBase):\n"
            "    def init(self):\n        print('started', file=sys.stderr)\n\n"
            "    def pre_update(self):\n        sys.stdout.write('no line end')\n\n"
            "    def hostnames(self):\n        print('two\\nlines')\n        return ['n1']\n\n"
            "    def close(self):\n        print('closed')\n",
        )
        before = sys.stdout, sys.stderr
        feed.open()
        feed.latest()
        feed.close()
    assert (sys.stdout, sys.stderr) == before
    assert capfd.readouterr() == ("", "")
    printed = [record.getMessage() for record in caplog.records]
    assert printed == [
        "printed: imported",
        "printed: started",
        "printed: no line endtwo",
        "printed: lines",
        "printed: closed",
    ]


def test_other_threads_print_as_before(capsys: pytest.CaptureFixture[str]) -> None:
    with printed_to_log():
        thread = threading.Thread(target=lambda: print("from elsewhere"))
        thread.start()
        thread.join()
        print("from the site")
    assert capsys.readouterr().out == "from elsewhere\n"


def test_a_log_that_prints_does_not_print_forever(capsys: pytest.CaptureFixture[str]) -> None:
    class Printing(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            print("logged", record.getMessage())

    logger = logging.getLogger("jobmon_tui.backends.output")
    handler = Printing()
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.INFO)
    try:
        with printed_to_log():
            print("once")
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    assert capsys.readouterr().out == "logged printed: once\n"


def test_streams_that_somebody_else_took_are_left_to_them(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = open("/dev/null", "w", encoding="utf-8")  # noqa: PTH123, SIM115
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    with theirs:
        with printed_to_log():
            sys.stdout = theirs
        assert sys.stdout is theirs


def test_an_error_that_cannot_be_told_and_one_that_never_ends() -> None:
    class MuteError(Exception):
        def __str__(self) -> str:
            raise ValueError

    assert describe(MuteError()) == "MuteError: (it cannot say what)"
    assert len(describe(ValueError("x" * 10**6))) <= 300
    assert "\n" not in describe(ValueError("two\nlines"))
    assert describe(SourceError("as it is")) == "as it is"


@pytest.mark.parametrize(
    "attribute", ["cycle", "close", "sources", "title", "default_interval", "kind", "guard"]
)
def test_attributes_with_our_names_do_no_harm(tmp_path: Path, attribute: str) -> None:
    feed = site(
        tmp_path,
        HEAD + f"class Backend(BackendBase):\n    def __init__(self):\n        self.{attribute} = 0\n\n"
        "    def hostnames(self):\n        return ['n1']\n",
    )
    feed.open()
    snapshot = feed.latest()
    feed.close()
    assert set(snapshot.nodes) == {"n1"}
    assert (feed.title, feed.kind, feed.interval) == ("site", "live", 10.0)
