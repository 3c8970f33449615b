"""What every term of the language shares: its sets, when it is asked, what excuses, its finding."""

from collections.abc import Iterator
from string import Formatter
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from audit_rules.policy.language.boundaries import Boundary, InForce, of_condition
from audit_rules.policy.language.conditions import Condition
from audit_rules.policy.language.spans import Words
from audit_rules.policy.terms.base import Strict, Term
from schemas.collecting import Ground
from schemas.outcomes import RECORDS_REQUEST, RECOVER, ExceptionOutcome

Amount = Literal["excess", "whole_line", "difference", "none"]
Once = Literal["line", "date", "claim"]
By = Literal["set", "together", "ingredient", "product"]
SAYS = (
    "observed",
    "allowed",
    "excess",
    "quantity",
    "days_supply",
    "service_date",
    "product_code",
    "product",
    "cite",
    "found",
    "found_date",
    "missing",
    "window_from",
    "window_to",
    "birth_date",
    "age",
    "sex",
    "place",
    "channel",
    "npi",
    "dose",
    "day",
    "phase",
    "course_start",
    "previous_date",
    "ended_on",
    "fact_value",
    "fact_date",
)
"""What a finding's own words may name."""
ALIASED = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
"""Of a table with fields whose names in the file are words of Python."""


def one_of(table: Strict) -> None:
    """Raise ValueError unless exactly one of the two fields of `either` is given."""
    first, second = table.either
    given = [getattr(table, name) not in (None, ()) for name in (first, second)]
    if sum(given) != 1:
        raise ValueError(f"give either {first} or {second}, and not both")


class Finding(Strict):
    """What a failed line is answered.

    outcome         how strong the finding is, before the caps.
    history_short   after the caps, at most this if only a short history leaves it open.
    reason          a reason of the document's own, in place of the kind's.
    for             the kind's reasons that this entry of a list answers; the last entry has none.
    amount          what is in question: the excess (quantity and dose_basis, if left out), the
                    whole line (the others), the price difference, or none.
    documents       what settles it; required if a records_request can come of it.
    says            the document's own words with {names}, such as {observed} and {allowed};
                    {observed:unit was|units were} goes with 1 and with any other number.
    once            one answer per line, or per date or claim of a person and payer.
    capped          false: no cap lowers it but the last.
    ground          clerical, or coordination_of_benefits: what it rests on alone, if a law on
                    collecting looks at that.
    """

    model_config = ALIASED

    outcome: ExceptionOutcome
    history_short: ExceptionOutcome = RECORDS_REQUEST
    reason: str | None = Field(default=None, pattern=r"^[a-z0-9]+(_[a-z0-9]+)*$")
    answers: Words = Field(default=(), alias="for")
    amount: Amount | None = None
    documents: Words = ()
    says: str | None = None
    once: Once = "line"
    capped: bool = True
    ground: Ground | None = None

    @model_validator(mode="after")
    def _names_are_known(self) -> "Finding":
        try:
            names = [n for _, n, _, _ in Formatter().parse(self.says or "") if n is not None]
        except ValueError as error:
            raise ValueError(
                f"says: {error}. Write a name in braces, such as {{observed}}"
            ) from None
        unknown = [n for n in names if n not in SAYS]
        if unknown:
            raise ValueError(f"says: unknown name {unknown[0]!r}. Known names: {', '.join(SAYS)}")
        return self


def _findings(value: object) -> Any:
    return [value] if isinstance(value, dict | Finding) else value


_Findings = Annotated[
    tuple[Finding, ...],
    BeforeValidator(_findings, json_schema_input_type=Finding | list[Finding]),
]


class LanguageTerm(Term):
    """A term of one of the eight kinds, of any document.

    of             product sets whose lines are judged; left out: the document's `of`, else all; an
                   empty list: none yet.
    applies_to     a condition: when the term is asked.
    unless         a condition: what excuses a line that fails.
    finding        what a failed line is answered; a list answers each reason by itself.
    alternatives   a word: of the terms that share it one is enough.
    rule_id        a rule id of the document's own; terms that name the same one answer as one.
    by             what is counted together: each set (left out), all sets of `of`, those of an
                   ingredient, or the lines of one product code.
    payers         count lines of the line's own payer, or of any; left out: own for quantity and
                   dose_basis, else any.
    providers      count lines of any provider (left out), or of the line's own billing provider or
                   pharmacy.
    benefits       count the line's own benefit (left out), medical or fills, or both.
    waste          leave lines of drug thrown away out (left out), or count them.
    counted        count all lines of the set (left out), or those of which applies_to is true.
    """

    turns_on = ("boundaries",)
    reasons: ClassVar[tuple[str, ...]]
    default_rule: ClassVar[str]
    default_amount: ClassVar[Amount] = "whole_line"
    own_payer: ClassVar[bool] = False

    of: Words = ()
    applies_to: Condition = None
    unless: Condition = None
    finding: _Findings = Field(min_length=1)
    alternatives: str | None = None
    rule_id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    by: By | None = None
    payers: Literal["own", "any"] | None = None
    providers: Literal["own", "any"] | None = None
    benefits: Literal["own", "both"] | None = None
    waste: Literal["out", "in"] | None = None
    counted: Literal["set", "applies_to"] | None = None

    @model_validator(mode="after")
    def _findings_hold(self) -> "LanguageTerm":
        *listed, last = self.finding
        for entry in self.finding:
            unknown = [r for r in entry.answers if r not in self.reasons]
            if unknown:
                raise ValueError(
                    f"finding: for names {unknown[0]!r}, which {self.kind} never answers. Its"
                    f" reasons are: {', '.join(self.reasons)}"
                )
            if self.may_ask_for_records(entry) and not entry.documents:
                raise ValueError(
                    "finding: documents are missing: a records_request can come of it. List what"
                    ' settles it, such as documents = ["treatment record"]'
                )
        if last.answers or any(not entry.answers for entry in listed):
            raise ValueError(
                "finding: every entry of a list names its reasons with for, but the last, which"
                " answers all others. Add or remove for"
            )
        return self

    @property
    def names_no_set(self) -> bool:
        """Whether it says `of = []`: it asks nothing until somebody names its sets."""
        return not self.of and "of" in self.model_fields_set

    def may_ask_for_records(self, entry: Finding) -> bool:
        """Whether an answer of that entry can be a records request."""
        lowered = self.unless is not None or (
            self.may_lack_history() and entry.history_short == RECORDS_REQUEST
        )
        return entry.outcome == RECORDS_REQUEST or (entry.outcome == RECOVER and lowered)

    def may_lack_history(self) -> bool:
        """Whether a short history can leave the answer of the kind open."""
        return False

    def of_the_case(self) -> Iterator[Boundary]:
        """The facts on which it turns whether the test counts: unless, applies_to, the dates."""
        yield from of_condition(self.unless)
        yield from of_condition(self.applies_to)
        yield InForce(self.effective_from, self.effective_to)

    def of_the_test(self) -> Iterator[Boundary]:
        """The facts on which the kind's test turns."""
        raise NotImplementedError
