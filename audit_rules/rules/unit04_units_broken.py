"""UNIT04 -- Are the units of the line a part of one, or waste without a dose?

review            the line says that drug was thrown away, and no other line of the date gives any
                  (`waste_without_dose`), or its units are not whole (`fractional_units`).
pass              neither, or a reversal took back a part of the line.
not_evaluable     the units are missing (`quantity_missing`).
not_applicable    another code, or before the clause.
Cannot see        a dose that another payer paid, or under a code that does not name the drug.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.arithmetic import SCALE, from_thousandths
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.rule import PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force
from audit_rules.policy.terms.doses import BrokenUnits
from schemas.outcomes import NONE, NOT_EVALUABLE, REVIEW

RULE = Rule(
    id="UNIT04",
    name="units.broken",
    asks=(BrokenUnits,),
    basis=NONE,
    says={
        "waste_without_dose": (
            "Units billed as thrown away on {service_date}: {observed}. No line of the drug that"
            " this payer paid for that date bills a dose."
        ),
        "fractional_units": (
            "{observed:unit was|units were} billed for {service_date}; the code counts whole units."
        ),
    },
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every line of the codes; one answer per line and policy."""
    asked = in_force(lines, book.terms(BrokenUnits)).filter(
        pl.col("hcpcs_code").is_in(pl.col("hcpcs"))
    )
    is_waste = pl.col("modifiers").list.contains(pl.col("waste_modifier"))
    date = ["person", "payer_id", "service_date", "drug"]
    marks = book.terms(BrokenUnits).select("waste_modifier").unique()
    doses = dossier.services.join(marks, how="cross").filter(~is_waste)
    dosed = doses.select(*date, "waste_modifier", has_dose=pl.lit(True)).unique()
    units = pl.col("quantity_milli")
    judged = asked.join(dosed, on=[*date, "waste_modifier"], how="left")
    lonely = is_waste & pl.col("has_dose").is_null()
    is_fraction = (units % SCALE != 0) & ~pl.col("is_netted")
    observed = from_thousandths(units)
    answers = judged.pipe(
        answer,
        [
            Answer(lonely, REVIEW, "waste_without_dose", observed),
            Answer(units.is_null(), NOT_EVALUABLE, "quantity_missing"),
            Answer(is_fraction, REVIEW, "fractional_units", observed),
        ],
    )
    return RuleAnswers(answers)
