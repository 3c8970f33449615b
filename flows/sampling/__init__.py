"""Probability samples of a run's lines, and what reviewed samples say of all of them."""
