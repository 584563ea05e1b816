"""What the sampler runs on a node, and the command that brings it there as a small step inside the job."""

from __future__ import annotations

import re
from collections.abc import Mapping

from jobmon_tui.errors import SourceError

PAUSE = 2
"""Seconds between two samples."""
MOST_SAMPLES = 3600
"""The script ends after so many (two hours) whatever happens to whoever started it."""

SCRIPT = rf"""
LC_ALL=C; export LC_ALL
job=$SLURM_JOB_ID files= limit=
command -v timeout >/dev/null 2>&1 && limit='timeout 5'
while IFS=: read -r number controllers path; do
  case $path in
    */job_"$job"/*) root=/sys/fs/cgroup${{controllers:+/$controllers}}${{path%%/job_"$job"/*}}/job_$job ;;
    *) continue ;;
  esac
  for name in memory.current memory.usage_in_bytes memory.stat cpu.stat cpuacct.usage; do
    [ -r "$root/$name" ] && files="$files $root/$name"
  done
done </proc/self/cgroup
sample() {{
  echo '@begin'
  echo "@ticks $(getconf CLK_TCK)"
  echo "@page $(getconf PAGESIZE)"
  echo "@uptime $(cat /proc/uptime)"
  echo "@allowed $(grep '^Cpus_allowed_list:' /proc/self/status)"
  grep '^cpu' /proc/stat
  for file in $files; do echo "@file ${{file##*/}}"; cat "$file"; done
  echo '@processes'
  found=$(grep -lszxF "SLURM_JOB_ID=$job" /proc/[0-9]*/environ)
  [ -n "$found" ] && found=$(grep -lszxF "SLURMD_NODENAME=$SLURMD_NODENAME" $found)
  [ -n "$found" ] && found=$(grep -LszxF "SLURM_STEP_ID=$SLURM_STEP_ID" $found)
  for one in $found; do echo "${{one%/environ}}/stat"; done | xargs cat 2>/dev/null
  gpus=${{SLURM_STEP_GPUS:-${{SLURM_JOB_GPUS:-$CUDA_VISIBLE_DEVICES}}}}
  if [ -n "$gpus$SLURM_GPUS_ON_NODE" ] && command -v nvidia-smi >/dev/null 2>&1; then
    echo "@gpus ${{SLURM_GPUS_ON_NODE:-?}} $gpus"
    $limit nvidia-smi --query-gpu=index,utilization.gpu,memory.used,memory.total \
      --format=csv,noheader,nounits
  fi
  echo '@end'
}}
(
  left={MOST_SAMPLES}
  while [ $left -gt 0 ]; do sample; sleep {PAUSE}; left=$((left - 1)); done
  kill $$
) </dev/null 2>/dev/null &
cat >/dev/null
kill $!
"""
"""For any POSIX shell; needs grep, cat, xargs and sleep only.

It ends when its input does, so that nothing stays on the node when jobmon is gone, however it went. Whole
files are sent and understood here: the less runs beside the job, the better. Of the environment of processes
nothing is sent; it only tells which of them are the job's.
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
    """The command line that runs `SCRIPT` on one node of a job.

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
        SCRIPT,
    ]


def sampler_environment(base: Mapping[str, str]) -> dict[str, str]:
    """The environment of srun and with it of the step.

    Args:
        base: The environment to take it from.
    """
    return {name: value for name, value in base.items() if name in KEPT} | {"LC_ALL": "C"}
