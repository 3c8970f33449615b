"""Growth: what the rules make grows with a person's rows, not with the square of their number.

Counted are the rows that joins make and that the engine collects, and pieces of evidence; never
time.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from audit_rules.engine.judge import Judgement
from benchmarks.growth import AS_OF, AXES, run_once, write_extracts
from flows.replay.explain import explain
from flows.replay.explain_text import text_of
from schemas.results import MOST_EVIDENCE
from tests.support.running import audited, request_for

FEW = 300
MANY = 4 * FEW
MOST_GROWTH = 4**1.2
EXPLAINED = (400, 800)
"""With 300 rows nobody is crowded yet, which takes more than these."""
JUDGED = (
    "same_day_fills",
    "spread_fills",
    "doses",
    "lines_of_a_claim",
    "authorizations",
    "evidence",
    "words_of_authorizations",
    "taxonomies",
    "surfaces",
    "spans",
    "chain_of_claims",
    "chain_of_replacements",
    "two_payers",
    "two_benefits",
    "inhibitors_in_turn",
    "around_doses",
    "prices",
)


class _Collected:
    """How many rows the joins have made, and the collected frames have."""

    rows = 0


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Collected]:
    counted = _Collected()
    collect, collect_all = pl.LazyFrame.collect, pl.collect_all
    join, eager_join = pl.LazyFrame.join, pl.DataFrame.join

    def count(frame: pl.DataFrame) -> pl.DataFrame:
        counted.rows += frame.height
        return frame

    def joined(frame: pl.LazyFrame, *args: Any, **named: Any) -> Any:
        return join(frame, *args, **named).map_batches(
            count, predicate_pushdown=False, validate_output_schema=False
        )

    def eagerly_joined(frame: pl.DataFrame, *args: Any, **named: Any) -> Any:
        return count(eager_join(frame, *args, **named))

    def one(frame: pl.LazyFrame, *args: Any, **named: Any) -> Any:
        found = collect(frame, *args, **named)
        counted.rows += found.height
        return found

    def several(frames: Any, *args: Any, **named: Any) -> Any:
        found = collect_all(frames, *args, **named)
        counted.rows += sum(f.height for f in found)
        return found

    monkeypatch.setattr(pl.LazyFrame, "join", joined)
    monkeypatch.setattr(pl.DataFrame, "join", eagerly_joined)
    monkeypatch.setattr(pl.LazyFrame, "collect", one)
    monkeypatch.setattr(pl, "collect_all", several)
    yield counted


def _extracts(folder: Path, axis: str, size: int) -> Path:
    """A folder with the extracts of an axis at a size."""
    rows_of = AXES[axis].rows
    assert rows_of is not None
    return write_extracts(folder / str(size), rows_of(size))


def _pieces(judgement: Judgement) -> pl.Series:
    return judgement.exceptions["evidence"].list.len()


@pytest.mark.slow
@pytest.mark.parametrize("axis", JUDGED)
def test_d3_judging_grows_with_the_rows_of_a_person(
    tmp_path: Path, collected: _Collected, axis: str
) -> None:
    """Two thousand fills of one day made six million pieces of evidence."""
    rows = {}
    for size in (FEW, MANY):
        folder = _extracts(tmp_path, axis, size)
        collected.rows = 0
        judgement = audited(folder / "in", folder / "out", AS_OF)
        rows[size] = collected.rows
        assert (_pieces(judgement) <= 2 * (MOST_EVIDENCE + 1)).all()

    assert rows[MANY] < MOST_GROWTH * rows[FEW]


@pytest.mark.slow
def test_d4_explain_grows_with_the_rows_of_a_person(tmp_path: Path, collected: _Collected) -> None:
    """Each change was tried on a copy of its person, in whose rows every pair was joined."""
    rows = {}
    for size in EXPLAINED:
        folder = _extracts(tmp_path, "explain", size)
        run_once(folder)
        collected.rows = 0
        explained = explain(
            request_for(None, folder, folder / "audit.duckdb", AS_OF), f"F{size - 1}"
        )
        rows[size] = collected.rows

    few, many = EXPLAINED
    assert rows[many] < (many / few) ** 1.2 * rows[few]
    assert "more, no nearer in time to the line" in " ".join(text_of(explained).split())
