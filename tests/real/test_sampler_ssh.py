"""A busy job, observed on its node by a real ssh; refusals in words; nothing of it stays behind."""

from __future__ import annotations

import os
import pwd
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from jobmon_tui.errors import SourceError
from jobmon_tui.sources.slurm.sampler import JobSampler
from tests import servers
from tests.real import slurm_cluster, ssh_server
from tests.real.busy_job import GONE_WITHIN, NODE, assert_busy, observed, submit_busy_job, wait_for
from tests.real.slurm_cluster import SlurmCluster
from tests.real.ssh_server import SshServer

pytestmark = [pytest.mark.real, pytest.mark.slow]

HOST = "127.0.0.1"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    servers.demand(ssh_server.why_unavailable())
    with SshServer(tmp_path_factory.mktemp("sshd")) as running:
        yield running


@pytest.fixture(scope="module")
def cluster() -> Iterator[SlurmCluster]:
    servers.demand(slurm_cluster.why_unavailable())
    with SlurmCluster() as running:
        yield running


@pytest.fixture(autouse=True)
def _point_at(cluster: SlurmCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLURM_CONF", "PATH"):
        monkeypatch.setenv(name, cluster.environment[name])


@pytest.fixture(scope="module")
def burner(cluster: SlurmCluster) -> str:
    """A job of whoever runs the tests, which keeps a core and 100 MiB busy; another one beside it sleeps."""
    user = pwd.getpwuid(os.getuid()).pw_name
    cluster.submit(user, "-n1", "--mem=500", f"--nodelist={NODE}")
    return submit_busy_job(cluster)


def sampler_by(server: SshServer, **options: str) -> JobSampler:
    return JobSampler(via="ssh", ssh_host=HOST, ssh_arguments=server.arguments(**options))


def scripts() -> list[int]:
    """The shells on the node that run our script: nobody else logs in to this sshd."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            variables = (entry / "environ").read_bytes()
            if words[:2] == [b"/bin/sh", b"-s"] and b"SSH_CONNECTION=" in variables:
                found.append(int(entry.name))
    return found


def test_only_that_job_is_seen_and_closing_leaves_nothing(server: SshServer, burner: str) -> None:
    sampler = sampler_by(server)
    sampler.start(burner, NODE)
    assert_busy(observed(sampler))
    assert scripts()
    began = time.monotonic()
    sampler.close()
    assert time.monotonic() - began < 0.5
    assert sampler.join(GONE_WITHIN)
    assert wait_for(lambda: not scripts(), GONE_WITHIN)


def test_a_job_that_is_not_there_shows_nothing_of_others(server: SshServer, burner: str) -> None:
    sampler = sampler_by(server)
    sampler.start("987654", NODE)
    assert wait_for(lambda: sampler.latest() is not None, 20)
    seen = sampler.latest()
    sampler.close()
    assert seen is not None
    assert (seen.busy, seen.memory, seen.cores) == (None, None, {})


class Cable:
    """Between ssh and sshd, so that it can be cut."""

    def __init__(self, port: int) -> None:
        self._listener = socket.create_server((HOST, 0))
        self.port = int(self._listener.getsockname()[1])
        self._target = port
        self._ends: list[socket.socket] = []
        threading.Thread(target=self._join, daemon=True).start()

    def _join(self) -> None:
        with suppress(OSError):
            near, _ = self._listener.accept()
            far = socket.create_connection((HOST, self._target))
            self._ends += [near, far]
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=(source, target), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(65536):
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)

    def cut(self) -> None:
        """End both halves in the middle of everything, without a goodbye from either side."""
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@pytest.mark.parametrize("way", ["ssh is killed", "the connection dies"])
def test_however_it_ends_the_script_ends_too(server: SshServer, burner: str, way: str) -> None:
    cable = Cable(server.port)
    arguments = [str(cable.port) if word == str(server.port) else word for word in server.arguments()]
    alias = ("-o", f"HostKeyAlias=[{HOST}]:{server.port}")
    sampler = JobSampler(via="ssh", ssh_host=HOST, ssh_arguments=(*arguments, *alias))
    sampler.start(burner, NODE)
    assert wait_for(lambda: sampler.latest() is not None, 20)
    assert scripts()
    assert sampler._process is not None
    if way == "ssh is killed":
        os.kill(sampler._process.pid, signal.SIGKILL)
    else:
        cable.cut()
    assert wait_for(lambda: not scripts(), GONE_WITHIN)
    assert sampler.join(GONE_WITHIN)
    with pytest.raises(SourceError):
        sampler.latest()


def failure(sampler: JobSampler, job: str) -> SourceError:
    sampler.start(job, NODE)
    assert sampler.join(20)
    with pytest.raises(SourceError) as caught:
        sampler.latest()
    return caught.value


@pytest.mark.parametrize(
    ("options", "words", "hinted"),
    [
        ({"key": "other_key"}, "does not let you in without a password", "set up a key"),
        ({"hosts": "no_hosts"}, "ssh does not know the key of c006", "log in there once by hand"),
        ({"hosts": "wrong_hosts"}, "ssh knows c006 by another key", "ssh-keygen -R"),
    ],
)
def test_refusals_are_told_in_words_and_nobody_is_asked(
    server: SshServer, burner: str, options: dict[str, str], words: str, hinted: str
) -> None:
    error = failure(sampler_by(server, **options), burner)
    assert words in error.message
    assert hinted in error.hint


def test_what_slurms_own_gatekeeper_says_is_understood(server: SshServer, burner: str) -> None:
    try:
        server.start(
            "AuthenticationMethods password",
            greeting="Access denied by pam_slurm_adopt: you have no active jobs on this node\n",
        )
        assert "says that you have none" in failure(sampler_by(server), burner).message
        server.stop()
        assert failure(sampler_by(server), burner).message.startswith(f"{NODE} takes no logins")
    finally:
        server.start()


def test_a_name_that_nobody_knows(server: SshServer, burner: str) -> None:
    sampler = JobSampler(via="ssh", ssh_host="{node}.invalid", ssh_arguments=server.arguments())
    assert "no machine called c006" in failure(sampler, burner).message
