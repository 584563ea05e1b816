"""The configuration as the commands use it: ``jobmon config``, what flags outrank, and what doctor tells."""

from __future__ import annotations

import inspect
import io
import os
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from jobmon_tui.backends.measured import MeasuredBackend
from jobmon_tui.cli import main
from jobmon_tui.cli.arguments import parse_arguments
from jobmon_tui.cli.feeds import backend_options, choose_backend, choose_feed
from jobmon_tui.cli.settings import check_settings, load_settings, thresholds_of
from jobmon_tui.config_defaults import default_config
from jobmon_tui.config_measuring import GangliaSettings, InfluxSettings
from jobmon_tui.errors import UsageError
from jobmon_tui.feeds.base import Feed
from jobmon_tui.feeds.live import LiveFeed
from jobmon_tui.sources.ganglia import GangliaSource
from jobmon_tui.sources.influxdb import InfluxOptions, InfluxSource
from jobmon_tui.sources.slurm.choose import ChosenSlurm
from jobmon_tui.tui.options import VIEWS, WatchOptions
from jobmon_tui.tui.remember import Remembered

Write = Callable[[str], Path]


@pytest.fixture(autouse=True)
def site_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "etc"
    folder.mkdir()
    monkeypatch.setattr("jobmon_tui.paths.SITE_FOLDER", folder)
    monkeypatch.setattr("jobmon_tui.sources.slurm.choose.slurm_is_here", lambda: True)
    return folder


@pytest.fixture(autouse=True)
def modules_as_before() -> Iterator[None]:
    path = list(sys.path)
    yield
    sys.path[:] = path


@pytest.fixture
def write(isolated: Path) -> Write:
    """Writes the user's own file."""

    def write_user(text: str) -> Path:
        path = isolated / ".config" / "jobmon" / "config.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write_user


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Callable[..., WatchOptions]:
    """Opens the app with these words and returns what it is opened with."""
    options: list[WatchOptions] = []

    def open_app(_: Feed, asked: WatchOptions) -> int:
        options.append(asked)
        return 0

    monkeypatch.setattr("jobmon_tui.tui.app.run_app", open_app)

    def run(*words: str) -> WatchOptions:
        class Terminal(io.StringIO):
            def isatty(self) -> bool:
                return True

        with monkeypatch.context() as patched:
            streams = {name: Terminal() for name in ("stdin", "stdout", "stderr")}
            for name, stream in streams.items():
                patched.setattr(sys, name, stream)
            status = main(words)
        assert status == 0, streams["stderr"].getvalue()
        return options.pop()

    return run


def source_of(*words: str) -> Any:
    """Who asks Slurm, in the backend that is chosen."""
    arguments = parse_arguments(words)
    feed: Any = choose_feed(arguments, load_settings(arguments))[0]
    return feed._backend._source


# -- what the app opens with -------------------------------------------------------------------------------


def test_flags_outrank_the_configuration(write: Write, opened: Callable[..., WatchOptions]) -> None:
    write("[watch]\ninterval = 40\ntheme = 'jobmon-light'\nview = 'queue'\nfilter = 'gpu>0'\n")
    options = opened()
    assert (options.interval, options.theme, options.view) == (40, "jobmon-light", "queue")
    assert options.filter == "gpu>0"
    options = opened("--interval", "5", "--theme", "jobmon-dark", "--view", "jobs", "--filter", "")
    assert (options.interval, options.theme, options.view) == (5, "jobmon-dark", "jobs")
    assert options.filter == ""
    options = opened("--user", "ada")
    assert options.view == "jobs"
    assert "gpu>0" in options.filter
    assert "user:ada" in options.filter


def test_what_the_app_remembers_stands_between_the_sites_file_and_the_users_own(
    write: Write, site_folder: Path, opened: Callable[..., WatchOptions]
) -> None:
    (site_folder / "config.toml").write_text("[watch]\ninterval = 40\ntheme = 'jobmon-light'\n")
    assert (opened().interval, opened().theme) == (40, "jobmon-light")
    Remembered(interval=7.0, theme="").save()
    assert (opened().interval, opened().theme) == (None, "jobmon-light")
    write("[watch]\ninterval = 20\n")
    assert opened().interval == 20


