"""What Slurm says, by its commands or through pyslurm."""
