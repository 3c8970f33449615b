"""DX01, QTY01, GEN01 and CYC01 written a second time, in ordinary pandas over everybody's rows.

The bench compares the rules with it, in speed and in answers. Terms, codes and drugs come from the
same policy files; how they are applied is written independently. It starts, as the rules do, from
settled rows. Evidence, wording and amounts are left out.
"""

from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256

import duckdb
import numpy as np
import pandas as pd

from audit_rules.policy.library import PolicyLibrary
from audit_rules.policy.terms.base import Term
from audit_rules.policy.terms.doses import Course, CyclesWithoutResponse
from audit_rules.policy.terms.fills import GenericTrial, Inducer, QuantityLimit
from audit_rules.policy.terms.persons import DiagnosisCoverage
from flows.plan import Plan
from flows.settle.claims import SETTLED
from flows.settle.persons import DATED_DIAGNOSIS, PAYER, PERSON_OF, SOLE_PERSON
from schemas.formats import ICD9_TYPE, PATTERNS
from schemas.table import Kind

DIAGNOSIS_COLUMNS = ["diagnosis_code_1", "diagnosis_code_2", "diagnosis_code_3", "diagnosis_code_4"]
NO_EXCEPTION = ""
_PERSON = f"{PERSON_OF}(t.person_id, s.sole_person_id, t.member_id) AS person"
_JOIN_PERSON = f"LEFT JOIN {SOLE_PERSON} s USING (member_id)"
_JOIN_PAYER = f"JOIN {PAYER} p ON p.name = lower(t.payer)"
_OWN_COLUMNS = {
    "medical_claim": [
        "hcpcs_code",
        "hcpcs_modifier_1",
        "hcpcs_modifier_2",
        "diagnosis_code_type",
        *DIAGNOSIS_COLUMNS,
    ],
    "pharmacy_claim": [
        "days_supply",
        "dispensing_channel AS channel",
        "diagnosis_code AS diagnosis_code_1",
        "daw_code",
    ],
}


@dataclass(frozen=True)
class Records:
    """Everybody's rows; `lines` are the paid history lines of audited drugs."""

    lines: pd.DataFrame
    fills: pd.DataFrame
    services: pd.DataFrame
    doses: pd.DataFrame
    diagnoses: pd.DataFrame
    enrollment: pd.DataFrame
    authorizations: pd.DataFrame
    evidence: pd.DataFrame
    payer_start: pd.Series  # payer_id -> the first dispensing date that the payer sent


def plain_exceptions(connection: duckdb.DuckDBPyConnection, plan: Plan) -> dict[str, str]:
    """exception_id -> rule and reason of every exception of the four rules.

    `connection` is to a workbench after final action.
    """
    records = read_records(connection, plan)
    judged = pd.concat(
        [
            _diagnosis(records, plan).assign(rule_id="DX01"),
            _quantity(records, plan).assign(rule_id="QTY01"),
            _brand(records, plan).assign(rule_id="GEN01"),
            _cycles(records, plan).assign(rule_id="CYC01"),
        ]
    )
    exceptions = judged[judged["reason"] != NO_EXCEPTION]
    parts = exceptions[
        ["claim_source", "payer_id", "claim_id", "claim_line_number", "rule_id", "term_id"]
    ].astype(str)
    ids = [
        sha256("\x1f".join(part).encode()).hexdigest()[:32]
        for part in parts.itertuples(index=False)
    ]
    return dict(zip(ids, exceptions["rule_id"] + " " + exceptions["reason"], strict=True))


