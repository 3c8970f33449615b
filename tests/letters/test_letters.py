"""Letters to payees: what they hold, what they leave out, and that written ones are people's."""

import re
import shutil
import zlib
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import polars as pl
import pytest
from weasyprint import HTML  # type: ignore[import-untyped]  # it has no types
from weasyprint.formatting_structure.boxes import TextBox  # type: ignore[import-untyped]

from audit_rules.engine.past_decisions import NOTHING_DECIDED, RECOVERED
from audit_rules.engine.worklist import worklists
from audit_rules.law.clauses import AuditSize
from audit_rules.law.library import LawLibrary, load_law
from audit_rules.law.places import Place, Places
from flows.errors import AuditError
from flows.ledger.decisions import decide
from flows.ledger.written_decisions import Decision
from flows.letters.batch import Batch, write_batch
from flows.letters.clauses import LetterLaw
from flows.letters.letter import Letter, LetterForm, _finding, make_letter
from flows.letters.run import LetterRun
from flows.letters.select import LetterKind, Payee, Selection, select
from flows.letters.template import read_template
from flows.letters.write import MERGE, BatchResult, fees_asked_for
from flows.reports.form import Paper
from schemas.collecting import UNKNOWN
from schemas.decisions import OPEN
from schemas.results import BARRED_FEE, EVIDENCE_FIELDS, EXCEPTION, REPEATED
from tests.support.extracts import Row, good, write
from tests.support.nights import night
from tests.support.running import AS_OF, ROOT, request_for

