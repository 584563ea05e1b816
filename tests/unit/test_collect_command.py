"""``jobmon collect`` on the command line: what it writes, prints, refuses, and how it ends."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from jobmon_tui.cli import main
from jobmon_tui.cli.collect_settings import recorder_of, write_back_of
from jobmon_tui.config import ConfigError, load_config
from jobmon_tui.feeds.spool import SpoolFeed
from jobmon_tui.sources.influxdb import InfluxOptions
from tests.collecting import Clock, Site, make, plain, status

SMALL = ("--demo", "--demo-nodes", "5", "--demo-jobs", "20")


@pytest.fixture(autouse=True)
def no_slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobmon_tui.sources.slurm.choose.slurm_is_here", lambda: False)


@pytest.fixture
def configure(tmp_path: Path) -> Callable[[str], str]:
    def write(text: str) -> str:
        path = tmp_path / "config.toml"
        path.write_text(text)
        return str(path)

    return write


def test_once_writes_one_snapshot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spool = tmp_path / "spool"
    assert main(["collect", "--once", "--spool", str(spool), *SMALL]) == 0
    assert len(SpoolFeed(spool).latest().nodes) == 5
    said = status(spool)
    assert (said["cycles"], said["ended"], said["interval"]) == (1, True, 30)
    assert capsys.readouterr().out == ""


def test_the_spool_may_stand_before_the_command(tmp_path: Path) -> None:
    assert main(["--spool", str(tmp_path), *SMALL, "collect", "--once"]) == 0
    assert len(SpoolFeed(tmp_path).latest().nodes) == 5


def test_once_that_cannot_write_fails_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["collect", "--once", "--spool", str(tmp_path / "a" / "spool"), *SMALL]) == 1
    assert f"{tmp_path / 'a'} does not exist" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_second_collector_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    assert make(tmp_path, clock, Site(clock)).cycle()
    assert main(["collect", "--once", "--spool", str(tmp_path), *SMALL]) == 1
    told = capsys.readouterr().err
    assert f"jobmon: another collector writes to {tmp_path}: process " in told
    assert "Traceback" not in told


def test_standard_output_gets_one_document_and_the_disk_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spool = tmp_path / "spool"
    assert main(["collect", "--stdout", "--spool", str(spool), *SMALL]) == 0
    out, err = capsys.readouterr()
    assert out.count("\n") == 1
    document = json.loads(out)
    assert document["api"] == 15
    assert len(document["nodes"]) == 5
    assert err == ""
    assert not spool.exists()


def test_the_configuration_says_what_is_kept(tmp_path: Path, configure: Callable[[str], str]) -> None:
    named = configure(
        '[collect]\nspool = "spool"\nupdate_interval = 45\nsnapshot_files = false\nmode = "0640"\n'
        'lock_file = "lock"\n'
    )
    assert main(["collect", "--once", "--config", named, *SMALL]) == 0
    spool = tmp_path / "spool"
    assert status(spool)["interval"] == 45
    assert [path.name for path in spool.glob("data*")] == ["data.json.gz"]
    assert (spool / "data.json.gz").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "lock").exists()
    assert not (spool / "collector.lock").exists()
    assert main(["collect", "--once", "--interval", "5", "--config", named, *SMALL]) == 0
    assert status(spool)["interval"] == 5
    assert len(plain(spool / "history.json.gz")["history"]) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["collect", *SMALL], "needs a folder to write to"),
        (["collect", "--spool", "", *SMALL], "needs a folder to write to"),
        (["collect", "--spool", "x"], "there is no Slurm on this machine to collect from"),
        (["collect", "--spool", "x", "--user", "ada", *SMALL], "collects for everyone"),
        (["collect", "--spool", "x", "--mine", *SMALL], "collects for everyone"),
        (["collect", "--once", "--stdout", *SMALL], "not allowed with argument"),
        (["collect", "--interval", "0.01"], "must be from 0.1 seconds"),
        (["collect", "--interval", "inf"], "must be from 0.1 seconds"),
        (["collect", "--spool", "x", "--demo", "--backend", "site"], "cannot be had at once"),
    ],
)
def test_what_makes_no_sense_is_refused(
    words: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ('mode = "0755"', "must only say who may read and write"),
        ('mode = "0444"', "must let the owner read and write"),
        ('mode = "rw"', "must be a mode in octal digits"),
        ('owner = "no such user"', "names nobody on this machine"),
        ('group = "no such group"', "names no group of this machine"),
        ("influxdb.write = true", "does not say where InfluxDB answers"),
        ("update_interval = 0", "must be from 0.1 to 86400"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(
    setting: str, message: str, configure: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    named = configure(f'[collect]\nspool = "spool"\n{setting}\n')
    assert main(["collect", "--once", "--config", named, *SMALL]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert "line 3" in told


def test_owner_and_group_may_be_numbers(configure: Callable[[str], str], tmp_path: Path) -> None:
    named = configure('[collect]\nowner = "123"\ngroup = "0"\n')
    config = load_config({}, tmp_path, tmp_path / "etc", Path(named))
    assert (config.collect.owner, config.collect.group) == ("123", "0")
    recorder_of(tmp_path, config)


def influx_options(text: str, tmp_path: Path, configure: Callable[[str], str]) -> InfluxOptions:
    from jobmon_tui.cli.collect_settings import _influx_options

    return _influx_options(load_config({}, tmp_path / "user", tmp_path / "etc", Path(configure(text))))


READ = '[influxdb]\nurl = "http://one:8086"\ndatabase = "telegraf"\nuser = "reader"\npassword_file = "/p"\n'


def test_what_is_written_goes_where_readings_come_from(
    tmp_path: Path, configure: Callable[[str], str]
) -> None:
    options = influx_options(READ + '[collect.influxdb]\ndatabase = "own"\n', tmp_path, configure)
    assert (options.url, options.database, options.user) == ("http://one:8086", "own", "reader")
    assert options.password.file == Path("/p")


def test_a_secret_of_one_server_is_never_told_to_another(
    tmp_path: Path, configure: Callable[[str], str]
) -> None:
    other = READ + '[collect.influxdb]\nurl = "http://two:8086"\n'
    options = influx_options(other, tmp_path, configure)
    assert (options.url, options.user) == ("http://two:8086", "")
    assert not options.password
    assert not options.token
    options = influx_options(other + 'token_file = "/t"\n', tmp_path, configure)
    assert options.token.file == Path("/t")
    assert options.user == ""


def test_nothing_is_written_back_unasked(tmp_path: Path, configure: Callable[[str], str]) -> None:
    config = load_config({}, tmp_path / "user", tmp_path / "etc", Path(configure(READ)))
    assert write_back_of(config) is None


def test_an_unknown_owner_is_an_error_of_the_configuration(
    tmp_path: Path, configure: Callable[[str], str]
) -> None:
    config = load_config(
        {}, tmp_path / "user", tmp_path / "etc", Path(configure('collect.owner = "nobody!"'))
    )
    with pytest.raises(ConfigError, match=r"collect\.owner names nobody"):
        recorder_of(tmp_path, config)


# The unit file


def unit(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["collect", "--systemd-unit", *words]) == 0
    return capsys.readouterr().out


def test_the_unit_file_names_this_installation(capsys: pytest.CaptureFixture[str]) -> None:
    text = unit(capsys, "--spool", "/var/spool/jobmon", "--interval", "15", "--demo")
    (command,) = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
    program, *words = command.split()
    assert Path(program).is_absolute()
    assert words[-6:] == ["collect", "--spool", "/var/spool/jobmon", "--interval", "15.0", "--demo"]
    assert "Type=notify" in text
    assert "WatchdogSec=180" in text
    assert "ReadWritePaths=/var/spool" in text
    assert "NoNewPrivileges=yes" in text


def test_the_unit_file_repeats_what_the_environment_says(
    tmp_path: Path,
    configure: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    named = configure('[collect]\nspool = "spool"\nlock_file = "/run/lock/jobmon"\n')
    monkeypatch.setenv("JOBMON_CONFIG", named)
    text = unit(capsys, "--demo-seed", "0")
    assert f"collect --spool {tmp_path / 'spool'} --config {named} --demo-seed 0\n" in text
    assert f"ReadWritePaths={tmp_path} /run/lock\n" in text


def test_odd_paths_are_written_as_systemd_reads_them(capsys: pytest.CaptureFixture[str]) -> None:
    text = unit(capsys, "--spool", '/srv/50% off $HOME/"x"')
    assert '--spool "/srv/50%% off $$HOME/\\"x\\""' in text
    assert main(["collect", "--systemd-unit", "--spool", "/srv/a\nExecStart=/bin/evil"]) == 2


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed here")
def test_systemd_itself_finds_nothing_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "jobmon-collect.service"
    path.write_text(unit(capsys, "--spool", str(tmp_path / "a b"), "--demo"))
    verified = subprocess.run(
        ["systemd-analyze", "verify", str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    complaints = [one for one in verified.stderr.splitlines() if "jobmon-collect" in one]
    assert complaints == []


# doctor


def findings(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    main(["doctor", *words])
    text = capsys.readouterr().out
    part = text[text.index("Collector\n") : text.index("Cluster\n")]
    return [" ".join(one.split()) for one in part.splitlines()]


def test_doctor_looks_after_the_collector(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spool = tmp_path / "spool"
    words = ("--spool", str(spool))
    assert f"missing spool {spool} is not there" in findings(capsys, *words)
    clock = Clock()
    site = Site(clock)
    collector = make(spool, clock, site)
    assert collector.cycle()
    lines = findings(capsys, *words)
    assert any(re.fullmatch(r"ok running process \d+ on .*, since .*", one) for one in lines)
    assert any(re.fullmatch(r"ok newest snapshot \d+ s old, one every 30 s", one) for one in lines)
    assert "ok cycles 1 in 0 s" in lines
    assert "ok source ganglia 2 calls, 0.25 s, 0 errors" in lines
    site.failure = RuntimeError("broken \x1b[2J")
    collector.cycle()
    lines = findings(capsys, *words)
    assert any(one.startswith("failed backend ") and "broken �[2J" in one for one in lines)
    assert "warning cycles 2 in 0 s, 1 failed" in lines
    collector.close()
    lines = findings(capsys, *words)
    assert any(one.startswith("missing running no: the last one was told to stop") for one in lines)
    assert not any(one.startswith("failed") for one in lines)


def test_doctor_on_a_spool_of_another_collector(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    collector = make(tmp_path, clock, Site(clock))
    assert collector.cycle()
    collector.close()
    for name in ("collector.json", "collector.lock"):
        (tmp_path / name).unlink()
    lines = findings(capsys, "--spool", str(tmp_path))
    assert not any("running" in one for one in lines)
    assert any(one.startswith("ok newest snapshot") for one in lines)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"format": 2}', '{"format": 1, "sources": 3, "cycles": "x"}']
)
def test_doctor_on_a_status_that_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (tmp_path / "collector.json").write_text(text)
    assert any(
        one.startswith("missing newest snapshot none") for one in findings(capsys, "--spool", str(tmp_path))
    )
