"""Published runs of a few worklist lines, made without running anything."""

import hashlib
import json
import random
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl

from audit_rules.law.library import load_law
from flows.results.manifest import MANIFEST
from schemas.results import EXCEPTION, WORKLIST
from tests.support.extracts import Row

PAYEE = "1234567893"
ALABAMA = '[payers.Cigna]\njurisdiction = "US-AL"\nline_of_business = "commercial_insured"\n'


def worklist_row(number: int, **changed: object) -> Row:
    """A line of a worklist."""
    return {
        "claim_source": "pharmacy",
        "payer": "Cigna",
        "member_id": f"M{number}",
        "person_id": f"P{number}",
        "claim_id": f"RX{number}",
        "claim_line_number": 1,
        "service_date": date(2026, 1, 1) + timedelta(days=number % 90),
        "billing_npi": PAYEE,
        "product_code": "47335047281",
        "rule_ids": ["QTY01"],
        "exception_ids": [f"{number:032x}"],
        "outcome": "recover",
        "status": "new",
        "collectable": "unknown",
        "paid_amount": Decimal("100.00"),
        "amount_at_risk": Decimal("40.00"),
    } | changed


def random_rows(seed: int, count: int) -> list[Row]:
    """Lines of several payers, rules and amounts."""
    choose = random.Random(seed)
    return [
        worklist_row(
            number,
            claim_source=choose.choice(["pharmacy", "medical"]),
            payer=choose.choice(["Cigna", "CIGNA", "Assurance Éà", "MMM"]),
            plan=choose.choice(["Gold", None]),
            rule_ids=[choose.choice(["QTY01", "GEN01", "DX01"])],
            status=choose.choice(["new", "open", "dismissed"]),
            collectable=choose.choice(["yes", "unknown", "no"]),
            paid_amount=Decimal(choose.randrange(1, 10**6)) / 100,
            amount_at_risk=Decimal(choose.randrange(0, 10**5)) / 100,
        )
        for number in range(count)
    ]


def publish_run(folder: Path, rows: Sequence[Row], **manifest: object) -> Path:
    """Write the folder of a complete run with these lines; its exceptions lead a line each."""
    folder.mkdir(parents=True)
    lines = pl.DataFrame(rows, schema=WORKLIST)
    exceptions = lines.select(
        exception_id=pl.col("exception_ids").list.first(), rule_id=pl.col("rule_ids").list.first()
    )
    lines.write_parquet(folder / "worklist.parquet")
    pl.DataFrame(schema=WORKLIST).write_parquet(folder / "advisories.parquet")
    pl.DataFrame(exceptions.to_dicts(), schema=EXCEPTION).write_parquet(
        folder / "exceptions.parquet"
    )
    results = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()
    }
    law = {one.law.id: {"file": one.file_name, "sha256": one.sha256} for one in load_law().laws}
    stated = {
        "run_id": "0123456789abcdef",
        "version": "0.1.0",
        "result_schema_version": 4,
        "as_of": "2026-06-30",
        **{name: [] for name in ("files", "tables", "repeated_amounts")},
        **{name: {} for name in ("unknown_columns", "policies", "reference")},
        "law": law,
        "results": results,
        **manifest,
    }
    (folder / MANIFEST).write_text(json.dumps(stated), encoding="utf-8")
    return folder
