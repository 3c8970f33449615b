"""The program that draws charts, in a process of its own: the memory of its renderer, which never
gives any back, is free again when it ends.

Vega-Lite specifications come in by standard input, as JSON, one a line; the SVG of each goes out,
as JSON too. However the run ends, the system closes the pipe, and this process ends.
"""

import json
import signal
import sys

from vl_convert import vegalite_to_svg


def main() -> None:
    """Load what draws, which takes half a second, and draw what comes in."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run hears it, and closes the pipe
    vegalite_to_svg({"mark": "bar", "data": {"values": []}})
    for specification in sys.stdin:
        json.dump(vegalite_to_svg(json.loads(specification)), sys.stdout)
        sys.stdout.write("\n")


if __name__ == "__main__":
    main()
