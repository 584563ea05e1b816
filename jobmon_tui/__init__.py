"""jobmon: what every job on a Slurm cluster does with what it asked for, live in the terminal."""

__version__ = "0.1.0"
