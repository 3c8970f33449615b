"""AUTH10 -- Does an approval cover the line, is it no longer than the policy allows, and are the
units within it?

recover           as the policy says: no approval covers (`no_authorization`), a denied one does
                  (`authorization_denied`), one ended before (`authorization_expired`), or more
                  units than were approved (`units_over_approval`).
advisory          the approvals run longer than the policy allows
                  (`authorization_longer_than_policy`).
pass              an approval covers the line, or excused.
not_evaluable     no authorizations of the payer (`authorization_extract_missing`), an approval
                  without units (`units_missing`), no quantity (`quantity_missing`).
not_applicable    not the clause's case, or none is needed and none covers.
Cannot see        approvals that the extract does not hold.
"""

import polars as pl

from audit_rules.engine.arithmetic import SCALE, from_thousandths
from audit_rules.engine.authorizations import APPROVED, DENIED
from audit_rules.engine.rule import Rule
from audit_rules.kinds.conditions import truth_of
from audit_rules.kinds.coverage import (
    approvals,
    as_evidence,
    covering,
    decisions_asked,
    payer_sends,
)
from audit_rules.kinds.greedy import earlier_parts
from audit_rules.kinds.setting import FAILS, PASSES, UNKNOWN, KindResult, Setting, as_result
from audit_rules.kinds.truth import NamedEvidence
from audit_rules.kinds.windows import span_after
from audit_rules.policy.language.kinds import Approval
from schemas.outcomes import FULL_PAID

RULE = Rule(
    id="AUTH10",
    name="authorization.of_policy",
    asks=(Approval,),
    basis=FULL_PAID,
    plans_own_acts=("authorization_denied",),
    measured=("units_over_approval",),
    says={
        "no_authorization": "No approval on file covers {service_date}.",
        "authorization_denied": "The plan denied the authorization that covers {service_date}.",
        "authorization_expired": "The approval on file ended before {service_date}.",
        "authorization_longer_than_policy": (
            "The approval had run for {observed:day|days} on {service_date}; the policy allows"
            " {allowed}."
        ),
        "units_over_approval": "{observed:unit was|units were} billed; {allowed} were approved.",
    },
)


def test(setting: Setting) -> KindResult:
    """Judge every line of the sets."""
    term = setting.term
    assert isinstance(term, Approval)
    ground = setting.ground
    covers, decisions = covering(ground), decisions_asked(ground)
    day = pl.col("day")
    marked = {
        "is_approved": approvals(ground),
        "is_denied": covers.filter(pl.col("status") == DENIED),
        "is_expired": decisions.filter(pl.col("status") == APPROVED, pl.col("end_date") < day),
    }
    asks = ground.asked["ask_no"]
    lines = ground.asked.select("ask_no", "set_no").with_columns(
        **{name: asks.is_in(found["ask_no"].unique().implode()) for name, found in marked.items()},
        sends=payer_sends(ground)
        if "authorization" in ground.dossier.supplied
        else ground.filled(False, pl.Boolean),
    )
    lines = lines.join(setting.sets, on="set_no")
    if not term.needed:
        lines = lines.filter(pl.col("is_approved") | ~pl.col("sends"))
    lines = lines.join(_too_long(setting, term), on="ask_no", how="left")
    lines = lines.join(_units(setting, term), on="ask_no", how="left")
    result = as_result(lines, **_verdict())
    return KindResult(
        result,
        against=[NamedEvidence(as_evidence(marked["is_denied"]), "denied")],
        in_favour=[NamedEvidence(as_evidence(marked["is_approved"]), APPROVED)],
    )


def _verdict() -> dict[str, pl.Expr]:
    denied, expired = pl.col("is_denied"), pl.col("is_expired")
    none = (
        pl.when(denied)
        .then(pl.lit("authorization_denied"))
        .when(expired)
        .then(pl.lit("authorization_expired"))
        .otherwise(pl.lit("no_authorization"))
    )
    approved = pl.col("is_approved")
    is_long = approved & pl.col("is_long").fill_null(False)
    is_over = approved & (pl.col("units_state") == FAILS).fill_null(False)
    is_unknown = approved & (pl.col("units_state") == UNKNOWN).fill_null(False)
    long_unknown = approved & pl.col("long_reason").is_not_null()
    return {
        "state": pl.when(~pl.col("sends"))
        .then(pl.lit(UNKNOWN))
        .when(~approved | is_long)
        .then(pl.lit(FAILS))
        .when(long_unknown)
        .then(pl.lit(UNKNOWN))
        .when(is_over)
        .then(pl.lit(FAILS))
        .when(is_unknown)
        .then(pl.lit(UNKNOWN))
        .otherwise(pl.lit(PASSES)),
        "reason": pl.when(~pl.col("sends"))
        .then(pl.lit("authorization_extract_missing"))
        .when(~approved)
        .then(none)
        .when(is_long)
        .then(pl.lit("authorization_longer_than_policy"))
        .when(long_unknown)
        .then("long_reason")
        .when(is_over | is_unknown)
        .then("units_reason"),
        "is_hint": pl.col("sends") & is_long,
        "observed": pl.when(is_long).then("run_days").when(is_over).then("units_observed"),
        "allowed": pl.when(is_long).then("span_days").when(is_over).then("units_allowed"),
        "excess": pl.when(is_over & ~is_long).then("units_excess"),
        "own": pl.when(is_over & ~is_long).then("units_own"),
    }


