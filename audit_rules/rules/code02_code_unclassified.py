"""CODE02 -- Was the drug billed under an unclassified code although it has its own?

review            an unclassified code with the drug's NDC (`unclassified_code`); what it should
                  have cost is not known.
advisory          the same, under a code that the document itself lists for the drug
                  (`unclassified_code_listed`).
pass              billed under the drug's own code.
not_applicable    no clause was in force on the service date, such as before the drug had its own
                  code.
Cannot see        an unclassified line that names the drug without its NDC: nothing shows that it is
                  this drug.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.rule import PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force
from audit_rules.policy.terms.doses import UnclassifiedCode
from schemas.outcomes import ADVISORY, PRICE_UNKNOWN, REVIEW

RULE = Rule(
    id="CODE02",
    name="code.unclassified",
    asks=(UnclassifiedCode,),
    basis=PRICE_UNKNOWN,
    says={
        "unclassified_code": (
            "The drug was billed for {service_date} under the unclassified code {hcpcs_code} with"
            " NDC {ndc_code}, although it had a code of its own by then."
        ),
        "unclassified_code_listed": (
            "The drug was billed for {service_date} under the unclassified code {hcpcs_code} with"
            " NDC {ndc_code}, although it had a code of its own by then. The policy's own list"
            " names this code, so nothing is asked of the provider."
        ),
    },
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every line whose policy names unclassified codes; one answer per line and policy."""
    asked = in_force(lines, book.terms(UnclassifiedCode))
    is_unclassified = pl.col("hcpcs_code").is_in(pl.col("hcpcs"))
    is_listed = pl.col("hcpcs_code").is_in(pl.col("listed"))
    answers = asked.pipe(
        answer,
        [
            Answer(is_unclassified & is_listed, ADVISORY, "unclassified_code_listed"),
            Answer(is_unclassified, REVIEW, "unclassified_code"),
        ],
    )
    return RuleAnswers(answers)
