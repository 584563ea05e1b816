"""The sampler's frames, understood; its process, with small scripts in place of srun."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.errors import SourceError
from jobmon_tui.model.measures import Gpu, Used
from jobmon_tui.sources.slurm.sampler import JobSampler
from jobmon_tui.sources.slurm.sampler_frame import Frame, Observation, observe, read_frame
from jobmon_tui.sources.slurm.sampler_script import OF_STEP, SCRIPT, sampler_command, sampler_environment

MIB = 1024 * 1024


def process_line(ticks: int, pages: int, name: str = "solve") -> str:
    return f"4711 ({name}) R 1 2 3 0 -1 4194304 10 0 0 0 {ticks} 1 2 3 20 0 1 0 5000 99999 {pages} 18446 1 1"


def frame_lines(
    uptime: float = 100.0,
    work: tuple[int, int] = (100, 500),
    ticks: int = 1000,
    allowed: str = "1",
    files: str = "",
    gpus: str = "",
) -> list[str]:
    cores = "\n".join(f"cpu{core} {busy} 0 0 1000 0 0 0 0 0 0" for core, busy in enumerate(work))
    text = (
        f"@ticks 100\n@page 4096\n@uptime {uptime} 1.0\n@allowed Cpus_allowed_list:\t{allowed}\n"
        f"cpu  1 0 0 1 0 0 0 0 0 0\n{cores}\n{files}@processes\n"
        f"{process_line(ticks, 256)}\n{process_line(0, 256, 'a) R (b')}\n{gpus}"
    )
    return text.rstrip("\n").split("\n")


def frame(**changes: object) -> Frame:
    found = read_frame(frame_lines(**changes))  # type: ignore[arg-type]
    assert found is not None
    return found


def test_the_jobs_processes_are_added_up() -> None:
    seen = frame(ticks=1000)
    assert seen.cpu_seconds == (1000 + 0 + 2 * (1 + 2 + 3)) / 100
    assert seen.memory == 2.0
    assert seen.cores == {0: (100, 1100), 1: (500, 1500)}
    assert seen.allowed == frozenset({1})


def test_two_looks_tell_how_busy_the_job_and_its_own_core_are() -> None:
    before = frame(uptime=100, work=(0, 0), ticks=1000)
    now = read_frame(
        [line.replace(" 1000 0 0 0 0 0 0", " 1150 0 0 0 0 0 0") for line in frame_lines(102, (7, 50), 1300)]
    )
    assert now is not None
    seen = observe("c1", 5.0, before, now)
    assert seen.busy == 1.5
    assert seen.cores == {1: 25.0}
    assert (seen.node, seen.taken_at, seen.memory) == ("c1", 5.0, 2.0)


def test_the_first_look_tells_memory_only() -> None:
    assert observe("c1", 5.0, None, frame()) == Observation(node="c1", taken_at=5.0, memory=2.0)


def test_of_a_job_that_is_not_confined_no_core_is_told() -> None:
    seen = observe("c1", 5.0, frame(allowed="0-1"), frame(allowed="0-1", uptime=102, work=(200, 600)))
    assert seen.cores == {}
    assert seen.busy == 0


def test_cpu_time_that_went_down_is_unknown() -> None:
    assert observe("c1", 5.0, frame(ticks=900), frame(ticks=100, uptime=102)).busy is None


@pytest.mark.parametrize(
    ("files", "cpu", "memory"),
    [
        (
            f"@file memory.current\n{300 * MIB}\n@file memory.stat\nfile {100 * MIB}\nshmem {4 * MIB}\n"
            "@file cpu.stat\nusage_usec 2500000\nuser_usec 1\n",
            2.5,
            204,
        ),
        (
            f"@file memory.usage_in_bytes\n{300 * MIB}\n@file memory.stat\ncache 1\ntotal_cache {100 * MIB}\n"
            "@file cpu.stat\nnr_periods 0\n@file cpuacct.usage\n7000000000\n",
            7,
            200,
        ),
    ],
)
def test_control_groups_of_both_versions_come_before_processes(files: str, cpu: float, memory: float) -> None:
    seen = frame(files=files)
    assert (seen.cpu_seconds, seen.memory) == (cpu, memory)


def test_the_gpus_that_a_job_may_see_anyway_are_all_its_own() -> None:
    seen = frame(gpus="@gpus 2 2,3\n0, 98, 1000, 16160\n1, [N/A], [N/A], 16160\n")
    assert seen.gpus == (Gpu("gpu0", 98, Used(1000, 16160)), Gpu("gpu1", None, None))


def test_gpus_of_others_are_left_out() -> None:
    seen = frame(gpus="@gpus 1 1\n0, 98, 1000, 16160\n1, 5, 10, 16160\nnvidia-smi: no, 1\n")
    assert [gpu.name for gpu in seen.gpus] == ["gpu1"]


@pytest.mark.parametrize("held", ["1 ", "? "])
def test_gpus_of_which_nobody_says_whose_they_are_are_not_shown(held: str) -> None:
    assert frame(gpus=f"@gpus {held}\n0, 98, 1000, 16160\n1, 5, 10, 16160\n").gpus == ()


@pytest.mark.slow
@given(
    st.lists(
        st.sampled_from(
            ["@uptime 5 5", "@allowed x: 0-1", "@processes", "@gpus 1 1", "@file cpu.stat", "@ticks 0"]
        )
        | st.text()
        | st.builds(process_line, st.integers(-(10**30), 10**30), st.integers(-(10**30), 10**30), st.text())
    )
)
def test_nothing_that_a_node_prints_breaks_the_reader(lines: list[str]) -> None:
    seen = read_frame(lines)
    if seen is not None:
        assert observe("c1", 0.0, None, seen).busy is None
        assert seen.memory is None or seen.memory >= 0


def test_the_script_is_one_that_any_shell_understands() -> None:
    subprocess.run(["/bin/sh", "-n", "-c", OF_STEP + SCRIPT], check=True)


def frame_of_the_script(folder: Path, groups: str, environment: dict[str, str]) -> Frame:
    """Run the script on a node whose control groups are those in a folder, until its first frame."""
    (folder / "own").write_text(groups)
    script = (
        (OF_STEP + SCRIPT)
        .replace("/proc/self/cgroup", str(folder / "own"))
        .replace("/sys/fs/cgroup", f"{folder}/fs")
    )
    given = {"PATH": f"{folder}:/usr/bin:/bin", "SLURM_JOB_ID": "4711", "SLURM_STEP_ID": "9"} | environment
    command = ["/bin/sh", "-c", script]
    with subprocess.Popen(command, env=given, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        lines = [line.decode().rstrip("\n") for line in iter(process.stdout.readline, b"@end\n")]
        process.stdin.close()
        assert process.wait(5) is not None
    seen = read_frame(lines[1:])
    assert seen is not None
    return seen


def write_group(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_the_script_finds_the_jobs_group_of_version_2(tmp_path: Path) -> None:
    path = "/system.slice/slurmstepd.scope/job_4711"
    write_group(
        Path(f"{tmp_path}/fs{path}"),
        memory__current=f"{64 * MIB}\n",
        memory__stat=f"anon 5\nfile {4 * MIB}\n",
        cpu__stat="usage_usec 1500000\n",
    )
    seen = frame_of_the_script(tmp_path, f"0::{path}/step_9/user/task_0\n", {})
    assert (seen.memory, seen.cpu_seconds, seen.gpus) == (60, 1.5, ())
    assert seen.cores
    assert seen.allowed == frozenset(os.sched_getaffinity(0))


def test_the_script_finds_the_jobs_groups_of_version_1(tmp_path: Path) -> None:
    path = "/slurm/uid_7/job_4711"
    write_group(Path(f"{tmp_path}/fs/memory{path}"), memory__usage_in_bytes=f"{64 * MIB}\n")
    write_group(Path(f"{tmp_path}/fs/cpu,cpuacct{path}"), cpuacct__usage="2500000000\n")
    groups = f"9:memory:{path}/step_9\n4:cpu,cpuacct:{path}/step_9/task_0\n2:pids:/\n"
    seen = frame_of_the_script(tmp_path, groups, {})
    assert (seen.memory, seen.cpu_seconds) == (64, 2.5)


def test_the_script_asks_for_gpus_where_the_job_has_some(tmp_path: Path) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho '0, 50, 100, 200'\necho '1, 60, 100, 200'\n")
    program.chmod(0o755)
    held = {"SLURM_GPUS_ON_NODE": "1", "SLURM_JOB_GPUS": "1"}
    assert frame_of_the_script(tmp_path, "0::/\n", held).gpus == (Gpu("gpu1", 60, Used(100, 200)),)
    assert frame_of_the_script(tmp_path, "0::/\n", {}).gpus == ()


def test_the_step_overlaps_the_job_and_asks_for_nothing() -> None:
    command = sampler_command("19", "c001")
    assert {"--overlap", "--jobid=19", "--nodelist=c001", "--ntasks=1", "--mem=0"} < set(command)


@pytest.mark.parametrize(
    ("job_id", "node"), [("12_[1-3]", "c1"), ("x", "c1"), ("12", "-c1"), ("12", "c[1-2]")]
)
def test_what_is_no_job_or_node_is_refused(job_id: str, node: str) -> None:
    with pytest.raises(SourceError, match="is not the"):
        JobSampler().start(job_id, node)


def test_the_step_gets_no_password_and_none_of_the_users_settings() -> None:
    kept = sampler_environment({"PATH": "/bin", "INFLUX_TOKEN": "x", "SLURM_NTASKS": "9", "SLURM_CONF": "/c"})
    assert kept == {"PATH": "/bin", "SLURM_CONF": "/c", "LC_ALL": "C"}


# The process.

Start = Callable[..., JobSampler]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    def _start(script: str, patience: float = 20.0, job_id: str = "12") -> JobSampler:
        program = tmp_path / "srun"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
        sampler = JobSampler(patience=patience)
        sampler.start(job_id, "c001")
        return sampler

    return _start


def failure(sampler: JobSampler) -> SourceError:
    with pytest.raises(SourceError) as caught:
        sampler.latest()
    return caught.value


def seen_by(sampler: JobSampler) -> Observation:
    """Look until something has arrived."""
    for _ in range(1000):
        seen = sampler.latest()
        if seen is not None:
            return seen
        Event().wait(0.01)
    raise AssertionError("nothing arrived")


def printing(lines: list[str]) -> str:
    text = "\n".join(("some greeting", "@begin", *lines, "@end"))
    return f"cat <<'EOF'\n{text}\nEOF\n"


def test_a_frame_arrives_and_closing_ends_the_process(start: Start, tmp_path: Path) -> None:
    sampler = start(f"echo $$ >{tmp_path}/pid\n{printing(frame_lines())}exec cat")
    seen = seen_by(sampler)
    assert (seen.node, seen.memory) == ("c001", 2.0)
    sampler.close()
    assert sampler.join(5)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGCONT)
    assert "no longer observed" in failure(sampler).message


@pytest.mark.slow
def test_a_process_that_will_not_go_is_killed(
    start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("jobmon_tui.sources.slurm.sampler.FAREWELL", 0.2)
    script = f"trap '' TERM\necho $$ >{tmp_path}/pid\n{printing(frame_lines())}while :; do sleep 9; done"
    sampler = start(script)
    seen_by(sampler)
    sampler.close()
    assert sampler.join(5)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGCONT)


def test_a_task_of_a_job_array_is_observed_by_its_number(start: Start, tmp_path: Path) -> None:
    squeue = tmp_path / "squeue"
    squeue.write_text('#!/bin/sh\n[ "$*" = "-h -a -j 12_7 -o %A" ] && echo 19\n')
    squeue.chmod(0o755)
    sampler = start(f'echo "$*" >{tmp_path}/asked\n{printing(frame_lines())}exec cat', job_id="12_7")
    seen_by(sampler)
    sampler.close()
    assert sampler.join(5)
    assert "--jobid=19 " in (tmp_path / "asked").read_text()


def test_why_srun_failed_is_told(start: Start) -> None:
    sampler = start(
        "echo 'srun: cluster configuration lacks support for cpu binding' >&2\n"
        "echo 'srun: error: Unable to create step for job 12: Access/permission denied' >&2; exit 1"
    )
    assert sampler.join(5)
    error = failure(sampler)
    assert error.message == "srun: error: Unable to create step for job 12: Access/permission denied"
    assert error.hint == "Slurm does not let you see this"


def test_an_end_without_a_word_is_told(start: Start) -> None:
    sampler = start(printing(frame_lines()))
    assert sampler.join(5)
    assert "its step has ended" in failure(sampler).message


@pytest.mark.slow
def test_a_node_that_sends_nothing_is_given_up(start: Start) -> None:
    sampler = start("exec cat", patience=0.1)
    assert sampler.join(5)
    assert "c001 has sent nothing for 0.1 s" in failure(sampler).message


def test_what_does_not_end_is_cut_off(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobmon_tui.sources.slurm.sampler.MOST_BYTES", MIB)
    sampler = start(f"echo @begin; head -c {2 * MIB} /dev/zero; exec cat")
    assert sampler.join(10)
    assert "it does not end" in failure(sampler).message


def test_without_srun_that_is_said() -> None:
    sampler = JobSampler({"PATH": "/nonexistent"})
    sampler.start("12", "c001")
    assert sampler.join(5)
    with pytest.raises(SourceError, match="srun"):
        sampler.latest()


def test_closed_before_it_began_it_never_begins(start: Start) -> None:
    sampler = JobSampler({"PATH": "/nonexistent"})
    sampler.close()
    sampler.start("12", "c001")
    assert sampler.join(5)
    assert "no longer observed" in failure(sampler).message
