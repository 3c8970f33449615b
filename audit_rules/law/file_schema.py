"""The published JSON Schema of a law file, from the models that read it."""

from audit_rules.law.clauses import CLAUSE_KINDS, Law
from audit_rules.policy.file_schema import file_schema
from audit_rules.policy.language.condition_schema import Schema

_LAW = "A law file of claims-audit: one jurisdiction or contract, and its clauses."


def law_file_schema() -> Schema:
    """The JSON Schema (2020-12) of a law file, as TOML is read: dates are text."""
    arrays = {kind.kind: [kind] for kind in CLAUSE_KINDS}
    return file_schema("law", _LAW, {"law": Law}, arrays)
