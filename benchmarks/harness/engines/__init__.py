"""Beyond the processes of one machine: parts of a matrix, Ray, SLURM, and what others plug in."""
