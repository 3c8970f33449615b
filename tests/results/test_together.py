"""What is published in two files is never half published, whenever the process is killed."""

import os
import shutil
import signal
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from flows.errors import WarehouseBusy
from flows.reports.packet import write as packets
from flows.reports.packet.published import PublishedException
from flows.results.together import published_together

pytestmark = pytest.mark.slow  # whole runs over hostile input

NAMES = ("quarantine.parquet", "warnings.parquet")


def _publish(output: Path, content: str) -> None:
    with published_together(output) as folder:
        for name in NAMES:
            (folder / name).write_text(content)


def _shown(output: Path) -> list[str | None]:
    return [(output / n).read_text() if (output / n).is_file() else None for n in NAMES]


def _killed_at(line: int, file: str, work: Callable[[], None]) -> bool:
    """Do the work in a child that kills itself at the nth line of a file; whether it was killed."""
    seen = 0

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal seen
        if not frame.f_code.co_filename.endswith(file):
            return None
        seen += event == "line"
        if seen == line:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    child = os.fork()
    if child == 0:
        sys.settrace(trace)
        try:
            work()
        finally:  # a child that fails must not go on as a second pytest
            os._exit(sys.exc_info()[0] is not None)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the work failed"
    return os.WIFSIGNALED(status)


@pytest.mark.parametrize("before", ["nothing", "plain files", "links"])
def test_e1_a_killed_validate_shows_both_old_files_or_both_new(tmp_path: Path, before: str) -> None:
    old = [None, None] if before == "nothing" else ["old", "old"]
    seen = []
    for line in range(1, 500):
        output = tmp_path / str(line)
        output.mkdir()
        if before == "plain files":
            for name in NAMES:
                (output / name).write_text("old")
        if before == "links":
            _publish(output, "old")
        if not _killed_at(line, "together.py", lambda: _publish(output, "new")):  # noqa: B023
            break
        seen.append(_shown(output))
        _publish(output, "newest")  # a later validate goes on from whatever is there
        assert _shown(output) == ["newest", "newest"]
        assert len(list(output.glob(".failed-checks-*"))) == 1
        shutil.rmtree(output)
    assert [shown for shown in seen if shown not in (old, ["new", "new"])] == []
    assert old in seen and ["new", "new"] in seen


def test_e1_two_validates_do_not_mix_and_a_failed_one_leaves_the_old_files(tmp_path: Path) -> None:
    _publish(tmp_path, "old")
    with published_together(tmp_path) as folder:
        (folder / NAMES[0]).write_text("first")
        with pytest.raises(WarehouseBusy), published_together(tmp_path):
            pass
        (folder / NAMES[1]).write_text("first")
    assert _shown(tmp_path) == ["first", "first"]
    with pytest.raises(OSError, match="full"), published_together(tmp_path) as folder:
        (folder / NAMES[0]).write_text("half")
        raise OSError("full")
    assert _shown(tmp_path) == ["first", "first"]


def test_e1_a_packet_has_its_name_only_when_it_is_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packets, "as_html", lambda *_given: "complete")
    published = PublishedException({"exception_id": "0" * 32}, (), None, {}, "packet-0")
    found = set()
    for line in range(1, 200):
        folder = tmp_path / str(line)
        if not _killed_at(
            line,
            "packet/write.py",
            lambda: packets.write_packet(folder, published, with_pdf=False) and None,  # noqa: B023
        ):
            break
        found |= {path.read_text() for path in folder.glob("packet-*")}
        found |= {str(stat.S_IMODE(p.stat().st_mode) & 0o077) for p in folder.glob("*")}
    assert found == {"complete", "0"}
