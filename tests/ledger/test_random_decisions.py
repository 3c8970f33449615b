"""Random decisions and payments over nights, against what a person would expect of each finding."""

import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from audit_rules.policy.library import load_policies
from flows.intake.config import read_config
from flows.ledger.decisions import decide
from flows.ledger.read import read_ledger
from flows.ledger.written_decisions import Decision
from flows.letters.run import read_letter_run
from flows.letters.since import read_since
from flows.plan import payer_names, places_of
from flows.summary import Summary
from schemas.decisions import DISMISS, OVERTURNED, RECOVERED
from tests.support.examples import examples
from tests.support.extracts import IMATINIB, Row, good
from tests.support.few_rules import asking_few
from tests.support.ledger import night_of_fills

pytestmark = pytest.mark.slow  # several nights each
_few_rules = asking_few("AUTH01", "DUP01", "QTY01")

_AT_RISK = {190: Decimal("100.00"), 241: Decimal("610.00"), 300: Decimal("1200.00")}
_ALIAS = "Cigna of Ohio"
SEEDS = (2, 1)[: examples(1, 2)]
FAMILIES = 20
"""More of them take no longer, as more nights would."""
_OPEN = {"new", "open", "changed", "reopened"}


def _fill(claim: str, tablets: int, paid: date, **changed: object) -> Row:
    return good(
        "pharmacy_claim",
        claim_id=claim,
        quantity=tablets,
        paid_amount=f"{tablets * 10}.00",
        paid_date=paid,
        ndc_code=IMATINIB,
        dispensing_channel="retail",
        dispensing_date="2026-05-01",
        **changed,
    )


def _nights(chance: random.Random, count: int) -> list[date]:
    return [date(2026, 6, day) for day in sorted(chance.sample(range(10, 29), count))]


def _by_claim(summary: Summary, table: str) -> dict[str, dict[str, Any]]:
    rows = pl.read_parquet(summary.folder / f"{table}.parquet")
    if table == "exceptions":
        rows = rows.filter(rule_id="QTY01")
    return {row["claim_id"]: row for row in rows.iter_rows(named=True)}