TEMPLATE = ROOT / "data" / "letter_template.toml"
NPI, OTHER = "1234567893", "1000000004"
CONTRACT = """
[law]
id = "own"
title = "Contract"
[[recoupment_limit]]
term_id = "own.limit"
cite = "4.2"
basis = "stated"
effective_from = 2020-01-01
payers = ["Cigna"]
months = 12
counted_from = "paid_date"
"""
FEES = """
[law]
id = "own"
title = "Contract"
[[no_dispensing_fee]]
term_id = "own.fee"
cite = "section 9"
basis = "stated"
effective_from = 2020-01-01
jurisdictions = ["US-VT"]
lines_of_business = ["commercial_insured"]
claims = ["pharmacy"]
"""
CALIFORNIA = '[payers.Cigna]\njurisdiction = "US-CA"\nline_of_business = "commercial_insured"\n'


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run on findings, requests, and a fill whose limit has passed."""
    base = tmp_path_factory.mktemp("letters")
    fill = {"days_supply": 30, "paid_amount": "9000.00", "dispensing_channel": "retail"}
    recent = {"paid_date": "2026-06-20", "dispensing_provider_npi": NPI}
    rows = [
        good("pharmacy_claim", claim_id=f"RX{n}", dispensing_date=f"2026-0{n}-05", quantity=q)
        | fill
        | recent
        for n, q in ((2, 300), (3, 240))
    ]
    rows += [
        good("pharmacy_claim", claim_id="LATE", dispensing_date="2025-01-05", quantity=300)
        | fill
        | {"paid_date": "2025-06-29", "dispensing_provider_npi": NPI, "member_id": "L"},
        good("pharmacy_claim", claim_id="NOBODY", dispensing_date="2026-01-05", quantity=300)
        | fill
        | {"paid_date": "2026-06-20", "member_id": "N"},
    ]
    brand = {"ndc_code": "00078064930", "quantity": 30, "paid_amount": "9000.00"}
    rows += [
        good("pharmacy_claim", claim_id=f"B{n}", member_id=f"B{n}", dispensing_date="2026-05-07")
        | brand
        | recent
        for n in (1, 2)
    ]
    (base / "config.toml").write_text(CALIFORNIA, encoding="utf-8")
    landing = write(base / "in", {"pharmacy_claim.csv": rows})
    night(request_for(landing, base / "out", base / "audit.duckdb", AS_OF, base / "config.toml"))
    return base


def _run(audited: Path) -> Path:
    (folder,) = (audited / "out").glob("run=*")
    return folder


def _written(
    audited: Path,
    output: Path,
    kind: LetterKind = "finding",
    template: Path = TEMPLATE,
    *,
    paper: Paper = "letter",
    day: date | None = None,
    payee: str | None = None,
    with_pdf: bool = False,
    config: str = CALIFORNIA,
    run: Path | None = None,
) -> BatchResult:
    output.mkdir(exist_ok=True)
    (output / "c.toml").write_text(config, encoding="utf-8")
    asked = Batch(
        run or _run(audited),
        *(audited / "audit.duckdb", output, template, kind, paper, day, payee),
        with_pdf=with_pdf,
    )
    return write_batch(asked, output / "c.toml")


def _folder(output: Path, kind: str = "finding") -> Path:
    (folder,) = output.glob(f"{kind}-*")
    return folder


def _streams(pdf: bytes) -> bytes:
    """A PDF with its streams unpacked."""
    packed = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    return pdf + b"".join(zlib.decompressobj().decompress(p) for p in packed if p[:1] == b"x")


@pytest.mark.slow
def test_letters_add_up_to_the_worklist_and_name_why_the_rest_is_in_none(
    audited: Path, tmp_path: Path
) -> None:
    worklist = pl.read_parquet(_run(audited) / "worklist.parquet")
    of_payee = worklist.filter(billing_npi=NPI)
    for kind, column in (("finding", "recover_amount"), ("records", "records_request_amount")):
        _written(audited, tmp_path, kind)  # type: ignore[arg-type]
        table = pl.read_parquet(_folder(tmp_path, kind) / MERGE)
        assert table["payee_npi"].to_list() == [NPI]
        assert table["amount"].sum() == of_payee[column].sum()
        letter = (_folder(tmp_path, kind) / f"{kind}-{NPI}.html").read_text(encoding="utf-8")
        assert not re.search(r"\d{4}-\d{2}-\d{2}", letter), "every date is a long one"
    cover = (_folder(tmp_path) / "cover.html").read_text(encoding="utf-8")
    assert "without a valid NPI of the payee" in cover
    letter = (_folder(tmp_path) / f"finding-{NPI}.html").read_text(encoding="utf-8")
    assert "LATE" not in letter and "NOBODY" not in letter
    assert "We ask for no interest" in letter
    assert "August 11, 2026" in letter  # thirty working days, as California says
    assert "</strong>.\n Working days are counted from Monday to Friday; each public" in letter
    assert "holidays among them" in cover
    assert "Provider, NPI 1234567893" in letter
    assert "at $30.00 each" in letter and "NDC 4733" in letter


@pytest.mark.slow
def test_a_request_asks_for_the_documents_that_its_findings_name_and_no_amount(
    audited: Path, tmp_path: Path
) -> None:
    _written(audited, tmp_path, "records")
    text = (_folder(tmp_path, "records") / f"records-{NPI}.html").read_text(encoding="utf-8")
    exceptions = pl.read_parquet(_run(audited) / "exceptions.parquet")
    named = set(exceptions.filter(outcome="records_request")["documents_needed"].explode())
    others = set(exceptions["documents_needed"].explode().drop_nulls()) - named
    assert named and all(document in text.replace("&#39;", "'") for document in named)
    assert not any(document in text for document in others)
    assert "No amount is asked for in this letter" in text


@pytest.mark.slow
def test_a_letter_that_lacks_a_part_which_a_law_asks_for_is_refused(
    audited: Path, tmp_path: Path
) -> None:
    text = TEMPLATE.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("interest")]
    bare = tmp_path / "bare.toml"
    bare.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(AuditError, match=r"lacks interest, which California, Cal\. Ins\. Code"):
        _written(audited, tmp_path / "L", template=bare)
    assert not list((tmp_path / "L").glob("finding-*"))


@pytest.mark.slow
def test_the_same_letters_have_the_same_bytes_and_edited_ones_are_left_alone(
    audited: Path, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        _written(audited, tmp_path / name, with_pdf=True)
    contents = [
        {p.name: p.read_bytes() for p in _folder(tmp_path / name).iterdir()} for name in ("a", "b")
    ]
    assert contents[0] == contents[1] and f"finding-{NPI}.pdf" in contents[0]
    said = _streams(contents[0][f"finding-{NPI}.pdf"])
    assert b"pdfuaid" in said and b"/StructTreeRoot" in said  # tagged, as PDF/UA
    letter = _folder(tmp_path / "a") / f"finding-{NPI}.html"
    letter.write_text("Dear colleague", encoding="utf-8")
    done = _written(audited, tmp_path / "a")
    assert done.edited == [letter.name]
    assert letter.read_text(encoding="utf-8") == "Dear colleague"


@pytest.mark.slow
def test_nothing_goes_out_below_the_minimum_or_after_its_last_day(
    audited: Path, tmp_path: Path
) -> None:
    _written(audited, tmp_path / "a", config=f"letter_minimum = 100000\n{CALIFORNIA}")
    assert pl.read_parquet(_folder(tmp_path / "a") / MERGE).is_empty()
    cover = (_folder(tmp_path / "a") / "cover.html").read_text("utf-8")
    assert "There is no letter." in cover and "below the minimum" in cover
    _written(audited, tmp_path / "b", day=date(2027, 6, 21))
    assert pl.read_parquet(_folder(tmp_path / "b") / MERGE).is_empty()
    with pytest.raises(AuditError, match="before the run's as-of date"):
        _written(audited, tmp_path / "c", day=date(2026, 6, 29))
    with pytest.raises(AuditError, match="nothing to write to this NPI"):
        _written(audited, tmp_path / "c", payee=OTHER)


@pytest.mark.slow
@pytest.mark.parametrize("config", ["", CALIFORNIA.replace("CA", "AL")])
def test_another_config_than_that_of_the_run_is_refused(
    audited: Path, tmp_path: Path, config: str
) -> None:
    """Its law decides what a letter holds, and until when it may be answered."""
    with pytest.raises(AuditError, match="Give those of the run"):
        _written(audited, tmp_path, config=config)
    assert not list(tmp_path.glob("finding-*"))


@pytest.mark.slow
def test_what_was_decided_since_the_run_is_in_no_letter_and_letters_of_before_go(
    audited: Path, tmp_path: Path
) -> None:
    base = tmp_path / "copy"
    shutil.copytree(audited, base)
    found = pl.read_parquet(_run(base) / "exceptions.parquet").filter(outcome="recover")
    ids = dict(found.select("claim_id", "exception_id").iter_rows())
    letter = f"finding-{NPI}.html"
    _written(base, tmp_path)
    decide(base / "audit.duckdb", [Decision(ids["RX2"], "right after all")], "dismiss", "Ann")
    _written(base, tmp_path)
    text = (_folder(tmp_path) / letter).read_text("utf-8")
    assert "RX2" not in text and "RX3" in text
    assert "since the run" in (_folder(tmp_path) / "cover.html").read_text("utf-8")
    paid = Decision(ids["RX3"], action="recovered", amount=Decimal(1))
    decide(base / "audit.duckdb", [paid], by="Ann")
    done = _written(base, tmp_path)
    assert done.letters == 0 and done.removed == [letter]
    assert not (_folder(tmp_path) / letter).exists()


@pytest.mark.slow
def test_a_line_whose_claim_was_sent_otherwise_since_is_in_no_letter_of_before(
    audited: Path, tmp_path: Path
) -> None:
    """What law says of it may have changed, though the finding and its amount have not."""
    base = tmp_path / "copy"
    shutil.copytree(audited, base)
    old = good("pharmacy_claim", claim_id="RX2", dispensing_date="2026-02-05", quantity=300)
    old |= {"days_supply": 30, "paid_amount": "9000.00", "dispensing_channel": "retail"}
    old |= {"dispensing_provider_npi": NPI, "paid_date": "2026-06-21"}
    landing = write(base / "more", {"pharmacy_claim.csv": [old]})
    later = date(2026, 7, 1)
    night(request_for(landing, base / "out", base / "audit.duckdb", later, base / "config.toml"))
    done = _written(base, tmp_path, run=base / "out" / _run(audited).name)
    text = (_folder(tmp_path) / f"finding-{NPI}.html").read_text("utf-8")
    assert "RX2" not in text and "RX3" in text
    assert any("is not the last night of the warehouse" in warning for warning in done.warnings)


@pytest.mark.slow
def test_law_about_fees_alone_is_looked_at_too(audited: Path, tmp_path: Path) -> None:
    """No limit, and so no collectable, differs between this config and an empty one."""
    law = tmp_path / "law"
    law.mkdir()
    (law / "own.toml").write_text(FEES, encoding="utf-8")
    config = tmp_path / "config.toml"
    config.write_text(CALIFORNIA.replace("CA", "VT"), encoding="utf-8")
    asked = request_for(audited / "in", tmp_path / "out", tmp_path / "audit.duckdb", AS_OF, config)
    night(replace(asked, law=law))
    batch = Batch(
        *(_run(tmp_path), tmp_path / "audit.duckdb", tmp_path, TEMPLATE, "finding", "letter"),
        with_pdf=False,
    )
    with pytest.raises(AuditError, match="Give those of the run"):
        write_batch(batch, law=law)
    assert write_batch(batch, config, law=law).letters == 1


@pytest.mark.slow
def test_a_limit_that_has_passed_by_the_day_of_the_letter_counts_where_another_is_undecided(
    audited: Path, tmp_path: Path
) -> None:
    """Without a place in the config, the contract alone binds, and the run knows no last day."""
    law = tmp_path / "law"
    law.mkdir()
    (law / "c.toml").write_text(CONTRACT, encoding="utf-8")
    landing = audited / "in"
    night(
        replace(request_for(landing, tmp_path / "out", tmp_path / "audit.duckdb", AS_OF), law=law)
    )
    for day, letters in ((date(2027, 6, 20), 1), (date(2027, 6, 21), 0)):
        asked = Batch(
            *(_run(tmp_path), tmp_path / "audit.duckdb", tmp_path, TEMPLATE, "finding", "letter"),
            *(day, None),
            with_pdf=False,
        )
        assert write_batch(asked, law=law).letters == letters, day


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("[sender]", "[sendr]"), "sender: Field required"),
        (("days_to_answer = 30", "days_to_answer = 0"), "days_to_answer: Input should be greater"),
        (("payers = ", "payers = x"), "cannot be read as TOML"),
    ],
)
def test_a_template_that_does_not_hold_is_refused(
    tmp_path: Path, change: tuple[str, str], says: str
) -> None:
    path = tmp_path / "t.toml"
    path.write_text(TEMPLATE.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    with pytest.raises(AuditError) as refusal:
        read_template(path)
    assert says in str(refusal.value)


def test_the_sample_template_holds_and_writes_dates_as_asked() -> None:
    template = read_template(TEMPLATE)
    assert template.is_of(" CIGNA ") and not template.is_of("Aetna")
    assert template.form("letter").day(date(2026, 6, 30)) == "June 30, 2026"
    assert Decimal(template.days_to_answer) > 0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "June 5, 2026 to 2026-06-31: $1,250.00, claim 2026-06-05-7, RX2026-06-05, $ 5"),
        (
            {"dates": "day_first", "money": "code"},
            "5 June 2026 to 2026-06-31: USD 1,250.00, claim 2026-06-05-7, RX2026-06-05, $ 5",
        ),
        (
            {"dates": "iso"},
            "2026-06-05 to 2026-06-31: $1,250.00, claim 2026-06-05-7, RX2026-06-05, $ 5",
        ),
    ],
)
def test_sentences_of_a_finding_have_dates_and_dollars_as_the_template_asks(
    options: dict[str, str], text: str
) -> None:
    template = read_template(TEMPLATE).model_copy(update=options)
    said = "2026-06-05 to 2026-06-31: $1,250.00, claim 2026-06-05-7, RX2026-06-05, $ 5"
    assert template.form("letter").text(said) == text


def test_amounts_are_written_as_the_template_asks() -> None:
    template = read_template(TEMPLATE)
    assert template.form("letter").dollars(Decimal("1250")) == "$1,250.00"
    assert template.form("letter").dollars(None) == "no price"
    in_code = template.model_copy(update={"money": "code"})
    assert in_code.form("letter").dollars(Decimal("1250")) == "USD 1,250.00"


@pytest.mark.slow
def test_more_fills_than_one_audit_may_have_are_split_with_a_warning(
    audited: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = AuditSize.model_validate(
        {
            "term_id": "own.size",
            "cite": "section 7",
            "basis": "stated",
            "effective_from": date(1900, 1, 1),
            "payers": ["Cigna"],
            "claims": ["pharmacy"],
            "per_audit": 1,
        }
    )
    others = LawLibrary.of_kind  # the run was made with them
    monkeypatch.setattr(
        LawLibrary, "of_kind", lambda law, kind: [size] if kind is AuditSize else others(law, kind)
    )
    monkeypatch.setattr(LawLibrary, "citations", lambda _law: {"own.size": "Contract, section 7"})
    done = _written(audited, tmp_path)
    assert [p.name for p in done.files[:2]] == [f"finding-{NPI}-{n}.html" for n in (1, 2)]
    assert "2 fills are more than the 1 of one audit, Contract, section 7" in done.warnings[0]
    parts = pl.read_parquet(_folder(tmp_path) / MERGE)
    worklist = pl.read_parquet(_run(audited) / "worklist.parquet").filter(billing_npi=NPI)
    assert parts["amount"].sum() == worklist["recover_amount"].sum()


# ---------------------------------------------------------------- which lines


def _form(kind: LetterKind, paper: Paper = "letter") -> LetterForm:
    """The form of letters about a run that is not there."""
    run = SimpleNamespace(
        packet_name=str, policy_sha256=str, run_id="0" * 16, as_of=AS_OF, manifest_sha256="0" * 64
    )
    return LetterForm(kind, read_template(TEMPLATE), cast(LetterRun, run), AS_OF, paper)


def _letter(kind: LetterKind, payee: Payee, paper: Paper = "letter") -> Letter:
    law = LetterLaw(load_law(), Places(), payee.lines)
    return make_letter(_form(kind, paper), payee.npi, (1, 1), payee.lines, law)


def _selected(
    *found: Row, back: str = "0", kind: LetterKind = "finding", fee: str | None = None
) -> Selection:
    """The lines of one claim of the template's payer that a letter of the as-of date is about."""
    rows = [
        {
            "claim_source": "pharmacy",
            "payer": "Cigna",
            "member_id": "M",
            "person_id": "P",
            "claim_id": "C",
            "claim_line_number": 1,
            "exception_id": str(number),
            "rule_id": "QTY01",
            "outcome": "recover",
            "billing_npi": NPI,
            "service_date": AS_OF,
            "paid_amount": Decimal("100.00"),
            "amount_at_risk": Decimal("90.00"),
            "status": OPEN,
            "collectable": UNKNOWN,
            **changed,
        }
        for number, changed in enumerate(found)
    ]
    money = [{"exception_id": "0", "recovered": Decimal(back)}] if Decimal(back) else []
    decided = NOTHING_DECIDED._replace(recovered=pl.DataFrame(money, schema=RECOVERED))
    exceptions = pl.DataFrame(rows, schema=EXCEPTION)
    fees = pl.DataFrame(
        [row | {"barred_fee": Decimal(fee)} for row in rows if fee], schema=BARRED_FEE
    )
    lines = worklists(exceptions, pl.DataFrame(schema=REPEATED), decided, fees).worklist
    template = read_template(TEMPLATE)
    return select(exceptions, lines, kind, template, AS_OF, Decimal(0))


