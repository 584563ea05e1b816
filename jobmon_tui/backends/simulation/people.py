"""The invented users: who they are, what they run and how well their jobs use what they ask for."""

from __future__ import annotations

from dataclasses import dataclass

GIB = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """How a user's jobs behave. CPU and GPU in %, traffic in MB/s, memory as a share of the request."""

    name: str
    user: float = 96.0
    """CPU time of the program on each of its cores."""
    swing: float = 2.5
    """How far the CPU and GPU readings swing around their means."""
    system: float = 1.5
    wait: float = 0.0
    busy_cores: int = 0
    """How many cores of each node it really uses; 0: all."""
    bursts: bool = False
    """Whether it idles between short bursts, as somebody who types does."""
    memory: float = 0.72
    growth: float = 420.0
    """Seconds after which its memory has grown to 63 % of what it will be."""
    greed: float = 1.0
    """How many times the memory is asked for that such work should ask for."""
    patience: float = 2.2
    """About how many times the run time is asked for as the time limit."""
    gpu: float = 92.0
    gpu_memory: float = 0.6
    """As a share of the GPU's memory."""
    lustre: float = 2.0
    """For each busy core."""
    jobfs: float = 0.2
    """For each busy core."""
    fails: float = 1.0
    """How many times as often as others its jobs fail."""


