"""Explain says what a run answers, and a run over the changed rows fires the rule as suggested."""

import csv
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from audit_rules.counterfactuals.case import Case, Change, Edit
from audit_rules.counterfactuals.search import FAMILIES
from audit_rules.engine.judge import Judgement
from audit_rules.engine.rule import Described
from audit_rules.rules import CATALOGUE
from audit_rules.wording import meanings, question
from flows.cli.app import main
from flows.errors import UsageError
from flows.judging.frames import read_frames
from flows.replay.as_of import settled_as_of
from flows.replay.explain import claim_rows, explain, explain_rows
from flows.replay.explain_text import text_of
from flows.replay.explanation import Explanation, RuleExplanation
from flows.replay.ledger_entries import LedgerEntry
from flows.replay.paragraphs import WIDEST, labelled
from flows.replay.rule_text import rule_lines
from flows.request import RunRequest
from flows.warehouse.layout import forget_last_run
from schemas.outcomes import EXCEPTIONS, NOT_APPLICABLE, NOT_EVALUABLE, PASS
from schemas.tables import TABLES
from tests.support.extracts import good, write
from tests.support.nights import night
from tests.support.running import AS_OF, ROOT, audited, request_for

SAMPLE = ROOT / "data" / "sample"
Row = dict[str, Any]


@pytest.fixture(scope="module")
def request_(sample_request: RunRequest) -> RunRequest:
    """A request for the warehouse of the run on the sample."""
    return sample_request


@pytest.fixture(scope="module")
def judgement(sample_judgement: Judgement) -> Judgement:
    return sample_judgement


@pytest.fixture(scope="module")
def explained(request_: RunRequest) -> Iterator[Any]:
    """Explanations by claim id, each made once; final action is settled once for all of them."""
    with settled_as_of(request_) as (made, connection):
        frames = read_frames(connection, made.reference, request_.as_of)
        yield cache(lambda claim_id: explain_rows(made, claim_rows(connection, claim_id), frames))


# ---------------------------------------------------------------- the answers are a run's

VARIED = [
    "QTY-100-RETAIL-181",
    "QTY-INDUCED-91",
    "QTY-NO-QUANTITY",
    "QTY-START-BEFORE",
    "GEN-NO-TRIAL",
    "GEN-PRICE-WINDOW",
    "GEN-PRICE-OTHER-PAYER",
    "DX-OTHER-LINE",
    "DX-S0088",
    "DXM-START-BEFORE",
    "DXB-PAST-REVIEW",
    "CYC-NR-4",
    "CYC-ONE-CLAIM",
]


@pytest.mark.slow
@pytest.mark.parametrize("claim_id", VARIED)
def test_every_rule_answers_as_in_a_run_over_everybody(
    explained: Any, judgement: Judgement, claim_id: str
) -> None:
    columns = [
        "claim_line_number",
        "rule_id",
        "policy_id",
        "outcome",
        "reason",
        "observed",
        "allowed",
        "amount_cents",
        "rationale",
    ]
    expected = (
        judgement.every_answer().filter(pl.col("claim_id") == claim_id).select(columns).rows()
    )
    found = [
        tuple(t.answer.get(c) for c in columns)
        for row in explained(claim_id).rows
        for t in row.rules
    ]
    assert sorted(found, key=str) == sorted(expected, key=str)
    assert found


# ------------------------------------------------------------ the suggested change fires the rule