def _too_long(setting: Setting, term: Approval) -> pl.DataFrame:
    """Lines on which every covering approval is over: ask_no, is_long, long_reason, run_days,
    span_days; of the approval that started last."""
    schema = {
        "ask_no": pl.UInt32,
        "is_long": pl.Boolean,
        "long_reason": pl.String,
        "run_days": pl.Int64,
        "span_days": pl.Int64,
    }
    if not term.length:
        return pl.DataFrame(schema=schema)
    ground = setting.ground
    found = approvals(ground)
    every = decisions_asked(ground).filter(pl.col("status") == APPROVED)
    first = every.group_by("ask_no").agg(first_start=pl.col("start_date").min())
    found = found.join(first, on="ask_no").with_columns(
        is_first=pl.col("start_date") == pl.col("first_start")
    )
    over: list[pl.Expr] = []
    open_reasons: list[pl.Expr] = []
    for number, row in enumerate(term.length):
        fits = pl.col("is_first") if row.first else pl.lit(True)
        if row.when is not None:
            truth = truth_of(ground, row.when, setting.asking._replace(strict=True))
            told = pl.DataFrame(
                {
                    "ask_no": ground.asked["ask_no"],
                    f"w{number}": truth.value,
                    f"y{number}": truth.reason,
                }
            )
            found = found.join(told, on="ask_no", how="left")
            open_reasons.append(pl.when(fits & pl.col(f"w{number}").is_null()).then(f"y{number}"))
            fits = fits & pl.col(f"w{number}").fill_null(False)
        over.append(pl.when(fits).then(span_after(pl.col("start_date"), row.most)))
    found = found.with_columns(
        over=pl.coalesce(over),
        why=pl.coalesce(open_reasons) if open_reasons else pl.lit(None, dtype=pl.String),
    )
    # beyond the policy only after the last day of its span
    is_over = (pl.col("day") > pl.col("over")).fill_null(False)
    ordered = found.with_columns(is_over=is_over).sort("ask_no", "start_date", "authorization_id")
    return (
        ordered.group_by("ask_no", maintain_order=True)
        .agg(
            all_over=pl.col("is_over").all(),
            why=pl.col("why").drop_nulls().first(),
            run_days=(pl.col("day") - pl.col("start_date")).dt.total_days().last(),
            span_days=(pl.col("over") - pl.col("start_date")).dt.total_days().last(),
        )
        .select(
            "ask_no",
            is_long=pl.col("all_over") & pl.col("why").is_null(),
            long_reason=pl.when("all_over").then("why"),
            run_days="run_days",
            span_days="span_days",
        )
        .cast(schema)  # type: ignore[arg-type]
    )


def _units(setting: Setting, term: Approval) -> pl.DataFrame:
    """Lines against the units of their approvals; of several one that is enough, else the least
    excess."""
    names = (
        "units_state",
        "units_reason",
        "units_observed",
        "units_allowed",
        "units_excess",
        "units_own",
    )
    if not term.units:
        texts = dict.fromkeys(names[:2], pl.String) | dict.fromkeys(names[2:], pl.Float64)
        return pl.DataFrame(schema={"ask_no": pl.UInt32, **texts})
    pools = setting.pools(own_payer=True)
    keys = pools.of_asked.select("ask_no", "pool_no", "key_no")
    decisions = approvals(setting.ground).select("ask_no", "authorization_no", "units")
    flags = setting.flags
    rows = (
        pools.counted.filter(~pl.col("is_repeat"))
        .join(decisions, on="ask_no")
        .join(flags, on="ask_no")
        .with_columns(
            own=pl.col("quantity_milli"),
            limit=(pl.col("units").cast(pl.Float64) * SCALE).round(0).cast(pl.Int64),
            is_free=~pl.col("is_asked") | pl.col("is_excused"),
            since=pl.lit(None, dtype=pl.Date),
        )
        .sort("order_no")
    )
    del keys
    if term.waste != "in":
        rows = rows.filter(~pl.col("is_waste"))
    judged = earlier_parts(
        rows.with_columns(limit=pl.col("limit").fill_null(0)),
        ["pool_no", "key_no", "authorization_no"],
    )
    total = pl.col("before") + pl.col("own")
    left = (pl.col("limit") - pl.col("before")).clip(0)
    excess = (pl.col("own") - left).clip(0)
    missing = pl.coalesce(
        pl.when(pl.col("units").is_null()).then(pl.lit("units_missing")),
        pl.when(pl.col("quantity_milli").is_null()).then(pl.lit("quantity_missing")),
    )
    state = (
        pl.when(missing.is_not_null())
        .then(pl.lit(UNKNOWN))
        .when(excess > 0)
        .then(pl.lit(FAILS))
        .otherwise(pl.lit(PASSES))
    )
    ranked = judged.with_columns(
        units_state=state,
        units_reason=pl.when(missing.is_not_null())
        .then(missing)
        .when(excess > 0)
        .then(pl.lit("units_over_approval")),
        units_observed=from_thousandths(total),
        units_allowed=from_thousandths(pl.col("limit")),
        units_excess=excess.cast(pl.Float64),
        units_own=pl.col("own").cast(pl.Float64),
    ).with_columns(rank=state.replace_strict({PASSES: 0, UNKNOWN: 1, FAILS: 2}))
    return (
        ranked.sort("ask_no", "rank", "units_excess", "authorization_no")
        .unique("ask_no", keep="first", maintain_order=True)
        .select("ask_no", *names)
    )
