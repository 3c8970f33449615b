"""The same four rules a third time: the statements of plain_rules.sql, and what they read."""

from pathlib import Path

import duckdb
from plain_rules import read_terms

from audit_rules.policy.terms.base import Term
from audit_rules.policy.terms.doses import Course, CyclesWithoutResponse
from audit_rules.policy.terms.fills import GenericTrial, Inducer, QuantityLimit
from audit_rules.policy.terms.persons import DiagnosisCoverage
from flows.plan import Plan
from schemas.formats import ICD9_TYPE, PATTERNS
from schemas.table import Kind

_STATEMENTS = Path(__file__).with_name("plain_rules.sql")
_TERM_TABLES: dict[str, type[Term]] = {
    "diagnosis_coverage": DiagnosisCoverage,
    "quantity_limit": QuantityLimit,
    "generic_trial": GenericTrial,
    "inducer": Inducer,
    "course": Course,
    "cycles_without_response": CyclesWithoutResponse,
}


def exceptions_by_sql(connection: duckdb.DuckDBPyConnection, plan: Plan) -> dict[str, str]:
    """exception_id -> rule and reason of every exception of the four rules.

    `connection` is to a workbench after final action.
    """
    for table, kind in _TERM_TABLES.items():
        terms = read_terms(plan.library, kind)
        days = dict.fromkeys(terms.select_dtypes("int64").columns, "int32")
        lists = {c: terms[c].map(list) for c in terms if terms[c].map(type).eq(tuple).all()}
        connection.register(table, terms.astype(days).assign(**lists))
    for table in ("ndc", "hcpcs", "codes"):
        connection.register(table, getattr(plan.reference, table).to_arrow())
    variables = {
        "as_of": plan.request.as_of,
        "default_supply_days": plan.default_supply_days,
        "icd10cm": PATTERNS[Kind.ICD10CM],
        "icd9": ICD9_TYPE,
    }
    for name, value in variables.items():
        connection.execute(f"SET VARIABLE {name} = ?", [value])
    connection.execute(_STATEMENTS.read_text(encoding="utf-8"))
    found = connection.execute(
        """SELECT left(sha256(concat_ws(chr(31), claim_source, payer_id, claim_id,
                                        claim_line_number, rule_id, term_id)), 32),
                  rule_id || ' ' || reason
           FROM exception"""
    ).fetchall()
    if len(dict(found)) < len(found):
        raise SystemExit("SQL finds an exception twice.")
    return dict(found)