def test_columns_and_thresholds_reach_the_app(
    write: Write, site_folder: Path, opened: Callable[..., WatchOptions]
) -> None:
    (site_folder / "config.toml").write_text("[watch.columns]\njobs = ['id']\nnodes = ['name']\n")
    write("[watch.columns]\nqueue = ['id', 'user']\n[thresholds]\nwarn_util = 50\n")
    Remembered(columns={"nodes": ["state"], "queue": ["id"]}).save()
    options = opened()
    assert options.columns == {"jobs": ("id",), "queue": ("id", "user")}
    assert options.thresholds is not None
    assert options.thresholds.warn_util == 50


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[watch]\ntheme = 'jobmon-drak'", "watch.theme names no theme: 'jobmon-drak'"),
        ("[watch]\n\nview = 'job'", "line 3: watch.view names no view: 'job'"),
        ("[watch]\nfilter = 'cores>x'", "watch.filter is no filter"),
        ("[watch.columns]\njobs = ['usr']", "watch.columns.jobs names no column: 'usr'"),
        ("[backend]\nname = 'x'\npath = ['no/such']", "line 3: backend.path names no folder"),
        ("[backend]\nname = 'no_such'", "there is no backend named 'no_such'"),
        ("[watch", "line 1"),
    ],
)
def test_a_wrong_configuration_opens_nothing(
    text: str, message: str, write: Write, opened: Callable[..., WatchOptions]
) -> None:
    write(text)
    with pytest.raises(AssertionError, match="jobmon: ") as caught:
        opened()
    assert message in str(caught.value)


# -- backend and Slurm -------------------------------------------------------------------------------------


def test_the_backend_of_the_configuration(write: Write, tmp_path: Path) -> None:
    (tmp_path / "backend_site.py").write_text(
        "from backend_base import BackendBase\n\n\nclass Backend(BackendBase):\n"
        "    def __init__(self, size=1):\n        self.title = f'site of {size}'\n",
        encoding="utf-8",
    )
    write(f"[backend]\nname = 'site'\npath = ['{tmp_path}']\noptions = {{ size = 3 }}\n")

    def title(*words: str) -> str:
        arguments = parse_arguments(words)
        return choose_feed(arguments, load_settings(arguments))[0].title

    assert title() == "site of 3"
    # Named again on the command line it is the same; another one does not get its options.
    assert title("--backend", "site") == "site of 3"
    assert title("--backend", "demo") == "demo"
    assert title("--demo") == "demo"
    assert title("--spool", str(tmp_path)).startswith("spool")


