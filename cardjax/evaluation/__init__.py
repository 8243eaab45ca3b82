"""Matches, statistics and scores: how far a policy is from the exact benchmark."""
