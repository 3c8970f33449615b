"""Claim lines as things on file: drugs, fills, services and specialists' lines."""

import polars as pl

from audit_rules.engine.nearest import Facts, Window, around
from audit_rules.kinds.asking import any_found
from audit_rules.kinds.codes import codes_meant
from audit_rules.kinds.ground import Ground
from audit_rules.kinds.observed import MEDICAL, PHARMACY
from audit_rules.policy.language import conditions as words
from audit_rules.policy.language.conditions import Thing
from schemas.days import days_before
from schemas.results import EVIDENCE_FIELDS

_EVIDENCE = [name for name in EVIDENCE_FIELDS if name != "side"]


def lines_on_file(ground: Ground, thing: Thing, asked: pl.DataFrame) -> pl.DataFrame:
    """The history lines that are the thing, of each row of `asked`."""
    facts, on = _facts_of(ground, thing)
    asked = asked.drop("course_start")
    if thing.payers == "own":
        on.append("pay")
    if thing.same == "provider":
        on.append("npi")
    if thing.same == "claim":
        on += [c for c in ("pay", "source", "claim") if c not in on]
    renamed = {
        "row_id": "fact_row",
        "payer_id": "pay",
        "billing_npi": "npi",
        "claim_source": "source",
        "claim_id": "claim",
    }
    kept = facts.with_columns(
        pl.col(old).alias(new) for old, new in renamed.items() if new in on or new == "fact_row"
    ).drop("row_id", "payer_id", "billing_npi", "person_row", strict=False)
    left_out = {"pay", "npi", "source", "claim"} - set(on)
    asked = asked.drop(*left_out, *(["set_no"] if "set_no" not in on else []))
    supply = thing.touches == "supply"
    window = (
        Window(closes=pl.col("closes"), at=pl.col("opens"))
        if supply
        else Window(pl.col("opens"), pl.col("closes"))
    )
    found = around(
        ground.dossier,
        asked.lazy(),
        Facts(kept.lazy(), tuple(on), "fact_date", "fact_until", ("fact_row",)),
        window,
    ).collect()
    if thing.kind == words.SPECIALIST:
        return found
    return found.filter(pl.col("fact_row") != pl.col("own_row"))


def _facts_of(ground: Ground, thing: Thing) -> tuple[pl.DataFrame, list[str]]:
    """The lines that can be the thing, and the columns by which they belong to a row of `asked`."""
    if thing.kind in (words.DRUG, words.FILL):
        return _lines_of_sets(ground, thing)
    services = _dated(ground.history.filter(pl.col("claim_source") == MEDICAL))
    if thing.kind == words.SERVICE:
        wanted = codes_meant(ground.policy.declared, thing.names, services["hcpcs_code"])
        lines = services.filter(pl.col("hcpcs_code").is_in(wanted))
    else:
        taxonomies = ground.dossier.taxonomies.collect()
        wanted = codes_meant(ground.policy.declared, thing.names, taxonomies["taxonomy_code"])
        npis = taxonomies.filter(pl.col("taxonomy_code").is_in(wanted))["npi"].implode()
        lines = services.filter(
            pl.col("provider_npi").is_in(npis) | pl.col("billing_npi").is_in(npis)
        )
    if thing.not_own:
        return _without_own(ground, lines), ["person", "set_no"]
    return lines, ["person"]


def _dated(lines: pl.DataFrame) -> pl.DataFrame:
    last = pl.max_horizontal("service_date", days_before(pl.col("supply_end"), pl.lit(1)))
    until = pl.when(pl.col("claim_source") == PHARMACY).then(last).otherwise("service_date")
    return lines.select(
        "row_id",
        "person",
        "payer_id",
        "billing_npi",
        "provider_npi",
        "claim_source",
        "claim_id",
        "claim_line_number",
        "hcpcs_code",
        "ndc_code",
        "quantity",
        "days_supply",
        "set_ingredient",
        "product_code",
        fact_date="service_date",
        fact_until=until,
    )


