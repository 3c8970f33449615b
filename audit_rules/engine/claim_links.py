"""Which claims name each other as the original, directly or by way of other claims.

Nearly every claim names at most one other, so names make trees. Who is above whom is found by steps
that double, not by listing every pair. A claim that names several goes on from each of them.
"""

from typing import NamedTuple

import polars as pl

_PLACE = ("claim_source", "person", "payer_id")
NAMED = (*_PLACE, "claim_id", "named_claim_id")


def named_claims(medical: pl.DataFrame, pharmacy: pl.DataFrame) -> pl.DataFrame:
    """One row per claim and claim that it names as its original; columns NAMED.

    Every row counts, whatever final action made of it.
    """
    named = pl.concat(_named(source, rows) for source, rows in _sources(medical, pharmacy))
    return named.sort(NAMED)


def linked(pairs: pl.DataFrame, named: pl.DataFrame) -> pl.DataFrame:
    """Those of the pairs whose first claim names the second, itself or by way of other claims.

    pairs   distinct rows of columns NAMED: two different claims.
    named   what `named_claims` gives.
    """
    claim = [*_PLACE, "claim_id"]
    ends = named.rename({"claim_id": "named", "named_claim_id": "claim_id"})
    claims = pl.concat([named.select(claim), ends.select(claim)]).unique(maintain_order=True)
    claims = claims.with_row_index("node").with_columns(pl.col("node").cast(pl.Int64))
    of_first = claims.rename({"node": "first"})
    of_second = claims.rename({"node": "second", "claim_id": "named_claim_id"})

    def numbered(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.join(of_first, on=claim).join(of_second, on=[*_PLACE, "named_claim_id"])

    names = numbered(named).select("first", "second").sort("first", "second")
    asked = numbered(pairs)
    return asked.filter(_reaches(_Names.of(names, claims.height), asked)).select(pairs.columns)


class _Names(NamedTuple):
    """Who names whom: nodes with a number each; one past the last is nobody.

    home    the node itself; of claims that name each other in a circle, one for all.
    above   jumps of 1, 2, 4, ... steps from each home to the home of the first that it names.
    depth   how many steps there are.
    fork    the nearest home, from each on, that also names others.
    also    what forks also name: columns fork and at.
    """

    home: pl.Series
    above: list[pl.Series]
    depth: pl.Series
    fork: pl.Series
    also: pl.DataFrame

    @classmethod
    def of(cls, names: pl.DataFrame, count: int) -> "_Names":
        """Number who names whom; `names` has columns first and second, of `count` nodes."""
        once = names.unique("first", keep="first", maintain_order=True)
        others = names.join(once, on=["first", "second"], how="anti")
        nodes = pl.select(pl.int_range(count + 1, dtype=pl.Int64)).to_series()
        above = nodes.set(nodes >= 0, count).scatter(once["first"], once["second"])
        jumps = _jumps(above)
        lowest = nodes
        for jump in jumps:
            lowest = pl.select(pl.min_horizontal(lowest, lowest.gather(jump))).to_series()
        in_circle = nodes.is_in(jumps[-1].unique().implode()) & (nodes < count)
        home = lowest.zip_with(in_circle, nodes)
        above = home.gather(above).set(in_circle, count)
        jumps = _jumps(above)
        depth = (above < count).cast(pl.Int64)
        for jump in jumps:
            depth = depth + depth.gather(jump)
        also = pl.DataFrame(
            {"fork": home.gather(others["first"]), "at": home.gather(others["second"])}
        )
        fork = nodes.zip_with(nodes.is_in(also["fork"].implode()), above)
        for _ in jumps:
            fork = fork.gather(fork)
        return cls(home, jumps, depth, fork, also)


def _jumps(step: pl.Series) -> list[pl.Series]:
    """Jumps of 1, 2, 4, ... steps, more than there are nodes."""
    jumps = [step]
    while 1 << (len(jumps) - 1) < len(step):
        jumps.append(jumps[-1].gather(jumps[-1]))
    return jumps


def _reaches(names: _Names, asked: pl.DataFrame) -> pl.Series:
    """Whether `first` names `second` directly or by way of others, for each row."""
    first, second = (names.home.gather(asked[c]) for c in ("first", "second"))
    rows = pl.DataFrame({"at": first, "second": second}).with_row_index("pair")
    found = [rows.filter(_is_above(names, rows))["pair"]]
    nobody = names.home.len() - 1
    seen = front = rows.select("pair", "at", "second")
    while front.height:
        forks = front.with_columns(fork=names.fork.gather(front["at"]))
        forks = forks.filter(pl.col("fork") < nobody).drop("at")
        also = forks.join(names.also, on="fork").select("pair", "at", "second")
        found.append(also.filter(_is_above(names, also))["pair"])
        beyond = forks.select("pair", "second", at=names.above[0].gather(forks["fork"]))
        onwards = pl.concat([also, beyond.select(also.columns)]).filter(pl.col("at") < nobody)
        front = onwards.unique(["pair", "at"]).join(seen, on=["pair", "at"], how="anti")
        seen = pl.concat([seen, front])
    return rows["pair"].is_in(pl.concat(found).implode())


def _is_above(names: _Names, rows: pl.DataFrame) -> pl.Series:
    """Whether `second` is `at`, or above it in its tree, for each row."""
    steps = names.depth.gather(rows["at"]) - names.depth.gather(rows["second"])
    at = rows["at"]
    for power, jump in enumerate(names.above):
        is_on = (steps >= 0) & ((steps // (1 << power)) % 2 == 1)
        at = jump.gather(at).zip_with(is_on, at)
    return (at == rows["second"]) & (steps >= 0)


def _sources(
    medical: pl.DataFrame, pharmacy: pl.DataFrame
) -> tuple[tuple[str, pl.DataFrame], tuple[str, pl.DataFrame]]:
    return ("medical", medical), ("pharmacy", pharmacy)


def _named(source: str, rows: pl.DataFrame) -> pl.DataFrame:
    """The claims of one table that name another claim as their original."""
    other = pl.col("original_claim_id")
    return (
        rows.filter(other.is_not_null(), other != pl.col("claim_id"))
        .select(pl.lit(source).alias(_PLACE[0]), *_PLACE[1:], "claim_id", named_claim_id=other)
        .unique()
    )
