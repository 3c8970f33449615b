"""SPEC01 -- Was the drug prescribed by, or in consultation with, an oncologist?

The prescriber is the prescribing provider of a fill; of a medical line the rendering provider, else
the billing one.
pass              the prescriber has an oncology taxonomy, or a medical service near the date has an
                  oncologist on it or was billed by an oncology clinic.
records_request   the prescriber is known and is not one, and no such service is on file
                  (`no_oncologist`).
not_evaluable     no provider table was supplied (`provider_extract_missing`); nothing shows an
                  oncologist, and no medical claims were supplied (`medical_extract_missing`) or the
                  prescriber is not named, not in the table, or there with malformed taxonomies only
                  (`prescriber_unknown`).
not_applicable    no clause was in force on the service date.
Cannot see        a consultation that was not billed, and the specialty of a group that bills for
                  its members.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.evidence import service_evidence, specialty_evidence
from audit_rules.engine.nearest import Facts, Window, around
from audit_rules.engine.rule import ON, PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force, with_flag
from audit_rules.policy.terms.persons import PrescriberSpecialty
from schemas.days import days_after, days_before
from schemas.formats import well_formed
from schemas.outcomes import FULL_PAID, NOT_EVALUABLE, PASS, RECORDS_REQUEST
from schemas.results import AGAINST, FOR, MOST_EVIDENCE
from schemas.table import Kind

RULE = Rule(
    id="SPEC01",
    name="prescriber.specialty",
    asks=(PrescriberSpecialty,),
    basis=FULL_PAID,
    says={
        "no_oncologist": (
            "The policy covers this drug if an oncologist prescribes it or is consulted. The"
            " prescriber ({npi}) is not on file as one, and no medical claim from {lookback_days}"
            " days before {service_date} to {lookahead_days} days after names one."
        )
    },
    approved_care=True,
    needs={
        "no_oncologist": (
            "consultation note of an oncologist",
            "proof of the prescriber's specialty in oncology",
        )
    },
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every line of the policies that ask for a specialty; one answer per line and policy."""
    asked = in_force(lines, book.terms(PrescriberSpecialty)).with_columns(npi=_prescriber())
    specialists = _specialists(dossier, book, "taxonomies")
    is_issued = well_formed(pl.col("taxonomy_code"), Kind.TAXONOMY)
    known = asked.join(_first_of_each(dossier.taxonomies.filter(is_issued)), on="npi")
    consultations = _consultations(
        dossier, asked, specialists, _specialists(dossier, book, "clinics")
    )
    table_missing = pl.lit("provider" not in dossier.supplied)
    answers = (
        asked.pipe(with_flag, "is_known", known)
        .pipe(with_flag, "is_specialist", asked.join(specialists, on=["term_id", "npi"]))
        .pipe(with_flag, "was_consulted", consultations)
        .pipe(
            answer,
            [
                Answer(table_missing, NOT_EVALUABLE, "provider_extract_missing"),
                Answer(pl.col("is_specialist") | pl.col("was_consulted"), PASS),
                Answer(
                    pl.lit("medical_claim" not in dossier.supplied),
                    NOT_EVALUABLE,
                    "medical_extract_missing",
                ),
                Answer(~pl.col("is_known"), NOT_EVALUABLE, "prescriber_unknown"),
                Answer(pl.lit(True), RECORDS_REQUEST, "no_oncologist"),
            ],
        )
    )
    return RuleAnswers(
        answers, [specialty_evidence(known, AGAINST), service_evidence(consultations, FOR)]
    )


def _first_of_each(taxonomies: pl.LazyFrame) -> pl.LazyFrame:
    """The taxonomies of each NPI that evidence names, and how many `more` it has."""
    more = pl.len().over("npi").cast(pl.Int64) - MOST_EVIDENCE
    return (
        taxonomies.sort("npi", "taxonomy_code")
        .with_columns(more=more.clip(0), asked_no=pl.lit(0))
        .filter(pl.int_range(pl.len()).over("npi") < MOST_EVIDENCE)
    )


def _prescriber() -> pl.Expr:
    """The prescriber's NPI; on a medical line without a rendering provider, the billing
    provider's."""
    is_medical = pl.col("claim_source") == "medical"
    return (
        pl.when(is_medical)
        .then(pl.coalesce("provider_npi", "billing_npi"))
        .otherwise("provider_npi")
    )


def _specialists(dossier: Dossier, book: PolicyBook, which: str) -> pl.LazyFrame:
    """One row per term and NPI that has one of the taxonomies in that column of the term."""
    accepted = (
        book.terms(PrescriberSpecialty)
        .select("term_id", taxonomy_code=which)
        .explode("taxonomy_code")
    )
    return accepted.join(dossier.taxonomies, on="taxonomy_code").select("term_id", "npi").unique()


def _consultations(
    dossier: Dossier, asked: pl.LazyFrame, specialists: pl.LazyFrame, clinics: pl.LazyFrame
) -> pl.LazyFrame:
    """The person's medical lines near the service date with a specialist, or billed by a clinic;
    the judged line may be one."""
    window = asked.select(
        *ON, "person", "term_id", "lookback_days", "lookahead_days", day="service_date"
    )
    place = [
        "person",
        "claim_source",
        "claim_id",
        "claim_line_number",
        "hcpcs_code",
        "service_date",
    ]
    providers = pl.concat_list("provider_npi", "billing_npi")
    by_person = (
        dossier.services.select(*place, npi=providers).explode("npi").join(specialists, on="npi")
    )
    by_clinic = dossier.services.select(*place, npi="billing_npi").join(clinics, on="npi")
    named = pl.concat([by_person, by_clinic])
    day = pl.col("day")
    near = Window(days_before(day, "lookback_days"), days_after(day, "lookahead_days"))
    return around(dossier, window, Facts(named, ("person", "term_id")), near)
