"""The command line: what is understood, what is refused in words, and how commands end."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import pytest

from jobmon_tui import __version__
from jobmon_tui.analysis.warnings import Thresholds
from jobmon_tui.cli import main
from jobmon_tui.cli.arguments import parse_arguments
from jobmon_tui.cli.feeds import DEMO_NOTICE, choose_feed
from jobmon_tui.config import Config
from jobmon_tui.config_sections import HistorySettings, ObserveSettings
from jobmon_tui.errors import JobmonError, UsageError
from jobmon_tui.feeds.base import Feed
from jobmon_tui.feeds.live import LiveFeed
from jobmon_tui.feeds.remembered import RememberedFeed
from jobmon_tui.feeds.spool import SpoolFeed
from jobmon_tui.tui.options import WatchOptions

COMMANDS = ("watch", "wall", "report", "doctor", "serve")


@pytest.fixture
def slurm_here(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    def set_presence(here: bool) -> None:
        monkeypatch.setattr("jobmon_tui.sources.slurm.choose.slurm_is_here", lambda: here)

    set_presence(False)
    return set_presence


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class App:
    """Stands for the app: takes what it is opened with, on streams that are terminals."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.opened: list[tuple[Feed, WatchOptions]] = []
        self.streams: dict[str, io.StringIO] = {name: Terminal() for name in ("stdin", "stdout", "stderr")}
        self._monkeypatch = monkeypatch
        monkeypatch.setattr("jobmon_tui.tui.app.run_app", self._run_app)

    def run(self, *words: str) -> int:
        with self._monkeypatch.context() as patched:
            for name, stream in self.streams.items():
                patched.setattr(sys, name, stream)
            return main(words)

    @property
    def told(self) -> str:
        return self.streams["stderr"].getvalue()

    def _run_app(self, feed: Feed, options: WatchOptions) -> int:
        self.opened.append((feed, options))
        return 0


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> App:
    return App(monkeypatch)


def chosen(*words: str) -> tuple[Feed, str]:
    return choose_feed(parse_arguments(words))


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_of_every_command_has_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"] if command else ["--help"]) == 0
    printed = capsys.readouterr().out
    assert "examples:" in printed
    assert f"jobmon {command}".strip() in printed
    assert "--spool" in printed


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"jobmon {__version__}\n"


@pytest.mark.parametrize("words", [[], ["watch"], ["--demo"], ["watch", "--demo"], ["--demo", "watch"]])
def test_watch_is_the_default(words: list[str]) -> None:
    arguments = parse_arguments(words)
    assert arguments.command == "watch"
    assert arguments.demo is ("--demo" in words)


@pytest.mark.parametrize("command", COMMANDS)
def test_source_options_hold_before_and_behind_every_command(command: str) -> None:
    options = ["--backend", "site", "--backend-path", "a", "--backend-path", "b", "--user", "ada"]
    for words in ([*options, command], [command, *options]):
        arguments = parse_arguments(words)
        assert (arguments.backend, arguments.backend_path, arguments.user) == ("site", ["a", "b"], "ada")


