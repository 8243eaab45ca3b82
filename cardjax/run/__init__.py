"""A training run: what it is, its learner, and the files that it writes."""
