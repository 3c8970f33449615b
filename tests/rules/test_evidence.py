"""What rules show as evidence: the case files state answers, and not what these rest on."""

import polars as pl
import pytest

from audit_rules.engine.dossier import Dossier
from audit_rules.engine.judge import judge, run_rules
from audit_rules.engine.rule import PolicyBook, RuleModule
from audit_rules.engine.scope import in_scope
from audit_rules.rules import RULES
from schemas.results import MORE, MOST_EVIDENCE
from tests.support.extracts import as_csv, good, write
from tests.support.running import compiled, planned

BUSY, PLAIN = "1010000002", "1990000006"
SPECIALTIES = [f"207R000{n:02d}X" for n in range(1, MOST_EVIDENCE + 4)]
IMATINIB, DASATINIB = "47335047583", "00003085222"
UNBORN, BUSY_PRESCRIBER, PLAIN_PRESCRIBER = "U", "B", "P"
COMBINED, IN_TURN, MISCODED = "C", "T", "X"
BESPONSA = "00008010001"


def _fill(member: str, day: str, ndc: str = IMATINIB, npi: str = PLAIN) -> dict[str, object]:
    return good(
        "pharmacy_claim",
        claim_id=f"{member}{day}",
        member_id=member,
        payer="NantHealth",
        dispensing_date=day,
        ndc_code=ndc,
        prescribing_provider_npi=npi,
        diagnosis_code="C49.A0",
    )


def _service(member: str, day: str, code: str, ndc: str | None = None) -> dict[str, object]:
    return good(
        "medical_claim",
        claim_id=f"{member}{day}",
        member_id=member,
        payer="MMM",
        claim_start_date=day,
        claim_line_start_date=day,
        hcpcs_code=code,
        ndc_code=ndc,
    )


def _approval(member: str, payer: str, drug: str) -> dict[str, object]:
    return good("authorization", authorization_id=member, member_id=member, payer=payer, drug=drug)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dossier, PolicyBook]:
    folder = tmp_path_factory.mktemp("evidence")
    extracts = {
        "pharmacy_claim": [
            _fill(UNBORN, "2026-02-10"),
            _fill(BUSY_PRESCRIBER, "2026-02-10", npi=BUSY),
            _fill(PLAIN_PRESCRIBER, "2026-02-10"),
            _fill(IN_TURN, "2026-02-02"),
            _fill(IN_TURN, "2026-02-24", DASATINIB),
            _fill(IN_TURN, "2026-03-18"),
            _fill(IN_TURN, "2026-04-09", DASATINIB),
        ],
        "medical_claim": [
            _service(COMBINED, "2026-04-06", "J9229"),
            _service(COMBINED, "2026-04-08", "J9039"),
            _service(COMBINED, "2026-04-13", "J9229"),
            _service(MISCODED, "2026-04-13", "J9039", BESPONSA),
        ],
        "authorization": [
            _approval(COMBINED, "MMM", "inotuzumab"),
            _approval(IN_TURN, "NantHealth", "imatinib"),
        ],
        "provider": [
            *({"npi": BUSY, "taxonomy_code": code} for code in reversed(SPECIALTIES)),
            {"npi": PLAIN, "taxonomy_code": SPECIALTIES[0]},
        ],
    }
    texts = {f"{table}.csv": as_csv(rows) for table, rows in extracts.items()}
    return compiled(planned(write(folder / "in", texts), folder / "out"))


@pytest.fixture(scope="module")
def shown(made: tuple[Dossier, PolicyBook]) -> pl.DataFrame:
    """One row per piece of evidence of an exception, with rule and member; and of AGE01 also those
    that it looked at on other lines."""
    dossier, book = made
    rules = tuple(m for m in RULES if m.RULE.id in ("AGE01", "COMB01", "SPEC01", "THER01"))
    found = judge(dossier, book, rules).exceptions
    pieces = found.select("rule_id", "member_id", "evidence").explode("evidence").unnest("evidence")
    looked_at = [
        facts.join(dossier.lines.select("row_id", "member_id"), on="row_id")
        .select("member_id", "kind", "code", "value", rule_id=pl.lit(run.module.RULE.id))
        .collect()
        for run in run_rules(dossier, book, rules)
        for facts in run.found.evidence
    ]
    return pl.concat([pieces, *(f.filter(rule_id="AGE01") for f in looked_at)], how="diagonal")


@pytest.mark.parametrize(("rule_id", "member"), [("COMB01", COMBINED), ("THER01", IN_TURN)])
def test_an_approval_is_shown_for_the_provider_if_the_rule_yields_to_it(
    rule_id: str, member: str, shown: pl.DataFrame
) -> None:
    approvals = shown.filter(rule_id=rule_id, member_id=member, kind="authorization")
    assert approvals.select("id", "side", "value").unique().rows() == [(member, "for", "approved")]


def test_of_a_prescriber_with_a_great_many_specialties_the_first_are_named_and_the_others_counted(
    shown: pl.DataFrame,
) -> None:
    """The fill itself is one more piece, named or counted."""
    own = shown.filter(rule_id="SPEC01", member_id=BUSY_PRESCRIBER)
    assert own.filter(id=BUSY)["code"].sort().to_list() == SPECIALTIES[:MOST_EVIDENCE]
    (count,) = own.filter(kind=MORE)["value"]
    assert int(count) + own.height - 1 == len(SPECIALTIES) + 1


def test_of_a_prescriber_with_one_specialty_nothing_is_left_out(shown: pl.DataFrame) -> None:
    own = shown.filter(rule_id="SPEC01", member_id=PLAIN_PRESCRIBER)
    assert own.filter(id=PLAIN)["code"].to_list() == [SPECIALTIES[0]]
    assert own.filter(kind=MORE).is_empty()


def test_a_birth_date_that_is_not_known_is_shown_as_no_fact(shown: pl.DataFrame) -> None:
    assert shown.filter(rule_id="AGE01", member_id=UNBORN, kind="eligibility").is_empty()


@pytest.mark.parametrize("module", RULES, ids=lambda m: m.RULE.id)
def test_a_rule_says_something_without_lines_only_if_it_declares_so(
    module: RuleModule, made: tuple[Dossier, PolicyBook]
) -> None:
    """Others are not run if no line is in their scope."""
    dossier, book = made
    scope = in_scope(dossier, book, module.RULE).collect()
    found = module.evaluate(dossier, scope.clear().lazy(), book)
    says_something = found.gaps is not None or not found.answers.collect().is_empty()
    assert says_something == module.RULE.speaks_without_lines
