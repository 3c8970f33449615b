"""Since when a person is observed at the payers that enrol them and send claims of a table."""

import polars as pl

from audit_rules.kinds.ground import Ground

MEDICAL, PHARMACY = "medical", "pharmacy"
_FIRST = {MEDICAL: "first_service_date", PHARMACY: "first_dispensing_date"}


def observed_from(ground: Ground, payers: str, tables: tuple[str, ...]) -> pl.Series:
    """The first day from which a missing row means something, for every row of `asked`.

    Null if there is none. For each payer that enrolls the person and has rows in the claim table it
    is the later of the first enrollment and the first row, and the earliest of these days counts.
    If nobody enrolls the person, the line's payer counts. Of two tables the later day counts.
    """
    key = ("observed", payers, tables)
    if key not in ground.memo:
        found = [_of_table(ground, payers, table) for table in tables]
        frame = pl.DataFrame({str(i): s for i, s in enumerate(found)})
        latest = pl.max_horizontal(pl.all())
        none = pl.any_horizontal(pl.all().is_null())
        ground.memo[key] = frame.select(pl.when(~none).then(latest)).to_series()
    return ground.memo[key]  # type: ignore[no-any-return]


def _of_table(ground: Ground, payers: str, table: str) -> pl.Series:
    spans = (
        ground.dossier.enrollment.group_by("person", "payer_id")
        .agg(enrolled=pl.col("enrollment_start_date").min())
        .collect()
    )
    starts = (
        ground.dossier.payer_start.select("payer_id", first=_FIRST[table]).drop_nulls().collect()
    )
    lines = ground.asked.select("person", "payer_id").unique()
    unknown = lines.join(spans, on="person", how="anti").with_columns(of_payer="payer_id")
    enrolled = lines.join(spans.rename({"payer_id": "of_payer"}), on="person")
    if payers == "own":
        enrolled = enrolled.filter(pl.col("of_payer") == pl.col("payer_id"))
    every = pl.concat([enrolled, unknown], how="diagonal").join(
        starts.rename({"payer_id": "of_payer"}), on="of_payer"
    )
    since = every.with_columns(since=pl.max_horizontal("enrolled", "first"))
    earliest = since.group_by("person", "payer_id").agg(pl.col("since").min())
    return ground.asked.select("person", "payer_id").join(
        earliest, on=["person", "payer_id"], how="left", maintain_order="left"
    )["since"]
