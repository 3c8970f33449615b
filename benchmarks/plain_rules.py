"""DX01, QTY01, GEN01 and CYC01 written a second time, in plain Python: dicts, lists and loops over everybody's rows.

What the bench holds the rules against, for their speed and for their answers. Terms, codes and drugs are read from the
same policy files; how they are applied is written anew. Evidence, wording and amounts are left out.
"""

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from typing import Any

import duckdb

from audit_rules.policy import PolicyLibrary
from audit_rules.terms import (
    Course,
    CyclesWithoutResponse,
    DiagnosisCoverage,
    GenericTrial,
    Inducer,
    QuantityLimit,
    Term,
)  # fmt: skip
from flows.net import QUANTITY, SERVICE_DATE
from flows.plan import Plan
from schemas.formats import ICD9_TYPE, PATTERNS
from schemas.tables import Kind

Row = dict[str, Any]
ByPerson = dict[str, list[Row]]
DIAGNOSIS_COLUMNS = ("diagnosis_code_1", "diagnosis_code_2", "diagnosis_code_3", "diagnosis_code_4")
_PERSON = "coalesce(t.person_id, s.sole_person_id, t.member_id) AS person"
_WHO = "LEFT JOIN run.sole_person s USING (member_id)"
_PAYER = "JOIN run.payer p ON p.name = lower(t.payer)"


@dataclass(frozen=True)
class Records:
    """Everybody's rows by person, and the history lines of the audited drugs (paid more than nothing) in `lines`."""

    lines: list[Row]
    fills: ByPerson
    doses: ByPerson
    diagnoses: ByPerson
    enrollment: ByPerson
    authorizations: ByPerson
    evidence: ByPerson
    payer_start: dict[str, date]


def plain_exceptions(connection: duckdb.DuckDBPyConnection, plan: Plan) -> dict[str, str]:
    """exception_id -> rule and reason of every exception of the four rules; `connection` shows a netted workbench."""
    records = read_records(connection, plan)
    rules = (("DX01", _diagnosis), ("QTY01", _quantity), ("GEN01", _brand), ("CYC01", _cycles))
    exceptions = {}
    for rule_id, judge in rules:
        for line, term, reason in judge(records, plan):
            exceptions[_exception_id(line, rule_id, term)] = f"{rule_id} {reason}"
    return exceptions


def read_records(connection: duckdb.DuckDBPyConnection, plan: Plan) -> Records:
    """Fetch the claims, diagnoses and facts of everybody, and name the drug of every line."""
    ndc = {row["ndc11"]: row for row in plan.reference.ndc.to_dicts()}
    hcpcs = {row["hcpcs"]: row for row in plan.reference.hcpcs.to_dicts()}
    claims = [*_claims(connection, plan, "medical_claim", _MEDICAL), *_claims(connection, plan, "pharmacy_claim", _PHARMACY)]
    history = [row for row in claims if row["fate"] == "history"]
    for row in history:
        _name_drug(row, ndc.get(row["ndc_code"], {}), hcpcs.get(row["hcpcs_code"], {}))
    as_of = plan.request.as_of
    return Records(
        lines=[row for row in history if row["drug"] and (row["paid_amount"] or 0) > 0],
        fills=_by_person(row for row in history if row["claim_source"] == "pharmacy"),
        doses=_by_person(row for row in history if row["claim_source"] == "medical" and row["drug"]),
        diagnoses=_by_person(_diagnoses(connection, claims, as_of)),
        enrollment=_by_person(_fetch(connection, f"SELECT {_PERSON}, p.payer_id, t.* FROM every_eligibility t {_WHO} {_PAYER}")),
        authorizations=_by_person(
            _fetch(connection, f'SELECT {_PERSON}, p.payer_id, t.* FROM "every_authorization" t {_WHO} {_PAYER}')
        ),
        evidence=_by_person(_fetch(connection, f"SELECT {_PERSON}, t.* FROM every_clinical_evidence t {_WHO}")),
        payer_start=dict(
            connection.execute(
                f"SELECT p.payer_id, min(t.dispensing_date) FROM every_pharmacy_claim t {_PAYER} GROUP BY 1"
            ).fetchall()
        ),
    )


_MEDICAL = (
    "t.hcpcs_code, [t.hcpcs_modifier_1, t.hcpcs_modifier_2] AS modifiers, NULL AS days_supply, NULL AS channel, "
    "t.diagnosis_code_type, " + ", ".join(f"t.{c}" for c in DIAGNOSIS_COLUMNS)
)
_PHARMACY = (
    "NULL AS hcpcs_code, NULL AS modifiers, t.days_supply, t.dispensing_channel AS channel, "
    "NULL AS diagnosis_code_type, t.diagnosis_code AS diagnosis_code_1"
)