def test_a_letter_asks_for_what_has_not_come_back() -> None:
    (payee,) = _selected({"decision": "recovered"}, back="30").payees
    assert payee.amount == 60
    (payee,) = _selected({}, {"amount_at_risk": Decimal("95.00")}, back="90").payees
    assert payee.amount == 5, "of another finding on the line"


@pytest.mark.parametrize("kind", ["finding", "records"])
def test_nothing_is_written_of_a_line_that_is_settled(kind: LetterKind) -> None:
    outcome = {"finding": "recover", "records": "records_request"}[kind]
    done = _selected({"outcome": outcome}, back="90", kind=kind)
    assert not done.payees
    assert done.left_out == {"settled, because the amount came back": (1, Decimal("0.00"))}


def test_documents_for_what_has_no_price_are_still_asked_for() -> None:
    request = {"outcome": "records_request", "amount_at_risk": None}
    (payee,) = _selected({}, request, back="90", kind="records").payees
    assert payee.amount == 0


@pytest.mark.parametrize(
    ("changed", "reads", "elsewhere"),
    [
        ({}, "counted elsewhere", True),
        ({"amount_at_risk": None}, "not known", False),
        ({"amount_at_risk": Decimal("95.00")}, "$5.00", False),
    ],
)
def test_a_request_says_that_an_amount_which_another_finding_bears_is_counted_there(
    changed: Row, reads: str, elsewhere: bool
) -> None:
    request = {"outcome": "records_request", "reason": "r", "citation": "c", "rationale": "x"}
    request |= {"rule_id": "GEN01", "reason": "brand_without_trial", "documents_needed": ["chart"]}
    request |= {"evidence": []}
    (payee,) = _selected({}, request | changed, kind="records").payees
    text = _letter("records", payee).html
    assert f'<td class="number">{reads}</td></tr>' in text
    assert ("Counted elsewhere:" in text) is elsewhere


