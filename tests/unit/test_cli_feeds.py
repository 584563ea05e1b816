"""Which feeds the command line and the configuration choose, and ``jobmon serve`` as a process."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jobmon_tui.backends.demo import DemoBackend
from jobmon_tui.cli import main
from jobmon_tui.cli.arguments import parse_arguments
from jobmon_tui.cli.feeds import choose_feed
from jobmon_tui.cli.settings import load_settings
from jobmon_tui.errors import JobmonError, UsageError
from jobmon_tui.feeds.base import Feed
from jobmon_tui.feeds.fallback import FallbackFeed
from jobmon_tui.feeds.http import HttpFeed
from jobmon_tui.feeds.http_client import HttpOptions
from jobmon_tui.feeds.live import LiveFeed
from jobmon_tui.feeds.spool import SpoolFeed
from jobmon_tui.model import wire
from jobmon_tui.model.snapshot import Snapshot
from tests.serve_process import ServeProcess
from tests.web_standin import WebStandIn, always, answer, encoded

Write = Callable[[str], None]


@pytest.fixture(autouse=True)
def slurm_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[bool], None]:
    def set_presence(here: bool) -> None:
        monkeypatch.setattr("jobmon_tui.sources.slurm.choose.slurm_is_here", lambda: here)

    monkeypatch.setattr("jobmon_tui.paths.SITE_FOLDER", tmp_path / "etc")
    set_presence(True)
    return set_presence


@pytest.fixture
def write(isolated: Path) -> Write:
    def write_user(text: str) -> None:
        path = isolated / ".config" / "jobmon" / "config.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    return write_user


def chosen(*words: str) -> Feed:
    arguments = parse_arguments(words)
    return choose_feed(arguments, load_settings(arguments))[0]


def ways(feed: Feed) -> list[str]:
    assert isinstance(feed, FallbackFeed)
    return [choice.way for choice in feed.choices]


def record(folder: Path, *times: int) -> Path:
    """A spool of the demo cluster at these instants."""
    folder.mkdir(exist_ok=True)
    moment = [0.0]
    backend = DemoBackend(nodes=30, jobs=200, clock=lambda: moment[0])
    feed = LiveFeed(backend)
    feed.open()
    history = {}
    for number in times:
        moment[0] = float(number)
        snapshot = feed.latest()
        if snapshot.usage is not None:
            history[snapshot.timestamp] = snapshot.usage
        for name in (f"data{number}.json.gz", "data.json.gz"):
            (folder / name).write_bytes(wire.encode(snapshot))
    feed.close()
    (folder / "history.json.gz").write_bytes(wire.encode_json(wire.history_document(history)))
    return folder


# -- the choice --------------------------------------------------------------------------------------------


def test_an_address_on_the_command_line() -> None:
    feed = chosen("--url", "https://jobs.example.org/jobmon")
    assert isinstance(feed, HttpFeed)
    assert feed.title == "http jobs.example.org"
    with pytest.raises(UsageError, match="must not hold a user or password") as caught:
        chosen("--url", "https://ann:geheim@jobs.example.org")
    assert "geheim" not in caught.value.message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[feed]\nspool = "/s"', ["spool", "live"]),
        ('[feed]\nurl = "http://h"', ["url", "live"]),
        ('[feed]\nspool = "/s"\nurl = "http://h"', ["spool", "url", "live"]),
        ('[feed]\nspool = "/s"\nurl = "http://h"\nprefer = ["url", "spool"]', ["url", "spool"]),
        ('[feed]\nurl = "http://h"\nprefer = ["live", "url", "live"]', ["live", "url"]),
    ],
)
def test_what_is_configured_in_its_order(text: str, expected: list[str], write: Write) -> None:
    write(text)
    assert ways(chosen()) == expected


def test_the_demo_never_stands_in_for_a_cluster(write: Write, slurm_here: Callable[[bool], None]) -> None:
    slurm_here(False)
    write('[feed]\nspool = "/s"')
    assert ways(chosen()) == ["spool"]
    write('[feed]\nspool = "/s"\n[backend]\nname = "mysite"')
    assert ways(chosen()) == ["spool", "live"]
    write('[feed]\nspool = "/s"\nprefer = ["live", "url"]')
    with pytest.raises(JobmonError, match=r"line 3: feed\.prefer leaves nothing to be shown"):
        chosen()


def test_the_command_line_outranks_the_configuration(write: Write, tmp_path: Path) -> None:
    write('[feed]\nspool = "/s"\nurl = "http://h"\n')
    assert isinstance(chosen("--live"), LiveFeed)
    assert isinstance(chosen("--backend", "demo"), LiveFeed)
    assert isinstance(chosen("--demo-nodes", "5"), LiveFeed)
    assert isinstance(chosen("--spool", str(tmp_path)), SpoolFeed)
    assert chosen("--url", "http://other").title == "http other"


@pytest.mark.parametrize(
    "words",
    ["--live --spool .", "--live --url http://h", "--url http://h --spool .", "--url http://h --demo"],
)
def test_contradictions(words: str) -> None:
    with pytest.raises(UsageError, match="cannot be had at once"):
        chosen(*words.split())


def test_secrets_and_certificates_reach_the_feed(write: Write, isolated: Path) -> None:
    (isolated / "token").write_text("s3cret")
    with WebStandIn(always(answer(encoded(time.time())))) as server:
        write(f'[feed]\nurl = "{server.url}"\ntoken_file = "{isolated / "token"}"\ntimeout = 5\n')
        feed = chosen()
        feed.open()
        feed.latest()
        feed.close()
    assert b"Authorization: Bearer s3cret\r\n" in server.questions[0]


def test_an_address_on_the_command_line_gets_no_secret_of_another(write: Write, isolated: Path) -> None:
    (isolated / "token").write_text("s3cret")
    secrets = f'token_file = "{isolated / "token"}"\n'
    with WebStandIn(always(answer(encoded(time.time())))) as server:
        for configured, words in (("http://jobs.example.org", []), (f"{server.url}/x", [b"s3cret"])):
            write(f'[feed]\nurl = "{configured}"\n{secrets}')
            feed = chosen("--url", server.url)
            feed.latest()
            feed.close()
            assert all(word in server.questions[-1] for word in words)
            assert bool(words) is (b"Authorization" in server.questions[-1])


@pytest.mark.slow
def test_nothing_of_slurm_is_loaded_unless_it_is_needed(tmp_path: Path) -> None:
    record(tmp_path / "spool", 1000)
    config = tmp_path / "c.toml"
    config.write_text(
        f'[feed]\nspool = "{tmp_path / "spool"}"\nstale_after = 10\n[backend]\nname = "no.such:Backend"\n'
    )
    fresh = record(tmp_path / "spool", int(time.time()))
    assert fresh.is_dir()
    code = (
        "import sys; from jobmon_tui.cli.arguments import parse_arguments as p;"
        "from jobmon_tui.cli.feeds import choose_feed; from jobmon_tui.cli.settings import load_settings;"
        f"a = p(['--config', {str(config)!r}]); f, _ = choose_feed(a, load_settings(a));"
        "f.open(); f.latest(); print(f.title, *sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert loaded.startswith(f"spool {tmp_path / 'spool'} ")
    assert not {"requests", "jobmon_tui.backends.slurm", "jobmon_tui.feeds.live"} & set(loaded.split())


# -- what commands make of it ------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_report_through_each_way(tmp_path: Path, write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    now = int(time.time())
    spool = record(tmp_path / "spool", now - 60, now - 30, now)
    reports: dict[tuple[str, bool], object] = {}
    with ServeProcess(["--spool", str(spool)]) as server:
        for way, words in (
            ("spool", ["--spool", str(spool)]),
            ("http", ["--url", server.url]),
            ("spool, configured", []),
            ("http, configured", []),
        ):
            if way == "spool, configured":
                write(f'[feed]\nspool = "{spool}"')
            elif way == "http, configured":
                write(
                    f'[feed]\nspool = "{tmp_path / "gone"}"\nurl = "{server.url}"\nprefer = ["spool", "url"]'
                )
            for at in ([], ["--at", str(now - 30)]):
                assert main([*words, "report", "--format", "json", *at]) == 0
                printed = json.loads(capsys.readouterr().out)
                assert printed.pop("source") == way.partition(",")[0]
                told = [source for source in printed.pop("sources") if not source["ok"]]
                failing = [source["name"] for source in told]
                assert failing == (
                    [f"spool {tmp_path / 'gone'}"] if way == "http, configured" and not at else []
                )
                reports[way, bool(at)] = printed
    for is_past in (False, True):
        first, *others = [report for (_, past), report in reports.items() if past is is_past]
        assert all(report == first for report in others)
        assert isinstance(first, dict)
        assert first["timestamp"] == (now - 30 if is_past else now)


@pytest.mark.slow
def test_doctor_shows_each_feed(
    tmp_path: Path, write: Write, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    now = int(time.time())
    spool = record(tmp_path / "spool", now - 400)
    token = tmp_path / "token"
    token.write_text("s3cret")
    with WebStandIn(always(answer(encoded(now)))) as server:
        write(f'[feed]\nspool = "{spool}"\nurl = "{server.url}"\nprefer = ["spool", "url"]\n')
        assert main(["doctor"]) == 0
    printed = capsys.readouterr().out
    assert re.search(
        rf"warning +spool {spool} +larkspur, 30 nodes, [\d,]+ jobs, taken 7 min ago, .*too old", printed
    )
    assert re.search(r"ok +http 127.0.0.1 +1 nodes, 2 jobs, taken \d s ago", printed)
    assert re.search(r"ok +jobmon shows +http 127.0.0.1", printed)
    write(f'[feed]\nurl = "http://jobs.invalid"\nprefer = ["url"]\ntoken_file = "{token}"\ntimeout = 5\n')
    assert main(["doctor"]) == 1
    printed = capsys.readouterr().out
    assert "jobs.invalid" in printed
    assert re.search(r"failed +jobmon shows +nothing", printed)
    assert re.search(r"warning +feed.url +sends its credentials without encryption", printed)
    assert "s3cret" not in printed
    assert main(["doctor", "--offline"]) == 0
    assert "not asked: --offline" in capsys.readouterr().out


# -- jobmon serve ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["serve"], "there is nothing to serve: no spool is named"),
        (["serve", "--spool", "/no/such"], "there is no folder /no/such"),
        (["serve", "--listen", "8150"], "must be written as address:port, not '8150'"),
        (["serve", "--demo", "--listen", "192.0.2.1:0"], "cannot listen at 192.0.2.1:0"),
        (["serve", "--mine"], "offers everybody's jobs"),
    ],
)
def test_what_cannot_be_served(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert "Traceback" not in printed


@pytest.mark.slow
def test_the_same_through_the_spool_and_over_http(tmp_path: Path) -> None:
    times = [1_790_000_000 + 30 * number for number in range(12)]
    spool = record(tmp_path / "spool", *times)
    direct = SpoolFeed(spool, following=False)
    with ServeProcess(["--spool", str(spool)]) as server:
        feed = HttpFeed(HttpOptions(url=server.url))
        assert feed.latest() == direct.latest()
        assert feed.timeline() == direct.timeline() == tuple(map(float, times))
        assert feed.history() == direct.history()
        for time_ in times:
            assert feed.at(time_ + 3) == direct.at(time_)
        feed.close()
        # What is in memory with its queue keeps it: two that have nothing in memory are compared.
        feed = HttpFeed(HttpOptions(url=server.url))
        assert feed.window(times[-1], 200) == SpoolFeed(spool, following=False).window(times[-1], 200)
        feed.close()
    assert server.process.returncode == 0
    assert server.lines == [f"jobmon serves spool {spool} at {server.url}"]


@pytest.mark.slow
def test_many_readers_at_once(tmp_path: Path) -> None:
    (tmp_path / "data.json.gz").write_bytes(encoded())
    expected = SpoolFeed(tmp_path, following=False).latest()

    def read(_: int) -> Snapshot:
        feed = HttpFeed(HttpOptions(url=server.url, timeout=60.0))
        try:
            feed.latest()
            return feed.latest()
        finally:
            feed.close()

    with ServeProcess(["--spool", str(tmp_path)]) as server, ThreadPoolExecutor(200) as pool:
        assert all(snapshot == expected for snapshot in pool.map(read, range(200)))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_can_read_it(tmp_path: Path) -> None:
    spool = record(tmp_path / "spool", 1_790_000_000)
    content = gzip.decompress((spool / "data.json.gz").read_bytes())

    def curl(*words: str) -> bytes:
        return subprocess.run(["curl", "-sS", *words], capture_output=True, check=True, timeout=30).stdout

    with ServeProcess(["--spool", str(spool)]) as server:
        address = f"{server.url}data.py"
        assert curl(address) == content
        assert curl("--compressed", address) == content
        assert curl("--http1.0", address) == content
        etags, body = tmp_path / "etags", tmp_path / "body"
        saved = ("--etag-save", str(etags), "--etag-compare", str(etags), "-o", str(body))
        counted = ("-w", "%{http_code} %{size_download}")
        etags.write_bytes(b"")
        assert curl(*saved, *counted, address) == b"200 %d" % len(content)
        assert curl(*saved, *counted, address) == b"304 0"


@pytest.mark.slow
def test_systemd_is_told(tmp_path: Path) -> None:
    spool = record(tmp_path / "spool", 1_790_000_000)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        with ServeProcess(["--spool", str(spool)], {"NOTIFY_SOCKET": str(tmp_path / "notify")}):
            assert manager.recv(100) == b"READY=1"
        assert manager.recv(100) == b"STOPPING=1"


@pytest.mark.slow
def test_a_spool_that_is_not_there_yet(tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text(f'[feed]\nspool = "{tmp_path / "spool"}"\n')
    with ServeProcess(["--config", str(config)]) as server:
        feed = HttpFeed(HttpOptions(url=server.url))
        with pytest.raises(
            JobmonError, match=r"503 Service Unavailable: data\.py is not to be had now"
        ) as caught:
            feed.latest()
        assert "10 s" in caught.value.hint
        record(tmp_path / "spool", 1_790_000_000)
        assert feed.latest().timestamp == 1_790_000_000
        feed.close()
    assert any("does not exist: waiting for it" in line for line in server.lines)