SUGGESTED = {
    "boundaries": [
        ("CYC-27-DAYS-4", "CODE01"),
        ("CYC-NR-4", "AGE01"),
        ("CYC-NR-4", "SAFE02"),
        ("QTY-100-RETAIL-180", "DOSE02"),
        ("QTY-NO-DAYS", "DOSE02"),
    ],
    "quantities": [
        ("QTY-100-RETAIL-180", "QTY01"),
        ("CYC-CR-1", "UNIT01"),
        ("QTY-NO-QUANTITY", "QTY01"),
    ],
    "days": [("QTY-NO-DAYS", "DOSE01")],
    "modifiers": [("CYC-SAME-DAY-4", "UNIT02")],
    "codes": [("DXB-C8359", "CODE02")],
    "prescribers": [("DX-LISTED", "SPEC01"), ("DX-LINKED", "SPEC01")],
    "diagnoses": [
        ("DX-CRITERIA", "DX01"),
        ("DX-BCR-ABL-BOTH", "DX01"),
        ("DX-LINKED", "DX01"),
        ("CYC-CRI-4", "SAFE01"),
        ("CYC-CAP-1", "REG02"),
        ("CYC-REMISSION-4", "CYC01"),
        ("CYC-27-DAYS-4", "REG02"),
    ],
    "authorizations": [
        ("DX-HEADER-LISTED", "AUTH01"),
        ("DX-D-PLUS-30", "AUTH02"),
        ("GEN-INTOLERANT", "AUTH02"),
    ],
    "facts": [("GEN-INTOLERANT", "GEN01"), ("CYC-NR-4", "CYC03"), ("CYC-CR-4", "CYC01")],
    "fills": [("QTY-400-RETAIL-60", "QTY02"), ("QTY-INDUCED-91", "QTY02"), ("DXM-LISTED", "REG01")],
    "second_claims": [
        ("QTY-400-HOME-180", "DUP01"),
        ("QTY-NO-QUANTITY", "DUP01"),
        ("CYC-GAP-91-4", "DUP01"),
        ("QTY-REPLACED-7", "DUP01"),
    ],
    "doses": [("CYC-GAP-90-4", "CYC04"), ("DXM-C8350-DAY", "CYC02"), ("CYC-SAME-DAY-1", "CYC03")],
    "enrollment": [("QTY-EXTENDED-270", "ELIG01"), ("GEN-NOT-IN-ELIGIBILITY", "ELIG01")],
    "products": [("QTY-HALF-CENT", "GEN01")],
    "dates": [("QTY-START-BEFORE", "QTY01"), ("DX-START-BEFORE", "DX01"), ("CYC-CR-1", "SAFE02")],
}
"""Kind of change -> claim and silent rule for which a change of that kind is the nearest."""

CASES = [(claim_id, rule_id) for pairs in SUGGESTED.values() for claim_id, rule_id in pairs]
IDENTITY = {
    "medical_claim": ("claim_id", "claim_line_number"),
    "pharmacy_claim": ("claim_id", "claim_line_number"),
    "diagnosis": ("diagnosis_code", "diagnosis_date"),
    "eligibility": ("enrollment_start_date", "birth_date"),
    "authorization": ("authorization_id",),
    "clinical_evidence": ("evidence_code", "evidence_value", "evidence_date"),
}
OWN_NAME = {"medical_claim": {"quantity": "service_unit_quantity"}}


def first_silent(explanation: Explanation, rule_id: str) -> tuple[Case, RuleExplanation]:
    """The first judged line on which the rule is silent but a change would make it fire."""
    for row in explanation.rows:
        for rule in row.rules:
            if rule.module.RULE.id == rule_id and rule.firing:
                assert row.case is not None
                return row.case, rule
    raise AssertionError(f"{rule_id} is not silent with a change that fires it")


class Extracts:
    """The sample's files as rows of text, to be changed and written again."""

    def __init__(self) -> None:
        self.rows = {
            t: list(csv.DictReader((SAMPLE / f"{t}.csv").read_text(encoding="utf-8").splitlines()))
            for t in TABLES
        }
        self.columns = {t: list(rows[0]) for t, rows in self.rows.items()}

    def make(self, case: Case, change: Change) -> None:
        """Change, remove or add the rows of a change; find every place before changing any."""
        found = [(edit, self._find(edit, case)) for edit in change.edits]
        gone = {(e.table, i) for e, places in found for i in places if e.values is None}
        for edit, places in found:
            text = {
                OWN_NAME.get(edit.table, {}).get(c, c): _text(v)
                for c, v in (edit.values or {}).items()
            }
            known = {
                c: v for c, v in text.items() if c in {k.name for k in TABLES[edit.table].columns}
            }
            self.columns[edit.table] += [c for c in known if c not in self.columns[edit.table]]
            for i in places:
                self.rows[edit.table][i] |= known
            if edit.row is None:
                self.rows[edit.table].append(known)
        for table in self.rows:
            self.rows[table] = [r for i, r in enumerate(self.rows[table]) if (table, i) not in gone]

    def _find(self, edit: Edit, case: Case) -> list[int]:
        """Places in the file of the edit's row."""
        if edit.row is None:
            return []
        wanted = case.rows[edit.table][edit.row]
        members = {row.get("member_id") for rows in case.rows.values() for row in rows}

        def is_it(row: dict[str, str]) -> bool:
            given = [c for c in IDENTITY[edit.table] if row[c]]
            return row["member_id"] in members and all(
                _plain(row[c]) == _plain(_text(wanted[c])) for c in given
            )

        places = [i for i, row in enumerate(self.rows[edit.table]) if is_it(row)]
        assert places, edit
        return places

    def write(self, folder: Path) -> None:
        folder.mkdir()
        for table, rows in self.rows.items():
            with (folder / f"{table}.csv").open("w", encoding="utf-8", newline="") as stream:
                writer = csv.DictWriter(stream, self.columns[table], restval="")
                writer.writeheader()
                writer.writerows(rows)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _plain(text: str) -> str:
    return text.replace(".", "").replace("-", "").strip().upper()


