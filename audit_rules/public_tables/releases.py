"""Rows of several releases in one CSV: each holds from its first day up to the next release's."""

from collections.abc import Sequence

import polars as pl

from audit_rules.errors import PolicyRefused
from audit_rules.public_tables.order import Earlier, Order

_RELEASE = r"release (\d{4}-\d{2}-\d{2})"
_END = "effective_to"


def cited(table: str, order: Order, file: str, what: pl.Expr | None = None) -> pl.Expr:
    """The clause of every row: table, release, file and row, and what the row says."""
    place = pl.format(f"{table}, release {order.day}, {{}} row {{}}", pl.lit(file), "row")
    return place if what is None else pl.format("{}: {}", place, what)


def read_rows(earlier: Earlier, name: str, columns: Sequence[str]) -> pl.DataFrame:
    """The rows of an earlier import as text, with their `release`; none if there is no such
    file."""
    if name not in earlier:
        return pl.DataFrame(schema=dict.fromkeys([*columns, "release"], pl.String))
    rows = earlier[name]
    lacking = [c for c in columns if c not in rows.columns]
    if lacking:
        raise PolicyRefused(f"{name}: no column {lacking[0]}. Restore it, or give another folder.")
    return rows.select(columns).with_columns(release=pl.col("cite").str.extract(_RELEASE))


def refuse_nothing(new: pl.DataFrame, order: Order) -> None:
    """Raise PolicyRefused if a release has no row to write."""
    if new.is_empty():
        raise PolicyRefused(
            f"Release {order.day}: there is no row to write. Ask for codes or articles that are in"
            " the files."
        )


def merged(
    before: pl.DataFrame, new: pl.DataFrame, order: Order, asked: pl.Expr, source: pl.Expr
) -> pl.DataFrame:
    """The rows of earlier releases and of this one.

    asked    which rows this release speaks about; earlier ones of them end with its first day.
    source   rows that one release after the other replaces; text.

    Rows that no import wrote cite no release, and stay as they are.
    """
    before, new = (f.with_columns(source=source) for f in (before, new))
    day, release = pl.lit(order.day), pl.col("release")
    others = before.filter(~(asked & (release == day)).fill_null(False))
    ends = pl.when(asked & (release < day)).then(pl.min_horizontal(_END, day)).otherwise(_END)
    ended = others.with_columns(ends.alias(_END))
    following = (
        others.filter(pl.col("release") > day).group_by("source").agg(next=pl.col("release").min())
    )
    added = new.join(following, on="source", how="left", maintain_order="left").with_columns(
        pl.min_horizontal(_END, "next").alias(_END), release=day
    )
    rows = pl.concat([ended, added.select(ended.columns)])
    never = pl.col(_END) <= pl.col("effective_from")
    return rows.filter(~never.fill_null(False)).drop("source")


def as_csv(rows: pl.DataFrame, columns: Sequence[str], order_by: Sequence[str]) -> bytes | None:
    """A CSV with the same bytes for the same rows; None if there is none."""
    if rows.is_empty():
        return None
    return rows.sort(*order_by).select(columns).write_csv().encode()
