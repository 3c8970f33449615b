"""The frames that rules read are as declared: columns, types and grain."""

from pathlib import Path

import polars as pl
import pytest

from audit_rules.engine.dossier import Dossier, WarehouseFrames, compile_dossier
from flows.errors import as_user_error
from flows.judging.frames import read_frames
from flows.warehouse.connection import opened
from schemas.errors import FrameError
from schemas.frame import Frame, FrameColumn, check_frame
from schemas.frames import DOSSIER_FRAMES, WAREHOUSE_FRAMES
from tests.support.case_runs import check_declared
from tests.support.running import AS_OF, ROOT, planned, run_to_final_action

FRAME = Frame(
    "fills",
    "One row per fill.",
    {"person": FrameColumn(pl.String(), "whose"), "paid": FrameColumn(pl.Int64(), "how much")},
)


def _names(values: type) -> set[str]:
    return {
        name
        for name, kind in values.__annotations__.items()
        if kind in (pl.DataFrame, pl.LazyFrame)
    }


def test_every_frame_is_declared() -> None:
    assert _names(WarehouseFrames) == WAREHOUSE_FRAMES.keys()
    assert _names(Dossier) == DOSSIER_FRAMES.keys()
    assert all(name == frame.name for name, frame in DOSSIER_FRAMES.items())


def test_the_order_of_the_columns_is_free() -> None:
    check_frame(FRAME, pl.DataFrame({"paid": [1], "person": ["P"]}))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"person": ["P-1234"]}, "frame fills: column paid is missing"),
        (
            {"person": ["P-1234"], "paid": [1], "plan": ["X"]},
            "frame fills: column plan is not declared",
        ),
        ({"person": ["P-1234"], "paid": ["1"]}, "frame fills: column paid is String, not Int64"),
    ],
)
def test_another_column_is_refused_by_the_names_of_frame_and_column_alone(
    rows: dict[str, list[object]], message: str
) -> None:
    with pytest.raises(FrameError) as error:
        check_frame(FRAME, pl.DataFrame(rows))
    assert str(error.value) == message


def test_the_frames_of_the_sample_are_as_declared(tmp_path: Path) -> None:
    """Constructing WarehouseFrames checks those that come out of SQL."""
    made = planned(ROOT / "data" / "sample", tmp_path)
    run_to_final_action(made)
    with opened(made.bench) as connection:
        frames = read_frames(connection, made.reference, AS_OF)
    for name, frame in WAREHOUSE_FRAMES.items():
        for key in frame.keys:
            assert not getattr(frames, name).select(key).is_duplicated().any(), name
    check_declared(compile_dossier(frames, made.reference, made.default_supply_days, AS_OF))


def test_a_frame_with_a_fault_is_named_to_the_user_with_its_column(tmp_path: Path) -> None:
    error = FrameError("frame doses: column days is missing")
    said = str(as_user_error(error, tmp_path))
    assert "A bug: FrameError at " in said and "(frame doses: column days is missing)" in said
    other = str(as_user_error(ValueError("member M77"), tmp_path))
    assert "M77" not in other
