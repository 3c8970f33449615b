"""The signals that stop a command, and what follows from them."""

import signal

STOPS = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM", signal.SIGHUP: "SIGHUP"}
"""Each signal, and what a message calls it."""
STOPPED = 128
"""Added to the number of the signal, it is the exit code of a command that was stopped."""
CRASHED = 70
"""The exit code of a command whose process was ended by another signal, or could not begin."""
ENDS_IN_ORDER = ["serve"]
"""The command that is asked to end, because it has runs of its own to end."""