@pytest.fixture(scope="module")
def fired(
    explained: Any, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, str], tuple[str, str | None]]:
    """What runs over the changed extracts answer: one change per person and run."""
    left = {pair: first_silent(explained(pair[0]), pair[1]) for pair in CASES}
    answers: dict[tuple[str, str], tuple[str, str | None]] = {}
    while left:
        persons: dict[str, tuple[str, str]] = {}
        for pair, (case, _) in left.items():
            persons.setdefault(case.line["person"], pair)
        extracts, now = Extracts(), {pair: left.pop(pair) for pair in persons.values()}
        for case, silent in now.values():
            assert silent.firing
            extracts.make(case, silent.firing.change)
        folder = tmp_path_factory.mktemp("changed")
        extracts.write(folder / "in")
        found = audited(folder / "in", folder / "out").every_answer()
        for pair, (case, silent) in now.items():
            line = found.filter(
                pl.col("claim_id") == pair[0],
                pl.col("claim_line_number") == case.line["claim_line_number"],
                pl.col("rule_id") == pair[1],
                pl.col("policy_id") == silent.answer["policy_id"],
            )
            ((answers[pair]),) = line.select("outcome", "reason").rows()
    return answers


@pytest.mark.slow
@pytest.mark.parametrize(("claim_id", "rule_id"), CASES)
def test_the_suggested_change_fires_the_rule_in_a_run(
    explained: Any, fired: Any, claim_id: str, rule_id: str
) -> None:
    _, silent = first_silent(explained(claim_id), rule_id)
    assert silent.answer["outcome"] not in EXCEPTIONS and silent.firing
    assert silent.firing.kind == next(
        kind for kind, pairs in SUGGESTED.items() if (claim_id, rule_id) in pairs
    )
    assert fired[claim_id, rule_id] == (silent.firing.outcome, silent.firing.reason)
    assert silent.firing.outcome in EXCEPTIONS


def test_every_kind_of_change_is_tried_in_a_run() -> None:
    assert [family.__name__ for family in FAMILIES] == list(SUGGESTED)


@pytest.mark.slow
def test_one_change_is_nearer_than_two_and_a_smaller_step_than_a_larger(explained: Any) -> None:
    _, silent = first_silent(explained("QTY-100-RETAIL-180"), "QTY01")
    assert (
        silent.firing
        and silent.firing.change.condition == "had the fill been of 181 tablets instead of 180"
    )
    _, silent = first_silent(explained("QTY-INDUCED-HOME-270"), "QTY01")
    assert (
        silent.firing
        and silent.firing.change.condition == "had the fill been of 271 tablets instead of 270"
    )


@pytest.mark.slow
def test_a_trial_is_removed_if_it_alone_keeps_the_rule_silent(
    tmp_path: Path, explained: Any
) -> None:
    """The person has a trial by fills, an intolerance and an approval for the brand.

    Without either of the last two the rule stays silent.
    """
    case, _ = first_silent(explained("GEN-INTOLERANT"), "GEN01")
    approval = case.added(
        "authorization",
        authorization_id="A-NEW",
        drug="imatinib",
        product="brand",
        status="approved",
        start_date=case.day,
        end_date=case.day,
    )
    extracts = Extracts()
    extracts.make(case, Change("", "", (approval,)))
    extracts.write(tmp_path / "in")
    request = request_for(
        tmp_path / "in", tmp_path / "out", tmp_path / "out" / "audit.duckdb", AS_OF
    )
    night(request)
    _, silent = first_silent(explain(request, "GEN-INTOLERANT"), "GEN01")
    assert (
        silent.firing
        and silent.firing.change.condition == "had no fill of the generic been on file before"
    )
    assert (silent.firing.outcome, silent.firing.reason) == ("advisory", "authorized_without_trial")


