"""Gives a private Slurm cluster one of everything: each kind of job, node trouble and reservation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.real.slurm_cluster import ClusterError, SlurmCluster

HOSTILE_NAMES = (
    "two\nlines|State=DOWN",
    "JobState=RUNNING UserId=root(0) NumCPUs=9999",
    "quotes \"'` $(id) [bold red]not markup[/] %n\\n",
    "naïve 星 \x1b[31mred\x1b[0m\t-_[0-3%2]",
    "x\n\nJobId=1 JobName=forged\n   JobState=FAILED Reason=None Dependency=(null)\n   JOB_GRES=gpu:p100:2\n"
    "     Nodes=g001 CPU_IDs=0-15 Mem=1 GRES=gpu:p100:2(IDX:0-1)\n\n",
)
"""Job names that a careless parser, terminal or markup reader trips over."""

DRAINED, DRAINING, DOWN, MAINTAINED, RESERVED = "c008", "g003", "c007", "x001", "g004"
"""Which nodes are in trouble or set aside."""
NODE_STATES = {
    "c001": "allocated",
    "c003": "mixed",
    DOWN: "down",
    DRAINED: "drained",
    DRAINING: "draining",
    RESERVED: "reserved",
    MAINTAINED: "maint",
}
"""What sinfo calls some of the nodes at the end."""
DRAIN_REASON = "memory errors: DIMM [A2] = bad, 'replace' by \"Friday\""
DOWN_REASON = "no power"


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """The ids of the jobs, by what each shows."""

    two_nodes: str
    """Runs 24 tasks on two nodes."""
    array: str
    """An array of 20 tasks of which at most 6 run: 6 running, one record of 14 waiting."""
    one_gpu: str
    """Runs with one GPU of one node."""
    gpus_on_two_nodes: str
    """Runs with two GPUs on each of two nodes."""
    whole_knl: str
    """Runs on all 272 CPUs (68 cores) of one node, without time limit."""
    hostile: tuple[str, ...]
    """Run under the `HOSTILE_NAMES`, one each."""
    resources: str
    """Waits for resources: first in its partition."""
    priority: str
    """Waits because another one in its partition comes first."""
    dependency: str
    """Waits until `two_nodes` has ended well."""
    begin_time: str
    """Waits for its time to begin."""
    held: str
    """Held by its user."""
    unavailable: str
    """Waits for a node that is down."""

    def expected(self) -> dict[str, tuple[str, str]]:
        """Each job as squeue names it, with the state and reason that it settles in."""
        running = ("RUNNING", "None")
        alone = (self.two_nodes, self.one_gpu, self.gpus_on_two_nodes, self.whole_knl, *self.hostile)
        jobs = dict.fromkeys(alone, running)
        jobs |= {f"{self.array}_{task}": running for task in range(6)}
        jobs[f"{self.array}_[6-19%6]"] = ("PENDING", "JobArrayTaskLimit")
        for job_id, reason in (
            (self.resources, "Resources"),
            (self.priority, "Priority"),
            (self.dependency, "Dependency"),
            (self.begin_time, "BeginTime"),
            (self.held, "JobHeldUser"),
            (self.unavailable, f"ReqNodeNotAvail, UnavailableNodes:{DOWN}"),
        ):
            jobs[job_id] = ("PENDING", reason)
        return jobs


def populate(cluster: SlurmCluster) -> Population:
    """Submit the jobs, take nodes out of service, make reservations, and wait until all of it has settled.

    Raises:
        ClusterError: Slurm refused something or did not settle in time.
    """
    cluster.drain(DRAINED, DRAIN_REASON)
    cluster.down(DOWN, DOWN_REASON)
    cluster.reservation(
        "upgrade", Nodes=MAINTAINED, StartTime="now", Duration="10:00:00", Users="root", Flags="MAINT"
    )
    cluster.reservation(
        "course", Nodes=RESERVED, StartTime="now", Duration="02:00:00", Users="www-data,games"
    )
    cluster.reservation(
        "cooling",
        Nodes="c[001-002]",
        StartTime="now+10days",
        Duration="1-00:00:00",
        Users="root",
        Flags="MAINT,IGNORE_JOBS",
    )
    submit = cluster.submit
    two_nodes = submit("games", "--job-name=md_run", "-N2", "-n24", "--mem-per-cpu=2000", "-t4:00:00")
    population = Population(
        two_nodes=two_nodes,
        array=submit("news", "--job-name=sweep", "--array=0-19%6", "-c2", "--mem=500", "-t30"),
        one_gpu=submit("man", "--job-name=train", "-pgpu", "--gres=gpu:p100:1", "-c4", "--mem=8G"),
        gpus_on_two_nodes=submit(
            "backup", "--job-name=train2", "-pgpu", "-N2", "--ntasks-per-node=3", "--gres=gpu:2", "-t1-0"
        ),
        whole_knl=submit("www-data", "--job-name=knl", "-pknl", "-N1", "-n272", "--mem=100G", "-tUNLIMITED"),
        hostile=tuple(
            submit("games", f"--job-name={name}", "-n1", "--mem=100", "-t1:00:00") for name in HOSTILE_NAMES
        ),
        resources=submit("backup", "--job-name=wide", "-N6", "-n96", "-t2-0"),
        priority=submit("man", "--job-name=wide too", "-N6", "-n90", "-t3-0"),
        dependency=submit(
            "games", "--job-name=post", f"--dependency=afterok:{two_nodes}", "-pmain,gpu", "-n1"
        ),
        begin_time=submit("news", "--job-name=nightly", "--begin=now+6hours", "-n1", "--mem-per-cpu=3G"),
        held=submit("www-data", "--job-name=held", "--hold", "-n4", "--constraint=skylake"),
        unavailable=submit("news", "--job-name=picky", f"--nodelist={DOWN}", "-n1"),
    )
    _wait_for(cluster, cluster.job_states, population.expected())
    cluster.drain(DRAINING, "fan 2 too slow")
    _wait_for(cluster, cluster.node_states, NODE_STATES)
    return population


def _wait_for(
    cluster: SlurmCluster, ask: Callable[[], Mapping[str, object]], expected: Mapping[str, object]
) -> None:
    """Wait until what is asked for contains what is expected, and if it never does, say what differs."""
    try:
        cluster.wait_until(lambda: expected.items() <= ask().items(), "jobs and nodes have settled")
    except ClusterError as error:
        found = ask()
        wrong = [
            f"{name}: {found.get(name)} instead of {wanted}"
            for name, wanted in expected.items()
            if found.get(name) != wanted
        ]
        raise ClusterError("\n".join((str(error), *wrong))) from error
