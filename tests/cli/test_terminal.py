"""The end of a run: one screen, nothing, or one JSON object; and progress on a terminal."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from flows.cli import run as commands
from flows.cli.app import main
from flows.end_screen import as_markdown
from flows.errors import InputRefused
from flows.progress import StageBars, announce
from flows.reports.workpaper.write import ROW_LIMIT
from flows.summary import Summary
from tests.support.running import ROOT

TOTALS = {
    "paid_amount": "223456789.05",
    "recover_amount": "123456780.05",
    "records_request_amount": "0.00",
    "review_amount": "9.00",
    "amount_at_risk": "123456789.05",
    "expected_amount": "61728399.50",
    "dismissed_amount": "5.00",
    "not_collectable_amount": "0.00",
    "recovered_amount": "0.00",
}
SUMMARY = Summary(
    run_id="0123456789abcdef",
    as_of="2026-06-30",
    folder=Path("out/run=0123456789abcdef"),
    was_there=False,
    loaded_files=2,
    passed_over=("a.csv",),
    growing=("b.csv",),
    rows_read=1_234_567,
    quarantined=3,
    duplicates=1,
    previous_run="2026-06-29",
    changes={"changed": 1, "new": 4},
    exceptions={"DX01 review": 2, "QTY01 recover": 1_200, "QTY01 review": 1},
    lines=1_100,
    advisory_lines=100,
    totals=TOTALS,
    repeated_amounts=2,
    persons=900,
    judged_again=12,
    notes=("no exceptions.xlsx",),
)
SCREEN = """\
Audit 0123456789abcdef as of 2026-06-30, completed with quarantine
changes    since 2026-06-29: 1 changed, 4 new
loaded     2 new files; 1,234,567 rows in the warehouse's files in all
           1 file still growing, left for the next run: b.csv
           1 file passed over, loaded before: a.csv
set aside  3 rows quarantined, 1 exact duplicate
found      1,203 exceptions on 1,100 lines, 100 with advisories alone
           12 of 900 persons re-evaluated; the rest are unchanged
           2 claims with the same amount on every line: counted once, named in the manifest
           rule   recover  records_request  review  advisory
           DX01                                  2
           QTY01    1,200                        1
amounts    sums of columns of the worklist, which counts no dollar twice:
           amount_at_risk          123,456,789.05
           recover_amount          123,456,780.05
           records_request_amount            0.00
           review_amount                     9.00
           expected_amount          61,728,399.50
           dismissed_amount                  5.00