@pytest.mark.parametrize(
    ("basis", "fills", "state", "says"),
    [
        ("full_paid", 1, "US-VT", ["1 fill is asked for whole"]),
        ("full_paid", 2, "US-VT", ["2 fills are asked for whole"]),
        ("excess_quantity", 1, "US-VT", []),
        ("full_paid", 1, "US-TX", []),
    ],
)
def test_a_fill_that_is_asked_for_whole_is_warned_about_where_law_bars_the_fee(
    basis: str, fills: int, state: str, says: list[str]
) -> None:
    found = _selected(*({"amount_basis": basis, "claim_id": str(n)} for n in range(fills)))
    (payee,) = found.payees
    places = Places(payers={"cigna": Place(state, "commercial_insured")})
    assert payee.amount == 90 * fills, "the claims give no fee"
    warnings = list(fees_asked_for(payee, LetterLaw(load_law(), places, payee.lines)))
    assert len(warnings) == len(says)
    assert all(text in warning for text, warning in zip(says, warnings, strict=True))


def test_a_barred_fee_that_is_known_is_left_out_and_not_warned_about() -> None:
    whole = {"amount_basis": "full_paid", "amount_at_risk": Decimal("100.00")}
    (payee,) = _selected(whole, fee="4.50").payees
    assert payee.amount == Decimal("95.50")
    places = Places(payers={"cigna": Place("US-VT", "commercial_insured")})
    law = LetterLaw(load_law(), places, payee.lines)
    assert not list(fees_asked_for(payee, law))
    assert law.bars_fee("0") == "Vermont, 18 V.S.A. 3804"
    elsewhere = LetterLaw(load_law(), Places(), payee.lines)
    assert elsewhere.bars_fee("0") == ""


