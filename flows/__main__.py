"""`python -m flows` is the command line."""

from flows.start import entry

entry()
