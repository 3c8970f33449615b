"""Ask a past run again: explain and compare."""