@pytest.mark.slow
def test_if_nothing_fires_a_rule_the_text_says_so_and_why(explained: Any) -> None:
    text = text_of(
        explained("GEN-GENERIC-M3039")
    )  # a medical line: no tablets, whatever else is changed
    block = text.partition("QTY01 quantity.per_fill: not applicable")[2].partition("\n\n")[0]
    assert "because          no limit for this strength" in block
    assert "would fire       not by any single change that is tried here" in block


# ---------------------------------------------------------------- lines that no rule checks

NOT_CHECKED = {
    "DX-DENIED": "it was denied",
    "QTY-VOIDED": "it was reversed",
    "QTY-NETTED": "it was reversed",
    "DX-REPLACED": "a later version",
    "DX-ZERO-PAID": "nothing was paid",
    "DX-UNPRICED": "its paid amount is unknown",
    "QTY-AFTER": "its service date is after",
    "DX-DENIED-VISIT-1": "it was denied",
    "DX-LINKED-VISIT": "the policies given judge none of its codes",
    "QTY-INDUCER-M2032": "the policies given judge none of its codes",
}


@pytest.mark.parametrize(
    "claim_id",
    [
        pytest.param(claim_id, marks=() if number == 0 else pytest.mark.slow)
        for number, claim_id in enumerate(NOT_CHECKED)
    ],
)
def test_a_line_that_is_not_judged_says_why(explained: Any, claim_id: str) -> None:
    explanation = explained(claim_id)
    assert all(row.case is None and row.rules == () for row in explanation.rows)
    text = " ".join(text_of(explanation).split())
    assert f"No rule checks it: {NOT_CHECKED[claim_id]}" in text


@pytest.mark.slow
def test_only_the_final_row_of_a_line_is_judged(explained: Any) -> None:
    twice, versions = explained("DX-TWICE").rows, explained("DX-VERSIONS").rows
    assert [(r.fate, r.case is None) for r in twice] == [("history", False), ("duplicate", True)]
    assert sorted((r.fate, r.case is None) for r in versions) == [
        ("history", False),
        ("superseded", True),
    ]
    assert [r.values["paid_amount"] for r in versions if r.case] == [Decimal("870.00")]


def test_a_drug_line_of_a_payer_without_a_policy_is_asked_the_general_rules_only(
    explained: Any,
) -> None:
    (row,) = explained("DX-OTHER-PAYER").rows
    assert {t.answer["policy_id"] for t in row.rules} == {"general"}
    general = {t.answer["rule_id"] for t in row.rules}
    assert general == {"DUP01", "DUP02", "DUP03", "ELIG01", "NDC01", "PAY01", "SUP01"}
    assert f"NOT ASKED ({len(CATALOGUE) - len(general)})" in text_of(explained("DX-OTHER-PAYER"))


def test_a_line_before_the_first_version_says_so(explained: Any) -> None:
    text = " ".join(text_of(explained("QTY-START-BEFORE")).split())
    assert "no version was in force on 2023-12-12: the first took effect on 2023-12-13" in text
    assert "because the service date, 2023-12-12, is before the policy's first version" in text


@pytest.mark.slow
@pytest.mark.parametrize("claim_id", ["DX-OTHER-LINE", "CYC-ONE-CLAIM", "QTY-INDUCED-91"])
def test_only_a_line_before_the_first_version_says_so(explained: Any, claim_id: str) -> None:
    text = " ".join(text_of(explained(claim_id)).split())
    assert "DOES NOT APPLY" in text and "before the policy's first version" not in text


@pytest.mark.slow
def test_a_capped_version_says_why(explained: Any) -> None:
    assert "its review date had passed by then" in " ".join(
        text_of(explained("DXB-PAST-REVIEW")).split()
    )
    assert "its text is not on hand" in " ".join(text_of(explained("CYC-CAP-1")).split())


# ---------------------------------------------------------------- the command


