"""Law files: what they say, and how one that does not hold is refused."""

import tomllib
from pathlib import Path

import polars as pl
import pytest

from audit_rules.errors import PolicyRefused
from audit_rules.kinds.registry import KIND_MODULES
from audit_rules.law.clauses import CLAUSE_KINDS, NoExtrapolation, RecoupmentLimit
from audit_rules.law.grounds import with_grounds
from audit_rules.law.library import SHIPPED_LAW, load_law
from audit_rules.policy.library import load_policies
from audit_rules.rules import RULES
from tests.support.policy_schema import schema_errors

HEAD = '[law]\nid = "own"\ntitle = "Our contract"\n\n'
LIMIT = (
    '[[recoupment_limit]]\nterm_id = "own.limit"\ncite = "section 4"\nbasis = "stated"\n'
    'effective_from = 2020-01-01\njurisdictions = ["US-TX"]\n'
    'lines_of_business = ["commercial_insured"]\nmonths = 12\ncounted_from = "paid_date"\n'
)


def _load(tmp_path: Path, text: str, name: str = "own.toml") -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    load_law(tmp_path)


def test_every_shipped_clause_says_that_nobody_has_read_its_text() -> None:
    clauses = [clause for law in load_law().laws for clause in law.clauses]
    assert {clause.basis for clause in clauses} == {"inferred"}
    assert all("effective_from" in clause.assumed for clause in clauses)
    assert all(clause.effective_from.year == 1900 for clause in clauses)


def test_the_shipped_limits_are_those_that_were_read() -> None:
    found = {
        (c.jurisdictions[0], c.months or c.days, c.claims)
        for c in load_law().of_kind(RecoupmentLimit)
    }
    both, pharmacy = ("medical", "pharmacy"), ("pharmacy",)
    assert found == {
        ("US-AL", 12, both),
        ("US-AL", 18, both),
        ("US-CA", 365, both),
        ("US-SC", 18, both),
        ("US-DE", 24, both),
        ("US-AZ", 12, both),
        ("US-KS", 24, pharmacy),
        ("US-WY", 24, pharmacy),
        ("US-SD", 24, pharmacy),
    }


def test_extrapolation_is_forbidden_in_the_five_states_whose_acts_say_so() -> None:
    states = {c.jurisdictions[0] for c in load_law().of_kind(NoExtrapolation)}
    assert states == {"US-AL", "US-KS", "US-NC", "US-RI", "US-DE"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            LIMIT.replace("months = 12", "months = 12\ndays = 3"),
            "own.toml: line 5: recoupment_limit own.limit: give either months or days, and not",
        ),
        (
            LIMIT.replace("paid_date", "billed_date"),
            "own.toml: line 13: recoupment_limit own.limit: counted_from: Input should be",
        ),
        (LIMIT.replace("months", "monhts"), "Remove it, or write months; allowed are: "),
        (LIMIT.replace('"US-TX"', '"Texas"'), "own.limit: jurisdictions.0: String should match"),
        (LIMIT.replace('cite = "section 4"\n', ""), "own.limit: cite: Field required. Add it."),
        (
            LIMIT.replace('jurisdictions = ["US-TX"]\n', ""),
            "own.limit: jurisdictions and lines_of_business are missing",
        ),
        (
            '[[limit]]\nterm_id = "x"\n',
            "own.toml: unknown section 'limit'. Write one of: law, recoup",
        ),
        (LIMIT + LIMIT, "this term_id is also in own.toml. Give each clause its own id."),
    ],
)
def test_a_law_file_is_refused_with_its_clause_field_and_remedy(
    tmp_path: Path, text: str, says: str
) -> None:
    with pytest.raises(PolicyRefused) as refusal:
        _load(tmp_path, HEAD + text)
    assert says in str(refusal.value)


def test_a_folder_without_law_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyRefused, match="no law file"):
        load_law(tmp_path)


def test_a_file_of_the_users_takes_the_place_of_the_shipped_one(tmp_path: Path) -> None:
    own = HEAD.replace("own", "us-al") + LIMIT
    (tmp_path / "alabama.toml").write_text(own, encoding="utf-8")
    law = load_law(tmp_path)
    names = {file.law.id: file.file_name for file in law.laws}
    assert names["us-al"] == "alabama.toml"
    assert len(names) == len(load_law().laws)
    assert "law.us-al.payment" not in law.citations()


def test_each_kind_of_clause_says_what_its_fields_mean() -> None:
    for kind in CLAUSE_KINDS:
        own = set(kind.model_fields) - set(CLAUSE_KINDS[-1].model_fields) - {"says"}
        assert all(field in (kind.__doc__ or "") for field in own), kind


def test_rules_declare_which_of_their_reasons_are_slips_of_the_pen() -> None:
    declared = {(m.RULE.id, g) for m in (*RULES, *KIND_MODULES) for g in m.RULE.grounds.values()}
    assert declared == {
        ("GEN02", "clerical"),
        ("MOD01", "clerical"),
        ("DUP03", "coordination_of_benefits"),
    }
    for module in RULES:
        assert set(module.RULE.grounds) <= set(module.RULE.says)


def test_a_ground_is_that_of_the_rule_and_reason() -> None:
    rows = pl.DataFrame(
        {
            "rule_id": ["GEN02", "GEN01"],
            "reason": ["no_generic_price", "no_generic_trial"],
            "term_id": ["a", "b"],
        }
    )
    assert with_grounds(rows, RULES, load_policies())["ground"].to_list() == ["clerical", None]


# ---------------------------------------------------------------- the published schema


@pytest.mark.parametrize("path", sorted(SHIPPED_LAW.glob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_law_file_holds_under_the_published_schema(path: Path) -> None:
    assert schema_errors(tomllib.loads(path.read_text(encoding="utf-8")), is_law=True) == []


@pytest.mark.parametrize(
    "change",
    [
        ("months = 12", "months = 12\ndays = 365"),
        ("months = 12\n", ""),
        ("commercial_insured", "commercial"),
        ("paid_date", "posted_date"),
        ("section 4", '"\nclauze = "x'),
        ("[[recoupment_limit]]", "[[recoupment_limits]]"),
        ('title = "Our contract"', ""),
    ],
)
def test_the_published_schema_refuses_what_loading_refuses(
    tmp_path: Path, change: tuple[str, str]
) -> None:
    held = HEAD + LIMIT
    assert schema_errors(tomllib.loads(held), is_law=True) == []
    assert change[0] in held
    text = held.replace(*change)
    assert schema_errors(tomllib.loads(text), is_law=True)
    with pytest.raises(PolicyRefused):
        _load(tmp_path, text)
