"""`python -m flows` is the command line."""

from flows.cli.app import entry

entry()
