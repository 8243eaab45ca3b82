"""What trainings left: runs, their policies, and players by name."""
