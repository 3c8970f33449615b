"""Evidence: what a judgement rests on, as rows that say where each fact is on file."""

import polars as pl

from schemas.days import days_after, days_before
from schemas.results import AGAINST, CLAIM_LINE, EVIDENCE_FIELDS

LINE_SHOWN = (*CLAIM_LINE, "quantity", "product_code", "service_date")
"""What `line_evidence` reads of a line."""

_UNKNOWN = {n: pl.lit(None, dtype=dtype).alias(n) for n, dtype in EVIDENCE_FIELDS.items()}


def _cited(
    frame: pl.LazyFrame, kind: pl.Expr | str, side: pl.Expr | str, **fields: pl.Expr
) -> pl.LazyFrame:
    words = {"kind": kind, "side": side}
    given = {n: pl.lit(w) if isinstance(w, str) else w for n, w in words.items()} | fields
    values = [
        given[name].cast(dtype).alias(name) if name in given else _UNKNOWN[name]
        for name, dtype in EVIDENCE_FIELDS.items()
    ]
    counts = pl.col("^(more|asked_no)$")  # there are some if `around` left facts out
    return frame.select("row_id", "policy_id", *values, counts)


def diagnosis_evidence(frame: pl.LazyFrame, side: pl.Expr | str) -> pl.LazyFrame:
    """Rows of (row_id, policy_id) with a diagnosis: code, date, and its claim, if any."""
    claim = {n: pl.col(n) for n in CLAIM_LINE}
    return _cited(
        frame,
        "diagnosis",
        side,
        **claim,
        id=pl.col("place"),
        code=pl.col("code"),
        date=pl.col("date"),
    )


def fill_evidence(frame: pl.LazyFrame, side: pl.Expr | str) -> pl.LazyFrame:
    """Rows with a fill: its claim line, NDC, quantity and dispensing date."""
    claim = {n: pl.col(n) for n in CLAIM_LINE}
    value = pl.format(
        "{} {}",
        pl.col("quantity").cast(pl.String).fill_null("?"),
        pl.col("ingredient").fill_null("units"),
    )
    return _cited(
        frame,
        "fill",
        side,
        **claim,
        code=pl.col("ndc_code"),
        value=value,
        date=pl.col("service_date"),
    )


def dose_evidence(frame: pl.LazyFrame, side: pl.Expr | str) -> pl.LazyFrame:
    """Rows with a dose date: the first claim line of the dose, its code and cycle numbers."""
    claim = {n: pl.col(n) for n in CLAIM_LINE}
    value = pl.format("course {} cycle {} to {}", "course_no", "low", "high")
    return _cited(
        frame,
        "dose",
        side,
        **claim,
        code=pl.col("product_code"),
        value=value,
        date=pl.col("service_date"),
    )


def clinical_evidence(frame: pl.LazyFrame, side: pl.Expr | str) -> pl.LazyFrame:
    """Rows with a clinical fact: its code, value and date."""
    return _cited(
        frame,
        "evidence",
        side,
        code=pl.col("evidence_code"),
        value=pl.col("evidence_value"),
        date=pl.col("evidence_date"),
    )


def authorization_evidence(frame: pl.LazyFrame, side: pl.Expr | str) -> pl.LazyFrame:
    """Rows with an authorization: its id, status and start date."""
    return _cited(
        frame,
        "authorization",
        side,
        id=pl.col("authorization_id"),
        code=pl.col("product"),
        value=pl.col("status"),
        date=pl.col("start_date"),
    )


def eligibility_evidence(
    frame: pl.LazyFrame, side: pl.Expr | str, code: str, value: pl.Expr, date: pl.Expr
) -> pl.LazyFrame:
    """Rows with a fact of enrollment: what it is (`code`), its value and date."""
    return _cited(frame, "eligibility", side, code=pl.lit(code), value=value, date=date)


def service_evidence(frame: pl.LazyFrame, side: pl.Expr | str) -> pl.LazyFrame:
    """Rows with a medical service: its claim line, HCPCS code and date."""
    claim = {n: pl.col(n) for n in CLAIM_LINE}
    return _cited(
        frame, "service", side, **claim, code=pl.col("hcpcs_code"), date=pl.col("service_date")
    )


def specialty_evidence(frame: pl.LazyFrame, side: pl.Expr | str) -> pl.LazyFrame:
    """Rows with a claim line and a taxonomy of the provider (`npi`) on it."""
    claim = {n: pl.col(n) for n in CLAIM_LINE}
    kind = (
        pl.when(pl.col("claim_source") == "pharmacy")
        .then(pl.lit("fill"))
        .otherwise(pl.lit("service"))
    )
    provider = {"id": pl.col("npi"), "code": pl.col("taxonomy_code")}
    return _cited(frame, kind, side, **claim, **provider, date=pl.col("service_date"))


def line_evidence(answers: pl.LazyFrame) -> pl.LazyFrame:
    """The judged line itself, or another, as evidence against: product, quantity and date as
    billed."""
    claim = {n: pl.col(n) for n in CLAIM_LINE}
    kind = (
        pl.when(pl.col("claim_source") == "pharmacy")
        .then(pl.lit("fill"))
        .otherwise(pl.lit("service"))
    )
    value = pl.col("quantity").cast(pl.String)
    return _cited(
        answers,
        kind,
        AGAINST,
        **claim,
        code=pl.col("product_code"),
        value=value,
        date=pl.col("service_date"),
    )


def daw_evidence(answers: pl.LazyFrame, side: str) -> pl.LazyFrame:
    """The judged fill's product selection (DAW) code, if it has one."""
    claim = {n: pl.col(n) for n in CLAIM_LINE}
    selected = answers.filter(pl.col("daw_code").is_not_null())
    return _cited(
        selected,
        "fill",
        side,
        **claim,
        id=pl.lit("daw_code"),
        code=pl.col("product_code"),
        value=pl.col("daw_code"),
        date=pl.col("service_date"),
    )


def price_evidence(answers: pl.LazyFrame) -> list[pl.LazyFrame]:
    """The unit prices compared: the judged fill's own, that of the generic fill it is compared
    with, which may be another person's, and the days between which one was looked for.

    Dollars a unit, without the dispensing fee.
    """
    claim = {n: pl.col(n) for n in CLAIM_LINE}
    day = pl.col("service_date")
    window = _cited(
        answers,
        "fill",
        AGAINST,
        **claim,
        id=pl.lit("price_window"),
        code=pl.col("product_code"),
        value=pl.format("{} to {}", days_before(day, "price_days"), days_after(day, "price_days")),
        date=day,
    )
    own = _cited(
        answers.filter(pl.col("own_price").is_not_null(), pl.col("generic_price").is_not_null()),
        "fill",
        AGAINST,
        **claim,
        id=pl.lit("unit_price"),
        code=pl.col("product_code"),
        value=pl.col("own_price"),
        date=pl.col("service_date"),
    )
    generic = _cited(
        answers.filter(pl.col("generic_price").is_not_null()),
        "fill",
        AGAINST,
        claim_source=pl.lit("pharmacy"),
        claim_id=pl.col("generic_claim_id"),
        claim_line_number=pl.col("generic_line"),
        id=pl.lit("generic_unit_price"),
        code=pl.col("generic_ndc"),
        value=pl.col("generic_price"),
        date=pl.col("generic_date"),
    )
    return [own, generic, window]
