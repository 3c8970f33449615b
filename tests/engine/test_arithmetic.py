"""Figures are exact to the last digit."""

import ast
from fractions import Fraction
from math import ceil, floor
from pathlib import Path

import polars as pl
import pytest

from audit_rules.engine.arithmetic import divided, from_thousandths, least_and_most
from tests.support.running import ROOT

_WHOLE = [*range(1, 2000), 27_300, 180_001, 999_999]


@pytest.mark.parametrize("by", [100, 1000])
def test_a_figure_is_the_closest_one_alone_and_among_others(by: int) -> None:
    expected = [number / by for number in _WHOLE]
    together = pl.DataFrame({"number": _WHOLE})
    alone = [together[i : i + 1] for i in range(len(_WHOLE))]

    def figures(frame: pl.DataFrame) -> list[float]:
        return frame.lazy().select(divided(pl.col("number"), by)).collect()["number"].to_list()

    assert figures(together) == expected
    assert [figures(one)[0] for one in alone[::50]] == expected[::50]


def test_an_unknown_figure_stays_unknown() -> None:
    frame = pl.DataFrame({"number": [180_001, None]})
    assert frame.select(from_thousandths(pl.col("number")))["number"].to_list() == [180.001, None]


@pytest.mark.parametrize("share", ["0.07", "0.5", "0.3333", "1.4"])
def test_what_is_just_a_share_of_another_sum_is_one(share: str) -> None:
    own = [*range(100, 2000, 7), 10**18 - 1]
    frame = pl.DataFrame({"own": own, "share": [float(share)] * len(own)})
    least, most = least_and_most(pl.col("own"), pl.col("share"))
    found = frame.select(least=least, most=most)
    assert found.rows() == [(ceil(n * Fraction(share)), floor(n / Fraction(share))) for n in own]


def _divides_by_a_power_of_ten(node: ast.AST) -> bool:
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)):
        return False
    by = node.right
    is_scale = isinstance(by, ast.Name) and by.id == "SCALE"
    return is_scale or (isinstance(by, ast.Constant) and by.value in (10, 100, 1000, 1_000_000))


@pytest.mark.parametrize("folder", ["facts", "kinds", "rules"])
def test_no_rule_divides_a_column_by_a_power_of_ten_itself(folder: str) -> None:
    def divides(path: Path) -> bool:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        return any(map(_divides_by_a_power_of_ten, ast.walk(tree)))

    assert [p.name for p in (ROOT / "audit_rules" / folder).rglob("*.py") if divides(p)] == []
