"""FILE10 -- Is what the policy requires on file, and nothing that it forbids?

recover           as the policy says: what is required is not on file (`not_on_file`), or a fact has
                  another value (`otherwise_on_file`), or something forbidden is there
                  (`excluded_on_file`); or the person was not observed for long enough to say
                  (`history_too_short`).
pass              enough of it is on file, or nothing forbidden is, or excused.
not_evaluable     a table was not supplied, the window was still open, or the history is too short:
                  the reason says which.
not_applicable    not the clause's case; or no course, where the window begins with one.
Cannot see        what was not billed, and what no extract holds.
"""

from collections.abc import Sequence

import polars as pl

from audit_rules.engine.rule import Rule
from audit_rules.kinds.asking import asked_windows
from audit_rules.kinds.ground import Ground
from audit_rules.kinds.setting import FAILS, PASSES, UNKNOWN, KindResult, Setting, as_result
from audit_rules.kinds.things import thing_truth
from audit_rules.kinds.truth import Truth
from audit_rules.policy.language.conditions import FACT, Thing
from audit_rules.policy.language.kinds import OnFile
from audit_rules.policy.language.spans import COURSE
from schemas.outcomes import FULL_PAID

RULE = Rule(
    id="FILE10",
    name="file.required_or_excluded",
    asks=(OnFile,),
    basis=FULL_PAID,
    passing=("window_open",),
    says={
        "not_on_file": "The policy requires {missing}; it is not on file for {service_date}.",
        "otherwise_on_file": (
            "The policy requires {missing}; {fact_value} of {fact_date} is on file instead."
        ),
        "excluded_on_file": "The policy excludes {found}, which is on file for {found_date}.",
        "history_too_short": (
            "The policy requires {missing}; it is not on file, but the history before"
            " {service_date} is short."
        ),
    },
)
_SHORT = "history_too_short"


def test(setting: Setting) -> KindResult:
    """Judge every line of the sets."""
    term = setting.term
    assert isinstance(term, OnFile)
    ground = setting.ground
    forbids = bool(term.forbid)
    things: Sequence[Thing] = term.forbid or term.require
    asking = setting.asking._replace(strict=forbids, forbids=forbids)
    truths = [thing_truth(ground, thing, asking) for thing in things]
    lines = _lines(setting, things)
    names = [thing.name or " or ".join(thing.names) for thing in things]
    told = pl.DataFrame(
        {
            "ask_no": ground.asked["ask_no"],
            **{f"v{i}": t.value for i, t in enumerate(truths)},
            **{f"r{i}": t.reason for i, t in enumerate(truths)},
        }
    ).join(lines, on="ask_no")
    told = told.with_columns(
        n_true=pl.sum_horizontal(pl.col(r"^v\d+$").fill_null(False).cast(pl.Int64)),
        n_unknown=pl.sum_horizontal(pl.col(r"^v\d+$").is_null().cast(pl.Int64)),
        found=_listed(names, "v", found=True),
        missing=_listed(names, "v", found=False),
    )
    if any(thing.cite for thing in things):
        cites = [thing.cite or term.cite for thing in things]
        told = told.with_columns(clause=_listed(cites, "v", found=forbids, between="; "))
    told = told.join(_dates(ground, truths), on="ask_no", how="left").join(
        _windows(setting, things[0]), on="ask_no", how="left"
    )
    if forbids:
        result = as_result(told, **_forbidden(len(things)))
        return KindResult(result, against=[f for t in truths for f in t.found])
    told = told.join(_other_values(truths, things), on="ask_no", how="left")
    result = as_result(told, **_required(term, things))
    other = [
        f for t, thing in zip(truths, things, strict=True) if thing.kind == FACT for f in t.found
    ]
    rest = [
        f for t, thing in zip(truths, things, strict=True) if thing.kind != FACT for f in t.found
    ]
    return KindResult(result, against=other, in_favour=rest)