def test_what_is_said_behind_the_command_outranks() -> None:
    assert parse_arguments(["--user", "ada", "wall", "--user", "bea"]).user == "bea"


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["--fliter", "x"], "there is no option --fliter", "--filter"),
        (["wtach"], "invalid choice: 'wtach'", "jobmon --help"),
        (["wall", "--offline"], "jobmon wall has no option --offline", "jobmon wall --help"),
        (["--interval", "0"], "must be from 0.5 seconds", ""),
        (["--interval", "nan"], "must be from 0.5 seconds", ""),
        (["--interval", "soon"], "not a number of seconds: 'soon'", ""),
        (["--demo-nodes", "0"], "must be from 1 to 10000 (nodes), not 0", ""),
        (["--demo-nodes", "10001"], "not 10001", ""),
        (["--demo-jobs", "50001"], "must be from 0 to 50000 (jobs), not 50001", ""),
        (["--demo-jobs", "many"], "not a whole number: 'many'", ""),
        (["--view", "moon"], "invalid choice: 'moon'", ""),
        (["--user", " "], "names nothing", ""),
        (["--spool"], "expected one argument", ""),
        (["wall", "--page-seconds", "-1"], "must be from 0.5", ""),
        (["--dem"], "there is no option --dem", "--demo"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(
    words: list[str], message: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("jobmon: ")
    assert message in err
    assert hint in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--demo", "--spool", "."], "--spool and --demo cannot be had at once"),
        (["--demo", "--backend", "site"], "--backend and --demo cannot be had at once"),
        (["--spool", ".", "--backend", "site"], "--spool and --backend cannot be had at once"),
        (["--demo-seed", "3", "--backend", "slurm"], "--backend and --demo cannot be had at once"),
        (["--backend-path", "."], "--backend-path needs --backend NAME"),
        (["--backend-path", "no/such", "--backend", "x"], "--backend-path: there is no folder no/such"),
        (["--mine", "--user", "ada"], "--mine and --user cannot be had at once"),
        (["--spool", "no/such"], "--spool: there is no folder no/such"),
        (["--backend", "no_such_site"], "there is no backend named 'no_such_site'"),
    ],
)
def test_contradictions_are_refused(words: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        chosen(*words)


def test_without_slurm_the_demo_is_shown_and_said_to_be(slurm_here: Callable[[bool], None]) -> None:
    feed, notice = chosen()
    assert (feed.kind, notice) == ("demo", DEMO_NOTICE)
    feed, notice = chosen("--demo")
    assert (feed.kind, notice) == ("demo", "")


def test_with_slurm_it_is_shown(slurm_here: Callable[[bool], None]) -> None:
    slurm_here(True)
    feed, notice = chosen()
    assert isinstance(feed, LiveFeed)
    assert (feed.title, feed.kind, notice) == ("slurm", "live", "")
    assert chosen("--demo-nodes", "7")[0].kind == "demo"


def test_demo_options_reach_the_demo() -> None:
    feed, _ = chosen("--backend", "demo", "--demo-nodes", "7", "--demo-jobs", "20", "--demo-seed", "5")
    feed.open()
    assert len(feed.latest().nodes) == 7


def test_spool(tmp_path: Path) -> None:
    feed, notice = chosen("--spool", str(tmp_path))
    assert isinstance(feed, SpoolFeed)
    assert notice == ""
    assert feed.kind == "recorded"
    watched, _ = choose_feed(parse_arguments(["--spool", str(tmp_path)]), watching=True)
    assert watched.kind == "live"


def test_who_watches_a_live_cluster_has_it_remembered_unless_they_said_no(
    slurm_here: Callable[[bool], None],
) -> None:
    slurm_here(True)
    arguments = parse_arguments([])
    assert isinstance(choose_feed(arguments, watching=True)[0], RememberedFeed)
    assert not isinstance(choose_feed(arguments)[0], RememberedFeed)
    off = Config(history=HistorySettings(on=False))
    assert not isinstance(choose_feed(arguments, off, watching=True)[0], RememberedFeed)
    assert not isinstance(choose_feed(parse_arguments(["--demo"]), watching=True)[0], RememberedFeed)


def test_one_users_jobs_are_a_filter_of_the_job_list(app: App, slurm_here: Callable[[bool], None]) -> None:
    import pwd

    own = pwd.getpwuid(os.geteuid()).pw_name
    assert app.run("--demo", "--mine") == 0
    assert app.run("--demo", "--user", "ada", "--filter", "gpu>0", "--view", "cluster") == 0
    mine, theirs = (options for _, options in app.opened)
    assert (mine.view, mine.filter) == ("jobs", f"user:{own}")
    assert theirs.view == "cluster"
    assert set(theirs.filter.split()) == {"gpu>0", "user:ada"}


def test_mine_without_a_name(monkeypatch: pytest.MonkeyPatch, app: App) -> None:
    def nobody(_: int) -> None:
        raise KeyError

    monkeypatch.setattr("pwd.getpwuid", nobody)
    assert app.run("--demo", "--mine") == 2
    assert "has no name on this machine" in app.told


def test_options_reach_the_app(app: App) -> None:
    words = "--demo --view queue --interval 2.5 --theme jobmon-light --filter user:ada"
    assert app.run(*words.split()) == 0
    ((feed, options),) = app.opened
    assert feed.kind == "demo"
    assert options == WatchOptions(
        view="queue",
        filter="user:ada",
        interval=2.5,
        theme="jobmon-light",
        thresholds=Thresholds(),
        observe=ObserveSettings(),
    )


def test_wall_reaches_the_app(app: App, slurm_here: Callable[[bool], None]) -> None:
    assert app.run("wall", "--page-seconds", "7") == 0
    ((_, options),) = app.opened
    assert options == WatchOptions(
        wall=True,
        wall_seconds=7.0,
        notice=DEMO_NOTICE,
        thresholds=Thresholds(),
        observe=ObserveSettings(),
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--filter", "cores>>x"], "--filter: expected a number after cores> (character 7 of 'cores>>x')"),
        (["--theme", "plaid"], "--theme: there is no theme 'plaid'"),
    ],
)
def test_what_the_app_would_refuse_is_refused_before(words: list[str], message: str, app: App) -> None:
    assert app.run("--demo", *words) == 2
    assert app.opened == []
    assert message in app.told


