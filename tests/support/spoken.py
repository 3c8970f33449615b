"""Documents of the policy language asked about plain rows, without a warehouse."""

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

import polars as pl

from audit_rules.engine.dossier import Dossier, WarehouseFrames, compile_dossier
from audit_rules.engine.judge import Judgement
from audit_rules.engine.rule import PolicyBook
from audit_rules.kinds.judge import judge_all, judge_documents
from audit_rules.policy.document import Policy, PolicyFile, array_headers, parse_policy
from audit_rules.policy.language.read import LANGUAGE_KEYS
from audit_rules.policy.library import PolicyLibrary, check_library, load_policies
from audit_rules.reference.codes import Reference, load_reference
from audit_rules.rules import CATALOGUE
from schemas.frames import WAREHOUSE_FRAMES
from schemas.tables import TABLES
from tests.support.policy_schema import schema_errors

Row = Mapping[str, object]
AS_OF = date(2026, 6, 30)
ACME = """
[document]
id = "acme-drug"
title = "Acme drug policy"
payer = "acme"
payer_names = ["Acme"]

[[version]]
effective_from = 2020-01-01
basis = "stated"
cite = "first version"

[[products]]
name = "drug"
hcpcs = ["J1000"]
"""
"""A document of the language without a term: its head, one version and one set."""
LIMIT = """
[[quantity]]
term_id = "acme-drug.1"
effective_from = 2020-01-01
cite = "units a date"
basis = "stated"
measure = "units"
most = 10
per = "date"
finding = { outcome = "recover" }
"""
"""A term for that document."""
DAY = date(2026, 3, 2)
_SUPPLY_DAYS = 30
_HEAD: dict[str, object] = {
    "id": "a-policy",
    "title": "A policy",
    "payer": "acme",
    "payer_names": ["Acme"],
}
_TERM = {"effective_from": date(2020, 1, 1), "cite": "clause", "basis": "stated"}


@cache
def _reference() -> Reference:
    return load_reference(load_policies())


@cache
def _shipped() -> tuple[Policy, ...]:
    return load_policies().policies


def policy(text: str, folder: Path | None = None) -> Policy:
    """A document from TOML in which what every document has may be left out."""
    data = tomllib.loads(text)
    data["document"] = _HEAD | data.get("document", {})
    data.setdefault(
        "version",
        [{"effective_from": date(2020, 1, 1), "basis": "stated", "cite": "first version"}],
    )
    for kind in LANGUAGE_KEYS & data.keys():
        for number, term in enumerate(data[kind], 1):
            for key, value in ({"term_id": f"{kind}.{number}"} | _TERM).items():
                term.setdefault(key, value)
    file = PolicyFile("policy.toml", folder or Path(), data, "0", array_headers(text), text)
    made = parse_policy(file)
    assert schema_errors(data) == [], "the published schema refuses what the program accepts"
    return made


def _typed(name: str, rows: Sequence[Row]) -> pl.DataFrame:
    frame = WAREHOUSE_FRAMES[name]
    schema = {n: c.dtype for n, c in frame.columns.items()}
    filled = [{n: row.get(n) for n in schema} for row in rows]
    return pl.DataFrame(filled, schema=schema)


def _claim(row: Row, number: int) -> dict[str, object]:
    quantity, paid = row.get("quantity", "1"), row.get("paid_amount", "100.00")
    made: dict[str, object] = {
        "claim_id": f"C{number}",
        "claim_line_number": 1,
        "person": "M",
        "member_id": "M",
        "payer": "Acme",
        "payer_id": str(row.get("payer", "acme")).lower(),
        "service_date": DAY,
        "fate": "history",
        "shares_key": False,
        "is_netted": False,
        **row,
        "quantity": None if quantity is None else Decimal(str(quantity)),
        "paid_amount": None if paid is None else Decimal(str(paid)),
    }
    made["quantity_milli"] = None if quantity is None else int(Decimal(str(quantity)) * 1000)
    made["paid_cents"] = None if paid is None else int(Decimal(str(paid)) * 100)
    if row.get("days_supply") is not None:
        made["days_supply"] = Decimal(str(row["days_supply"]))
    if row.get("dispensing_fee") is not None:
        made["fee_cents"] = int(Decimal(str(row["dispensing_fee"])) * 100)
        made["dispensing_fee"] = Decimal(str(row["dispensing_fee"]))
    return made