@pytest.mark.parametrize(("columns", "widest"), [("70", 70), ("20", 60), ("300", WIDEST)])
def test_paragraphs_fit_the_terminal(
    columns: str, widest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    for is_terminal in (True, False):
        monkeypatch.setattr("sys.stdout.isatty", lambda is_terminal=is_terminal: is_terminal)
        lines = list(labelled("finding", "as long as it takes, " * 30))
        most = widest if is_terminal else WIDEST
        assert most - 8 <= max(map(len, lines)) <= most


def _printed(
    request: RunRequest, capsys: pytest.CaptureFixture[str], *words: str
) -> tuple[int, str, str]:
    code = main(
        ["explain", "--warehouse", str(request.warehouse), "--as-of", AS_OF.isoformat(), *words]
    )
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.slow
def test_the_command_prints_exceptions_first(
    request_: RunRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = _printed(request_, capsys, "CYC-NR-4")
    not_asked = len(CATALOGUE) - 2 - 20 - 8
    headings = ["EXCEPTIONS (2)", "PASSED (20)", "DOES NOT APPLY (8)", f"NOT ASKED ({not_asked})"]
    assert (code, err) == (0, "")
    assert [line for line in out.splitlines() if line in headings] == headings
    assert max(map(len, out.splitlines())) <= WIDEST
    assert len(set(re.findall(r"\n      exception        id ([0-9a-f]{32})\n", out))) == 2
    assert all(f"{m.RULE.id} {m.RULE.name}" in " ".join(out.split()) for m in CATALOGUE)


@pytest.mark.slow
def test_one_line_of_a_claim(request_: RunRequest, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _printed(request_, capsys, "DX-OTHER-LINE", "--line", "2")
    assert code == 0 and out.count("MEDICAL LINE") == 1 and "MEDICAL LINE 2" in out


@pytest.mark.parametrize("words", [("CANARY-77",), ("' OR 1=1 --",), ("CYC-NR-4", "--line", "77")])
def test_an_unknown_claim_or_line_is_wrong_usage(
    request_: RunRequest, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    code, out, err = _printed(request_, capsys, *words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "claims-audit: The " in err and not any(w in err for w in ("77", "CANARY", "CYC", "1=1"))


@pytest.mark.parametrize(
    ("claim_id", "is_hinted"), [("-line", True), ("--lin", True), ("line", False)]
)
def test_a_mistyped_option_that_was_taken_for_a_claim_id_is_named_as_one(
    claim_id: str, is_hinted: bool, request_: RunRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    warehouse = str(request_.warehouse_file)
    assert main(["explain", "--warehouse", warehouse, claim_id]) == 2
    said = capsys.readouterr().err
    assert ("an option is meant" in said) == is_hinted and claim_id not in said.split()


def test_no_warehouse_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["explain", "--warehouse", str(tmp_path / "none.duckdb"), "CYC-NR-4"])
        == UsageError.exit_code
    )
    assert "There is no such warehouse" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_explaining_leaves_the_warehouse_and_its_folder_as_they_were(request_: RunRequest) -> None:
    folder = request_.warehouse.parent
    before = {p: p.stat().st_mtime_ns for p in folder.rglob("*")}
    content = request_.warehouse.read_bytes()
    assert text_of(explain(request_, "DX-LISTED")) == text_of(explain(request_, "DX-LISTED"))
    assert {p: p.stat().st_mtime_ns for p in folder.rglob("*")} == before
    assert request_.warehouse.read_bytes() == content


@pytest.mark.slow
def test_a_warehouse_that_remembers_nothing_is_explained_alike(
    request_: RunRequest, tmp_path: Path
) -> None:
    forgetful = Path(shutil.copy(request_.warehouse_file, tmp_path))
    with duckdb.connect(str(forgetful)) as connection:
        forget_last_run(connection)
    for claim_id in ("DX-UNDATED", "GEN-NO-TRIAL"):
        explained = [explain(replace(request_, warehouse=w), claim_id) for w in (None, forgetful)]
        assert text_of(explained[0]) == text_of(explained[1])


@pytest.mark.slow
def test_an_earlier_as_of_date_knows_less(tmp_path: Path) -> None:
    request = request_for(SAMPLE, tmp_path, tmp_path / "audit.duckdb", date(2026, 4, 5))
    night(request)
    (row,) = explain(request, "CYC-NR-4").rows
    assert (row.fate, row.values["service_date"]) == ("after_as_of", date(2026, 4, 6))
    with pytest.raises(UsageError):
        # the files came a day later
        explain(replace(request, as_of=date(2026, 4, 4)), "CYC-NR-4")


def test_explaining_needs_no_prefect() -> None:
    modules = "flows.cli.app, flows.replay.explain, flows.replay.explain_text"
    program = f"import sys, {modules}; sys.exit('prefect' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0


# ---------------------------------------------------------------- a rule's docstring


@pytest.mark.parametrize("module", CATALOGUE, ids=lambda m: m.RULE.id)
def test_every_rule_states_its_question_and_when_it_gives_each_answer(module: Described) -> None:
    texts = meanings(module)
    assert question(module).endswith("?")
    assert set(texts) <= {*EXCEPTIONS, PASS, NOT_APPLICABLE, NOT_EVALUABLE, "Cannot see"}
    assert {PASS, "Cannot see"} <= set(texts)
    assert all("  " not in text and text.endswith(".") for text in texts.values())


# ---------------------------------------------------------------- a great many lines


@pytest.mark.slow
def test_changes_are_tried_on_the_first_of_a_great_many_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each change on each line took a copy of all lines, so the work grew with their square."""
    monkeypatch.setattr("flows.replay.explain.LEAST_LINES_TRIED", 1)
    monkeypatch.setattr("flows.replay.explain.MOST_ROWS_TRIED", 8)
    lines = [good("pharmacy_claim", claim_id="C", claim_line_number=n) for n in range(1, 5)]
    write(tmp_path / "in", {"pharmacy_claim.csv": lines})
    night(request_for(tmp_path / "in", tmp_path, tmp_path / "audit.duckdb", AS_OF))
    request = request_for(None, tmp_path, tmp_path / "audit.duckdb", AS_OF)
    every, last = explain(request, "C"), explain(request, "C", 4)

    assert [any(r.firing for r in row.rules) for row in every.rows] == [True, True, False, False]
    assert "not looked for on the last 2 lines" in " ".join(text_of(every).split())
    assert any(r.firing for row in last.rows for r in row.rules) and not last.lines_untried


@pytest.mark.slow
def test_explain_says_what_the_ledger_knows_of_each_exception(request_: RunRequest) -> None:
    (folder,) = request_.output.glob("run=*")
    exceptions = pl.read_parquet(folder / "exceptions.parquet")
    claims = ("QTY-OVERRIDE-91", *exceptions["claim_id"].unique().sort().gather_every(60))
    for claim_id in claims:
        explanation = explain(request_, claim_id)
        rules = [rule for row in explanation.rows for rule in row.rules]
        known = [rule.ledger for rule in rules if rule.answer["outcome"] in EXCEPTIONS]
        assert len(known) == exceptions.filter(claim_id=claim_id).height
        assert {entry and (entry.status, entry.first_seen) for entry in known} == {("new", AS_OF)}
    assert "Status new, first found on 2026-06-30." in text_of(explanation)


def test_a_dismissed_finding_is_not_said_to_be_collectable(explained: Any) -> None:
    (row,) = explained("QTY-100-RETAIL-181").rows
    rule = next(rule for rule in row.rules if rule.answer["outcome"] in EXCEPTIONS)
    policy = next(
        p
        for p in explained("QTY-100-RETAIL-181").library.policies
        if p.document.id == rule.answer["policy_id"]
    )
    entry = LedgerEntry("open", AS_OF, "dismiss", "x", "Ann", AS_OF, None, None, is_shown=True)
    until = "It may be asked for until then."
    for status, is_said in (("open", True), ("dismissed", False)):
        known = replace(rule, ledger=replace(entry, status=status), collecting=until)
        assert (until in " ".join(" ".join(rule_lines(known, policy)).split())) == is_said


def test_a_decision_is_explained_with_who_when_and_why() -> None:
    values: dict[str, Any] = {
        "status": "dismissed",
        "first_seen": date(2026, 6, 1),
        "decision": "dismiss",
        "reason": "trial in the chart",
        "decided_by": "Ann",
        "decided_on": date(2026, 7, 1),
        "until": date(2026, 8, 1),
        "amount": None,
        "is_shown": True,
    }
    assert LedgerEntry(**values).text() == (
        "Status dismissed, first found on 2026-06-01. Latest decision: dismiss by Ann on "
        "2026-07-01, until 2026-08-01: trial in the chart. It is set aside: nothing is asked for."
    )
    recovered = {"status": "open", "decision": "recovered", "amount": Decimal("1250.00")}
    rest = {"until": None, "reason": None, "is_shown": False}
    assert LedgerEntry(**values | recovered | rest).text() == (
        "Status open, first found on 2026-06-01. Latest decision: recovered 1,250.00 by Ann on "
        "2026-07-01. The next run shows it."
    )
    request = {"decision": "request_records", "until": None, "reason": None}
    aside = ("overturned", "appeal 7", "Bo", date(2026, 6, 9))
    assert LedgerEntry(**values | request, aside=aside).text() == (
        "Status dismissed, first found on 2026-06-01. Latest decision: request records by Ann on "
        "2026-07-01. It stays set aside, as before (overturned by Bo on 2026-06-09: appeal 7): "
        "nothing is asked for."
    )
