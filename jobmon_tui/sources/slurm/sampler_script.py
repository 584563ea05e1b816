"""What the sampler runs on a node, and the command that brings it there as a small step inside the job."""

from __future__ import annotations

import re
from collections.abc import Mapping

from jobmon_tui.errors import SourceError

PAUSE = 2
"""Seconds between two samples."""
MOST_SAMPLES = 3600
"""The script ends after so many (two hours) whatever happens to whoever started it."""

OF_STEP = """job=$SLURM_JOB_ID node=$SLURMD_NODENAME own=$SLURM_STEP_ID held=$SLURM_GPUS_ON_NODE
gpus=${SLURM_STEP_GPUS:-${SLURM_JOB_GPUS:-$CUDA_VISIBLE_DEVICES}}
"""
"""What the script is told in a step of the job: Slurm sets these."""

SCRIPT = rf"""
LC_ALL=C; export LC_ALL
files= names= cpuset= limit=
command -v timeout >/dev/null 2>&1 && limit='timeout 5'
group() {{
  for name in memory.current memory.usage_in_bytes memory.stat cpu.stat cpuacct.usage; do
    case " $names " in *" $name "*) continue ;; esac
    [ -r "$1/$name" ] && files="$files $1/$name" names="$names $name"
  done
  for name in cpuset.cpus.effective cpuset.effective_cpus cpuset.cpus; do
    [ -z "$cpuset" ] && [ -n "$(cat "$1/$name" 2>/dev/null)" ] && cpuset=$1/$name
  done
}}
find_groups() {{
  while IFS=: read -r number controllers path; do
    case $path in */job_"$job"/*) ;; *) continue ;; esac
    group /sys/fs/cgroup${{controllers:+/$controllers}}${{path%%/job_"$job"/*}}/job_$job
  done </proc/self/cgroup
  for root in /sys/fs/cgroup/*/job_"$job" /sys/fs/cgroup/*/*/job_"$job" /sys/fs/cgroup/*/*/*/job_"$job"; do
    case $root in
      */slurm/*|*/slurm_"$node"/*|*/slurmstepd.scope/*|*/"$node"_slurmstepd.scope/*) group "$root" ;;
    esac
  done
}}
sample() {{
  echo '@begin'
  found=$(grep -lszxF "SLURM_JOB_ID=$job" /proc/[0-9]*/environ)
  [ -n "$found" ] && found=$(grep -lszxF "SLURMD_NODENAME=$node" $found)
  [ -n "$found" ] && [ -n "$own" ] && found=$(grep -LszxF "SLURM_STEP_ID=$own" $found)
  echo "@ticks $(getconf CLK_TCK)"
  echo "@page $(getconf PAGESIZE)"
  echo "@uptime $(cat /proc/uptime)"
  if [ -n "$cpuset" ]; then echo "@allowed cpuset: $(cat "$cpuset")"
  elif [ -n "$own" ]; then echo "@allowed $(grep '^Cpus_allowed_list:' /proc/self/status)"
  else echo '@allowed'; fi
  grep '^cpu' /proc/stat
  for file in $files; do echo "@file ${{file##*/}}"; cat "$file"; done
  echo '@processes'
  for one in $found; do echo "${{one%/environ}}/stat"; done | xargs cat 2>/dev/null
  if [ -n "$gpus$held" ] && command -v nvidia-smi >/dev/null 2>&1; then
    echo "@gpus ${{held:-?}} $gpus"
    $limit nvidia-smi --query-gpu=index,utilization.gpu,memory.used,memory.total \
      --format=csv,noheader,nounits
  fi
  echo '@end'
}}
main() {{
  find_groups
  (
    left={MOST_SAMPLES}
    while [ $left -gt 0 ]; do sample; sleep {PAUSE}; left=$((left - 1)); done
    kill $$
  ) </dev/null 2>/dev/null &
  cat >/dev/null
  kill $!
}}
main; exit
"""
"""For any POSIX shell; needs grep, cat, xargs and sleep only. What it is told stands in front of it.

It ends when its input does, so that nothing stays on the node when jobmon is gone, however it went; all of it
is read before any of it runs, so that it may itself be what its input begins with. Whole files are sent and
understood here: the less runs beside the job, the better. Of the environment of processes nothing is sent; it
only tells which of them are the job's. To look through all of them takes long on a busy node: that comes
first, so that the clock is read beside what it times.
"""

KEPT = frozenset({"PATH", "HOME", "USER", "LOGNAME", "LD_LIBRARY_PATH", "SLURM_CONF", "SLURM_JWT"})
"""All that srun needs. It hands its environment to the step, and that need not know our passwords; and
settings of the user's (``SLURM_*``) could turn the step into something else."""

_NODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}\Z")


def checked_node(node: str) -> str:
    """The name, if it is that of one node.

    Raises:
        SourceError: It is something else.
    """
    if not _NODE.match(node):
        raise SourceError(f"{node!r} is not the name of a node")
    return node


def sampler_command(number: str, node: str) -> list[str]:
    """The command line that runs the script on one node of a job.

    The step overlaps the job's own (it takes no core, memory or GPU away from them) and may use all that the
    job has there, so that it sees all of it. It does not wait longer than ten seconds for its turn.

    Args:
        number: The job's plain number; srun knows no array tasks.
        node: One of the job's nodes.
    """
    return [
        "srun",
        "--overlap",
        f"--jobid={number}",
        f"--nodelist={node}",
        "--nodes=1",
        "--ntasks=1",
        "--mem=0",
        "--cpu-bind=none",
        "--mpi=none",
        "--immediate=10",
        "--chdir=/",
        "--job-name=jobmon",
        "/bin/sh",
        "-c",
        OF_STEP + SCRIPT,
    ]


def sampler_environment(base: Mapping[str, str]) -> dict[str, str]:
    """The environment of srun and with it of the step.

    Args:
        base: The environment to take it from.
    """
    return {name: value for name, value in base.items() if name in KEPT} | {"LC_ALL": "C"}
