"""Terms about fills of tablets: quantity, dose, strength, the trial of a generic, combinations."""

from pydantic import Field

from audit_rules.policy.terms.base import Channel, Count, Days, Positive, Term


class QuantityLimit(Term):
    """QTY01 (and QTY02, DOSE01, DOSE02 by scope): tablets allowed on one fill.

    limit, limit_with_inducer   tablets; limit_with_inducer is left out if there is no override.
    standard_days               days that the limit is meant to last.
    """

    kind = "quantity_limit"
    strength_mg: Positive
    channel: Channel
    limit: Positive
    limit_with_inducer: Positive | None = None
    standard_days: Count

    def same_subject(self) -> tuple[object, ...]:
        return (self.strength_mg, self.channel)


class Inducer(Term):
    """QTY01, DOSE01: ingredients whose fills near the service date raise the limit.

    days_before, days_after   the inducer's supply must touch [d - days_before, d + days_after].
    override                  the authorization override that says the same.
    """

    kind = "inducer"
    ingredients: tuple[str, ...] = Field(min_length=1)
    days_before: Days
    days_after: Days
    override: str


class SplitFills(Term):
    """QTY02: fills within this many days before a fill are added to it."""

    kind = "split_fills"
    channel: Channel
    lookback_days: Days

    def same_subject(self) -> tuple[object, ...]:
        return (self.channel,)


class DailyDose(Term):
    """DOSE01: mg per day that the document calls the maximum; tolerance is a factor."""

    kind = "daily_dose"
    adult_age: Count
    pediatric_mg: Positive
    label_mg: Positive
    studied_mg: Positive
    tolerance: Positive


class TabletStrength(Term):
    """DOSE02: from this many mg per day the stronger tablet should be used."""

    kind = "tablet_strength"
    strength_mg: Positive
    daily_mg: Positive


class GenericTrial(Term):
    """GEN01: what counts as a trial of the generic, how long a history must be, where prices come
    from.

    trial_evidence             values of evidence `generic_trial` that prove a trial.
    intolerance_evidence       values of evidence `formulation_intolerance` that prove one.
    observed_days              days a member must have been observed before silence means no trial.
    price_days                 generic fills within this many days before or after give the price.
    """

    kind = "generic_trial"
    trial_evidence: tuple[str, ...] = Field(min_length=1)
    intolerance_evidence: tuple[str, ...] = Field(min_length=1)
    observed_days: Days
    price_days: Days


class Combination(Term):
    """REG01: ingredients that may be combined only if the evidence has the given status."""

    kind = "combination"
    ingredients: tuple[str, ...] = Field(min_length=1)
    required_status: str


class SupplyWindow(Term):
    """All rules: days a fill lasts if its days' supply is unknown or not positive."""

    kind = "supply_window"
    default_days: Count