@pytest.mark.parametrize("stream", ["stdin", "stdout", "stderr"])
def test_without_a_terminal_there_is_one_clear_line(stream: str, app: App) -> None:
    app.streams[stream] = io.StringIO()
    assert app.run("--demo") == 2
    assert app.told.startswith("jobmon: jobmon needs a terminal; for text use `jobmon report`\n")
    assert app.opened == []


@pytest.mark.parametrize("kind", ["", "dumb"])
def test_a_terminal_that_cannot_be_drawn_on(kind: str, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", kind)
    assert app.run("--demo") == 2
    assert app.opened == []


def fail_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    def fail(arguments: Namespace) -> int:
        raise error

    monkeypatch.setattr("jobmon_tui.cli.doctor.run", fail)
    return main(["doctor"])


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (JobmonError("it \x1b[2J broke", "mend it"), 1, "jobmon: it �[2J broke\n        mend it\n"),
        (UsageError("asked wrongly"), 2, "jobmon: asked wrongly\n"),
        (KeyboardInterrupt(), 130, ""),
        (SystemExit(3), 3, ""),
        (SystemExit(), 0, ""),
    ],
)
def test_how_commands_end(
    error: BaseException,
    status: int,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert fail_with(monkeypatch, error) == status
    assert capsys.readouterr() == ("", told)


def test_an_own_fault_is_one_line_and_a_traceback_in_the_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], isolated: Path
) -> None:
    assert fail_with(monkeypatch, ZeroDivisionError("one\ntwo")) == 70
    told = capsys.readouterr().err
    log = isolated / ".local" / "state" / "jobmon" / "jobmon.log"
    assert (
        told == f"jobmon: ZeroDivisionError: one two (a fault of jobmon's: the full traceback is in {log})\n"
    )
    assert "Traceback (most recent call last)" in log.read_text(encoding="utf-8")


def test_an_own_fault_without_a_home(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert fail_with(monkeypatch, ZeroDivisionError()) == 70
    (written,) = tmp_path.glob("jobmon-*.log")
    assert str(written) in capsys.readouterr().err


def test_a_log_that_has_grown_is_put_away(
    monkeypatch: pytest.MonkeyPatch, isolated: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = isolated / ".local" / "state" / "jobmon" / "jobmon.log"
    log.parent.mkdir(parents=True)
    log.write_text("x" * 1_000_001, encoding="utf-8")
    assert fail_with(monkeypatch, ZeroDivisionError()) == 70
    assert log.stat().st_size < 10_000
    assert log.with_suffix(".log.1").stat().st_size == 1_000_001


def jobmon(command: str) -> subprocess.CompletedProcess[str]:
    """Run a shell command in which ``jobmon`` is this jobmon."""
    function = f'jobmon() {{ "{sys.executable}" -m jobmon_tui "$@"; }}; set -o pipefail; {command}'
    return subprocess.run(
        ["bash", "-c", function], capture_output=True, text=True, timeout=60, check=False, env=os.environ
    )


def test_a_reader_that_leaves_is_no_failure_to_tell() -> None:
    ended = jobmon("jobmon doctor --offline --demo | true")
    assert ended.stderr == ""
    assert ended.returncode in (0, 141)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_told() -> None:
    ended = jobmon("jobmon doctor --offline --demo > /dev/full")
    assert ended.returncode == 1
    assert ended.stderr == "jobmon: cannot write the output: No space left on device\n"


def test_closed_streams_do_no_harm() -> None:
    ended = jobmon("jobmon doctor --offline --demo >&- 2>&-")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert jobmon("jobmon --demo <&- >&- 2>&-").returncode == 2


def test_an_encoding_without_our_characters() -> None:
    ended = jobmon("PYTHONIOENCODING=ascii PYTHONUTF8=0 jobmon --filter 'user:ä:ö>' < /dev/null")
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
