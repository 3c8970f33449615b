"""A process that judges parts for a run: their folders come in by standard input, one a line.

It answers each with a line: empty, or the exit code and the message of what went wrong. However the
run ends, the system closes the pipe, and this process ends.
"""

import os
import signal
import sys
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from flows.errors import redacted_errors
from flows.process import collect_rarely, work_privately


def main(job_file: Path, trace_folder: Path) -> None:
    """Judge parts until the run ends.

    trace_folder   for what a bug leaves behind.
    """
    work_privately()
    collect_rarely()
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run hears it, and ends this process
    asked: SimpleQueue[str] = SimpleQueue()
    Thread(target=_hear, args=(asked,), daemon=True).start()

    from audit_rules.errors import AuditError
    from flows.judging.judge_part import read_job

    job = None
    while folder := asked.get():
        wrong = ""
        try:
            with redacted_errors(trace_folder):
                job = job or read_job(job_file)
                job.judge_folder(Path(folder))
        except AuditError as error:
            wrong = f"{error.exit_code} {' '.join(str(error).split())}"
        print(wrong, flush=True)


def _hear(asked: "SimpleQueue[str]") -> None:
    for line in sys.stdin:
        asked.put(line.removesuffix("\n"))
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
