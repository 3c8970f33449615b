"""The program that draws charts, in a process of its own: the memory of its renderer, which never
gives any back, is free again when it ends.

Vega-Lite specifications come in by standard input, as JSON, one a line, up to END; the SVG of each
goes out, as JSON too. However the run ends, the system closes the pipe, and this process ends.
"""

import json
import os
import signal
import sys
from queue import SimpleQueue
from threading import Thread

END = b"\0"


def main() -> None:
    """Load what draws, which takes half a second, and draw what comes in."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run hears it, and closes the pipe
    asked: SimpleQueue[bytes] = SimpleQueue()
    Thread(target=_hear, args=(asked,), daemon=True).start()

    from vl_convert import vegalite_to_svg

    vegalite_to_svg({"mark": "bar", "data": {"values": []}})
    for specification in asked.get().splitlines():
        svg = vegalite_to_svg(json.loads(specification))
        sys.stdout.buffer.write(f"{json.dumps(svg)}\n".encode())


def _hear(asked: "SimpleQueue[bytes]") -> None:
    came_in = b""
    while some := os.read(0, 1 << 20):
        came_in += some
        if came_in.endswith(END):
            asked.put(came_in.removesuffix(END))
    os._exit(0)


if __name__ == "__main__":
    main()
