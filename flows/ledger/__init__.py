"""What changed since the last run, and what reviewers decided."""