@pytest.mark.parametrize("here", [True, False])
def test_slurm_is_asked_as_configured(here: bool, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobmon_tui.sources.slurm.choose.has_commands", lambda: here)
    monkeypatch.setattr("jobmon_tui.sources.slurm.choose.has_pyslurm", lambda: here)
    assert source_of() is None
    write("[slurm]\ntimeout = 7\n")
    source = source_of()
    assert (source._commands is not None, source._pyslurm is not None) == (here, here)
    if here:
        assert source._commands._runner._timeout == 7
    write("[slurm]\nprefer = 'commands'\n")
    source = source_of()
    assert (source._commands is not None, source._pyslurm) == (here, None)
    write("[slurm]\nprefer = 'pyslurm'\n")
    if here:
        source = source_of()
        assert (source._commands, source._pyslurm is not None) == (None, True)
    else:
        with pytest.raises(UsageError, match="which is not installed"):
            source_of()


def test_sections_go_to_the_backends_that_measure(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobmon_tui.sources.slurm.choose.has_commands", lambda: True)

    def chosen(text: str, *words: str) -> tuple[str, dict[str, object]]:
        write(text)
        arguments = parse_arguments(words)
        config = load_settings(arguments)
        name = choose_backend(arguments, config)[0]
        return name, backend_options(name, config)

    assert chosen("") == ("slurm", {})
    assert chosen("[ganglia]\ntimeout = 5") == ("slurm", {})
    for section in (
        "[nodes]\ncounted = ['a*']",
        "[influxdb]\nurl = 'http://a'",
        "[prometheus]\nurl = 'http://a'",
    ):
        assert chosen(section)[0] == "measured"
    name, options = chosen("[ganglia]\naddresses = ['head:8651']\n[slurm]\ntimeout = 3")
    assert (name, list(options)) == ("measured", ["slurm"])
    assert chosen("[slurm]\nown_use = false")[1]["own_use"] is False
    text = "[backend]\nname = 'ozstar'\noptions = { short_user_names = true }\n"
    assert chosen(text) == ("ozstar", {"short_user_names": True})
    assert chosen(text, "--backend", "slurm") == ("slurm", {})


def test_a_sites_own_backend_gets_the_sections_that_it_names(write: Write, tmp_path: Path) -> None:
    (tmp_path / "backend_mine.py").write_text(
        """from backend_base import BackendBase


class Backend(BackendBase):
    def __init__(self, nodes=3, *, ganglia=None, influxdb=None, colour="red"):
        self.got = (nodes, ganglia, influxdb, colour)
"""
    )
    write("[ganglia]\naddresses = ['head:8651']\n[backend]\nname = 'mine'\noptions = { colour = 'blue' }\n")
    arguments = parse_arguments(["--backend", "mine", "--backend-path", str(tmp_path)])
    feed, _ = choose_feed(arguments, load_settings(arguments))
    assert isinstance(feed, LiveFeed)
    nodes, ganglia, influxdb, colour = cast(Any, feed._backend).got
    assert ganglia.addresses == ("head:8651",)
    assert influxdb.url is None
    assert (nodes, colour) == (3, "blue")


def test_thresholds_reach_the_report(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("[thresholds]\nwarn_util = 50\nwarning_window = 60\n")
    seen: list[Any] = []

    def build(*_: object, **keywords: Any) -> dict[str, Any]:
        seen.append(keywords["thresholds"])
        raise UsageError("seen enough")

    monkeypatch.setattr("jobmon_tui.analysis.report.build_report", build)
    assert main(["report", "--demo", "--demo-nodes", "2", "--demo-jobs", "0"]) == 2
    assert (seen[0].warn_util, seen[0].warning_window, seen[0].warn_sys) == (50, 60, 30)
    assert seen[0] == thresholds_of(load_settings(parse_arguments([])))


# -- jobmon config -----------------------------------------------------------------------------------------


def test_defaults_and_path_need_no_good_configuration(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write("[[[")
    assert main(["config", "--defaults"]) == 0
    assert set(tomllib.loads(capsys.readouterr().out)) >= {"watch", "backend", "slurm", "thresholds"}
    assert main(["config", "--path"]) == 0
    assert capsys.readouterr().out == f"{path}\n"
    assert main(["config"]) == 2
    assert capsys.readouterr().err.startswith(f"jobmon: {path}, line 1: ")


def test_what_is_configured_is_printed_as_a_configuration(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write("[watch]\ninterval = 5\n[clusters.'my site'.watch]\nfilter = 'a\\\u202e'\n")
    other = tmp_path / "other.toml"
    other.write_text("[slurm]\ntimeout = 9\n", encoding="utf-8")
    assert main(["config", "--config", str(other)]) == 0
    printed = capsys.readouterr().out
    assert tomllib.loads(printed) == {
        "watch": {"interval": 5},
        "slurm": {"timeout": 9},
        "clusters": {"my site": {"watch": {"filter": "a\\\u202e"}}},
    }
    assert "\u202e" not in printed
    assert f"# {path}, line 2\nwatch.interval = 5\n" in printed
    assert printed.index(str(other)) < printed.index(str(path))


def test_the_check_tells_everything_that_is_wrong(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--check"]) == 0
    assert capsys.readouterr().out == "Nothing is wrong. There is no file; everything has its default.\n"
    path = write("[watch]\ninterval = 5\n")
    assert main(["config", "--check"]) == 0
    assert capsys.readouterr().out == f"Nothing is wrong. Read: {path}.\n"
    write("[watch]\nx = 1\ny = 2\n")
    assert main(["config", "--check"]) == 2
    assert [line for line in capsys.readouterr().err.splitlines() if line.startswith("jobmon")] == [
        f"jobmon: {path}, line 2: [watch] has no key x",
        f"jobmon: {path}, line 3: [watch] has no key y",
    ]
    write(
        "[watch]\nview = 'quue'\ntheme = 'x'\nfilter = 'cores>x'\n[watch.columns]\njobs = ['id', 'usr']\n"
        "nodes = ['id']\n[backend]\npath = ['no']\noptions = { a = 1 }\n"
    )
    assert main(["config", "--check"]) == 2
    printed = capsys.readouterr().err
    assert printed.count("jobmon: ") == 7
    assert f"{path}, line 6: watch.columns.jobs names no column: 'usr'" in printed
    assert "Did you mean user? There are: alert, id," in printed
    assert "Did you mean queue?" in printed


@pytest.mark.parametrize(
    "words", [["--defaults", "--path"], ["--defaults=1"], ["--demo", "--offline"], ["--config", " "]]
)
def test_what_cannot_be_asked(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", *words]) == 2
    assert capsys.readouterr().err.startswith("jobmon: ")


def test_a_variable_that_names_no_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JOBMON_CONFIG", "no/such\x1b[31m.toml")
    assert main(["report", "--demo"]) == 2
    assert capsys.readouterr().err == "jobmon: there is no configuration file no/such�[31m.toml\n"


def test_every_view_and_column_that_is_documented_exists(write: Write) -> None:
    text = re.sub(r"(?m)^#(?=\w)", "", default_config())
    write(text.replace('["/opt/site/backends"]', "[]"))
    assert list(check_settings(load_settings(parse_arguments([])))) == []
    documented = re.search(r"The view that is opened: (.*?);", default_config())
    assert documented is not None
    assert documented[1].replace(" or ", ", ").split(", ") == list(VIEWS)


# -- doctor ------------------------------------------------------------------------------------------------


def doctors_lines(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    main(["doctor", "--offline", "--demo", *words])
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_doctor_tells_where_values_come_from(
    write: Write, site_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write("[watch]\ninterval = 5\n[backend]\nname = 'x'\noptions = { password = 'hunter2' }\n")
    lines = doctors_lines(capsys)
    assert f"ok user file {path}" in lines
    assert f"site file {site_folder / 'config.toml'} (not there)" in lines
    assert f"watch.interval 5 ({path}, line 2)" in lines
    assert f"backend.options {{ password }} ({path}, line 5)" in lines
    assert not any("hunter2" in line for line in lines)


def test_doctor_warns_of_files_that_anybody_may_read_or_write(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = tmp_path / "token"
    path = write(f"[influxdb]\ntoken_file = '{secret}'\n")
    assert f"missing influxdb.token_file {secret} is not there" in doctors_lines(capsys)
    secret.write_text("hunter2", encoding="utf-8")
    secret.chmod(0o640)
    assert f"ok influxdb.token_file {secret}: kept from others" in doctors_lines(capsys)
    secret.chmod(0o644)
    lines = doctors_lines(capsys)
    assert f"warning influxdb.token_file {secret}: anybody may read it" in lines
    assert f"chmod o-rwx {secret}" in lines
    assert f"ok user file {path}" in lines
    path.chmod(0o666)
    assert f"warning user file {path}: anybody may write to it" in doctors_lines(capsys)
    secret.unlink()
    os.mkfifo(secret)
    assert f"failed influxdb.token_file {secret} is no file" in doctors_lines(capsys)


def test_doctor_finds_what_is_wrong(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    path = write("[watch]\nx = 1\ny = 2\n")
    assert main(["doctor", "--offline", "--demo"]) == 1
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert f"failed wrong {path}, line 2: [watch] has no key x" in lines
    assert f"failed wrong {path}, line 3: [watch] has no key y" in lines
    assert "failed jobmon shows nothing: its configuration is wrong" in lines
    write("[watch]\nview = 'x'\n")
    assert f"failed wrong {path}, line 2: watch.view names no view: 'x'" in doctors_lines(capsys)


# -- the sources that are configured -----------------------------------------------------------------------


def test_defaults_are_those_of_the_sources() -> None:
    influxdb, there = InfluxSettings(), InfluxOptions()
    for name in (
        "dialect",
        "database",
        "bucket",
        "ca_file",
        "window",
        "job_window",
        "interval",
        "job_interval",
    ):
        assert getattr(influxdb, name) == getattr(there, name), name
    ganglia, signature = GangliaSettings(), inspect.signature(GangliaSource)
    for name in ("timeout", "dead_after"):
        assert getattr(ganglia, name) == signature.parameters[name].default, name


def test_what_is_configured_is_what_measures(write: Write) -> None:
    write("[ganglia]\naddresses = ['a:1']\n[influxdb]\nurl = 'http://b'\n[slurm]\nprefer = 'commands'\n")
    arguments = parse_arguments([])
    feed: Any = choose_feed(arguments, load_settings(arguments))[0]
    assert isinstance(feed._backend, MeasuredBackend)
    assert isinstance(feed._backend._source, ChosenSlurm)
    sources: list[Any] = [kept.source for kept in feed._backend._measuring._kept]
    measuring = [type(source.here) for source in sources]
    assert measuring == [GangliaSource, InfluxSource]
