"""Whether an amount may still be asked for: three answers, from law files, config and dates."""

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from audit_rules.law.collectable import collectability
from audit_rules.law.library import LawLibrary, load_law
from audit_rules.law.notices import answer_by
from audit_rules.law.places import Place, Places
from schemas.collecting import CLERICAL, COORDINATION

AS_OF = date(2026, 6, 30)
INSURED = "commercial_insured"
ALABAMA = Places(payers={"cigna": Place("US-AL", INSURED)})
HEAD = '[law]\nid = "own"\ntitle = "Our contract"\n'


def _own(tmp_path: Path, text: str) -> LawLibrary:
    """The shipped law files and one of these clauses."""
    (tmp_path / "own.toml").write_text(HEAD + text, encoding="utf-8")
    return load_law(tmp_path)


def _limit(term_id: str, length: str, counted_from: str = "paid_date", **more: str) -> str:
    """A clause that binds insurers in Texas, of which no law is shipped."""
    fields = {
        "term_id": f'"{term_id}"',
        "cite": '"section 4"',
        "basis": '"stated"',
        "effective_from": "1900-01-01",
        "jurisdictions": '["US-TX"]',
        "lines_of_business": f'["{INSURED}"]',
        "counted_from": f'"{counted_from}"',
    }
    written = "\n".join(f"{name} = {value}" for name, value in (fields | more).items())
    return f"\n[[recoupment_limit]]\n{written}\n{length}\n"


def _texas(business: Any = INSURED) -> Places:
    return Places(payers={"cigna": Place("US-TX", business)})


def _answer(law: LawLibrary, places: Places, **changed: object) -> tuple[object, ...]:
    """collectable, recoup_by and recoup_term of one exception."""
    row = {
        "payer": "Cigna",
        "plan": None,
        "claim_source": "pharmacy",
        "service_date": date(2025, 6, 1),
        "paid_date": date(2025, 6, 30),
        "ground": None,
        **changed,
    }
    schema = {
        "payer": pl.String,
        "plan": pl.String,
        "claim_source": pl.String,
        "service_date": pl.Date,
        "paid_date": pl.Date,
        "ground": pl.String,
    }
    found = collectability(pl.DataFrame([row], schema=schema), law, places, AS_OF)
    return found.row(0)


@pytest.fixture(scope="module")
def shipped() -> LawLibrary:
    return load_law()


def test_a_demand_may_go_out_until_the_day_twelve_months_after_payment(shipped: LawLibrary) -> None:
    clause = "law.us-al.payment"
    assert _answer(shipped, ALABAMA) == ("yes", AS_OF, clause)
    late = date(2025, 6, 29)
    assert _answer(shipped, ALABAMA, paid_date=late) == ("no", date(2026, 6, 29), clause)


@pytest.mark.parametrize(
    ("paid", "months", "last"),
    [
        (date(2025, 8, 31), 6, date(2026, 2, 28)),
        (date(2023, 8, 31), 6, date(2024, 2, 29)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2025, 1, 31), 24, date(2027, 1, 31)),
    ],
)
def test_months_are_calendar_months_and_end_with_a_shorter_month(
    tmp_path: Path, paid: date, months: int, last: date
) -> None:
    law = _own(tmp_path, _limit("own.limit", f"months = {months}"))
    assert _answer(law, _texas(), paid_date=paid, service_date=paid)[1] == last


def test_days_are_counted_from_the_date_that_the_clause_names(tmp_path: Path) -> None:
    law = _own(tmp_path, _limit("own.limit", "days = 10", "service_date"))
    dates = {"service_date": date(2026, 6, 20), "paid_date": None}
    assert _answer(law, _texas(), **dates) == ("yes", AS_OF, "own.limit")


def test_of_several_limits_the_earliest_day_counts(tmp_path: Path) -> None:
    law = _own(tmp_path, _limit("own.b", "months = 14") + _limit("own.a", "months = 13"))
    assert _answer(law, _texas()) == ("yes", date(2026, 7, 30), "own.a")


def test_nothing_is_known_of_a_payer_whose_place_the_config_does_not_give(
    shipped: LawLibrary,
) -> None:
    old = {"paid_date": date(2001, 1, 1)}
    for place in (Place(), Place("US-AL"), Place(None, INSURED)):
        places = Places(payers={"cigna": place})
        assert _answer(shipped, places, **old) == ("unknown", None, None)


def test_without_a_known_limit_it_is_unknown(shipped: LawLibrary) -> None:
    assert _answer(shipped, _texas()) == ("unknown", None, None)
    self_funded = Places(payers={"cigna": Place("US-AL", "self_funded")})
    assert _answer(shipped, self_funded) == ("unknown", None, None)


def test_a_limit_whose_date_is_unknown_leaves_it_unknown_unless_another_has_passed(
    tmp_path: Path,
) -> None:
    text = _limit("own.paid", "months = 12") + _limit("own.served", "months = 12", "service_date")
    law = _own(tmp_path, text)
    unpaid = {"paid_date": None, "service_date": date(2026, 6, 1)}
    assert _answer(law, _texas(), **unpaid) == ("unknown", None, "own.paid")
    unpaid["service_date"] = date(2025, 6, 1)
    assert _answer(law, _texas(), **unpaid) == ("no", date(2026, 6, 1), "own.served")


def test_an_undated_limit_is_the_first_that_its_law_file_names(shipped: LawLibrary) -> None:
    assert _answer(shipped, ALABAMA, paid_date=None) == ("unknown", None, "law.us-al.payment")