def _fetch(connection: duckdb.DuckDBPyConnection, query: str) -> Iterator[Row]:
    cursor = connection.execute(query)
    names = [column[0] for column in cursor.description or ()]
    return (dict(zip(names, row, strict=True)) for row in cursor.fetchall())


def _by_person(rows: Iterator[Row]) -> ByPerson:
    found: ByPerson = defaultdict(list)
    for row in rows:
        found[row["person"]].append(row)
    return found


def _claims(connection: duckdb.DuckDBPyConnection, plan: Plan, table: str, columns: str) -> Iterator[Row]:
    """Every claim row known on the as-of date, duplicates left out, with its fate and netted figures."""
    return _fetch(
        connection,
        f"""SELECT '{table.removesuffix("_claim")}' AS claim_source, {_PERSON}, p.payer_id, t.claim_id, t.claim_line_number,
                   {SERVICE_DATE[table]} AS service_date, t.ndc_code, {columns}, coalesce(f.fate, 'history') AS fate,
                   CASE WHEN f.is_netted THEN f.netted_quantity ELSE t.{QUANTITY[table]} END AS quantity,
                   CASE WHEN f.is_netted THEN f.netted_paid_amount ELSE t.paid_amount END AS paid_amount
            FROM every_{table} t {_WHO} {_PAYER} LEFT JOIN run.{table}_fate f USING (file_no, row_number)
            WHERE {SERVICE_DATE[table]} <= DATE '{plan.request.as_of}' AND coalesce(f.fate, '') <> 'duplicate'""",
    )


def _name_drug(row: Row, product: Row, service: Row) -> None:
    """Add the drug (None where it is not audited), and of the NDC ingredient, product, strength and form."""
    role, named = service.get("role"), service.get("drug")
    row["drug"] = None
    if role == "drug" or (role == "unclassified" and product.get("ingredient") == named):
        row["drug"] = named
    elif role != "never" and product.get("audited"):
        row["drug"] = product["ingredient"]
    for name in ("ingredient", "product", "strength_mg", "form"):
        row[name] = product.get(name)


def _diagnoses(connection: duckdb.DuckDBPyConnection, claims: list[Row], as_of: date) -> Iterator[Row]:
    """Every well-formed ICD-10-CM code with its person, date and claim, from claims of any fate and the table."""
    code_shape, is_icd9 = re.compile(PATTERNS[Kind.ICD10CM]), re.compile(ICD9_TYPE)

    def holds(code: str | None, code_type: str | None) -> bool:
        return bool(code and code_shape.match(code) and not (code_type and is_icd9.search(code_type)))

    for row in claims:
        for column in DIAGNOSIS_COLUMNS:
            if holds(row.get(column), row["diagnosis_code_type"]):
                yield {
                    "person": row["person"], "code": row[column], "date": row["service_date"], "claim_id": row["claim_id"],
                    "place": (row["claim_source"], row["payer_id"]),
                }  # fmt: skip
    table = f"""SELECT {_PERSON}, t.claim_id, t.diagnosis_code AS code, t.diagnosis_code_type, NULL AS place,
                       coalesce(t.diagnosis_date, d.diagnosis_date) AS date
                FROM every_diagnosis t {_WHO} LEFT JOIN run.dated_diagnosis d USING (file_no, row_number)"""
    for row in _fetch(connection, table):
        if row["date"] and row["date"] <= as_of and holds(row["code"], row["diagnosis_code_type"]):
            yield row


# ---------------------------------------------------------------- lines, terms and ids

Found = Iterator[tuple[Row, str, str]]
"""A line, the id of the term it was judged by, and the reason for the exception."""


def _exception_id(line: Row, rule_id: str, term_id: str) -> str:
    parts = [*(line[n] for n in ("claim_source", "payer_id", "claim_id", "claim_line_number")), rule_id, term_id]
    return sha256("\x1f".join(str(p) for p in parts).encode()).hexdigest()[:32]


def _governed(records: Records, library: PolicyLibrary, kind: type[Term]) -> Iterator[tuple[Row, str, Any]]:
    """Every line with each term of a kind that governs its payer and drug and is in force on its service date."""
    by_payer_and_drug = defaultdict(list)
    for policy, term in library.of_kind(kind):
        by_payer_and_drug[policy.document.payer, policy.document.drug].append((policy.document.id, term))
    for line in records.lines:
        for policy_id, term in by_payer_and_drug[line["payer_id"], line["drug"]]:
            if _in_force(term, line["service_date"]):
                yield line, policy_id, term


def _in_force(term: Term, day: date) -> bool:
    return term.effective_from <= day and (term.effective_to is None or day < term.effective_to)


def _term_of(library: PolicyLibrary, kind: type[Term], policy_id: str, day: date) -> Any:
    found = (t for p, t in library.of_kind(kind) if p.document.id == policy_id and _in_force(t, day))
    return next(found, None)


