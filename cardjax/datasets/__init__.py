"""Data sets: rollouts of any policy, as files for other programs."""