note       no exceptions.xlsx
reports    out/run=0123456789abcdef
"""
WORDS = ["run", "--input", str(ROOT / "data" / "sample"), "--as-of", "2026-06-30"]


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., tuple[int, dict[str, object]]]:
    """Call `claims-audit run` with a flow that gives SUMMARY; returns exit code and options."""
    given: dict[str, object] = {}

    def flow(_request: object, report: Callable[[Summary], None], **words: object) -> None:
        given.update(words)
        report(SUMMARY)

    monkeypatch.setattr(commands, "_run_flow", flow)
    return lambda *options: (main([*WORDS, "--output", str(tmp_path), *options]), given)


def test_one_screen_without_colours_when_it_is_piped(
    run: Callable[..., object], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert run() == (0, {"show_progress": True})
    printed = capsys.readouterr()
    assert "\n".join(line.rstrip() for line in printed.out.splitlines()) + "\n" == SCREEN
    assert printed.err == ""


def test_prefects_page_has_the_notes_as_a_list_between_its_tables() -> None:
    shown = as_markdown(replace(SUMMARY, notes=("no *.xlsx", "a file is late")))
    *_, amounts, title, notes, reports = shown.split("\n\n")
    assert amounts.endswith("| dismissed\\_amount 5.00 |")
    assert (title, notes) == ("## Notes", "- no \\*.xlsx\n- a file is late")
    assert reports == "|  |  |\n| --- | --- |\n| reports | out/run=0123456789abcdef |"
    assert "Notes" not in as_markdown(replace(SUMMARY, notes=()))


def test_a_quiet_run_prints_nothing(
    run: Callable[..., object], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--quiet") == (0, {"show_progress": False})
    assert tuple(capsys.readouterr()) == ("", "")


def test_a_scheduler_gets_one_object(
    run: Callable[..., object], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--json") == (0, {"show_progress": False})
    printed = capsys.readouterr()
    printed_keys = json.loads(printed.out)
    assert printed.err == "" and printed.out.count("\n") == 1
    assert printed_keys == {
        "exit_code": 0,
        "state": "Completed with quarantine",
        "run_id": "0123456789abcdef",
        "as_of": "2026-06-30",
        "folder": "out/run=0123456789abcdef",
        "was_complete": False,
        "loaded": {"new_files": 2, "passed_over": ["a.csv"], "growing": ["b.csv"], "rows": 1234567},
        "set_aside": {"quarantined": 3, "duplicates": 1},
        "found": {
            "exceptions": 1203,
            "lines": 1100,
            "advisory_lines": 100,
            **TOTALS,
            "repeated_amounts": 2,
            "persons": 900,
            "judged_again": 12,
            "by_rule": {"DX01": {"review": 2}, "QTY01": {"recover": 1200, "review": 1}},
        },
        "moved": {"since": "2026-06-29", "counts": {"changed": 1, "new": 4}},
        "notes": ["no exceptions.xlsx"],
    }
    documented = (ROOT / "docs" / "scheduling.md").read_text(encoding="utf-8")
    assert [key for key in printed_keys if f"`{key}`" not in documented] == []


@pytest.mark.parametrize("option", ["--quiet", "--json"])
def test_a_run_that_fails_says_why(
    option: str,
    run: Callable[..., object],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_words: object, **_more: object) -> Summary:
        raise InputRefused("a.csv: cut. Export it again.")

    monkeypatch.setattr(commands, "_run_flow", refuse)
    assert run(option) == (3, {})  # type: ignore[comparison-overlap]
    printed = capsys.readouterr()
    assert printed.err == "claims-audit: a.csv: cut. Export it again.\n"
    failed = {"exit_code": 3, "error": "a.csv: cut. Export it again."}
    assert (json.loads(printed.out) if option == "--json" else printed.out) == (
        failed if option == "--json" else ""
    )


def test_a_run_without_quarantine_is_completed() -> None:
    assert replace(SUMMARY, quarantined=0).state == "Completed"


def test_the_help_names_the_limit_of_the_work_paper(capsys: pytest.CaptureFixture[str]) -> None:
    main(["run", "--help"])
    assert f"up to {ROW_LIMIT:,} exceptions" in " ".join(
        capsys.readouterr().out.replace("\u2502", " ").split()
    )


# ---------------------------------------------------------------- progress


def _bars(wanted: bool = True, terminal: bool = True, rows: int = 1_234) -> str:
    written = io.StringIO()
    bars = StageBars(wanted, Console(file=written, force_terminal=terminal, width=120))
    with bars.shown(), bars.stage("load", 2):
        bars.step("a.csv")
        bars.rows(rows)
    return written.getvalue()


def test_progress_shows_stage_rows_and_rate() -> None:
    shown = _bars()
    assert "load" in shown and "2/2" in shown and "1,234 rows, " in shown and " a second" in shown


def test_progress_shows_each_bucket() -> None:
    written = io.StringIO()
    bars = StageBars(True, Console(file=written, force_terminal=True, width=120))
    with bars.shown(), bars.stage("judge"):
        for number in (1, 2, 3):
            bars.step(f"bucket {number} of 3", 3)
    assert "3/3" in written.getvalue() and "bucket 3 of 3" in written.getvalue()


def test_progress_of_a_few_rows_has_no_rate() -> None:
    assert "1 row\n" in _bars(rows=1) and "4 rows" in _bars(rows=4)
    assert "a second" not in _bars(rows=4)


@pytest.mark.parametrize(("wanted", "terminal"), [(True, True), (False, True), (True, False)])
def test_a_terminal_shows_at_once_that_prefect_is_starting(wanted: bool, terminal: bool) -> None:
    written = io.StringIO()
    announce("Starting", wanted, Console(file=written, force_terminal=terminal))
    assert written.getvalue() == ("Starting\n" if wanted and terminal else "")


def test_there_is_no_progress_without_a_terminal_or_if_it_is_not_wanted() -> None:
    assert _bars(wanted=False) == "" == _bars(terminal=False).strip()