def _lines_of_sets(ground: Ground, thing: Thing) -> tuple[pl.DataFrame, list[str]]:
    named = ground.numbers(thing.names)
    has_own = words.OWN in thing.names
    of_sets = ground.asked.filter(
        (pl.col("quantity_milli") > 0) | pl.col("quantity_milli").is_null(), ~pl.col("is_waste")
    )
    if thing.kind == words.FILL:
        of_sets = of_sets.filter(pl.col("claim_source") == PHARMACY)
    rows = of_sets.select("row_id", of_set="set_no")
    lines = _dated(ground.history.join(rows, on="row_id", how="semi"))
    if not has_own and not thing.not_own:
        return lines.join(rows.filter(pl.col("of_set").is_in(named)), on="row_id", how="semi"), [
            "person"
        ]
    pairs = []
    for one in ground.sets:
        wanted = {*named, *([one.number] if has_own else [])}
        mine = rows.filter(pl.col("of_set").is_in(list(wanted))).select("row_id").unique()
        if thing.not_own:
            own = ground.members.filter(pl.col("set_no") == one.number)
            mine = mine.join(own, on="row_id", how="anti")
        pairs.append(mine.with_columns(set_no=pl.lit(one.number, pl.Int64)))
    return lines.join(pl.concat(pairs), on="row_id"), ["person", "set_no"]


def _without_own(ground: Ground, lines: pl.DataFrame) -> pl.DataFrame:
    parts = []
    for one in ground.sets:
        own = ground.members.filter(pl.col("set_no") == one.number)
        others = lines.join(own, on="row_id", how="anti")
        parts.append(others.with_columns(set_no=pl.lit(one.number, pl.Int64)))
    return pl.concat(parts)


def enough_found(
    ground: Ground, thing: Thing, rows: pl.DataFrame
) -> tuple[pl.Series, pl.Series | None]:
    """Whether enough was found, and whether unknown days' supply could make it enough."""
    if thing.least == 1 and thing.least_days_supply is None:
        return any_found(ground, rows), None
    once = rows.unique(["ask_no", "fact_row"]).filter(
        ~pl.col("fact_row").is_in(ground.repeats.implode())
    )
    days = pl.col("days_supply").cast(pl.Float64)
    is_known = (days > 0).fill_null(False)
    counted = rows.group_by("ask_no").agg(dates=pl.col("fact_date").n_unique())
    summed = once.group_by("ask_no").agg(
        days=days.filter(is_known).sum(), is_open=(~is_known).any()
    )
    joined = (
        ground.asked.select("ask_no")
        .join(counted, on="ask_no", how="left", maintain_order="left")
        .join(summed, on="ask_no", how="left", maintain_order="left")
        .with_columns(pl.col("dates", "days").fill_null(0), pl.col("is_open").fill_null(False))
    )
    has_dates = joined["dates"] >= thing.least
    if thing.least_days_supply is None:
        return has_dates, None
    has_days = joined["days"] >= thing.least_days_supply
    return has_dates & has_days, has_dates & ~has_days & joined["is_open"]


def lines_as_evidence(rows: pl.DataFrame) -> pl.DataFrame:
    """Lines as evidence: ask_no and its fields."""
    is_fill = pl.col("claim_source") == PHARMACY if "claim_source" in rows.columns else pl.lit(None)
    value = pl.format(
        "{} {}",
        pl.col("quantity").cast(pl.String).fill_null("?"),
        pl.col("set_ingredient").fill_null("units"),
    )
    return rows.select(
        "ask_no",
        kind=pl.when(is_fill).then(pl.lit("fill")).otherwise(pl.lit("service")),
        claim_source="claim_source",
        claim_id="claim_id",
        claim_line_number="claim_line_number",
        id=pl.lit(None, dtype=pl.String),
        code=pl.coalesce("hcpcs_code", "ndc_code"),
        value=pl.when(is_fill).then(value),
        date="fact_date",
    ).select("ask_no", *_EVIDENCE)
