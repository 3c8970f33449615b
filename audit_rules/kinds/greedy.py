"""Parts of billed quantities that a limit allows, in the order of lines.

Each line is allowed what the limit leaves after the allowed parts of earlier lines in its window;
so no quantity is counted as too much twice.
"""

from collections import deque

import polars as pl


def earlier_parts(lines: pl.DataFrame, group: list[str]) -> pl.DataFrame:
    """The lines with `before`: the allowed parts of earlier lines in the window.

    lines   sorted in their order; own, limit and is_free (allowed whole), and `since`: the first
            day of the line's window, null for all of the group. Integers.
    group   columns that name a window, or for rolling windows what they roll over.

    A line can only go over if its group has more than its limit; in other groups `before` is 0.
    """
    own = pl.col("own").fill_null(0)
    lines = lines.with_columns(pl.col("own").cast(pl.Int128), place=pl.int_range(pl.len()))
    kept = lines.with_columns(is_over=own.sum().over(group) > pl.col("limit").min().over(group))
    over = kept.filter("is_over").sort(*group, "place")
    key = over.select(pl.struct(group).alias("key"))["key"]
    before = _walk(
        [tuple(k.values()) for k in key],
        over["day"].to_list(),
        over["since"].to_list(),
        over["own"].fill_null(0).to_list(),
        over["limit"].to_list(),
        over["is_free"].to_list(),
    )
    parts = over.select("place").with_columns(before=pl.Series(before, dtype=pl.Int128))
    return (
        kept.join(parts, on="place", how="left", maintain_order="left")
        .with_columns(pl.col("before").fill_null(0))
        .drop("is_over", "place")
    )


def _walk(
    keys: list[tuple[object, ...]],
    days: list[object],
    since: list[object],
    own: list[int],
    limit: list[int],
    free: list[bool],
) -> list[int]:
    found: list[int] = []
    window: deque[tuple[object, int]] = deque()
    total, last = 0, None
    for key, day, first, amount, most, is_free in zip(
        keys, days, since, own, limit, free, strict=True
    ):
        if key != last:
            window.clear()
            total, last = 0, key
        while first is not None and window and window[0][0] < first:
            total -= window.popleft()[1]
        found.append(total)
        part = amount if is_free else min(amount, max(0, most - total))
        window.append((day, part))
        total += part
    return found
