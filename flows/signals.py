"""The signals that stop a command, and what follows from them."""

import signal

STOPS = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM", signal.SIGHUP: "SIGHUP"}
"""Each signal, and what a message calls it."""
STOPPED = 128
"""Added to the number of the signal, it is the exit code of a command that was stopped."""
CRASHED = 70
"""The exit code of a command whose process was ended by another signal, or could not begin."""
UNTIL_STOPPED = ("review",)
"""The commands that work until a person stops them: that is not a failure."""
ENDS_IN_ORDER = ("serve", *UNTIL_STOPPED)
"""The commands that are asked to end, because they have runs or answers of their own to end."""
WITH_PREFECT = ("run", "backfill")
"""The commands that start a temporary server of Prefect's, if the environment names none."""
