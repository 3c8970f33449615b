"""Prefect's temporary server, as a program that ends with the run that started it.

Its standard input is a pipe from that run. However the run ends, the system closes the pipe, on
every platform; what has been stored by then is on disk.
"""

import gc
import os
import signal
import socket
import sys
import threading


def main(listening: int) -> None:
    """Serve Prefect's API on a listening socket until the run ends."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    threading.Thread(target=_end_with_the_run, daemon=True).start()
    gc.set_threshold(100_000)  # as collect_rarely() of process.py, which is not in the path here
    import uvicorn

    api = "prefect.server.api.server:create_app"
    config = uvicorn.Config(api, factory=True, log_level="critical", lifespan="on")
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=listening)])


def _end_with_the_run() -> None:
    while os.read(0, 1):
        pass
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
