"""Parts judged by several processes of this machine, each with its share of the processors."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue

import polars as pl

from audit_rules.engine.rule import Described
from flows.errors import Bug, passed_on
from flows.judging.judge_part import Job, write_job
from flows.judging.parts import Judged, Part, nobody_waits

_THREADS = "POLARS_MAX_THREADS"


def judge_parts(
    parts: Sequence[Part],
    job: Job,
    rules: Sequence[Described],
    workers: int,
    job_file: Path,
    trace_folder: Path,
    judged: Judged = nobody_waits,
) -> None:
    """Judge every part, and leave in its folder what is found.

    rules          those by which this process judges; others know them.
    workers        how many processes judge; with one it is this one.
    job_file       where the job is written for others.
    trace_folder   for what a bug leaves behind.
    """
    count = min(workers, len(parts))
    if count <= 1:
        for part in parts:
            job.judge_part(part, rules)
            judged()
        return
    write_job(job, job_file)
    with ExitStack() as stack:
        free: SimpleQueue[subprocess.Popen[str]] = SimpleQueue()
        for _ in range(count):
            free.put(stack.enter_context(_process([str(job_file), str(trace_folder)], count)))
        threads = stack.enter_context(ThreadPoolExecutor(count))
        ended = [threads.submit(_judge_by_one, free, part.folder) for part in parts]
        try:
            for end in as_completed(ended):
                end.result()
                judged()
        finally:
            threads.shutdown(cancel_futures=True)


def _judge_by_one(free: "SimpleQueue[subprocess.Popen[str]]", folder: Path) -> None:
    """Let a process that is free judge a part."""
    process = free.get()
    try:
        _judge(process, folder)
    finally:
        free.put(process)  # also of one that has failed: who waits for it must not wait for ever


@contextmanager
def _process(arguments: list[str], count: int) -> Iterator["subprocess.Popen[str]"]:
    """A process that judges; it ends with the block."""
    command = [sys.executable, "-P", "-m", "flows.judging.part_worker", *arguments]
    threads = max(1, pl.thread_pool_size() // count)
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        errors="surrogateescape",
        env=os.environ | {_THREADS: str(threads)},
    ) as process:
        try:
            yield process
        finally:
            process.kill()
            with suppress(BrokenPipeError):  # of one that ended early
                process.stdin.close()  # type: ignore[union-attr]


def _judge(process: "subprocess.Popen[str]", folder: Path) -> None:
    """Let a process judge a part. Raises what went wrong there."""
    assert process.stdin and process.stdout
    try:
        process.stdin.write(f"{folder}\n")
        process.stdin.flush()
        answer = process.stdout.readline()
    except BrokenPipeError:
        answer = ""
    if not answer:
        raise Bug(
            f"A process that judged ended early (exit {process.wait()}), as the system does when "
            "memory runs out. Nothing was published. Give fewer --workers or more memory, then "
            "run again."
        )
    if wrong := answer.strip():
        code, _, message = wrong.partition(" ")
        raise passed_on(int(code), message)
