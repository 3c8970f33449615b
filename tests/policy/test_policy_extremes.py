"""Policy files with numbers and nesting beyond all sense are refused with a sentence."""

import re
from pathlib import Path

import pytest

from audit_rules.errors import PolicyRefused
from audit_rules.policy.document import read_policy_file
from audit_rules.policy.library import SHIPPED_POLICIES, load_policies
from flows.cli.app import main

QUANTITY = SHIPPED_POLICIES / "cigna-imatinib-quantity.toml"


@pytest.mark.parametrize("number", ["1e300", "1e30", "9223372036854775808", "1000000001"])
def test_e8_a_limit_that_no_figure_can_be_compared_with_is_refused(
    number: str, tmp_path: Path
) -> None:
    """It was accepted and made every run fail."""
    text = re.sub(r"^limit = \d+", f"limit = {number}", QUANTITY.read_text(), flags=re.MULTILINE)
    assert f"limit = {number}" in text
    (tmp_path / "x.toml").write_text(text, encoding="utf-8")
    with pytest.raises(
        PolicyRefused, match=r"x.toml: line \d+: quantity_limit .*: limit: .*less than"
    ):
        load_policies(tmp_path)


@pytest.mark.parametrize("depth", [25, 200, 5_000])
@pytest.mark.parametrize("nested", ["array", "table", "header"])
def test_e8_deep_nesting_is_refused(depth: int, nested: str, tmp_path: Path) -> None:
    text = {
        "array": f"x = {'[' * depth}{']' * depth}",
        "table": f"x = {'{a = ' * depth}1{'}' * depth}",
        "header": f"[{'.'.join('a' * depth)}]",
    }[nested]
    path = tmp_path / "x.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyRefused, match="nested too deeply"):
        read_policy_file(path)
    assert main(["lint", str(path)]) == 6


def test_e8_dates_at_the_ends_of_the_calendar_do_not_fail_the_check(tmp_path: Path) -> None:
    text = QUANTITY.read_text(encoding="utf-8")
    for day in ("0001-01-01", "9999-12-31"):
        changed = re.sub(r"effective_from = \S+", f"effective_from = {day}", text)
        (tmp_path / "x.toml").write_text(changed, encoding="utf-8")
        assert main(["lint", str(tmp_path / "x.toml")]) in (0, 1, 6)
