"""Terms about fills of tablets: quantity, dose, strength, the trial of a generic, combinations."""

from pydantic import Field

from audit_rules.policy.terms.base import Channel, Count, Days, Icd10cm, Positive, Term


class QuantityLimit(Term):
    """QTY01 (and QTY02, DOSE01 by scope): tablets allowed on one fill.

    limit, limit_with_inducer   tablets; limit_with_inducer is left out if there is no override.
    standard_days               days that the limit is meant to last.
    """

    kind = "quantity_limit"
    turns_on = ("quantities",)
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
    turns_on = ("quantities", "fills")
    channel: Channel
    lookback_days: Days

    def same_subject(self) -> tuple[object, ...]:
        return (self.channel,)


class StockInHand(Term):
    """SUP01: days' supply that may still be in hand when the same tablets are dispensed again.

    short_channel, days   the channel with the shorter limit, and that; long_days: of any other.
    lookback_days         how far back fills are added up.
    """

    kind = "stock_in_hand"
    short_channel: Channel
    days: Days
    long_days: Days
    lookback_days: Days


class DailyDose(Term):
    """DOSE01: mg per day that the document calls the maximum; tolerance is a factor.

    other_days_before   a fill of the other strength counts if it was dispensed within so many days
                        before,
    other_days_after    or if that strength is dispensed again within so many days after.
    """

    kind = "daily_dose"
    turns_on = ("quantities", "days")
    adult_age: Count
    pediatric_mg: Positive
    label_mg: Positive
    studied_mg: Positive
    tolerance: Positive
    other_days_before: Days
    other_days_after: Days


class OrganImpairment(Term):
    """DOSE03: the daily dose that is high with an impaired organ.

    codes                          ICD-10-CM codes of the impairment, with their children.
    code_days                      how many days before the fill one may be dated.
    exempt_codes                   diagnoses, with their children, for which the dose is right.
    lookback_days, lookahead_days  around the fill, for those.
    daily_mg, tolerance            as in DailyDose.
    """

    kind = "organ_impairment"
    codes: tuple[Icd10cm, ...] = Field(min_length=1)
    code_days: Days
    exempt_codes: tuple[Icd10cm, ...]
    lookback_days: Days
    lookahead_days: Days
    daily_mg: Positive
    tolerance: Positive


class StrongInhibitor(Term):
    """DOSE04: ingredients with which a high daily dose is questioned.

    more_than_days   their fills count if they are of more days than this.
    daily_mg         the dose from which.
    """

    kind = "strong_inhibitor"
    ingredients: tuple[str, ...] = Field(min_length=1)
    more_than_days: Days
    daily_mg: Positive


class GenericTrial(Term):
    """GEN01: what counts as a trial of the generic, how long a history must be, where prices come
    from.

    trial_evidence             values of evidence `generic_trial` that prove a trial.
    attested_evidence          values that say there was one, but are not a document.
    plan_daw, pharmacy_daw     product selection codes: the plan's choice, the pharmacy's.
    intolerance_evidence       values of evidence `formulation_intolerance` that prove one.
    observed_days              days a member must have been observed before silence means no trial.
    price_days                 generic fills within this many days before or after give the price.
    """

    kind = "generic_trial"
    turns_on = ("authorizations", "facts", "fills")
    trial_evidence: tuple[str, ...] = Field(min_length=1)
    intolerance_evidence: tuple[str, ...] = Field(min_length=1)
    attested_evidence: tuple[str, ...] = ()
    plan_daw: tuple[str, ...]
    pharmacy_daw: tuple[str, ...]
    observed_days: Days
    price_days: Days


class PaidAsBrand(Term):
    """GEN02: brand dispensed as the generic must be paid as the generic.

    daw_codes            product selection codes that say so.
    price_days           generic fills within this many days before or after give the price.
    ratio                times the generic's price that a tablet may cost.
    enough_fills         fewer fills to price by prove it only above
    ratio_of_few         times the generic's price.
    """

    kind = "paid_as_brand"
    daw_codes: tuple[str, ...] = Field(min_length=1)
    price_days: Days
    ratio: Positive
    enough_fills: Count
    ratio_of_few: Positive


class Combination(Term):
    """REG01: ingredients that may be combined only if the evidence has the given status."""

    kind = "combination"
    turns_on = ("facts", "fills")
    ingredients: tuple[str, ...] = Field(min_length=1)
    required_status: str


class ConcurrentTherapy(Term):
    """THER01: two kinase inhibitors dispensed in turn, each before the last is used up.

    ingredients   the others, besides the policy's drug.
    fills         so many in turn, within
    days          so many days before and after the one judged,
    shared_days   each sharing so many days of supply with the next.
    """

    kind = "concurrent_therapy"
    ingredients: tuple[str, ...] = Field(min_length=1)
    fills: Count
    days: Days
    shared_days: Count


class SupplyWindow(Term):
    """All rules: days a fill lasts if its days' supply is unknown or not positive."""

    kind = "supply_window"
    default_days: Count