def test_findings_on_coordination_of_benefits_have_the_limit_of_those(shipped: LawLibrary) -> None:
    late = {"paid_date": date(2025, 6, 1)}
    assert _answer(shipped, ALABAMA, **late)[0] == "no"
    found = _answer(shipped, ALABAMA, ground=COORDINATION, **late)
    assert found == ("yes", date(2026, 12, 1), "law.us-al.coordination")


def test_a_limit_does_not_bind_a_government_program_that_lifts_it(tmp_path: Path) -> None:
    lines = '["commercial_insured", "medicaid", "other"]'
    text = _limit("own.limit", "months = 1", lines_of_business=lines, unless='["government"]')
    law = _own(tmp_path, text)
    assert _answer(law, _texas())[0] == "no"
    assert _answer(law, _texas("medicaid")) == ("unknown", None, None)
    assert _answer(law, _texas("other")) == ("unknown", None, None)


def test_fraud_lifts_no_limit_by_itself_because_no_finding_alleges_it(tmp_path: Path) -> None:
    law = _own(tmp_path, _limit("own.limit", "months = 1", unless='["fraud"]'))
    assert _answer(law, _texas())[0] == "no"


@pytest.mark.parametrize(("claims", "answer"), [("medical", "unknown"), ("both", "no")])
def test_a_clause_binds_the_claims_that_it_names(tmp_path: Path, claims: str, answer: str) -> None:
    law = _own(tmp_path, _limit("own.limit", "months = 1", claims=f'"{claims}"'))
    assert _answer(law, _texas())[0] == answer


def test_a_clause_holds_from_its_first_day_to_before_its_last(tmp_path: Path) -> None:
    dated = {"effective_from": "2025-06-02", "effective_to": "2025-06-04"}
    law = _own(tmp_path, _limit("own.limit", "months = 1", **dated))
    days = [date(2025, 6, day) for day in (1, 2, 3, 4)]
    found = [_answer(law, _texas(), service_date=day)[0] for day in days]
    assert found == ["unknown", "no", "no", "unknown"]


def test_a_federal_clause_binds_every_state_and_a_state_only_itself(tmp_path: Path) -> None:
    law = _own(tmp_path, _limit("own.limit", "months = 1", jurisdictions='["US"]'))
    assert _answer(law, _texas())[0] == "no"
    law = _own(tmp_path, _limit("own.limit", "months = 1", jurisdictions='["US-OK"]'))
    assert _answer(law, _texas()) == ("unknown", None, None)


def test_a_contract_binds_its_payer_by_any_of_its_names(tmp_path: Path) -> None:
    contract = (
        '\n[[recoupment_limit]]\nterm_id = "own.contract"\ncite = "section 4"\nbasis = "stated"\n'
        'effective_from = 1900-01-01\npayers = ["CIGNA health"]\nmonths = 1\n'
        'counted_from = "paid_date"\n'
    )
    law = _own(tmp_path, contract)
    names = {"cigna": "cigna", "cigna health": "cigna"}
    assert _answer(law, Places(names))[0] == "no"
    assert _answer(law, Places(names), payer="Aetna")[0] == "unknown"
    recent = {"paid_date": AS_OF}
    assert _answer(law, Places(names), **recent)[0] == "unknown"
    placed = Places(names, {"cigna": Place("US-TX", INSURED)})
    assert _answer(law, placed, **recent) == ("yes", date(2026, 7, 30), "own.contract")


def test_a_plan_may_be_elsewhere_than_its_payer(shipped: LawLibrary) -> None:
    own = {("cigna", "gold"): Place(line_of_business="self_funded")}
    places = Places(payers=ALABAMA.payers, plans=own)
    assert _answer(shipped, places)[0] == "yes"
    assert _answer(shipped, places, plan=" Gold ")[0] == "unknown"


def test_money_is_not_asked_for_a_clerical_slip_where_a_clause_forbids_it(tmp_path: Path) -> None:
    slip = _limit("own.limit", "months = 24") + (
        '\n[[no_clerical_error]]\nterm_id = "own.slip"\ncite = "section 5"\nbasis = "stated"\n'
        'effective_from = 1900-01-01\njurisdictions = ["US-TX"]\nclaims = ["pharmacy"]\n'
        f'lines_of_business = ["{INSURED}"]\n'
    )
    law = _own(tmp_path, slip)
    assert _answer(law, _texas(), ground=CLERICAL) == ("no", None, "own.slip")
    assert _answer(law, _texas())[0] == "yes"
    medical = {"claim_source": "medical", "ground": CLERICAL}
    assert _answer(law, _texas(), **medical)[0] == "yes"


def test_a_provider_has_the_longest_of_the_times_to_answer(tmp_path: Path) -> None:
    def notice(term_id: str, length: str) -> str:
        return (
            f'\n[[notice]]\nterm_id = "{term_id}"\ncite = "section 6"\nbasis = "stated"\n'
            'effective_from = 1900-01-01\njurisdictions = ["US-TX"]\n'
            f'lines_of_business = ["{INSURED}"]\n{length}\n'
        )

    law = _own(
        tmp_path,
        notice("own.days", "to_answer = 10")
        + notice("own.work", "to_answer = 9\nbusiness_days = true"),
    )
    line = {"payer": "Cigna", "plan": None, "claim_source": "medical", "service_date": AS_OF}
    lines = pl.DataFrame([line, line | {"payer": "Aetna"}], schema_overrides={"plan": pl.String})
    found = answer_by(lines, law, _texas(), AS_OF)["answer_by"].to_list()
    assert found == [date(2026, 7, 13), None]
