"""NDC01 -- Is the NDC on a medical line that of the drug that its code names?

records_request   the code names the drug, and the NDC is of another ingredient
                  (`ndc_of_another_drug`).
review            no table here holds the NDC under the infused drug's own code (`ndc_unknown`), or
                  the NDC is the infused drug's and the code names another drug
                  (`code_of_another_drug`); what the right code would have cost is not known.
pass              the NDC fits, is a diluent's, malformed or missing.
not_applicable    a fill.
Cannot see        which of the two is the slip: the code or the NDC.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.rule import PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force, under_policies
from audit_rules.policy.terms.persons import NdcMismatch
from schemas.formats import well_formed
from schemas.outcomes import FULL_PAID, PASS, RECORDS_REQUEST, REVIEW
from schemas.table import Kind

RULE = Rule(
    id="NDC01",
    name="code.ndc_mismatch",
    asks=(NdcMismatch,),
    basis=FULL_PAID,
    unpriced=("code_of_another_drug",),
    speaks_without_lines=True,
    says={
        "ndc_of_another_drug": (
            "The line of {service_date} bills {hcpcs_code}, which names {drug}, with NDC"
            " {ndc_code}, which is of {ingredient}."
        ),
        "ndc_unknown": (
            "The line of {service_date} bills {hcpcs_code}, which names {drug}, with NDC"
            " {ndc_code}, which no table here holds."
        ),
        "code_of_another_drug": (
            "The line of {service_date} bills {hcpcs_code}, which names another drug, with NDC"
            " {ndc_code}, which is of {ingredient}."
        ),
    },
    needs={
        "ndc_of_another_drug": (
            "infusion record or dispensing record with the NDC given",
            "corrected claim",
        )
    },
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every audited medical line, and lines of another drug's code with an infused drug's
    NDC; one answer per line and policy."""
    terms = book.terms(NdcMismatch)
    audited = in_force(lines.filter(pl.col("claim_source") == "medical"), terms)
    ndc, code = pl.col("ndc_code"), pl.col("hcpcs_code")
    is_good = well_formed(ndc, Kind.NDC).fill_null(False)
    is_diluent = pl.col("ingredient").is_in(pl.col("diluents")).fill_null(False)
    of_another = code.is_in(pl.col("codes")) & (pl.col("ingredient") != pl.col("drug"))
    is_unknown = code.is_in(pl.col("codes_of_one")) & pl.col("ingredient").is_null()
    named = audited.pipe(
        answer,
        [
            Answer(~is_good | is_diluent, PASS),
            Answer(of_another, RECORDS_REQUEST, "ndc_of_another_drug"),
            Answer(is_unknown, REVIEW, "ndc_unknown"),
        ],
    )
    names_a_drug = pl.any_horizontal(
        code.str.head(n).is_in(pl.col("other_drugs")) for n in _lengths(terms)
    ) & ~code.is_in(pl.col("not_other_drugs"))
    miscoded = in_force(under_policies(dossier.miscoded, book), terms).filter(names_a_drug)
    misnamed = miscoded.pipe(answer, [Answer(pl.lit(True), REVIEW, "code_of_another_drug")])
    return RuleAnswers(pl.concat([named, misnamed], how="diagonal"))


def _lengths(terms: pl.LazyFrame) -> list[int]:
    """How long the beginnings of codes are that name some drug."""
    beginnings = terms.select("other_drugs").explode("other_drugs").collect()["other_drugs"]
    return sorted(set(beginnings.drop_nulls().str.len_chars().to_list())) or [0]
