"""The part of the config that says where a payer is and what business it is in."""

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from audit_rules.law.clauses import Jurisdiction, LineOfBusiness

Dollars = Annotated[Decimal, Field(ge=0, decimal_places=2, max_digits=12)]


class PlanConfig(BaseModel):
    """Where one plan of a payer is, if it is not where its payer is."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    jurisdiction: Jurisdiction | None = None
    """whose law on collecting overpayments binds it, such as `"US-AL"`"""

    line_of_business: LineOfBusiness | None = None
    """`"commercial_insured"`, `"self_funded"`, `"medicare_advantage"`, `"part_d"`, `"medicaid"` or
    `"other"`"""


class PayerConfig(PlanConfig):
    """Where a payer is: see [Collecting](collecting.md). Nothing is shipped for any payer."""

    plans: dict[str, PlanConfig] = {}
    """per plan `[payers.PAYER.plans.PLAN]`: the same keys, where they differ from the payer's"""
