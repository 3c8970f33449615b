"""Every case of every rule: plain, and with its rows reversed and a neighbour a day later."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit_rules.engine.rule import Described, RuleModule
from audit_rules.policy.library import load_policies
from audit_rules.rules import CATALOGUE
from audit_rules.wording import question
from schemas.outcomes import EXCEPTIONS, NOT_APPLICABLE, NOT_EVALUABLE, PASS
from schemas.tables import TABLES
from tests.support.case_files import Case, CaseError, CaseFile, parse_cases, read_case_file
from tests.support.case_runs import CaseRuns, Variant, variants, write_extracts
from tests.support.examples import MANY

CASES = Path(__file__).parent.parent / "cases"
MODULES = {m.RULE.id: m for m in CATALOGUE}


def _read() -> tuple[dict[str, CaseFile], dict[str, CaseError]]:
    """Every case file by rule id, and what is wrong with those that do not hold."""
    files, errors = {}, {}
    for path in sorted(CASES.glob("*.md")):
        try:
            files[path.stem] = read_case_file(path)
        except CaseError as error:
            errors[path.stem] = error
    return files, errors


FILES, ERRORS = _read()
EVERY_CASE = [case for file in FILES.values() for case in file.cases]


DEAR = [c for c in EVERY_CASE if c.is_alone and c is not FILES[c.rule_id].cases[0]]
"""Cases that have runs of their own."""


def _tried(case: Case) -> tuple[Variant, ...]:
    """The variants of a case that are tried; of those with runs of their own, one in turn."""
    every = variants(case)
    if case not in DEAR or MANY:
        return every
    return (every[DEAR.index(case) % len(every)],)


def _parameters() -> Iterator[object]:
    for case in EVERY_CASE:
        slug = re.sub(r"\W+", "-", case.sentence.lower()).strip("-")
        for variant in _tried(case):
            name = f"{case.tag}-{slug}-{variant.replace(' ', '-')}"
            is_fast = variant == Variant.PLAIN and case not in DEAR
            marks = () if is_fast else pytest.mark.slow
            yield pytest.param(case, variant, id=name, marks=marks)


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> CaseRuns:
    return CaseRuns(EVERY_CASE, tmp_path_factory.mktemp("cases"))


@pytest.mark.parametrize(("case", "variant"), list(_parameters()))
def test_the_rule_answers_as_the_case_says(case: Case, variant: Variant, runs: CaseRuns) -> None:
    assert case.rule_id in MODULES, f"no rule {case.rule_id}"
    assert runs.problems(case, variant, MODULES[case.rule_id]) == []


@pytest.mark.parametrize("name", sorted(p.stem for p in CASES.glob("*.md")))
def test_a_case_file_holds(name: str) -> None:
    assert name not in ERRORS, str(ERRORS[name])
    assert name in MODULES
    assert FILES[name].rule_name == MODULES[name].RULE.name


# ---------------------------------------------------------------- every answer of every rule occurs


@pytest.mark.parametrize("rule_id", sorted(MODULES))
def test_a_rules_docstring_begins_with_its_question(rule_id: str) -> None:
    assert question(MODULES[rule_id]).endswith("?")


def reasons_in_policies(module: Described) -> set[str]:
    """The reasons that terms of shipped documents can give under the id of a rule without code."""
    terms = [t for p in load_policies().spoken() for t in p.language_terms]
    mine = [t for t in terms if t.rule_id == module.RULE.id]
    own = {f.reason for t in mine for f in t.finding if f.reason}
    return own | {reason for t in mine for reason in t.reasons}


def documented(module: Described) -> set[tuple[str, str | None]]:
    """Every (outcome, reason) that a rule's docstring names; the reason may be None."""
    found: set[tuple[str, str | None]] = set()
    outcome, text = None, ""
    every = (*EXCEPTIONS, PASS, NOT_APPLICABLE, NOT_EVALUABLE)
    for line in [*(module.__doc__ or "").splitlines(), "Cannot see"]:
        first = line.split(" ")[0]
        if first in every or first == "Cannot":
            reasons = (
                set(re.findall(r"`(\w+)`", text))
                if outcome in (*EXCEPTIONS, NOT_EVALUABLE)
                else {None}
            )
            found |= {(outcome, reason) for reason in reasons} if outcome else set()
            outcome, text = (first, line) if first in every else (None, "")
        elif outcome:
            text += " " + line
    return found


@pytest.mark.parametrize("rule_id", sorted(MODULES))
def test_every_answer_of_a_rule_has_a_case(rule_id: str) -> None:
    assert rule_id in FILES, f"no case file tests/cases/{rule_id}.md that holds"
    module = MODULES[rule_id]
    named, expected = documented(module), FILES[rule_id].answers()
    reasons = {reason for outcome, reason in named if outcome in EXCEPTIONS}
    if isinstance(module, RuleModule):
        assert set(module.RULE.says) == reasons, "docstring and `says` differ"
    else:
        assert reasons <= reasons_in_policies(module), "a reason that no term gives"
    assert {r for o, r in expected if o in EXCEPTIONS} <= reasons, "reasons without words"
    assert sorted(named - expected, key=str) == [], "answers without a case"


# ---------------------------------------------------------------- the harness itself can fail

