"""Random senders: what they deliver of a few persons, night after night, rights and wrongs."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from tests.support.extracts import Row, good
from tests.support.reference_final_action import ClaimRow

TABLETS = ("47335047281", "00078040134", "00093720110")  # a generic, its brand, another drug
AUDITED = {*TABLETS[:2], "J9229"}
NPIS = ("1234567893", "1679576722")
PAYERS = ("Cigna", "CIGNA", "Aetna", "MMM", "NantHealth", "Cygna")
ALIAS = "cygna"  # an alias of Cigna under some configs, else a payer of no policy
SLASHED = "%m/%d/%Y"  # a format of dates that only some configs know
_DAYS = (
    "dispensing_date",
    "claim_line_start_date",
    "paid_date",
    "diagnosis_date",
    "evidence_date",
    "enrollment_start_date",
)
STATUSES = {"R": "reversed", "D": "denied"}


@dataclass(frozen=True)
class SentRow(ClaimRow):
    """A claim row with the texts of its other columns: equal rows are exact duplicates."""

    named_payer: str = field(default="", compare=False)  # as the sender wrote it, in lower case


def is_bad(row: Row, is_dated: bool) -> bool:
    """Whether a row must be quarantined; is_dated: whether dates may have slashes."""
    has_slashes = "/" in str(row.get("paid_date"))
    return row.get("quantity") == "many" or (has_slashes and not is_dated)


def sent_row(row: Row, aliases: dict[str, str], persons: dict[str, str]) -> SentRow:
    """What a claim row of a sender says; persons: member_id -> its only person_id."""
    text = {name: str(value) for name, value in row.items() if value is not None}
    payer = text.pop("payer").lower()
    service = text.pop("dispensing_date", None) or text.pop("claim_line_start_date")
    quantity = text.pop("quantity", None) or text.pop("service_unit_quantity")
    product = text.pop("ndc_code", None) or text.pop("hcpcs_code")
    paid_date = text.pop("paid_date", None)
    status = text.pop("claim_status", None)
    member = text["member_id"]
    return SentRow(
        payer=aliases.get(payer, payer),
        person=text.get("person_id") or persons.get(member, member),
        claim_id=text.pop("claim_id"),
        line=int(text.pop("claim_line_number")),
        service_date=date.fromisoformat(service),
        status=STATUSES.get(status or ""),
        frequency=text.pop("claim_frequency_code", None),
        original=text.pop("original_claim_id", None),
        paid=Decimal(text.pop("paid_amount")),
        quantity=Decimal(quantity),
        fee=None,
        paid_date=_read_day(paid_date) if paid_date else None,
        product=product,
        extra=", ".join(f"{name} {value}" for name, value in sorted(text.items())),
        named_payer=payer,
    )


def service_date_of(row: Row) -> date | None:
    """The service date of a claim row; None for a row of another table."""
    day = row.get("dispensing_date") or row.get("claim_line_start_date")
    return date.fromisoformat(str(day)) if day else None


def latest_day(row: Row) -> date:
    """The last day that a row is about, its payment included."""
    return max((_read_day(str(row[n])) for n in _DAYS if row.get(n)), default=date.min)


def _read_day(text: str) -> date:
    return datetime.strptime(text, SLASHED).date() if "/" in text else date.fromisoformat(text)


@dataclass
class Sender:
    """A sender of a seed: its members, and every claim row it has sent, which it may correct."""

    seed: int
    chance: random.Random = field(init=False)
    members: list[str] = field(init=False)
    claims: list[tuple[str, Row]] = field(default_factory=list)
    authorizations: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(f"sender {self.seed}")
        self.members = [f"{self.seed}m{n}" for n in range(self.chance.choice((1, 1, 2, 3)))]

    def delivery(self, today: date) -> list[tuple[str, Row]]:
        """The rows of one night, each with its table; a bad one has the quantity `many`."""
        kinds = self.chance.choices(*zip(*_KINDS, strict=True), k=self.chance.choice((1, 2, 2, 4)))
        if not self.claims:
            kinds = [Sender._fill, Sender._dose, *kinds]
        return [row for kind in kinds for row in kind(self, today)]

    def _day(self, today: date) -> str:
        """A day of the months before, or one that is not known yet."""
        return str(today - timedelta(days=self.chance.choice((-20, -3, 0, 5, 40, 90, 200, 800))))

    def _own(self, today: date) -> Row:
        chance = self.chance
        paid = chance.choice((None, str(today), today.strftime(SLASHED), str(today - timedelta(9))))
        linked = f"{self.seed}p" if chance.random() < 0.2 else None
        member = chance.choice(self.members)
        claim = f"{self.seed}c{len(self.claims)}"
        return {"claim_id": claim, "member_id": member, "person_id": linked, "paid_date": paid}

    def _sent(self, table: str, row: Row) -> Iterable[tuple[str, Row]]:
        self.claims.append((table, row))
        return [(table, row)]

    def _fill(self, today: date) -> Iterable[tuple[str, Row]]:
        chance, quantity = self.chance, self.chance.choice((30, 181, 200, 500))
        row = self._own(today) | {
            "payer": chance.choice(PAYERS),
            "dispensing_date": self._day(today),
            "ndc_code": chance.choice((*TABLETS, TABLETS[0])),
            "quantity": str(quantity),
            "paid_amount": f"{quantity * chance.choice((3, 10, 90))}.00",
            "dispensing_channel": "retail",
            "prescribing_provider_npi": chance.choice((None, *NPIS)),
        }
        return self._sent("pharmacy_claim", good("pharmacy_claim", **row))

    def _dose(self, today: date) -> Iterable[tuple[str, Row]]:
        day = self._day(today)
        row = self._own(today) | {
            "payer": self.chance.choice(PAYERS),
            "claim_start_date": day,
            "claim_line_start_date": day,
            "hcpcs_code": self.chance.choice(("J9229", "J9229", "99213")),
            "service_unit_quantity": self.chance.choice(("9", "18", "27")),
            "paid_amount": self.chance.choice(("20000.00", "40000.00")),
            "rendering_npi": self.chance.choice((None, *NPIS)),
        }
        return self._sent("medical_claim", good("medical_claim", **row))

    def _corrected(self, today: date) -> Iterable[tuple[str, Row]]:
        """Another version of a claim that was sent before, or a second claim that names it."""
        if not self.claims:
            return []
        table, row = self.chance.choice(self.claims)
        claim = row["claim_id"]
        quantity = "quantity" if table == "pharmacy_claim" else "service_unit_quantity"
        other = f"{self.seed}c{len(self.claims)}"
        ways: tuple[Row, ...] = (
            {},
            {quantity: "31", "paid_amount": "310.00"},
            {quantity: "250", "paid_amount": "2500.00"},
            {"claim_status": "R"},
            {"claim_status": "D"},
            {"paid_amount": f"-{str(row['paid_amount']).lstrip('-')}"},
            {"claim_id": other, "claim_frequency_code": "8", "original_claim_id": claim},
            {"claim_id": other, "claim_frequency_code": "7", "original_claim_id": claim},
            {"claim_id": other, "original_claim_id": claim},
            {"claim_frequency_code": "7", "original_claim_id": claim, quantity: "182"},
        )
        changed = self.chance.choice(ways)
        if changed:
            changed = {"paid_date": str(today)} | changed
        return self._sent(table, row | changed)

    def _bad(self, today: date) -> Iterable[tuple[str, Row]]:
        row = self._own(today) | {"quantity": "many", "claim_id": f"{self.seed}bad{today}"}
        return [("pharmacy_claim", good("pharmacy_claim", **row))]

    def _diagnosis(self, today: date) -> Iterable[tuple[str, Row]]:
        member, code = self.chance.choice(self.members), self.chance.choice(("C92.10", "C91.00"))
        row = good("diagnosis", member_id=member, diagnosis_code=code)
        if self.claims and self.chance.random() < 0.4:
            _, claim = self.chance.choice(self.claims)
            at = {"claim_id": claim["claim_id"], "diagnosis_date": None}
            return [("diagnosis", row | at | {"member_id": claim["member_id"]})]
        return [("diagnosis", row | {"diagnosis_date": self._day(today)})]

    def _span(self, today: date) -> Iterable[tuple[str, Row]]:
        end = self.chance.choice((None, None, str(today - timedelta(days=60))))
        person = self.chance.choice((None, f"{self.seed}p", f"{self.seed}q"))
        who = {"member_id": self.chance.choice(self.members), "person_id": person}
        payer = self.chance.choice(PAYERS)
        return [("eligibility", good("eligibility", payer=payer, enrollment_end_date=end, **who))]

    def _authorization(self, today: date) -> Iterable[tuple[str, Row]]:
        chance = self.chance
        row = good(
            "authorization",
            authorization_id=f"{self.seed}a{chance.randrange(2)}",
            member_id=chance.choice(self.members),
            payer=chance.choice(PAYERS),
            status=chance.choice(("approved", "approved", "denied")),
            start_date="2025-01-01",
            end_date=chance.choice(("2026-12-31", str(today - timedelta(days=30)))),
        )
        return [("authorization", row)]

    def _evidence(self, today: date) -> Iterable[tuple[str, Row]]:
        code, value = self.chance.choice(
            (("generic_trial", "documented"), ("philadelphia", "positive"), ("response", "NR"))
        )
        row = good(
            "clinical_evidence",
            member_id=self.chance.choice(self.members),
            evidence_date=self._day(today),
            evidence_code=code,
            evidence_value=value,
        )
        return [("clinical_evidence", row)]

    def _provider(self, today: date) -> Iterable[tuple[str, Row]]:
        taxonomy = self.chance.choice(("207RH0003X", "207R00000X"))
        npi = self.chance.choice(NPIS)
        return [("provider", good("provider", npi=npi, taxonomy_code=taxonomy))]


Kind = Callable[[Sender, date], Iterable[tuple[str, Row]]]
_KINDS: tuple[tuple[Kind, int], ...] = (
    (Sender._fill, 5),
    (Sender._dose, 2),
    (Sender._corrected, 6),
    (Sender._bad, 1),
    (Sender._diagnosis, 2),
    (Sender._span, 1),
    (Sender._authorization, 1),
    (Sender._evidence, 1),
    (Sender._provider, 1),
)