def read_records(connection: duckdb.DuckDBPyConnection, plan: Plan) -> Records:
    """Fetch the claims, diagnoses and facts of everybody, and name the drug of every line."""

    def facts(table: str, columns: str, join: str = _JOIN_PAYER) -> pd.DataFrame:
        return connection.execute(
            f'SELECT {_PERSON}, {columns} FROM "every_{table}" t {_JOIN_PERSON} {join}'
        ).df()

    first = f"""SELECT p.payer_id, min(dispensing_date) AS payer_start
                FROM every_pharmacy_claim t {_JOIN_PAYER} GROUP BY 1"""
    claims = pd.concat([_claims(connection, table) for table in _OWN_COLUMNS], ignore_index=True)
    history = _with_drug(claims[claims["fate"] == "history"], plan)
    is_audited, is_pharmacy = history["drug"].notna(), history["claim_source"] == "pharmacy"
    return Records(
        lines=history[is_audited & (history["paid_amount"] > 0)],
        fills=history[is_pharmacy],
        services=history[~is_pharmacy],
        doses=history[is_audited & ~is_pharmacy],
        diagnoses=_diagnoses(connection, claims, plan),
        enrollment=facts("eligibility", "p.payer_id, enrollment_start_date"),
        authorizations=facts(
            "authorization", "p.payer_id, drug, product, status, start_date, end_date, override"
        ),
        evidence=facts(
            "clinical_evidence", "evidence_date, evidence_code, evidence_value", join=""
        ),
        payer_start=connection.execute(first).df().set_index("payer_id")["payer_start"],
    )


def _claims(connection: duckdb.DuckDBPyConnection, table: str) -> pd.DataFrame:
    """Every claim row known on the as-of date except duplicates, with fate and netted figures."""
    columns = ", ".join(_OWN_COLUMNS[table])
    return connection.execute(
        f"""SELECT '{table.removesuffix("_claim")}' AS claim_source, person, payer_id, claim_id,
                   claim_line_number, service_date, ndc_code, {columns}, fate,
                   netted_quantity AS quantity, netted_paid_amount AS paid_amount
            FROM {SETTLED[table]} WHERE fate NOT IN ('duplicate', 'after_as_of')"""
    ).df()


def _frame(rows: list[dict[str, object]], columns: list[str]) -> pd.DataFrame:
    """Rows of Python values as a frame, with the named columns as days."""
    frame = pd.DataFrame(rows)
    frame[columns] = frame[columns].apply(pd.to_datetime)
    return frame


