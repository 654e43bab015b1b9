"""What crosses a process boundary in planecast, and nothing else."""