@dataclass(frozen=True)
class World:
    """Rows of every table, by default one person of one payer who is observed since 2020.

    absent   tables that were not supplied.
    """

    medical: Sequence[Row] = ()
    pharmacy: Sequence[Row] = ()
    diagnosis: Sequence[Row] = ()
    eligibility: Sequence[Row] = ({},)
    authorization: Sequence[Row] = ()
    evidence: Sequence[Row] = ()
    provider: Sequence[Row] = ()
    starts: Mapping[str, tuple[date | None, date | None]] | None = None
    senders: Sequence[str] = ("acme",)
    absent: Sequence[str] = ()
    ndc: Sequence[Row] = ()

    def frames(self) -> WarehouseFrames:
        """The rows as the warehouse hands them over."""
        first = date(2020, 1, 1)
        starts = self.starts or {"acme": (first, first)}
        person = {"person": "M", "payer_id": "acme"}
        span = {"enrollment_start_date": first, "birth_date": date(1970, 5, 1)}
        decision = {
            "status": "approved",
            "start_date": date(2026, 1, 1),
            "end_date": date(2026, 12, 31),
            "authorization_id": "A1",
        }
        made = [{**person, **decision, **row} for row in self.authorization]
        made = [
            {"drug_word": row.get("drug"), "product_word": row.get("product"), **row}
            for row in made
        ]
        medical = [_claim({"source": "medical", **r}, n) for n, r in enumerate(self.medical, 1)]
        pharmacy = [_claim(r, n + 100) for n, r in enumerate(self.pharmacy, 1)]
        supplied = (set(TABLES) | {"any_diagnosis"}) - set(self.absent)
        return WarehouseFrames(
            medical=_typed("medical", medical),
            pharmacy=_typed("pharmacy", pharmacy),
            diagnosis=_typed("diagnosis", [{"person": "M", **r} for r in self.diagnosis]),
            eligibility=_typed("eligibility", [{**person, **span, **r} for r in self.eligibility]),
            authorization=_typed("authorization", made),
            clinical_evidence=_typed(
                "clinical_evidence", [{"person": "M", **r} for r in self.evidence]
            ),
            priced_lines=_typed("priced_lines", []),
            authorization_start=_typed(
                "authorization_start",
                [{"payer_id": s, "drug": "x", "first_start_date": first} for s in self.senders],
            ),
            provider=_typed("provider", self.provider),
            payer_start=_typed(
                "payer_start",
                [
                    {"payer_id": p, "first_dispensing_date": f, "first_service_date": m}
                    for p, (m, f) in starts.items()
                ],
            ),
            supplied=frozenset(supplied),
        )

    def dossier(self, reference: Reference) -> Dossier:
        """The dossier of the rows."""
        return compile_dossier(self.frames(), reference, _SUPPLY_DAYS, AS_OF)


def judgement(
    documents: Sequence[Policy],
    world: World,
    shipped: bool = False,
    demoted: Collection[str] = (),
) -> Judgement:
    """What documents, and if asked for the shipped ones too, say of a world.

    demoted   ids of terms whose findings were overturned too often.
    """
    library = PolicyLibrary((*(_shipped() if shipped else ()), *documents))
    dossier, book = _known(library, world)
    return judge_all(dossier, replace(book, demoted=frozenset(demoted)), CATALOGUE)


def _known(library: PolicyLibrary, world: World) -> tuple[Dossier, PolicyBook]:
    """What a judge is given: the rows of a world, and the documents with its NDCs."""
    check_library(library)
    reference = _reference()
    extra = pl.DataFrame(
        [{c: row.get(c) for c in reference.ndc.columns} for row in world.ndc],
        schema=reference.ndc.schema,
    )
    reference = replace(reference, ndc=pl.concat([reference.ndc, extra]))
    return world.dossier(reference), PolicyBook(library, reference)


def answers(text: str, world: World, folder: Path | None = None) -> dict[str, str]:
    """What a document says of each claim line: claim, `.line` unless 1, and ` term` unless it has
    one term; in words. Lines without an entry are not_applicable."""
    return answers_of(policy(text, folder), world)


def answers_of(document: Policy, world: World) -> dict[str, str]:
    """The same, of a document that was loaded."""
    governed = judge_documents(*_known(PolicyLibrary((document,)), world), CATALOGUE)
    assert governed is not None
    rows = governed.answers.join(governed.lines, on=["row_id", "policy_id"])
    several = len(document.language_terms) > 1
    found = {}
    for row in rows.sort("claim_id", "claim_line_number", "term_id").iter_rows(named=True):
        line = "" if row["claim_line_number"] == 1 else f".{row['claim_line_number']}"
        term = f" {row['term_id']}" if several else ""
        found[f"{row['claim_id']}{line}{term}"] = _words(row)
    return found


def _words(row: Mapping[str, object]) -> str:
    words = [str(row["outcome"])]
    if row["reason"]:
        words.append(str(row["reason"]))
    for name in ("observed", "allowed"):
        if row[name] is not None:
            words.append(f"{name}={row[name]:g}")
    if row["outcome"] in ("recover", "records_request", "review", "advisory"):
        cents = row["amount_cents"]
        words.append("amount=null" if cents is None else f"amount={int(str(cents)) / 100:.2f}")
    return " ".join(words)
