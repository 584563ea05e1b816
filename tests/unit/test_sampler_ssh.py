"""The sampler by way of ssh, with small scripts in place of ssh and of a node's control groups."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from jobmon_tui.errors import SourceError, UsageError
from jobmon_tui.model.measures import Gpu, Used
from jobmon_tui.sources.slurm.sampler import JobSampler
from jobmon_tui.sources.slurm.sampler_frame import Frame, read_frame
from jobmon_tui.sources.slurm.sampler_ssh import ssh_command, ssh_environment, ssh_script, why_ssh_ended

MIB = 1024 * 1024
SHELLS = [shell for shell in ("/bin/sh", "/bin/bash", "/bin/dash") if Path(shell).exists()]


def first_frame(folder: Path, shell: str = "/bin/sh", gpus: tuple[int, ...] = ()) -> Frame:
    """What a shell makes of the script that it is sent, on a node whose control groups are in a folder."""
    script = ssh_script("4711", "c001", gpus).replace("/sys/fs/cgroup", f"{folder}/fs")
    with subprocess.Popen(
        [shell, "-s"],
        env={"PATH": f"{folder}:/usr/bin:/bin"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(script.encode())
        process.stdin.flush()
        lines = [line.decode().rstrip("\n") for line in iter(process.stdout.readline, b"@end\n")]
        process.stdin.close()
        assert process.wait(5) is not None
        assert process.stderr.read() == b""
    seen = read_frame(lines[1:])
    assert seen is not None
    return seen


def write_group(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("scope", ["slurmstepd.scope", "c001_slurmstepd.scope"])
def test_the_jobs_own_group_of_version_2_is_found(tmp_path: Path, shell: str, scope: str) -> None:
    write_group(
        tmp_path / "fs" / "system.slice" / scope / "job_4711",
        memory__current=f"{64 * MIB}\n",
        memory__stat=f"anon 5\nfile {4 * MIB}\n",
        cpu__stat="usage_usec 1500000\n",
        cpuset__cpus__effective="3-4\n",
    )
    write_group(
        tmp_path / "fs" / "system.slice" / "c002_slurmstepd.scope" / "job_4711", memory__current="1\n"
    )
    seen = first_frame(tmp_path, shell)
    assert (seen.memory, seen.cpu_seconds, seen.gpus) == (60, 1.5, ())
    assert seen.allowed == frozenset({3, 4})
    assert seen.cores


def test_the_jobs_own_groups_of_version_1_are_found_once_each(tmp_path: Path) -> None:
    job = Path("slurm_c001/uid_7/job_4711")
    write_group(tmp_path / "fs" / "memory" / job, memory__usage_in_bytes=f"{64 * MIB}\n")
    write_group(tmp_path / "fs" / "cpu,cpuacct" / job, cpuacct__usage="2500000000\n")
    (tmp_path / "fs" / "cpuacct").symlink_to("cpu,cpuacct")
    write_group(tmp_path / "fs" / "cpuset" / job, cpuset__cpus="1,5\n")
    write_group(
        tmp_path / "fs" / "memory" / "slurm_c002" / "uid_7" / "job_4711", memory__usage_in_bytes="1\n"
    )
    seen = first_frame(tmp_path)
    assert (seen.memory, seen.cpu_seconds, seen.allowed) == (64, 2.5, frozenset({1, 5}))


def test_without_any_group_nobody_knows_which_cores_are_the_jobs(tmp_path: Path) -> None:
    seen = first_frame(tmp_path)
    assert (seen.allowed, seen.memory, seen.cpu_seconds) == (None, None, None)


def test_of_the_nodes_gpus_only_the_jobs_are_told(tmp_path: Path) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho '0, 50, 100, 200'\necho '1, 60, 100, 200'\n")
    program.chmod(0o755)
    assert first_frame(tmp_path, gpus=(1,)).gpus == (Gpu("gpu1", 60, Used(100, 200)),)
    assert first_frame(tmp_path).gpus == ()


def test_ssh_never_asks_and_goes_where_the_site_says() -> None:
    command = ssh_command("c001", "{node}.site.org", ("-p", "2222"))
    assert command[:2] == ["ssh", "-T"]
    assert command[-3:] == ["--", "c001.site.org", "exec /bin/sh -s"]
    assert "BatchMode=yes" in command
    assert command.index("BatchMode=yes") < command.index("2222")


@pytest.mark.parametrize("host", ["-oProxyCommand=x", "", "a b", "{host}", "{node};reboot", "{node}\n"])
def test_what_is_no_address_is_refused(host: str) -> None:
    with pytest.raises(UsageError, match="ssh_host cannot be"):
        JobSampler(via="ssh", ssh_host=host)


def test_ssh_gets_the_agent_and_no_password() -> None:
    given = {
        "PATH": "/bin",
        "SSH_AUTH_SOCK": "/s",
        "SSH_ASKPASS": "/ask",
        "INFLUX_TOKEN": "x",
        "DISPLAY": ":0",
    }
    assert ssh_environment(given) == {"PATH": "/bin", "SSH_AUTH_SOCK": "/s", "LC_ALL": "C"}


@pytest.mark.parametrize("number", ["1_2", "1;reboot", "", "$(x)"])
def test_nothing_but_numbers_gets_into_the_script(number: str) -> None:
    with pytest.raises(SourceError):
        ssh_script(number, "c001")
    with pytest.raises(SourceError):
        ssh_script("1", "c001;reboot")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("Host key verification failed.\n", "does not know the key of c001"),
        (
            "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
            "by another key",
        ),
        ("me@c001: Permission denied (publickey,password).", "never asks for one"),
        (
            "Access denied by pam_slurm_adopt: you have no active jobs on this node\n"
            "Connection closed by 10.0.0.1 port 22",
            "says that you have none",
        ),
        ("ssh: connect to host c001 port 22: Connection timed out", "does not answer ssh"),
        ("ssh: connect to host c001 port 22: Connection refused", "takes no logins"),
        ("Warning: Permanently added 'c001' to the list.\n", "the connection has ended"),
        ("command-line line 0: Bad configuration option: x", "ssh: command-line line 0: Bad configuration"),
        ("", "the connection has ended"),
    ],
)
def test_why_ssh_ended_is_told_in_words(said: str, words: str) -> None:
    assert words in why_ssh_ended(said, "c001").message
