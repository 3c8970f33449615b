"""The results of a run for machines: tables, manifest and how they are published."""
