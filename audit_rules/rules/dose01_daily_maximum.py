"""DOSE01 -- More milligrams a day than the document calls the maximum?

The dose is the fill's own, plus that of the latest fill of the other strength whose supply covers
the date.
review            beyond the maximum for children (`above_pediatric_maximum`), beyond what was ever
                  studied (`above_studied_maximum`), or beyond the label without an inducer on file
                  (`above_label_maximum`).
pass              within them, with a tolerance for packs that do not divide evenly.
not_evaluable     the quantity (`quantity_missing`) or the days' supply (`days_supply_missing`) is
                  missing.
not_applicable    no tablets, or the clause was not in force on the dispensing date.
Cannot see        what the patient took; an inducer given in hospital, bought over the counter, or
                  taken as a supplement.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.arithmetic import SCALE, exceeds, thousandths
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.evidence import authorization_evidence, fill_evidence
from audit_rules.engine.rule import ON, PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force
from audit_rules.facts.daily_dose import mg_per_day, other_strength_fills, with_daily_dose
from audit_rules.facts.inducers import inducer_fills, overrides, with_inducer
from audit_rules.facts.quantity_limits import tablet_fills
from audit_rules.policy.terms.fills import DailyDose, Inducer
from schemas.outcomes import NONE, NOT_EVALUABLE, REVIEW
from schemas.results import AGAINST, FOR

RULE = Rule(
    id="DOSE01",
    name="dose.daily_maximum",
    asks=(DailyDose, Inducer),
    basis=NONE,
    says={
        "above_pediatric_maximum": (
            "The tablets come to {observed} mg a day{with_other} at age {age}; {allowed} mg is the "
            "maximum for children."
        ),
        "above_studied_maximum": (
            "The tablets come to {observed} mg a day{with_other}; nothing above {allowed} mg was"
            " studied."
        ),
        "above_label_maximum": (
            "The tablets come to {observed} mg a day{with_other}; {allowed} mg is the maximum, and"
            " no inducer is on file near {service_date}."
        ),
    },
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every fill of tablets of known strength; one answer per fill and policy."""
    fills = tablet_fills(lines).filter(pl.col("strength_mg").is_not_null())
    inducers, granted = inducer_fills(dossier, fills, book), overrides(dossier, fills, book)
    asked = (
        in_force(fills, book.terms(DailyDose))
        .pipe(with_inducer, inducers, granted)
        .pipe(with_daily_dose)
    )
    others = other_strength_fills(dossier, asked)
    dosed = asked.join(
        others.select(*ON, "other_ng", "other_millidays"), on=list(ON), how="left"
    ).with_columns(
        pl.col("other_ng").fill_null(0),
        pl.col("other_millidays").fill_null(1),
        with_other=pl.when(pl.col("other_ng") > 0)
        .then(pl.lit(" with those of the other strength"))
        .otherwise(pl.lit("")),
    )

    own, days = pl.col("supplied_ng"), pl.col("supply_millidays")
    other, other_days = pl.col("other_ng"), pl.col("other_millidays")
    observed = mg_per_day(own, days) + mg_per_day(other, other_days)
    pediatric, studied, label = pl.col("pediatric_mg"), pl.col("studied_mg"), pl.col("label_mg")
    is_child = pl.col("age") < pl.col("adult_age")

    def is_above(limit_mg: pl.Expr) -> pl.Expr:
        tolerated = thousandths(limit_mg) * thousandths(pl.col("tolerance"))

        def compared(kind: type[pl.Int128 | pl.Float64]) -> tuple[pl.Expr, pl.Expr]:
            own_ng, own_days, other_ng, apart, most = (
                figure.cast(kind) for figure in (own, days, other, other_days, tolerated)
            )
            return (own_ng * apart + other_ng * own_days) * SCALE, most * own_days * apart

        return exceeds(compared(pl.Int128), compared(pl.Float64))

    answers = dosed.pipe(
        answer,
        [
            Answer(pl.col("quantity_milli").is_null(), NOT_EVALUABLE, "quantity_missing"),
            Answer(days.is_null(), NOT_EVALUABLE, "days_supply_missing"),
            Answer(
                is_child & is_above(pediatric),
                REVIEW,
                "above_pediatric_maximum",
                observed,
                pediatric,
            ),
            Answer(is_above(studied), REVIEW, "above_studied_maximum", observed, studied),
            Answer(
                ~pl.col("has_inducer") & is_above(label),
                REVIEW,
                "above_label_maximum",
                observed,
                label,
            ),
        ],
    )
    evidence = [
        fill_evidence(others, AGAINST),
        fill_evidence(inducers, FOR),
        authorization_evidence(granted, FOR),
    ]
    return RuleAnswers(answers, evidence)