def _with_drug(claims: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Add the drug (null if not audited), and the NDC's ingredient, product, strength and form."""
    ndc = pd.DataFrame(plan.reference.ndc.to_dicts()).rename(columns={"ndc11": "ndc_code"})
    hcpcs = pd.DataFrame(plan.reference.hcpcs.to_dicts()).rename(
        columns={"hcpcs": "hcpcs_code", "drug": "named"}
    )
    claims = claims.merge(ndc, on="ndc_code", how="left").merge(hcpcs, on="hcpcs_code", how="left")
    role, ingredient, named = claims["role"], claims["ingredient"], claims["named"]
    by_service = (role == "drug") | ((role == "unclassified") & (ingredient == named))
    by_product = (role != "never") & claims["audited"].eq(True)
    return claims.assign(drug=named.where(by_service, ingredient.where(by_product)))


def _diagnoses(
    connection: duckdb.DuckDBPyConnection, claims: pd.DataFrame, plan: Plan
) -> pd.DataFrame:
    """Every well-formed ICD-10-CM code with its person, date and claim, from claims and table."""
    where = [
        "person",
        "claim_source",
        "payer_id",
        "claim_id",
        "service_date",
        "diagnosis_code_type",
    ]
    on_claims = claims.melt(id_vars=where, value_vars=DIAGNOSIS_COLUMNS, value_name="code").dropna(
        subset="code"
    )
    in_table = connection.execute(
        f"""SELECT {_PERSON}, t.claim_id, t.diagnosis_code AS code, t.diagnosis_code_type,
                   coalesce(t.diagnosis_date, d.diagnosis_date) AS date
            FROM every_diagnosis t {_JOIN_PERSON}
            LEFT JOIN {DATED_DIAGNOSIS} d USING (file_no, row_number)"""
    ).df()
    in_table = in_table[in_table["date"] <= pd.Timestamp(plan.request.as_of)]
    diagnoses = pd.concat(
        [on_claims.rename(columns={"service_date": "date"}), in_table], ignore_index=True
    )
    is_code = diagnoses["code"].str.match(PATTERNS[Kind.ICD10CM], na=False)
    is_icd9 = diagnoses["diagnosis_code_type"].str.count(ICD9_TYPE) > 0
    return diagnoses.loc[
        is_code & ~is_icd9, ["person", "claim_source", "payer_id", "claim_id", "date", "code"]
    ]


def read_terms(library: PolicyLibrary, kind: type[Term]) -> pd.DataFrame:
    """One row per term of a kind: its policy, payer and drug, its dates, and its own fields."""
    rows = [
        {
            "policy_id": policy.document.id,
            "payer_id": policy.document.payer,
            "drug": policy.document.drug,
        }
        | {name: float(value) if isinstance(value, Decimal) else value for name, value in term}
        for policy, term in library.of_kind(kind)
    ]
    return _frame(rows, ["effective_from", "effective_to"]).drop(
        columns=["cite", "basis", "assumed", "partly"]
    )


def _in_force(
    cases: pd.DataFrame, start: str = "effective_from", end: str = "effective_to"
) -> pd.DataFrame:
    day, until = cases["service_date"], cases[end]
    return cases[(cases[start] <= day) & (until.isna() | (day < until))]


def _governed(records: Records, library: PolicyLibrary, kind: type[Term]) -> pd.DataFrame:
    """One case per line and term of a kind that governs it and is in force on its service date."""
    cases = records.lines.merge(
        read_terms(library, kind), on=["payer_id", "drug"], suffixes=("", "_of_term")
    )
    return _in_force(cases).reset_index(drop=True).rename_axis("case").reset_index()


def _with_term(cases: pd.DataFrame, library: PolicyLibrary, kind: type[Term]) -> pd.DataFrame:
    """The cases whose policy has another kind of term in force that day, with its fields."""
    terms = read_terms(library, kind).drop(columns=["payer_id", "drug", "term_id"])
    return _in_force(
        cases.drop(columns=["effective_from", "effective_to"]).merge(terms, on="policy_id")
    )


def _days(number: pd.Series) -> pd.Series:
    return pd.to_timedelta(number, unit="D")


def _covering(records: Records, cases: pd.DataFrame) -> pd.DataFrame:
    """Each case with every approved authorization that fits it and spans its service date."""
    approved = records.authorizations[records.authorizations["status"] == "approved"]
    both = cases.merge(approved, on=["person", "payer_id", "drug"], suffixes=("", "_approved"))
    products = both[["product", "product_approved"]]
    fits = products.isna().any(axis=1) | (both["product"] == both["product_approved"])
    return both[fits & both["service_date"].between(both["start_date"], both["end_date"])]


def _diagnosis(records: Records, plan: Plan) -> pd.DataFrame:
    """DX01: every case with its reason."""
    cases = _governed(records, plan.library, DiagnosisCoverage)
    seen = cases.merge(records.diagnoses, on="person", suffixes=("", "_coded"))
    day = seen["service_date"]
    in_window = seen["date"].between(
        day - _days(seen["lookback_days"]), day + _days(seen["lookahead_days"])
    )
    is_its_claim = (seen["claim_source"] == seen["claim_source_coded"]) & (
        seen["payer_id"] == seen["payer_id_coded"]
    )
    on_the_claim = (seen["claim_id"] == seen["claim_id_coded"]) & (
        is_its_claim | seen["claim_source_coded"].isna()
    )
    seen = seen[on_the_claim | in_window]

    found = _in_force(
        seen.merge(_standings(plan, seen["code"]), on=["policy_id", "code"]), "code_from", "code_to"
    )

    def has(*standings: str) -> pd.Series:
        return cases["case"].isin(found.loc[found["standing"].isin(standings), "case"])

    visits = cases.merge(
        records.services[["person", "service_date"]], on="person", suffixes=("", "_of_visit")
    )
    day, visit = visits["service_date"], visits["service_date_of_visit"]
    is_near = visit.between(
        day - _days(visits["lookback_days"]), day + _days(visits["lookahead_days"])
    )
    has_visits = cases["case"].isin(visits.loc[is_near, "case"])
    has_code = cases["case"].isin(seen["case"])
    reasons = [
        (has("listed", "criteria"), NO_EXCEPTION),
        (has("conflict"), "listed_code_conflicts"),
        (has("bcr_abl_negative"), "bcr_abl_negative"),
        (cases["cancer_only"] & has("neoplasm"), "other_cancer"),
        (cases["cancer_only"] & has_code, "non_cancer_indication"),
        (has_code, "diagnosis_not_listed"),
        (~has_visits, "no_medical_history"),
    ]
    return cases.assign(reason=_first(reasons, "no_diagnosis_on_file"))


def _first(reasons: list[tuple[pd.Series, str]], otherwise: str) -> np.ndarray:
    """The reason of the first condition that is true."""
    return np.select(
        [condition for condition, _ in reasons], [reason for _, reason in reasons], otherwise
    )


def _standings(plan: Plan, codes: pd.Series) -> pd.DataFrame:
    """How policies classify codes: by the code, or by a header that includes its children."""
    listed = _frame(plan.reference.codes.to_dicts(), ["code_from", "code_to"])
    listed = listed[["policy_id", "code", "standing", "with_children", "code_from", "code_to"]]
    codes = pd.Series(codes.unique(), name="code")
    headers = pd.concat(
        [
            pd.DataFrame({"code": codes, "header": codes.str[:n]})[codes.str.len() > n]
            for n in (3, 5, 6, 7)
        ]
    )
    inclusive = listed[listed["with_children"]].rename(columns={"code": "header"})
    return pd.concat(
        [listed, headers.merge(inclusive, on="header").drop(columns="header")], ignore_index=True
    )


def _is_tablet_fill(lines: pd.DataFrame) -> pd.Series:
    return (lines["claim_source"] == "pharmacy") & (lines["form"] == "tablet")


def _quantity(records: Records, plan: Plan) -> pd.DataFrame:
    """QTY01: every tablet fill with its reason."""
    cases = _governed(records, plan.library, QuantityLimit)
    cases = cases[_is_tablet_fill(cases) & (cases["strength_mg"] == cases["strength_mg_of_term"])]
    has_inducer = cases["case"].isin(_with_inducer(records, plan, cases))
    cases["ceiling"] = (
        cases["limit_with_inducer"].fillna(cases["limit"]).where(has_inducer, cases["limit"])
    )

    key = ["claim_source", "payer_id", "claim_id", "claim_line_number", "policy_id"]
    retail = cases.loc[cases["channel_of_term"] == "retail", [*key, "ceiling"]]
    fills = cases[cases["channel_of_term"] == cases["channel"].fillna("home_delivery")]
    fills = fills.merge(retail, on=key, how="left", suffixes=("", "_retail"))

    is_known, quantity, days = fills["channel"].notna(), fills["quantity"], fills["days_supply"]
    allowed = fills["ceiling"].where(is_known, fills["ceiling_retail"])
    reasons = [
        (~(quantity > allowed), NO_EXCEPTION),
        (~is_known & (quantity <= fills["ceiling"]), "channel_unknown"),
        (~(days > 0), "days_supply_missing"),
        (quantity * fills["standard_days"] <= fills["ceiling"] * days, "extended_days_supply"),
        (quantity <= fills["limit_with_inducer"], "inducer_not_on_file"),
    ]
    return fills.assign(reason=_first(reasons, "quantity_over_limit"))


def _with_inducer(records: Records, plan: Plan, cases: pd.DataFrame) -> pd.Series:
    """The cases with an inducer near the service date, or an authorization that assumes one."""
    asked = _with_term(cases, plan.library, Inducer)
    fills = records.fills[["person", "ingredient", "service_date", "days_supply"]]
    both = asked.explode("ingredients").merge(
        fills,
        left_on=["person", "ingredients"],
        right_on=["person", "ingredient"],
        suffixes=("", "_of_inducer"),
    )
    days = both["days_supply_of_inducer"]
    supply = np.ceil(days.where(days > 0, plan.default_supply_days)).astype(int)
    starts, ends = both["service_date_of_inducer"], both["service_date_of_inducer"] + _days(supply)
    first = both["service_date"] - _days(both["days_before"])
    last = both["service_date"] + _days(both["days_after"])
    filled = both.loc[(starts <= last) & (ends > first), "case"]
    covering = _covering(records, asked.rename(columns={"override": "override_of_inducer"}))
    return pd.concat(
        [filled, covering.loc[covering["override"] == covering["override_of_inducer"], "case"]]
    )


def _brand(records: Records, plan: Plan) -> pd.DataFrame:
    """GEN01: every fill of brand tablets with its reason."""
    cases = _governed(records, plan.library, GenericTrial)
    cases = cases[_is_tablet_fill(cases) & (cases["product"] == "brand")]
    generics = records.fills[
        (records.fills["product"] == "generic") & (records.fills["form"] == "tablet")
    ]
    tried = cases.merge(
        generics[["person", "ingredient", "service_date"]],
        on=["person", "ingredient"],
        suffixes=("", "_tried"),
    )
    tried = tried[tried["service_date_tried"] < tried["service_date"]]

    has_trial = cases["case"].isin(tried["case"]) | _known(
        records, cases, "generic_trial", "trial_evidence"
    )
    is_intolerant = _known(records, cases, "formulation_intolerance", "intolerance_evidence")
    is_approved = cases["case"].isin(_covering(records, cases)["case"])
    observed = cases["service_date"] - _observed_from(records, cases)
    asked_by_plan = [
        code in codes for code, codes in zip(cases["daw_code"], cases["plan_daw"], strict=True)
    ]
    unknown = records.fills.loc[records.fills["ingredient"].isna(), ["person", "service_date"]]
    earlier = cases.merge(unknown, on="person", suffixes=("", "_unknown"))
    earlier = earlier[earlier["service_date_unknown"] < earlier["service_date"]]
    reasons = [
        (has_trial & (is_approved | is_intolerant), NO_EXCEPTION),
        (pd.Series(asked_by_plan, cases.index, dtype=bool), "plan_asked_for_brand"),
        (has_trial, "intolerance_not_documented"),
        (is_approved, "authorized_without_trial"),
        (_known(records, cases, "generic_trial", "attested_evidence"), "trial_not_documented"),
        (~(observed >= _days(cases["observed_days"])), "history_too_short"),
        (cases["case"].isin(earlier["case"]), "fills_not_identified"),
    ]
    return cases.assign(reason=_first(reasons, "no_generic_trial"))


def _known(records: Records, cases: pd.DataFrame, code: str, values: str) -> pd.Series:
    """Whether evidence of that code has one of the term's values by the service date."""
    evidence = records.evidence[records.evidence["evidence_code"] == code]
    both = cases.explode(values).merge(
        evidence, left_on=["person", values], right_on=["person", "evidence_value"]
    )
    return cases["case"].isin(both.loc[both["evidence_date"] <= both["service_date"], "case"])


def _observed_from(records: Records, cases: pd.DataFrame) -> pd.Series:
    """When the person's fills are first known, from any payer that enrols them and sends fills."""
    spans = records.enrollment.groupby(["person", "payer_id"], as_index=False)[
        "enrollment_start_date"
    ].min()
    spans["payer_start"] = spans["payer_id"].map(records.payer_start)
    sent = spans.dropna(subset="payer_start")
    observed = (
        sent[["enrollment_start_date", "payer_start"]].max(axis=1).groupby(sent["person"]).min()
    )
    payer_start = cases["payer_id"].map(records.payer_start)
    return cases["person"].map(observed).where(cases["person"].isin(spans["person"]), payer_start)


def _cycles(records: Records, plan: Plan) -> pd.DataFrame:
    """CYC01: every dose with its reason."""
    cases = _governed(records, plan.library, CyclesWithoutResponse)
    doses = _counted(records, _with_term(cases, plan.library, Course))
    cases = cases.merge(doses, on=["policy_id", "person", "service_date"])

    responses = cases.merge(
        records.evidence[records.evidence["evidence_code"] == "response"], on="person"
    )
    responses = responses[
        responses["evidence_date"].between(responses["start"], responses["service_date"])
    ]
    third = doses[["policy_id", "person", "start", "low", "service_date"]].rename(
        columns={"low": "allowed", "service_date": "allowed_from"}
    )
    third = third.groupby(["policy_id", "person", "start", "allowed"], as_index=False).min()
    late = responses.merge(third, on=["policy_id", "person", "start", "allowed"])
    late = late[late["evidence_date"] >= late["allowed_from"]]
    responses = responses.explode("response_values")
    met = responses[responses["evidence_value"] == responses["response_values"]]

    remissions = cases.explode("remission_codes").merge(
        records.diagnoses[["person", "code", "date"]],
        left_on=["person", "remission_codes"],
        right_on=["person", "code"],
    )
    remissions = remissions[
        (remissions["start"] < remissions["date"])
        & (remissions["date"] <= remissions["service_date"])
    ]

    is_late, is_met = cases["case"].isin(late["case"]), cases["case"].isin(met["case"])
    in_remission = cases["case"].isin(remissions["case"])
    reasons = [
        ((cases["high"] <= cases["allowed"]) | in_remission | is_met, NO_EXCEPTION),
        (cases["low"] <= cases["allowed"], "cycle_count_uncertain"),
        (is_late, "response_not_reached"),
    ]
    return cases.assign(reason=_first(reasons, "response_not_documented"))


def _counted(records: Records, cases: pd.DataFrame) -> pd.DataFrame:
    """One row per policy, person and dose date: start of the course, low and high cycle count."""
    terms = [
        *("gap_days", "doses_per_cycle", "low_days", "high_days"),
        *("same_dose_days", "waste_modifiers"),
    ]
    persons = cases.drop_duplicates(["policy_id", "person"])[
        ["policy_id", "person", "drug", *terms]
    ]
    doses = persons.merge(records.doses, on=["person", "drug"])
    modifiers = doses[["hcpcs_modifier_1", "hcpcs_modifier_2", "waste_modifiers"]].itertuples(
        index=False
    )
    is_waste = np.array([one in waste or two in waste for one, two, waste in modifiers], dtype=bool)
    doses = doses[(doses["quantity"] > 0) & ~is_waste].drop_duplicates(
        ["policy_id", "person", "service_date"]
    )
    doses = doses.sort_values(["policy_id", "person", "service_date"])

    gap = doses.groupby(["policy_id", "person"])["service_date"].diff()
    doses["course"] = (gap.isna() | (gap > _days(doses["gap_days"]))).cumsum()
    doses["start"] = doses.groupby("course")["service_date"].transform("min")
    doses = doses.assign(low=0, high=0)
    for _, course in doses.groupby("course"):
        of_dose = _counted_place(course)
        counted = course.iloc[sorted(set(of_dose))]
        place = {n: i for i, n in enumerate(sorted(set(of_dose)))}
        for count in ("low", "high"):
            numbers = _packed(counted, f"{count}_days")
            doses.loc[course.index, count] = [numbers[place[n]] for n in of_dose]
    return doses[["policy_id", "person", "service_date", "start", "low", "high"]]


def _counted_place(course: pd.DataFrame) -> list[int]:
    """The place of the counted date whose dose each date belongs to: the last one, or itself."""
    within = course["same_dose_days"].iloc[0]
    days = list(course["service_date"])
    places: list[int] = []
    for n, day in enumerate(days):
        is_same = bool(places) and (day - days[places[-1]]).days < within
        places.append(places[-1] if is_same else n)
    return places


def _packed(course: pd.DataFrame, within: str) -> list[int]:
    """The cycle of each dose date.

    A cycle has up to doses_per_cycle dates, less than `within` days after its first.
    """
    most, within_days = course["doses_per_cycle"].iloc[0], course[within].iloc[0]
    numbers: list[int] = []
    first, number, taken = course["service_date"].iloc[0], 0, 0
    for day in course["service_date"]:
        if number == 0 or taken == most or (day - first).days >= within_days:
            first, number, taken = day, number + 1, 0
        numbers.append(number)
        taken += 1
    return numbers
