"""Training: compiled programs of all replicates, the loop around them, runs and sweeps."""