def _covering(records: Records, line: Row) -> Iterator[Row]:
    """Approved authorizations of the line's person, payer, drug and product that span its service date."""
    for a in records.authorizations.get(line["person"], ()):
        is_its_own = a["payer_id"] == line["payer_id"] and a["drug"] == line["drug"]
        fits = a["product"] is None or line["product"] is None or a["product"] == line["product"]
        if is_its_own and fits and a["status"] == "approved" and a["start_date"] <= line["service_date"] <= a["end_date"]:
            yield a


# ---------------------------------------------------------------- DX01


def _diagnosis(records: Records, plan: Plan) -> Found:
    standings = _standings(plan)
    for line, policy_id, term in _governed(records, plan.library, DiagnosisCoverage):
        day = line["service_date"]
        first, last = day - timedelta(days=term.lookback_days), day + timedelta(days=term.lookahead_days)
        place = (line["claim_source"], line["payer_id"])
        codes, found = set(), set()
        for d in records.diagnoses.get(line["person"], ()):
            on_the_claim = d["claim_id"] == line["claim_id"] and d["place"] in (None, place)
            if on_the_claim or first <= d["date"] <= last:
                codes.add(d["code"])
                found |= standings(policy_id, d["code"], day)
        if found & {"listed", "criteria"}:
            continue
        if "conflict" in found:
            yield line, term.term_id, "listed_code_conflicts"
        elif "bcr_abl_negative" in found:
            yield line, term.term_id, "bcr_abl_negative"
        elif term.cancer_only and codes:
            yield line, term.term_id, "other_cancer" if "neoplasm" in found else "non_cancer_indication"
        else:
            yield line, term.term_id, "diagnosis_not_listed" if codes else "no_diagnosis_on_file"


def _standings(plan: Plan) -> Callable[[str, str, date], set[str]]:
    """How a policy regards a code on a day: by the code itself, or by a header that includes its children."""
    listed = defaultdict(list)
    for row in plan.reference.codes.to_dicts():
        listed[row["policy_id"], row["code"]].append(row)

    def standings(policy_id: str, code: str, day: date) -> set[str]:
        headers = [code[:n].removesuffix(".") for n in (3, 5, 6, 7) if len(code) > n]
        rows = [r for h in headers for r in listed.get((policy_id, h), ()) if r["with_children"]]
        rows += listed.get((policy_id, code), [])
        return {r["standing"] for r in rows if r["code_from"] <= day and (r["code_to"] is None or day < r["code_to"])}

    return standings


# ---------------------------------------------------------------- QTY01


def _is_tablet_fill(line: Row) -> bool:
    return bool(line["claim_source"] == "pharmacy" and line["form"] == "tablet")


def _quantity(records: Records, plan: Plan) -> Found:
    limits: dict[tuple[int, str], tuple[Row, dict[str, QuantityLimit]]] = {}
    for line, policy_id, term in _governed(records, plan.library, QuantityLimit):
        if _is_tablet_fill(line) and float(term.strength_mg) == line["strength_mg"]:
            limits.setdefault((id(line), policy_id), (line, {}))[1][term.channel] = term
    for (_, policy_id), (line, by_channel) in limits.items():
        yield from _over_limit(records, plan, line, policy_id, by_channel)


def _over_limit(records: Records, plan: Plan, line: Row, policy_id: str, by_channel: dict[str, QuantityLimit]) -> Found:
    term = by_channel.get(line["channel"] or "home_delivery")
    if term is None or line["quantity"] is None:
        return
    has_inducer = _has_inducer(records, plan, line, policy_id)
    ceiling = _ceiling(term, has_inducer)
    allowed = ceiling if line["channel"] else _ceiling(by_channel["retail"], has_inducer)
    quantity, days = float(line["quantity"]), line["days_supply"]
    if quantity <= allowed:
        return
    if line["channel"] is None and quantity <= ceiling:
        yield line, term.term_id, "channel_unknown"
    elif days is None or days <= 0:
        yield line, term.term_id, "days_supply_missing"
    elif quantity * term.standard_days <= ceiling * float(days):
        yield line, term.term_id, "extended_days_supply"
    else:
        yield line, term.term_id, "quantity_over_limit"


def _ceiling(term: QuantityLimit, has_inducer: bool) -> float:
    return float(term.limit_with_inducer or term.limit) if has_inducer else float(term.limit)


def _has_inducer(records: Records, plan: Plan, line: Row, policy_id: str) -> bool:
    day = line["service_date"]
    term = _term_of(plan.library, Inducer, policy_id, day)
    if term is None:
        return False
    first, last = day - timedelta(days=term.days_before), day + timedelta(days=term.days_after)
    for fill in records.fills.get(line["person"], ()):
        days = fill["days_supply"]
        supply = math.ceil(days) if days is not None and days > 0 else plan.default_supply_days
        touches = fill["service_date"] <= last and fill["service_date"] + timedelta(days=supply) > first
        if fill["ingredient"] in term.ingredients and touches:
            return True
    return any(a["override"] == term.override for a in _covering(records, line))


