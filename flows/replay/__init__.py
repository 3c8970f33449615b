"""A past run asked again: explain and compare."""