@dataclass
class _Claim:
    """A claim, and what must come of its finding: `aside`, the verdict that sets it aside."""

    name: str
    tablets: int
    is_paid: bool = False
    exception_id: str = ""
    back: Decimal = Decimal(0)
    aside: tuple[Decimal, date] | None = None
    said: list[str] = field(default_factory=list)

    def is_aside(self, night: date) -> bool:
        """Outcomes move here only because the term is demoted, which brings nothing back."""
        at_risk = _AT_RISK[self.tablets]
        return self.aside is not None and self.aside[0] == at_risk and self.aside[1] >= night

    def row(self, chance: random.Random, night: date) -> Row | None:
        """Its row of a night: posted, reversed, posted again as it was or otherwise; or none."""
        paid = night.replace(day=night.day - 1)
        if self.is_paid:
            if chance.random() < 0.6:
                return None
            self.is_paid = False
            return _fill(
                self.name, self.tablets, paid, member_id=self.name, claim_status="reversed"
            )
        if self.exception_id and chance.random() < 0.4:
            return None
        self.is_paid = True
        if chance.random() < 0.5:
            self.tablets = chance.choice(list(_AT_RISK))
        return _fill(self.name, self.tablets, paid, member_id=self.name)

    def decide(self, chance: random.Random, warehouse: Path, night: date) -> None:
        action = chance.choice(
            (DISMISS, DISMISS, OVERTURNED, "confirm", "upheld", "request_records", RECOVERED)
        )
        amount = Decimal(10 + len(self.said)) if action == RECOVERED else None
        days = chance.choice((None, 0, 3, 9)) if action == DISMISS else None
        until = None if days is None else night + timedelta(days)
        made = Decision(self.exception_id, f"no {len(self.said)}", action, amount, until=until)
        decide(warehouse, [made], by="Ann")
        self.said.append(f"{night} {action} {until or ''}")
        if action in (DISMISS, OVERTURNED):
            self.aside = _AT_RISK[self.tablets], until or date.max
        elif action in ("confirm", "upheld"):
            self.aside = None
        self.back += amount or 0


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_set_aside_is_so_as_long_as_it_says_what_was_decided_about(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance, warehouse = random.Random(seed), tmp_path / "audit.duckdb"
    claims = [_Claim(f"K{n}", chance.choice(list(_AT_RISK))) for n in range(8)]
    for night in _nights(chance, 7):
        monkeypatch.setattr("flows.ledger.decisions.today", lambda night=night: night)
        rows = [row for claim in claims if (row := claim.row(chance, night))]
        found = night_of_fills(tmp_path, night, *rows)
        exceptions, lines = (_by_claim(found, name) for name in ("exceptions", "worklist"))
        assert exceptions.keys() == {claim.name for claim in claims if claim.is_paid}
        for claim in claims:
            if claim.is_paid:
                row = exceptions[claim.name]
                claim.exception_id = row["exception_id"]
                is_aside = claim.is_aside(night)
                assert (row["status"] == "dismissed") == is_aside, (night, claim)
                is_asked = row["outcome"] == "recover" and not is_aside
                asked = max(_AT_RISK[claim.tablets] - claim.back, Decimal(0)) if is_asked else 0
                assert lines[claim.name]["recover_amount"] == asked, (night, claim)
        known = {row["exception_id"]: row for row in read_ledger(warehouse).to_dicts()}
        for claim in claims:
            row = known[claim.exception_id]
            shown = {"dismissed"} if claim.is_aside(night) else _OPEN
            assert row["status"] in (shown if claim.is_paid else {"resolved"}), (night, claim)
            if claim.is_paid:
                assert row["outcome"] == exceptions[claim.name]["outcome"], (night, claim)
            for _ in range(chance.choice((0, 1, 1, 2))):
                claim.decide(chance, warehouse, night)


@dataclass
class _Family:
    """Claims that were rebilled as one another; the last one is paid, or nothing is."""

    name: str
    claims: list[str] = field(default_factory=list)
    tablets: int = 241
    is_paid: bool = False
    ids: set[str] = field(default_factory=set)
    back: Decimal = Decimal(0)
    said: list[str] = field(default_factory=list)
    line: Row = field(default_factory=dict)

    def row(self, chance: random.Random, night: date) -> Row | None:
        """Billed, reversed, posted again, or billed under another id as any claim of before."""
        paid = night.replace(day=night.day - 1)
        if self.is_paid and chance.random() < 0.3:
            self.is_paid = False
            changed: Row = {"claim_status": "reversed"}
        elif not self.claims or chance.random() < 0.7:
            original = chance.choice(self.claims) if self.claims else None
            if self.is_paid:
                original = self.claims[-1]
            # in any order of ids: which of them is first must not matter
            self.claims.append(f"{self.name}{chance.choice('abcdwxyz')}{night.day}")
            self.is_paid = True
            self.tablets = chance.choice((241, 300))
            changed = {"original_claim_id": original} if original else {}
            changed |= {"claim_frequency_code": "7"} if original else {}
            self.line = {
                "claim_line_number": chance.choice((1, 2)),
                "payer": chance.choice(("Cigna", "CIGNA", _ALIAS)),
                "member_id": self.name,
            }
        else:
            return None
        self.said.append(f"{night} {self.claims[-1]} {changed}")
        return _fill(self.claims[-1], self.tablets, paid, **self.line | changed)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_came_back_for_any_claim_of_a_family_is_not_asked_for_again(
    seed: int, tmp_path: Path
) -> None:
    """Nor in a letter of a run before it came back."""
    chance, warehouse = random.Random(seed), tmp_path / "audit.duckdb"
    families = [_Family(f"F{n}") for n in range(FAMILIES)]
    config = tmp_path / "config.toml"
    config.write_text(f'[payer_aliases]\n"{_ALIAS}" = "Cigna"\n', encoding="utf-8")
    settings = read_config(config)
    places = places_of(settings, payer_names(load_policies(None), settings))
    for night in _nights(chance, 7):
        rows = [row for family in families if (row := family.row(chance, night))]
        run = night_of_fills(tmp_path, night, *rows, config=config)
        exceptions, lines = (_by_claim(run, name) for name in ("exceptions", "worklist"))
        assert exceptions.keys() == {f.claims[-1] for f in families if f.is_paid}
        paid_since = set()
        for family in families:
            if family.is_paid:
                claim = family.claims[-1]
                family.ids.add(exceptions[claim]["exception_id"])
                asked = max(_AT_RISK[family.tablets] - family.back, Decimal(0))
                assert lines[claim]["recover_amount"] == asked, (night, family)
            if family.ids and chance.random() < 0.4:
                amount = Decimal(20 + len(family.said))
                about = chance.choice(sorted(family.ids))
                decide(warehouse, [Decision(about, action=RECOVERED, amount=amount)], by="Ann")
                family.back += amount
                family.said.append(f"{night} {amount} back")
                paid_since.add(family.name)
        gone = read_since(read_letter_run(run.folder, warehouse), warehouse, places).gone
        of_paid = {
            exceptions[f.claims[-1]]["exception_id"]
            for f in families
            if f.is_paid and f.name in paid_since
        }
        assert {row["exception_id"] for row in exceptions.values()} & gone == of_paid, night