# ---------------------------------------------------------------- GEN01


def _brand(records: Records, plan: Plan) -> Found:
    for line, _, term in _governed(records, plan.library, GenericTrial):
        if not _is_tablet_fill(line) or line["product"] != "brand":
            continue
        day = line["service_date"]
        has_trial = _known(records, line, "generic_trial", term.trial_evidence) or any(
            fill["product"] == "generic" and fill["form"] == "tablet" and fill["ingredient"] == line["ingredient"]
            and fill["service_date"] < day
            for fill in records.fills[line["person"]]
        )  # fmt: skip
        is_approved = any(True for _ in _covering(records, line))
        since = _observed_from(records, line)
        if has_trial and (is_approved or _known(records, line, "formulation_intolerance", term.intolerance_evidence)):
            continue
        if has_trial:
            yield line, term.term_id, "intolerance_not_documented"
        elif is_approved:
            yield line, term.term_id, "authorized_without_trial"
        elif since is None or (day - since).days < term.observed_days:
            yield line, term.term_id, "history_too_short"
        else:
            yield line, term.term_id, "no_generic_trial"


def _known(records: Records, line: Row, code: str, values: tuple[str, ...]) -> bool:
    return any(
        e["evidence_code"] == code and e["evidence_value"] in values and e["evidence_date"] <= line["service_date"]
        for e in records.evidence.get(line["person"], ())
    )


def _observed_from(records: Records, line: Row) -> date | None:
    """From when the person's fills are known: the earliest over the payers that enrol the person and send fills."""
    enrolled: dict[str, date] = {}
    for span in records.enrollment.get(line["person"], ()):
        start = span["enrollment_start_date"]
        enrolled[span["payer_id"]] = min(start, enrolled.get(span["payer_id"], start))
    if not enrolled:
        return records.payer_start.get(line["payer_id"])
    return min((max(s, records.payer_start[p]) for p, s in enrolled.items() if p in records.payer_start), default=None)


# ---------------------------------------------------------------- CYC01


def _cycles(records: Records, plan: Plan) -> Found:
    counted: dict[tuple[str, str], dict[date, tuple[date, int, int]]] = {}
    for line, policy_id, term in _governed(records, plan.library, CyclesWithoutResponse):
        key = (policy_id, line["person"])
        if key not in counted:
            course = _term_of(plan.library, Course, policy_id, line["service_date"])
            counted[key] = _counted(records, line, course)
        if line["service_date"] not in counted[key]:
            continue
        start, low, high = counted[key][line["service_date"]]
        responses = [
            e["evidence_value"] in term.response_values for e in records.evidence.get(line["person"], ())
            if e["evidence_code"] == "response" and start <= e["evidence_date"] <= line["service_date"]
        ]  # fmt: skip
        in_remission = any(
            d["code"] in term.remission_codes and start < d["date"] <= line["service_date"]
            for d in records.diagnoses.get(line["person"], ())
        )
        if high <= term.allowed or in_remission or any(responses):
            continue
        if low <= term.allowed:
            yield line, term.term_id, "cycle_count_uncertain"
        else:
            yield line, term.term_id, "no_response_documented" if responses else "response_not_documented"


def _counted(records: Records, line: Row, term: Course) -> dict[date, tuple[date, int, int]]:
    """Dose date -> start of its course, and its cycle by the low and by the high count."""
    doses = (d for d in records.doses.get(line["person"], ()) if d["drug"] == line["drug"])
    days = {d["service_date"] for d in doses if (d["quantity"] or 0) > 0 and not set(d["modifiers"]) & set(term.waste_modifiers)}
    courses: list[list[date]] = []
    for day in sorted(days):
        if courses and (day - courses[-1][-1]).days <= term.gap_days:
            courses[-1].append(day)
        else:
            courses.append([day])
    return {
        day: (course[0], low, high)
        for course in courses
        for day, low, high in zip(
            course, _packed(course, term, term.low_days), _packed(course, term, term.high_days), strict=True
        )
    }


def _packed(course: list[date], term: Course, within_days: int) -> list[int]:
    """The cycle of each dose date: up to doses_per_cycle dates that lie less than within_days after the cycle's first."""
    numbers: list[int] = []
    first, taken = course[0], 0
    for day in course:
        if not numbers or taken == term.doses_per_cycle or (day - first).days >= within_days:
            first, taken = day, 0
            numbers.append(numbers[-1] + 1 if numbers else 1)
        else:
            numbers.append(numbers[-1])
        taken += 1
    return numbers
