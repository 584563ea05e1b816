"""Several clusters in one configuration: which settings hold, and how each of them is asked."""

from __future__ import annotations

import json
import os
from argparse import Namespace
from pathlib import Path

import pytest

from jobmon_tui.cli import main
from jobmon_tui.cli.arguments import parse_arguments
from jobmon_tui.cli.clusters import cluster_choices
from jobmon_tui.cli.feeds import choose_feed, slurm_surroundings
from jobmon_tui.cli.settings import load_settings
from jobmon_tui.errors import JobmonError, SourceError, UsageError
from jobmon_tui.feeds.live import LiveFeed
from jobmon_tui.feeds.spool import SpoolFeed
from jobmon_tui.model import wire
from jobmon_tui.model.snapshot import Job, Node, Snapshot
from jobmon_tui.sources.slurm.pyslurm_process import PyslurmProcess
from jobmon_tui.tui import observing

SITE = """\
import os
from backend_base import BackendBase


class Backend(BackendBase):
    title = "SITE"

    def hostnames(self):
        return ["SITE1"]

    def node_up(self, name):
        return True

    def n_cpus(self, name):
        return 8

    def job_ids(self):
        return []
"""


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration with a cluster at the top and two more, each with a backend of its own."""
    for name in ("top", "nt"):
        (tmp_path / f"backend_{name}.py").write_text(SITE.replace("SITE", name))
    path = tmp_path / "config.toml"
    path.write_text(
        f"[backend]\nname = 'top'\npath = ['{tmp_path}']\n[watch]\ninterval = 4\n"
        "[clusters.nt.backend]\nname = 'nt'\n[clusters.nt.watch]\ninterval = 9\n"
        "[clusters.broken.backend]\nname = 'absent'\n"
    )
    monkeypatch.setenv("JOBMON_CONFIG", str(path))
    return path


def reported(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    assert main(["report", "--format", "json", *words]) == 0
    return list(json.loads(capsys.readouterr().out)["nodes"])


@pytest.mark.parametrize("words", [("-M", "nt"), ("-Mnt",), ("--cluster", "nt"), ("--cluster=nt",)])
def test_a_cluster_is_asked_by_its_name(
    configured: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    assert reported(capsys) == ["top1"]
    assert reported(capsys, *words) == ["nt1"]


def test_it_may_stand_before_the_command(configured: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-M", "nt", "report", "--format", "json"]) == 0
    assert list(json.loads(capsys.readouterr().out)["nodes"]) == ["nt1"]


@pytest.mark.parametrize("command", ["watch", "wall", "report", "doctor", "record"])
def test_every_command_takes_it(command: str, configured: Path) -> None:
    words = [command, "-M", "nt", *(["file"] if command == "record" else [])]
    config = load_settings(parse_arguments(words))
    assert (config.cluster, config.backend.name, config.watch.interval) == ("nt", "nt", 9)


def test_an_unknown_cluster_is_told_with_those_that_there_are(
    configured: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "-M", "nt2"]) == 2
    told = capsys.readouterr().err
    assert "there is no cluster 'nt2' in the configuration" in told
    assert "Did you mean nt? There are: nt, broken." in told


def test_without_any_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "-M", "nt", "--demo"]) == 2
    assert "No cluster is configured by a name." in capsys.readouterr().err


def test_a_cluster_that_nothing_here_can_ask_is_no_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("jobmon_tui.sources.slurm.choose.slurm_is_here", lambda: False)
    (tmp_path / "config.toml").write_text("[clusters.nt]\n")
    assert main(["report", "--config", str(tmp_path / "config.toml"), "-M", "nt"]) == 2
    assert "cluster nt cannot be asked: there is no Slurm on this machine" in capsys.readouterr().err


def test_what_is_wrong_with_a_cluster_is_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[watch]\nview = 'x'\n[clusters.nt.watch]\ntheme = 'y'\n")
    assert main(["config", "--check", "--config", str(path)]) != 0
    told = capsys.readouterr().err
    assert told.count("names no view") == 1
    assert f"{path}, line 4: watch.theme names no theme" in told


# Slurm


def settings(tmp_path: Path, text: str, *words: str) -> tuple[Namespace, Path]:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return parse_arguments(["report", "--config", str(path), *words]), path


def test_slurm_is_asked_as_it_is_without_a_word(tmp_path: Path) -> None:
    arguments, _ = settings(tmp_path, "")
    assert slurm_surroundings(load_settings(arguments)) is None


def test_another_slurm_conf_and_another_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_CLUSTERS", "mine")
    monkeypatch.setenv("SLURM_CONF", "/etc/mine.conf")
    (tmp_path / "nt.conf").write_text("")
    text = "[clusters.a.slurm]\nconf = 'nt.conf'\n[clusters.b.slurm]\ncluster = 'nt'\n"

    def surroundings(name: str) -> dict[str, str]:
        found = slurm_surroundings(load_settings(settings(tmp_path, text, "-M", name)[0]))
        assert found is not None
        assert found["PATH"] == os.environ["PATH"]
        return found

    by_file, by_name = surroundings("a"), surroundings("b")
    assert by_file["SLURM_CONF"] == str(tmp_path / "nt.conf")
    assert "SLURM_CLUSTERS" not in by_file
    assert (by_name["SLURM_CONF"], by_name["SLURM_CLUSTERS"]) == ("/etc/mine.conf", "nt")


def test_a_slurm_conf_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobmon_tui.sources.slurm.choose.slurm_is_here", lambda: True)
    arguments, path = settings(tmp_path, "[clusters.a.slurm]\nconf = 'nt.conf'\n", "-M", "a")
    with pytest.raises(UsageError, match=r"slurm\.conf names no file that can be read") as caught:
        choose_feed(arguments, load_settings(arguments))
    assert f"{path}, line 2" in caught.value.message


def test_pyslurm_asks_this_machines_cluster_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobmon_tui.sources.slurm.choose.slurm_is_here", lambda: True)
    monkeypatch.setattr("jobmon_tui.sources.slurm.choose.has_pyslurm", lambda: True)
    arguments, _ = settings(tmp_path, "[slurm]\ncluster = 'nt'\nprefer = 'pyslurm'\n")
    with pytest.raises(UsageError, match=r"slurm\.cluster cannot be asked by pyslurm"):
        choose_feed(arguments, load_settings(arguments))


def test_pyslurms_process_asks_that_cluster() -> None:
    command = ("/bin/sh", "-c", 'read line; echo "asks $SLURM_CONF" >&2; exit 3')
    process = PyslurmProcess(command, environment={"SLURM_CONF": "/etc/nt.conf"})
    with pytest.raises(SourceError, match=r"asks /etc/nt\.conf"):
        process.read()
    process.close()


def test_a_job_is_observed_on_its_own_cluster(tmp_path: Path) -> None:
    for name in ("sstat", "squeue"):
        command = tmp_path / name
        command.write_text('#!/bin/sh\necho "SLURM_CONF=$SLURM_CONF" >&2\nexit 1\n')
        command.chmod(0o755)
    there = {"PATH": f"{tmp_path}:/usr/bin:/bin", "SLURM_CONF": "/etc/nt.conf"}
    assert "SLURM_CONF=/etc/nt.conf" in observing.count("12", there).problem
    # srun and sstat have no way of naming a cluster: job 12 of this one is not meant.
    by_name = there | {"SLURM_CLUSTERS": "nt"}
    assert observing.count("12", by_name).problem == "jobs of cluster nt cannot be observed from here"
    watch = observing.Observing()
    job = Job(job_id="12", name="j", username="ann", state="RUNNING", n_cpus=1, layout={"c1": (0,)})
    watch.start(job, "c1", environment=by_name)
    assert any("cannot be observed from here" in fact.text for fact in watch.facts(job, 0.0))
    watch.stop()
    assert watch.facts(job, 0.0) == ()


# What the app can switch among


def test_the_choices_are_the_top_and_each_cluster(configured: Path) -> None:
    arguments = parse_arguments(["watch", "-M", "nt"])
    choices = cluster_choices(arguments)
    assert [(one.name, one.is_shown) for one in choices] == [("", False), ("nt", True), ("broken", False)]
    assert [one.interval for one in choices] == [4, 9, 4]
    assert choices[0].title
    for choice, node in zip(choices[:2], ("top1", "nt1"), strict=True):
        feed = choice.open()
        assert isinstance(feed, LiveFeed)
        feed.open()
        assert list(feed.latest().nodes) == [node]
        feed.close()
    with pytest.raises(JobmonError, match="absent"):
        choices[2].open().open()


def test_what_is_asked_for_on_the_command_line_is_of_the_cluster_shown(
    configured: Path, tmp_path: Path
) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / "data.json.gz").write_bytes(wire.encode(Snapshot(timestamp=5, nodes={"c1": Node(name="c1")})))
    choices = cluster_choices(parse_arguments(["watch", "--spool", str(spool)]))
    assert [one.is_shown for one in choices] == [True, False, False]
    assert [type(choices[place].open()) for place in (0, 1)] == [SpoolFeed, LiveFeed]


def test_one_cluster_is_no_choice() -> None:
    assert cluster_choices(parse_arguments(["watch", "--demo"])) == ()