EFFICIENT = Habit(name="efficient", memory=0.8)
OVER_ASKING = Habit(name="over-asking memory", memory=0.035, greed=4.0, patience=6.0)
IDLE_GPU = Habit(name="idle GPUs", user=88.0, swing=4.0, gpu=2.0, gpu_memory=0.03, memory=0.5)
TRAINING = Habit(name="training", user=89.0, swing=5.0, system=3.0, gpu=91.0, gpu_memory=0.78, lustre=14.0)
ONE_CORE = Habit(name="one core on whole nodes", busy_cores=1, memory=0.12, patience=8.0)
WAITING = Habit(
    name="waiting for files", user=38.0, swing=11.0, system=6.0, wait=41.0, lustre=85.0, jobfs=9.0
)
SWAPPING = Habit(
    name="swapping", user=52.0, swing=9.0, system=12.0, wait=19.0, memory=1.06, growth=240.0, fails=3.0
)
INTERACTIVE = Habit(name="interactive", user=5.0, swing=2.0, bursts=True, memory=0.2, gpu=6.0, gpu_memory=0.2)
SWEEPING = Habit(name="sweeping arrays", user=97.5, swing=1.5, memory=0.62, patience=3.0)
FORKING = Habit(name="forking", user=47.0, swing=7.0, system=44.0, memory=0.55, jobfs=6.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A kind of job. ``cores`` and ``memory`` are meant for one node."""

    name: str
    script: str
    kinds: tuple[str, ...] = ("milan",)
    """Prefixes of the nodes it suits."""
    flavours: tuple[str, ...] = ("shared",)
    """Names of the cells' styles it suits."""
    cores: tuple[int, ...] = (1,)
    """What is asked for, one of these; 0: whole nodes."""
    nodes: tuple[int, ...] = (1,)
    """How many nodes, one of these, in a cell of four."""
    memory: int = 3 * GIB
    """MiB for each core that a careful user asks for."""
    gpus: int = 0
    pace: float = 1.0
    """How its run times compare with others in the same cell."""
    array: bool = False
    """Whether it comes as job arrays."""
    threads: bool = False
    """Whether its cores belong to one process; otherwise each is a task of its own."""

    @property
    def traits(self) -> tuple[str, ...]:
        """What it is in broad terms: ``gpu`` or ``cpu``, and ``array``."""
        return ("gpu" if self.gpus else "cpu", *(("array",) if self.array else ()))


_W = {
    "relax": Work(name="relax", script="vasp.sbatch", flavours=("wide",), cores=(0,), nodes=(1, 1, 2, 2)),
    "md_prod": Work(
        name="md_prod", script="gromacs.sh", flavours=("wide", "long"), cores=(0, 32), nodes=(1, 1, 2)
    ),
    "lattice": Work(
        name="lattice",
        script="run_qcd.sh",
        kinds=("milan", "knl"),
        flavours=("wide",),
        cores=(0,),
        nodes=(1, 2, 4),
    ),
    "nbody": Work(
        name="nbody",
        script="gadget.sbatch",
        flavours=("wide", "long"),
        cores=(0,),
        nodes=(1, 2, 4),
        memory=6500,
    ),
    "les": Work(name="les_channel", script="openfoam.sh", flavours=("wide",), cores=(0, 0, 48), nodes=(1, 2)),
    "manycore": Work(
        name="stencil",
        script="stencil_knl.sh",
        kinds=("knl",),
        flavours=("shared", "wide", "long"),
        cores=(0, 136, 68),
        memory=300,
        threads=True,
    ),
    "sweep": Work(name="sweep", script="sweep.sh", cores=(1, 2), memory=2 * GIB, array=True, pace=0.9),
    "banks": Work(name="banks", script="banks.sh", cores=(2,), memory=4 * GIB, array=True, pace=0.5),
    "bootstrap": Work(name="bootstrap", script="boot.R", cores=(1,), memory=3 * GIB, array=True, pace=0.6),
    "scan": Work(name="scan", script="scan.sbatch", cores=(4,), memory=2 * GIB, array=True, threads=True),
    "long_sweep": Work(
        name="mcmc", script="mcmc.sh", flavours=("long",), cores=(4, 8), array=True, threads=True
    ),
    "dft": Work(name="dft_scan", script="qe.sbatch", cores=(8, 16, 32), memory=4 * GIB),
    "assembly": Work(
        name="assembly",
        script="flye.sh",
        flavours=("shared", "long"),
        cores=(16, 24),
        memory=5500,
        threads=True,
    ),
    "align": Work(
        name="align", script="bwa_mem.sh", cores=(4, 8, 12), memory=4 * GIB, threads=True, pace=0.8
    ),
    "variant": Work(name="variant_call", script="gatk.sh", cores=(2, 4), memory=5 * GIB, threads=True),
    "merge": Work(name="merge_tiles", script="merge.py", cores=(4, 8), memory=3 * GIB, pace=0.7),
    "stage": Work(name="stage_in", script="stage.sh", cores=(2, 4), memory=2 * GIB, pace=0.4),
    "notebook": Work(
        name="jupyter", script="jupyter.sh", flavours=("shared", "debug"), cores=(2, 4), threads=True
    ),
    "shell": Work(
        name="interactive", script="/bin/bash", flavours=("debug",), cores=(1, 4, 8), memory=4 * GIB
    ),
    "test": Work(name="test_build", script="ctest.sh", flavours=("debug",), cores=(8, 16), memory=2 * GIB),
    "serial": Work(
        name="old_model", script="run_model.csh", flavours=("wide", "long"), cores=(0,), memory=2 * GIB
    ),
    "serial_half": Work(name="postproc", script="post.py", cores=(32,), memory=2 * GIB),
    "chem": Work(
        name="g16_opt",
        script="gaussian.sh",
        flavours=("shared", "long"),
        cores=(8, 16),
        memory=3 * GIB,
        threads=True,
    ),
    "pipeline": Work(name="snake_step", script="snakejob.sh", cores=(2, 4), memory=2 * GIB, pace=0.5),
    "hydro": Work(
        name="basin", script="hydro.sbatch", flavours=("capped",), cores=(16, 24, 32), memory=4 * GIB
    ),
    "class": Work(
        name="exercise", script="exercise.sh", flavours=("workshop",), cores=(4, 8, 16), memory=2 * GIB
    ),
    "train": Work(
        name="train",
        script="train.py",
        kinds=("gina",),
        flavours=("shared", "long"),
        cores=(12, 16, 18),
        memory=4500,
        gpus=1,
        pace=1.6,
        threads=True,
    ),
    "finetune": Work(
        name="finetune",
        script="torchrun.sh",
        kinds=("gina",),
        flavours=("wide", "long"),
        cores=(36, 32),
        nodes=(1, 1, 2, 2, 4),
        memory=5 * GIB,
        gpus=2,
    ),
    "infer": Work(
        name="infer",
        script="infer.sh",
        kinds=("gina",),
        cores=(6, 9),
        memory=4 * GIB,
        gpus=1,
        array=True,
        pace=0.5,
    ),
    "md_gpu": Work(
        name="md_gpu",
        script="amber_gpu.sh",
        kinds=("gina",),
        cores=(18, 12),
        memory=2 * GIB,
        gpus=1,
        threads=True,
        pace=1.4,
    ),
    "gpu_pair": Work(
        name="namd_2gpu",
        script="namd.sh",
        kinds=("gina",),
        cores=(36, 24, 24),
        memory=4 * GIB,
        gpus=2,
        pace=1.3,
    ),
    "gpu_side": Work(
        name="prep_data", script="prep.py", kinds=("gina",), cores=(4, 6, 8), memory=4 * GIB, pace=0.7
    ),
    "ray": Work(
        name="raytrace",
        script="render.sh",
        kinds=("gina",),
        flavours=("wide",),
        cores=(36,),
        nodes=(1, 2),
        memory=4500,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody with an account."""

    name: str
    account: str
    habit: Habit
    works: tuple[Work, ...]
    qos: str = "normal"
    weight: float = 1.0
    """How busy they are compared with others."""


def _user(
    name: str, account: str, habit: Habit, works: str, weight: float = 1.0, qos: str = "normal"
) -> User:
    chosen = tuple(_W[key] for key in works.split())
    return User(name=name, account=account, habit=habit, works=chosen, weight=weight, qos=qos)


USERS = (
    _user("amaltea", "astro", EFFICIENT, "nbody", 2.0),
    _user("bruhl", "astro", SWEEPING, "sweep banks long_sweep", 1.5),
    _user("cdimitrov", "astro", WAITING, "merge stage gpu_side", 0.8),
    _user("dkaya", "astro", TRAINING, "train infer"),
    _user("eokonkwo", "gwave", SWEEPING, "banks long_sweep", 1.4),
    _user("fhansen", "gwave", EFFICIENT, "dft scan", 1.2),
    _user("gpetit", "gwave", ONE_CORE, "serial serial_half", 0.5),
    _user("hsato", "lattice", EFFICIENT, "lattice manycore", 2.0, qos="large"),
    _user("ivanova", "lattice", EFFICIENT, "lattice manycore", 1.4, qos="large"),
    _user("jlindqvist", "materials", EFFICIENT, "relax dft", 2.4),
    _user("kmwangi", "materials", EFFICIENT, "relax chem", 1.6),
    _user("lferrari", "materials", OVER_ASKING, "chem dft", 0.7),
    _user("mnovak", "materials", SWAPPING, "chem", 0.7),
    _user("nbaptiste", "chem", EFFICIENT, "md_prod chem", 1.5),
    _user("oyilmaz", "chem", EFFICIENT, "md_gpu gpu_pair", 1.6),
    _user("pschroder", "chem", IDLE_GPU, "md_gpu train", 0.6),
    _user("qzhang", "vision", TRAINING, "train finetune", 2.0),
    _user("rdasilva", "vision", TRAINING, "finetune infer", 1.6),
    _user("skowalska", "vision", IDLE_GPU, "train finetune", 0.35),
    _user("tmbeki", "vision", EFFICIENT, "gpu_side ray", 1.3),
    _user("ugarcia", "speech", TRAINING, "train gpu_pair", 1.4),
    _user("vrao", "speech", TRAINING, "infer finetune", 1.2),
    _user("wduval", "genomics", WAITING, "align stage", 0.9),
    _user("xmoreau", "genomics", OVER_ASKING, "assembly variant", 0.8),
    _user("ynakamura", "genomics", EFFICIENT, "assembly align", 1.3),
    _user("zabebe", "genomics", FORKING, "pipeline variant gpu_side", 0.8),
    _user("aolsen", "genomics", SWEEPING, "bootstrap scan", 1.4),
    _user("bfitzroy", "fluids", EFFICIENT, "les md_prod", 1.6),
    _user("cpark", "fluids", ONE_CORE, "serial", 0.25),
    _user("dvega", "fluids", FORKING, "les", 0.3),
    _user("ehuang", "coast", EFFICIENT, "hydro", 1.2, qos="project"),
    _user("fmarino", "coast", EFFICIENT, "hydro", 1.0, qos="project"),
    _user("gthapa", "coast", OVER_ASKING, "hydro", 0.4, qos="project"),
    _user("hweiss", "support", INTERACTIVE, "shell notebook", 1.0),
    _user("ibarra", "support", EFFICIENT, "test", 0.8),
    _user("jcohen", "vision", INTERACTIVE, "notebook shell", 1.0),
    *(_user(f"train{number:02d}", "training", INTERACTIVE, "class", 0.5, qos="course") for number in (1, 2)),
    *(_user(f"train{number:02d}", "training", EFFICIENT, "class", 0.5, qos="course") for number in (3, 4, 5)),
)

DEBUG_JOBS_PER_USER = 2
"""How many jobs a user may run at once in the debug partition."""
CAPPED_ACCOUNT = "coast"
"""The account whose jobs together may hold only so many CPUs; the workshop has such a limit, too."""
CAPPED_SHARE = 0.8
"""That limit, as a share of the CPUs of the account's own nodes."""


def who_suits(flavour: str, kind: str, wanted: str = "") -> tuple[list[tuple[User, Work]], list[float]]:
    """Everybody whose work suits a cell, with how often each turns up.

    Args:
        flavour: The name of the cell's style.
        kind: The prefix of its nodes.
        wanted: Only ``array``, only ``gpu`` or only ``cpu`` work; empty: any.
    """
    pairs: list[tuple[User, Work]] = []
    weights: list[float] = []
    for user in USERS:
        suited = [
            work
            for work in user.works
            if flavour in work.flavours and kind in work.kinds and (not wanted or wanted in work.traits)
        ]
        for work in suited:
            pairs.append((user, work))
            weights.append(user.weight / len(suited))
    return pairs, weights
