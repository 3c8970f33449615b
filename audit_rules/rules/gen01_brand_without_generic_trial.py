"""GEN01 -- Was the brand paid without a trial of the generic?

pass              a trial of generic tablets, and a documented intolerance or an approval for the
                  brand.
advisory          the claim says that the plan asked for the brand (`plan_asked_for_brand`), or the
                  plan approved the brand without a trial (`authorized_without_trial`).
records_request   a trial, but nothing on why the generic cannot be taken
                  (`intolerance_not_documented`); a trial that is attested if the policy asks for
                  a document (`trial_not_documented`); the patient was not observed long enough to
                  miss a trial (`history_too_short`); an earlier fill may be one, as no table says
                  what it was (`fills_not_identified`); or none of these (`no_generic_trial`).
recover           no trial and no approval, the pharmacy chose the brand by the claim's own code,
                  and all that could show a trial was supplied (`no_generic_trial`).
Cannot see        a trial paid in cash, by samples, or by a payer whose claims are not here.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.evidence import daw_evidence, price_evidence
from audit_rules.engine.rule import PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force
from audit_rules.facts.generic_prices import with_generic_price
from audit_rules.facts.generic_trials import trial_facts, with_what_is_on_file
from audit_rules.facts.quantity_limits import tablet_fills
from audit_rules.policy.terms.fills import GenericTrial
from schemas.outcomes import ADVISORY, PASS, PRICE_DIFFERENCE, RECORDS_REQUEST, RECOVER
from schemas.results import AGAINST, FOR

_TRIAL = ("pharmacy or chart record of a trial of generic tablets",)
_INTOLERANCE = (
    "prescriber's statement of the inactive ingredient that the patient cannot take, "
    "and the reaction",
)
_APPROVAL = ("prescription, and approval of the brand",)

RULE = Rule(
    id="GEN01",
    name="brand.without_generic_trial",
    asks=(GenericTrial,),
    basis=PRICE_DIFFERENCE,
    says={
        "plan_asked_for_brand": (
            "The brand was dispensed on {service_date} under product selection code {daw_code}: the"
            " plan asked for the brand, so nothing is asked of the provider."
        ),
        "intolerance_not_documented": (
            "The brand was dispensed on {service_date}. A trial of the generic is on file, but"
            " nothing that documents why the generic's inactive ingredients cannot be taken."
            "{compared}"
        ),
        "authorized_without_trial": (
            "The plan approved the brand for {service_date} although no trial of the generic is on"
            " file."
        ),
        "trial_not_documented": (
            "The brand was dispensed on {service_date}. A trial of the generic is attested; since"
            " its last revision the policy asks for a document.{compared}"
        ),
        "history_too_short": (
            "The brand was dispensed on {service_date} and no trial of the generic is on file. The"
            " patient's fills are {history}, so a trial may lie before.{compared}"
        ),
        "fills_not_identified": (
            "The brand was dispensed on {service_date} and no trial of the generic is on file. An"
            " earlier fill of the patient has no NDC that tells what it was; it may be one."
            "{compared}"
        ),
        "no_generic_trial": (
            "The brand was dispensed on {service_date}. No trial of the generic tablets is on file;"
            " the patient's fills are {history}.{compared}"
        ),
    },
    needs={
        "intolerance_not_documented": _INTOLERANCE,
        "trial_not_documented": _TRIAL + _INTOLERANCE,
        "history_too_short": _TRIAL + _INTOLERANCE,
        "fills_not_identified": _TRIAL + _INTOLERANCE,
        "no_generic_trial": _APPROVAL + _TRIAL + _INTOLERANCE,
    },
    looks_at_prices=True,
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every fill of brand tablets; one answer per fill and policy."""
    brand = in_force(
        tablet_fills(lines).filter(pl.col("product") == "brand"), book.terms(GenericTrial)
    )
    found = trial_facts(dossier, brand)
    chosen_by_plan = pl.col("daw_code").str.to_uppercase().is_in(pl.col("plan_daw"))
    chosen_by_pharmacy = (
        pl.col("daw_code").str.to_uppercase().is_in(pl.col("pharmacy_daw")).fill_null(False)
    )
    has_trial, has_approval = pl.col("has_trial"), pl.col("has_approval")
    known = with_what_is_on_file(dossier, brand, found).pipe(with_generic_price, dossier)
    known = known.collect().lazy()  # its prices are evidence, too
    answers = known.with_columns(compared=_compared()).pipe(
        answer,
        [
            Answer(has_trial & (pl.col("has_intolerance") | has_approval), PASS),
            Answer(chosen_by_plan, ADVISORY, "plan_asked_for_brand"),
            Answer(has_trial, RECORDS_REQUEST, "intolerance_not_documented"),
            Answer(has_approval, ADVISORY, "authorized_without_trial"),
            Answer(pl.col("has_attested_trial"), RECORDS_REQUEST, "trial_not_documented"),
            Answer(~pl.col("was_observed"), RECORDS_REQUEST, "history_too_short"),
            Answer(pl.col("has_unknown_fill"), RECORDS_REQUEST, "fills_not_identified"),
            Answer(chosen_by_pharmacy & pl.col("is_complete"), RECOVER, "no_generic_trial"),
            Answer(pl.lit(True), RECORDS_REQUEST, "no_generic_trial"),
        ],
    )
    return RuleAnswers(
        answers,
        [
            daw_evidence(answers.filter(chosen_by_pharmacy), AGAINST),
            daw_evidence(answers.filter(~chosen_by_pharmacy), FOR),
            *price_evidence(answers),
            *found.evidence(),
        ],
    )


def _compared() -> pl.Expr:
    """The prices compared, as a sentence; the claim of the generic fill is in the evidence."""
    both = pl.format(
        " Without dispensing fees a tablet cost ${}, and ${} in the dearest generic fill of this"
        " strength {} within {} days before or after.",
        "own_price",
        "generic_price",
        pl.when("is_same_payer")
        .then(pl.lit("that this payer has"))
        .otherwise(pl.lit("at another payer, as this one has none,")),
        "price_days",
    )
    none = pl.format(
        " No generic fill of this strength within {} days before or after gives a price.",
        "price_days",
    )
    return pl.coalesce(both, pl.when(pl.col("generic_price").is_null()).then(none), pl.lit(""))
