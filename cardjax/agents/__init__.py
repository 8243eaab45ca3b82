"""Learners: networks, losses, and the algorithms as pure functions `init` and `update`."""