OVER_THE_LIMIT = """# QTY01 quantity.per_fill

## One tablet over

pharmacy_claim
| claim_id | payer | dispensing_date | ndc_code | quantity | days_supply | paid_amount \
| dispensing_channel | expect |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
| 1 | Cigna | 2026-02-01 | 47335047281 | 181 | 30 | 1810.00 | retail | {expect} |
| 2 | Aetna | 2026-02-01 | 47335047281 | 181 | 30 | 1810.00 | retail | {other} |
"""
RIGHT = "recover quantity_over_limit observed=181 allowed=180 amount=10.00"
WRONG = [
    (RIGHT.replace("recover", "review"), "-"),
    (RIGHT.replace("quantity_over_limit", "extended_days_supply"), "-"),
    (RIGHT.replace("181", "182"), "-"),
    (RIGHT.replace("allowed=180", "allowed=null"), "-"),
    (RIGHT.replace("10.00", "10.01"), "-"),
    ("pass", "-"),
    ("-", "-"),
    (f"cigna-imatinib-brand: {RIGHT}", "-"),
    (f"{RIGHT}; {RIGHT}", "-"),
    (RIGHT, "not_applicable"),
]


@pytest.fixture(scope="module")
def one_run(tmp_path_factory: pytest.TempPathFactory) -> CaseRuns:
    """A run of the one case above: what it expects is not part of the run."""
    return CaseRuns([_one_tablet_over(RIGHT, "-")], tmp_path_factory.mktemp("one"))


def _one_tablet_over(expect: str, other: str) -> Case:
    return parse_cases(OVER_THE_LIMIT.format(expect=expect, other=other)).cases[0]


def test_a_right_expectation_passes(one_run: CaseRuns) -> None:
    case = _one_tablet_over(f"cigna-imatinib-quantity: {RIGHT}", "-")
    assert one_run.problems(case, Variant.PLAIN, MODULES["QTY01"]) == []


@pytest.mark.parametrize(("expect", "other"), WRONG)
def test_a_wrong_expectation_fails(expect: str, other: str, one_run: CaseRuns) -> None:
    case = _one_tablet_over(expect, other)
    assert len(one_run.problems(case, Variant.PLAIN, MODULES["QTY01"])) == 1


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("quantity |", "tablets |", "no column 'tablets'"),
        ("pharmacy_claim\n", "pharmacy\n", "unknown directive or table 'pharmacy'"),
        ("pharmacy_claim\n", "as off: 2026-01-01\n\npharmacy_claim\n", "unknown directive"),
        ("pharmacy_claim\n", "as of: yesterday\n\npharmacy_claim\n", "is not a date"),
        ("pharmacy_claim\n", "absent: pharmacy_claim\n\npharmacy_claim\n", "absent"),
        ("| retail |", "|", "8 cells under 9 columns"),
        ("recover quantity", "recovered quantity", "not understood"),
        ("recover quantity_over_limit", "recover", "not understood"),
        ("observed=", "seen=", "no place there"),
        ("amount=10.00", "amount=ten", "is not a number"),
        ("| 2 | Aetna ", "| 1 | cigna ", "two rows of one claim line"),
        ("# QTY01", "QTY01", "first line"),
        ("## One", "One", "no case"),
        (f"| {RIGHT} |", "|  |", "expects nothing"),
    ],
)
def test_a_malformed_case_is_refused(old: str, new: str, words: str) -> None:
    other = "" if words == "expects nothing" else "-"
    text = OVER_THE_LIMIT.format(expect=RIGHT, other=other).replace(old, new, 1)
    with pytest.raises(CaseError, match=re.escape(words)):
        parse_cases(text)


def test_a_row_that_does_not_hold_is_refused(tmp_path: Path) -> None:
    text = OVER_THE_LIMIT.format(expect=RIGHT, other="-").replace("2026-02-01", "2026-02-31", 1)
    case = parse_cases(text).cases[0]
    with pytest.raises(CaseError, match="date_does_not_parse"):
        CaseRuns([case], tmp_path).problems(case, Variant.PLAIN, MODULES["QTY01"])


def test_one_claim_line_belongs_to_one_member() -> None:
    text = OVER_THE_LIMIT.format(expect=RIGHT, other="").replace(
        "| claim_id |", "| claim_id | member_id |"
    )
    text = (
        text.replace("| --- |", "| --- | --- |", 1)
        .replace("| 1 | Cigna", "| 1 | A | Cigna")
        .replace("| 2 | Aetna", "| 1 | B | CIGNA")
    )
    with pytest.raises(CaseError, match="belongs to two members"):
        parse_cases(text)


@pytest.mark.parametrize(
    ("variant", "rows"),
    [
        (Variant.PLAIN, ["QTY01.01-1 2026-02-01", "QTY01.01-2 2026-02-01"]),
        (Variant.REVERSED, ["QTY01.01-2 2026-02-01", "QTY01.01-1 2026-02-01"]),
        (
            Variant.NEIGHBOUR,
            [
                "N-QTY01.01-2 2026-02-02",
                "N-QTY01.01-1 2026-02-02",
                "QTY01.01-2 2026-02-01",
                "QTY01.01-1 2026-02-01",
            ],
        ),
    ],
)
def test_a_variant_lays_out_the_same_rows(
    variant: Variant, rows: list[str], tmp_path: Path
) -> None:
    write_extracts(tmp_path, [_one_tablet_over(RIGHT, "-")], frozenset({"provider"}), variant)
    with (tmp_path / "pharmacy_claim.csv").open(encoding="utf-8", newline="") as file:
        written = [f"{row['claim_id']} {row['dispensing_date']}" for row in csv.DictReader(file)]
    assert written == rows
    assert sorted(p.stem for p in tmp_path.iterdir()) == sorted(set(TABLES) - {"provider"})
