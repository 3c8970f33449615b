"""Order statistics of stretches of a series: the n-th smallest of each, without sorting any."""

import polars as pl


def nth_smallest(values: pl.Series, start: pl.Series, end: pl.Series, nth: pl.Series) -> pl.Series:
    """The nth smallest, counted from 0, of values[start:end], for every stretch.

    values   whole numbers from 0 on.

    A wavelet matrix: the values are split by one binary digit after another, the highest first,
    and a stretch is followed into the half that holds what it looks for. The work grows with the
    values and the stretches, times the digits.
    """
    asked = pl.DataFrame(
        {"start": start, "end": end, "nth": nth},
        schema=dict.fromkeys(("start", "end", "nth"), pl.Int64),
    ).with_columns(found=pl.lit(0, dtype=pl.Int64))
    rest = values.cast(pl.Int64)
    for digit in reversed(range(int(_largest(rest)).bit_length())):
        is_high = (rest // (1 << digit)) % 2 == 1
        low_before = pl.concat(
            [pl.Series([0], dtype=pl.Int64), (~is_high).cast(pl.Int64).cum_sum().rename("")]
        )
        lows = int(low_before[-1])
        asked = (
            asked.with_columns(
                low_start=low_before.gather(asked["start"]), low_end=low_before.gather(asked["end"])
            )
            .with_columns(low=pl.col("low_end") - pl.col("low_start"))
            .with_columns(goes_high=pl.col("nth") >= pl.col("low"))
            .select(
                start=_either(lows + pl.col("start") - pl.col("low_start"), pl.col("low_start")),
                end=_either(lows + pl.col("end") - pl.col("low_end"), pl.col("low_end")),
                nth=_either(pl.col("nth") - pl.col("low"), pl.col("nth")),
                found=_either(pl.col("found") + (1 << digit), pl.col("found")),
            )
        )
        rest = pl.concat([rest.filter(~is_high), rest.filter(is_high)])
    return asked["found"]


def _largest(values: pl.Series) -> int:
    largest = values.max()
    return largest if isinstance(largest, int) else 0


def _either(high: pl.Expr, low: pl.Expr) -> pl.Expr:
    return pl.when("goes_high").then(high).otherwise(low)