def _lines(setting: Setting, things: Sequence[Thing]) -> pl.DataFrame:
    """The rows that are asked: ask_no, term_no."""
    lines = setting.ground.asked.select("ask_no", "set_no").join(setting.sets, on="set_no")
    if any(t.window is not None and t.window.opens.word == COURSE for t in things):
        lines = lines.join(setting.asking.pools.numbers, on="ask_no", how="semi")
    return lines.select("ask_no", "term_no")


def _listed(names: Sequence[str], prefix: str, found: bool, between: str = ", ") -> pl.Expr:
    """The names or clauses of what is there, or is not, each once."""
    picked = [
        pl.when(pl.col(f"{prefix}{i}").fill_null(False) == found).then(pl.lit(name))
        for i, name in enumerate(names)
    ]
    distinct = pl.concat_list(picked).list.drop_nulls().list.unique(maintain_order=True)
    return distinct.list.join(between)


def _dates(ground: Ground, truths: Sequence[Truth]) -> pl.DataFrame:
    """The latest date of what was found: ask_no, found_date."""
    facts = [f.facts.select("ask_no", "date") for t in truths for f in t.found]
    del ground
    return pl.concat(facts).group_by("ask_no").agg(found_date=pl.col("date").max())


def _windows(setting: Setting, thing: Thing) -> pl.DataFrame:
    windows = asked_windows(setting.ground, thing, setting.asking.pools)
    return windows.select("ask_no", window_from="opens", window_to="closes")


def _other_values(truths: Sequence[Truth], things: Sequence[Thing]) -> pl.DataFrame:
    """Values of required facts that are on file: ask_no, fact_value, fact_date."""
    facts = [
        f.facts.select("ask_no", fact_value="value", fact_date="date")
        for t, thing in zip(truths, things, strict=True)
        if thing.kind == FACT
        for f in t.found
    ]
    schema = {"ask_no": pl.UInt32, "fact_value": pl.String, "fact_date": pl.Date}
    every = pl.concat([pl.DataFrame(schema=schema), *facts])
    return every.sort("ask_no", "fact_date", "fact_value").unique(
        "ask_no", keep="last", maintain_order=True
    )


def _first_reason(count: int, but_short: bool) -> pl.Expr:
    reasons = [pl.col(f"r{i}") for i in range(count)]
    if but_short:
        reasons = [pl.when(r != _SHORT).then(r) for r in reasons]
    return pl.coalesce(reasons)


def _forbidden(count: int) -> dict[str, pl.Expr]:
    is_found = pl.col("n_true") > 0
    is_open = pl.col("n_unknown") > 0
    return {
        "state": pl.when(is_found)
        .then(pl.lit(FAILS))
        .when(is_open)
        .then(pl.lit(UNKNOWN))
        .otherwise(pl.lit(PASSES)),
        "reason": pl.when(is_found)
        .then(pl.lit("excluded_on_file"))
        .when(is_open)
        .then(_first_reason(count, but_short=False)),
    }


def _required(term: OnFile, things: Sequence[Thing]) -> dict[str, pl.Expr]:
    count = len(things)
    needed = count if term.at_least == "all" else int(term.at_least)
    holds = pl.col("n_true") >= needed
    is_over = pl.col("n_true") + pl.col("n_unknown") < needed
    reason = _first_reason(count, but_short=True)
    is_short = ~holds & ~is_over & reason.is_null()
    fails = ~holds & (is_over | is_short)
    answered = (
        pl.when(is_short)
        .then(pl.lit(_SHORT))
        .when(pl.col("fact_value").is_not_null())
        .then(pl.lit("otherwise_on_file"))
        .otherwise(pl.lit("not_on_file"))
    )
    counts = fails & (term.at_least == "all")
    return {
        "state": pl.when(holds)
        .then(pl.lit(PASSES))
        .when(fails)
        .then(pl.lit(FAILS))
        .otherwise(pl.lit(UNKNOWN)),
        "reason": pl.when(holds).then(None).when(fails).then(answered).otherwise(reason),
        "observed": pl.when(counts).then(count - pl.col("n_true")),
        "allowed": pl.when(counts).then(0.0),
        "is_short": is_short,
    }
