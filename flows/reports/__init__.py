"""The results of a run for people: page, work-paper and packets."""