@pytest.mark.parametrize(
    ("state", "days", "counts"), [("US-CA", 30, True), ("US-CA", 60, False), ("US-AZ", 1, False)]
)
def test_holidays_are_spoken_of_where_working_days_decide_a_day(
    state: str, days: int, counts: bool
) -> None:
    (payee,) = _selected({}).payees
    places = Places(payers={"cigna": Place(state, "commercial_insured")})
    law = LetterLaw(load_law(), places, payee.lines)
    assert law.counts_working_days(AS_OF, days) is counts


def test_a_letter_names_neither_claim_nor_date_of_another_patient() -> None:
    fact = dict.fromkeys(EVIDENCE_FIELDS) | {
        "kind": "fill",
        "side": "against",
        "id": "generic_unit_price",
        "code": "47335047583",
        "value": "19.6503",
        "claim_id": "OF-ANOTHER",
        "date": date(2026, 2, 10),
    }
    (payee,) = _selected({"evidence": [fact], "amount_basis": "price_difference"}).payees
    (said,) = _finding(_form("finding"), payee.lines[0].findings[0])["sides"]["against"]
    assert said == "unit price 19.6503 of the generic fill, NDC 47335047583, without its fee"


@pytest.mark.parametrize("paper", ["letter", "a4"])
def test_an_exhibit_of_one_finding_is_on_one_page(paper: Paper) -> None:
    """The headline of some of these exhibits stood alone at the end of a page."""
    found = {"evidence": [], "rationale": "Said of it. " * 30, "reason": "tablets_over_limit"}
    lines = ({"claim_id": f"C{n:02}", **found, "documents_needed": []} for n in range(20))
    (payee,) = _selected(*lines).payees
    pages = HTML(string=_letter("finding", payee, paper).html).render().pages
    texts = [_text_of(page) for page in pages]
    counts = [(t.count("Exhibit "), t.count("Asked for this line")) for t in texts]
    assert sum(begun for begun, _ in counts) == len(payee.lines)
    assert all(begun == ended for begun, ended in counts), counts


def _text_of(page: Any) -> str:
    """The text of a page as it is laid out."""
    boxes = page._page_box.descendants()
    return "\n".join(box.text for box in boxes if isinstance(box, TextBox))
