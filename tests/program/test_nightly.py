"""The flow without Prefect: a run that is published has finished, whatever breaks after it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flows import nightly
from tests.support.extracts import good, write
from tests.support.running import planned


def _breaks(*_given: Any) -> Any:
    raise ValueError("after publication")


@pytest.mark.parametrize("is_published", [True, False])
def test_e2_only_what_breaks_before_publication_fails_a_run(
    is_published: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Also under a Prefect worker, which has no command line to say that the results are there."""
    made = planned(
        write(tmp_path / "in", {"pharmacy_claim.csv": [good("pharmacy_claim")]}), tmp_path
    )
    published = SimpleNamespace(run_id="0")

    def report(night: nightly.Night, *_results: Any) -> None:
        night.published = published if is_published else None  # type: ignore[assignment]
        _breaks()

    for task in ("load", "validate", "settle", "judge"):
        monkeypatch.setattr(nightly, task, lambda _night: None)
    monkeypatch.setattr(nightly, "report", report)
    monkeypatch.setattr(nightly, "_store_counts", _breaks)
    if is_published:
        assert nightly._audit(made, False) is published  # type: ignore[comparison-overlap]
        assert "could not store the counts of this run (ValueError)" in capsys.readouterr().err
    else:
        with pytest.raises(ValueError, match="after publication"):
            nightly._audit(made, False)
