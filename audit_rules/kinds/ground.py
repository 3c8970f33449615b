"""The ground of one document: its lines, once for each set they are in, with what is asked of them.

Every question of a document is answered for every row of `asked`, as a series in its order; so
conditions that several terms share are answered once.
"""

from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

import polars as pl

from audit_rules.engine.dossier import Dossier
from audit_rules.engine.rule import PolicyBook
from audit_rules.kinds.sets import set_members
from audit_rules.policy.document import Policy
from audit_rules.reference.product_sets import LineSet, line_sets
from schemas.paid import is_paid

_LINE = (
    "row_id",
    "claim_source",
    "person",
    "payer_id",
    "plan",
    "claim_id",
    "claim_line_number",
    "service_date",
    "paid_date",
    "provider_npi",
    "billing_npi",
    "quantity_milli",
    "paid_cents",
    "fee_cents",
    "hcpcs_code",
    "ndc_code",
    "place_of_service_code",
    "channel",
    "days_supply",
    "supply_end",
    "modifiers",
    "birth_date",
    "age",
    "product_code",
    "quantity",
    "drug",
)


def history_of(dossier: Dossier, book: PolicyBook) -> pl.DataFrame:
    """Every history line of either claim table, with the strength and ingredient of its NDC, and
    its place in the order of lines."""
    facts = book.reference.ndc.select(
        pl.col("ndc11").alias("ndc_code"), set_strength="strength_mg", set_ingredient="ingredient"
    )
    both = [frame.select(_LINE) for frame in (dossier.fills, dossier.services)]
    lines = pl.concat(both).collect().join(facts, on="ndc_code", how="left")
    order = ["service_date", "paid_date", "claim_id", "claim_line_number", "claim_source", "row_id"]
    return lines.sort(order, nulls_last=False).with_row_index("order_no")


@dataclass(frozen=True)
class Ground:
    """One document with its lines.

    history   every history line of the persons, whatever it is of.
    repeats   numbers of audited lines that are or may be duplicates of an earlier one.
    """

    dossier: Dossier
    book: PolicyBook
    policy: Policy
    history: pl.DataFrame
    repeats: pl.Series
    memo: dict[Any, Any] = field(default_factory=dict)

    @property
    def as_of(self) -> date:
        """The day as of which everything is known."""
        return self.dossier.as_of

    @property
    def diagnosis_codes(self) -> pl.Series:
        """The codes of all diagnoses, each once."""

        def find() -> pl.DataFrame:
            return self.dossier.diagnoses.select("code").unique().collect()

        return self.dossier.once("diagnosis_codes", self.book, find).collect()["code"]

    @cached_property
    def sets(self) -> list[LineSet]:
        """The document's sets."""
        return line_sets(self.policy, self.book.reference.ndc)

    def numbers(self, names: tuple[str, ...]) -> list[int]:
        """The numbers of sets by their names."""
        wanted = set(names)
        return [s.number for s in self.sets if s.name in wanted]

    @cached_property
    def members(self) -> pl.DataFrame:
        """Lines of each set: row_id, set_no."""
        return set_members(self.history, self.sets, self.book.reference.unclassified)

    @cached_property
    def asked(self) -> pl.DataFrame:
        """The lines once for each set they are in: ask_no, set_no, the line, is_waste, is_repeat,
        is_judged (paid, and of a payer of the document), unit_mg."""
        sets = pl.DataFrame(
            [(s.number, list(s.waste), s.unit_mg) for s in self.sets],
            schema={"set_no": pl.Int64, "waste": pl.List(pl.String), "unit_mg": pl.Float64},
            orient="row",
        )
        payers = [p.id for p in self.policy.payers]
        of_payer = pl.col("payer_id").is_in(payers) if payers else pl.lit(True)
        joined = self.members.join(self.history, on="row_id").join(sets, on="set_no")
        waste = pl.col("modifiers").list.set_intersection("waste").list.len() > 0
        return (
            joined.sort("order_no", "set_no")
            .with_columns(
                is_waste=waste.fill_null(False),
                is_repeat=pl.col("row_id").is_in(self.repeats.implode()),
                is_judged=(is_paid(pl.col("paid_cents")) & of_payer).fill_null(False),
                day="service_date",
            )
            .drop("waste")
            .with_row_index("ask_no")
        )

    @cached_property
    def judged(self) -> pl.DataFrame:
        """The lines of `asked` that the document answers for."""
        return self.asked.filter("is_judged")

    def filled(self, value: object, dtype: pl.DataType | type[pl.DataType]) -> pl.Series:
        """One value for every row of `asked`."""
        return pl.Series([value], dtype=dtype).new_from_index(0, self.asked.height)

    def aligned(self, found: pl.DataFrame, column: str) -> pl.Series:
        """A column of a frame with ask_no, in the order of `asked`; null if it has no row."""
        return (
            self.asked.select("ask_no")
            .join(found.select("ask_no", column), on="ask_no", how="left", maintain_order="left")
            .to_series(1)
        )
