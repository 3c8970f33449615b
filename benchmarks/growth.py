"""Growth: how time and memory grow along one axis at a time.

Each axis makes an extract three times, of n, 2n and 4n rows of one kind, and measures what the
program does with each in a process of its own. It prints seconds, peak memory, and the exponent
between n and 4n: 1 is linear, 2 quadratic. TARGET is what CONTRIBUTING.md asks for.

    python benchmarks/growth.py [AXIS ...]
"""

import argparse
import csv
import gzip
import math
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from flows.request import RunRequest

TARGET = 1.2
AS_OF, START = date(2026, 6, 30), date(2026, 1, 2)
TABLETS, BRAND_TABLETS = "47335047281", "00078040134"
INDUCER, DASATINIB = "24658080130", "00003052411"
Row = dict[str, object]
Extracts = dict[str, list[Row]]


def _fill(n: int, day: date, **values: object) -> Row:
    own: Row = {
        "claim_id": f"F{n}",
        "member_id": "M",
        "payer": "Cigna",
        "dispensing_date": day,
        "ndc_code": TABLETS,
        "quantity": 90,
        "days_supply": 30,
        "paid_amount": "100.00",
        "paid_date": day,
        "dispensing_channel": "retail",
        "dispensing_provider_npi": "1234567893",
    }
    return own | values


def _dose(n: int, day: date, **values: object) -> Row:
    own: Row = {
        "claim_id": f"D{n}",
        "claim_line_number": 1,
        "member_id": "M",
        "payer": "MMM",
        "claim_start_date": day,
        "claim_line_start_date": day,
        "hcpcs_code": "J9229",
        "service_unit_quantity": 27,
        "paid_amount": "100.00",
        "paid_date": day,
        "diagnosis_code_1": "C91.00",
    }
    return own | values


def _spread(n: int, size: int, days: int = 180) -> date:
    return START + timedelta(days=n * days // size)


def same_day_fills(size: int) -> Extracts:
    """Fills of one member on one day."""
    return {"pharmacy_claim": [_fill(n, START) for n in range(size)]}


def spread_fills(size: int) -> Extracts:
    """Fills of one member over half a year, brand and generic in turn."""
    codes = (TABLETS, BRAND_TABLETS)
    fills = [_fill(n, _spread(n, size), ndc_code=codes[n % 2], quantity=n + 1) for n in range(size)]
    return {"pharmacy_claim": fills}


def doses(size: int) -> Extracts:
    """Doses of one member on as many days as there are, up to eleven years."""
    first = AS_OF - timedelta(days=4000)
    return {
        "medical_claim": [_dose(n, first + timedelta(days=n * 4000 // size)) for n in range(size)]
    }


def lines_of_a_claim(size: int) -> Extracts:
    """Lines of one claim, each with a diagnosis code of its own."""
    lines = [
        _dose(0, START, claim_line_number=n + 1, diagnosis_code_1=_icd(n)) for n in range(size)
    ]
    return {"medical_claim": lines}


def _icd(n: int) -> str:
    letters = "ABDEFGHIJKLMNOPQRSTUVWXYZ"
    return f"{letters[n // 1000 % 25]}{n // 100 % 10}{n // 10 % 10}.{n % 10}"


def authorizations(size: int) -> Extracts:
    """Fills of one member, and as many authorizations that come and go."""
    decisions: list[Row] = [
        {
            "authorization_id": f"A{n}",
            "member_id": "M",
            "payer": "Cigna",
            "drug": "imatinib",
            "status": ("approved", "denied")[n % 2],
            "start_date": _spread(n, size) - timedelta(days=n % 90),
            "end_date": _spread(n, size) + timedelta(days=n % 70),
            "override": "cyp3a4_inducer",
        }
        for n in range(size)
    ]
    return spread_fills(size) | {"authorization": decisions}


def evidence(size: int) -> Extracts:
    """Doses of one member, and as many clinical facts and fills of inducers."""
    words = (
        ("response", "NR"),
        ("mrd", "positive"),
        ("bsa_m2", "1.9"),
        ("philadelphia", "negative"),
    )
    facts: list[Row] = [
        {
            "member_id": "M",
            "evidence_date": _spread(n, size),
            "evidence_code": words[n % 4][0],
            "evidence_value": words[n % 4][1],
        }
        for n in range(size)
    ]
    fills = spread_fills(size)["pharmacy_claim"]
    inducers = [
        _fill(size + n, _spread(n, size), ndc_code=INDUCER, days_supply=n % 60 + 1)
        for n in range(size)
    ]
    lines = [_dose(n, _spread(n, size)) for n in range(size)]
    return {"medical_claim": lines, "clinical_evidence": facts, "pharmacy_claim": fills + inducers}


def words_of_authorizations(size: int) -> Extracts:
    """Fills of one member, and authorizations each in its own words for drug, product, override."""
    own = authorizations(size)
    words = ("drug", "product", "override")
    decisions = [
        decision | {"status": "approved", "product": "", words[n % 3]: f"word {n}"}
        for n, decision in enumerate(own["authorization"])
    ]
    return own | {"authorization": decisions}


def taxonomies(size: int) -> Extracts:
    """Fills of one prescriber who has a great many specialties."""
    npi = "1234567893"
    fills = [
        _fill(n, _spread(n, size), payer="NantHealth", prescribing_provider_npi=npi)
        for n in range(size)
    ]
    codes = (f"{n:09}X" for n in range(size))
    return {
        "pharmacy_claim": fills,
        "provider": [{"npi": npi, "taxonomy_code": code} for code in codes],
        "medical_claim": [_dose(0, START, hcpcs_code="99213")],
    }


def surfaces(size: int) -> Extracts:
    """Doses of one member, and as many body surfaces, each another one."""
    facts: list[Row] = [
        {
            "member_id": "M",
            "evidence_date": _spread(n, size),
            "evidence_code": "bsa_m2",
            "evidence_value": f"1.{n:06}",
        }
        for n in range(size)
    ]
    lines = [_dose(n, _spread(n, size)) for n in range(size)]
    return {"medical_claim": lines, "clinical_evidence": facts}


def spans(size: int) -> Extracts:
    """Fills of one member, and spans of as many payers, each of another type."""
    enrolled: list[Row] = [
        {
            "member_id": "M",
            "birth_date": date(1960, 1, 1),
            "payer": ("NantHealth", f"Payer {n}")[n % 2],
            "payer_type": f"Medicare plan {n}",
            "enrollment_start_date": _spread(n, size) - timedelta(days=n % 90),
            "enrollment_end_date": _spread(n, size) + timedelta(days=n % 70),
        }
        for n in range(size)
    ]
    fills = [_fill(n, _spread(n, size), payer="NantHealth") for n in range(size)]
    others = [
        _fill(size + n, START, payer=f"Payer {n}", ndc_code=BRAND_TABLETS, quantity=n)
        for n in range(1, size, 2)
    ]
    return {"pharmacy_claim": fills + others, "eligibility": enrolled}


def chain_of_claims(size: int) -> Extracts:
    """Fills of one day, each naming the one before as its original."""
    fills = [_fill(n, START, original_claim_id=f"F{n - 1}" if n else "") for n in range(size)]
    return {"pharmacy_claim": fills}


def chain_of_replacements(size: int) -> Extracts:
    """Fills that replace the one before, each paid a day later."""
    replaces: Row = {"claim_frequency_code": "7"}
    return {
        "pharmacy_claim": [
            _fill(
                n,
                START,
                original_claim_id=f"F{n - 1}" if n else "",
                paid_date=START + timedelta(days=n % 170),
                **(replaces if n else {"claim_frequency_code": "1"}),
            )
            for n in range(size)
        ]
    }


def two_payers(size: int) -> Extracts:
    """Fills of one member and day, half of them at another payer that enrolls the member."""
    payers = ("Cigna", "NantHealth")
    fills = [_fill(n, START, payer=payers[n % 2], paid_amount=f"{100 + n}.00") for n in range(size)]
    enrolled: list[Row] = [
        {
            "member_id": "M",
            "payer": payer,
            "birth_date": date(1960, 1, 1),
            "enrollment_start_date": date(2025, 1, 1),
        }
        for payer in payers
    ]
    return {"pharmacy_claim": fills, "eligibility": enrolled}


def two_benefits(size: int) -> Extracts:
    """Tablets of one member billed as services, and fills of as many quantities."""
    fills = [_fill(n, _spread(n, size), quantity=n + 1) for n in range(size)]
    lines = [
        _dose(
            n,
            _spread(n, size),
            payer="Cigna",
            hcpcs_code="S0088",
            service_unit_quantity=n + 1,
            paid_amount=f"{n + 1}.00",
        )
        for n in range(size)
    ]
    return {"pharmacy_claim": fills, "medical_claim": lines}


def inhibitors_in_turn(size: int) -> Extracts:
    """Imatinib and another inhibitor of one member in turn."""
    return {
        "pharmacy_claim": [
            _fill(
                n,
                _spread(n, size),
                payer="NantHealth",
                ndc_code=(TABLETS, DASATINIB)[n % 2],
                days_supply=n % 60 + 10,
            )
            for n in range(size)
        ]
    }


def around_doses(size: int) -> Extracts:
    """Doses of one member, with as many infusions, other drugs and transplants on the same days."""
    codes = ("96413", "J9039", "38241", "J9070", "85025", "93000", "80053")
    doses = [_dose(n, _spread(n, size), place_of_service_code="11") for n in range(size)]
    services = [
        _dose(size + n, _spread(n, size), hcpcs_code=codes[n % len(codes)]) for n in range(size)
    ]
    return {"medical_claim": doses + services}


def prices(size: int) -> Extracts:
    """Brand and generic fills of as many members on as many days of eleven years, each at its own
    price."""
    first = AS_OF - timedelta(days=4000)
    return {
        "pharmacy_claim": [
            _fill(
                n,
                first + timedelta(days=n * 4000 // size),
                member_id=f"M{n}",
                ndc_code=(TABLETS, BRAND_TABLETS)[n % 2],
                paid_amount=f"{1000 + n}.00",
            )
            for n in range(size)
        ]
    }


def failing_rows(size: int) -> Extracts:
    """Rows that all fail a check, which a config allows."""
    return {"pharmacy_claim": [_fill(n, START, paid_amount="much") for n in range(size)]}


def shared_person(size: int) -> Extracts:
    """Members who are one person, with services that no rule judges."""
    own: Row = {"person_id": "P", "hcpcs_code": "99213"}
    return {"medical_claim": [_dose(n, START, member_id=f"M{n}", **own) for n in range(size)]}


def shared_claim(size: int) -> Extracts:
    """Members who share the id of a claim, with services that no rule judges."""
    own: Row = {"claim_id": "C", "hcpcs_code": "99213"}
    return {"medical_claim": [_dose(n, START, member_id=f"M{n}", **own) for n in range(size)]}


def fills_of_a_claim(size: int) -> Extracts:
    """Lines of one pharmacy claim on as many days as half a year has."""
    lines = [
        _fill(0, _spread(n, size), claim_line_number=n + 1, quantity=n + 1) for n in range(size)
    ]
    return {"pharmacy_claim": lines}


def write_extracts(folder: Path, extracts: Extracts, config: str = "") -> Path:
    """Write the extracts and the config; return the folder that holds both."""
    (folder / "in").mkdir(parents=True)
    for table, rows in extracts.items():
        with (folder / "in" / f"{table}.csv").open("w", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    (folder / "config.toml").write_text(config)
    return folder


def _request(folder: Path, input_name: str | None = "in") -> "RunRequest":
    from flows.request import RunRequest

    return RunRequest(
        input=folder / input_name if input_name else None,
        output=folder,
        warehouse=folder / "audit.duckdb",
        as_of=AS_OF,
        config=folder / "config.toml",
        xlsx=False,
    )


def run_once(folder: Path) -> None:
    """Run every stage over the extracts of a folder."""
    from flows.plan import plan
    from flows.run_folders import begin
    from flows.stages import run_stages

    made = plan(_request(folder))
    begin(made)
    run_stages(made)


def _explained(folder: Path) -> None:
    from flows.replay.explain import explain
    from flows.replay.explain_text import text_of

    text_of(explain(_request(folder, None), "F0"))


def _refused(folder: Path) -> None:
    from flows.errors import TooManyBadRows

    try:
        run_once(folder)
    except TooManyBadRows:
        return
    raise SystemExit("A file of failing rows was not refused.")


def _scanned(folder: Path) -> None:
    from flows.errors import InputRefused

    try:
        run_once(folder)
    except InputRefused:
        return
    raise SystemExit("A line without an end was not refused.")


def _purged(folder: Path) -> None:
    from flows.warehouse.purge import purge

    purge(folder / "audit.duckdb", START)


def _written_line(folder: Path, size: int) -> Path:
    """An extract whose only line has no end: its header, of `size` characters."""
    (folder / "in").mkdir(parents=True)
    with gzip.open(folder / "in" / "pharmacy_claim.csv.gz", "wt", compresslevel=1) as stream:
        for _ in range(size // 1000):
            stream.write("x" * 1000)
    (folder / "config.toml").write_text("")
    return folder


class Axis(NamedTuple):
    """What grows, from which size on, and what is measured.

    before   what is done to the extracts first, in a process of its own.
    """

    rows: Callable[[int], Extracts] | None
    size: int
    measured: Callable[[Path], None] = run_once
    before: Callable[[Path], None] | None = None
    config: str = ""


ALL_MAY_FAIL = "max_error_rate = 1.0\n"
AXES = {
    "same_day_fills": Axis(same_day_fills, 1000),
    "spread_fills": Axis(spread_fills, 1000),
    "doses": Axis(doses, 1000),
    "lines_of_a_claim": Axis(lines_of_a_claim, 1000),
    "authorizations": Axis(authorizations, 1000),
    "evidence": Axis(evidence, 1000),
    "words_of_authorizations": Axis(words_of_authorizations, 1000),
    "taxonomies": Axis(taxonomies, 1000),
    "surfaces": Axis(surfaces, 1000),
    "spans": Axis(spans, 1000),
    "chain_of_claims": Axis(chain_of_claims, 1000),
    "chain_of_replacements": Axis(chain_of_replacements, 1000),
    "two_payers": Axis(two_payers, 1000),
    "two_benefits": Axis(two_benefits, 1000),
    "inhibitors_in_turn": Axis(inhibitors_in_turn, 1000),
    "around_doses": Axis(around_doses, 1000),
    "prices": Axis(prices, 2000),
    "failing_rows": Axis(failing_rows, 25_000, config=ALL_MAY_FAIL),
    "refused_rows": Axis(failing_rows, 50_000, _refused),
    "length_of_a_line": Axis(None, 12_000_000, _scanned),
    "purge_person": Axis(shared_person, 4000, _purged, run_once),
    "purge_claim": Axis(shared_claim, 4000, _purged, run_once),
    "explain_lines": Axis(fills_of_a_claim, 50, _explained, run_once),
    "explain": Axis(spread_fills, 250, _explained, run_once),
}


class Measurement(NamedTuple):
    """What one process took: CPU seconds, and megabytes at most."""

    seconds: float
    megabytes: float


def _in_process(step: str, axis: str, folder: Path) -> Measurement:
    command = [sys.executable, __file__, "--step", step, "--folder", str(folder), axis]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, megabytes = done.stdout.split()[-2:]
    return Measurement(float(seconds), float(megabytes))


def _measure_here(work: Callable[[Path], None], folder: Path) -> None:
    """Do the work and print what this process took, its start left out."""
    import flows.stages  # noqa: F401  # its imports are not part of what grows

    before = getrusage(RUSAGE_SELF)
    work(folder)
    after = getrusage(RUSAGE_SELF)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(seconds, after.ru_maxrss / 1024)


def measure(name: str, size: int) -> Measurement:
    """Measure one axis at one size, in fresh processes."""
    axis = AXES[name]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "growth"
        if axis.rows is None:
            _written_line(folder, size)
        else:
            write_extracts(folder, axis.rows(size), axis.config)
        if axis.before is not None:
            _in_process("before", name, folder)
        return _in_process("measured", name, folder)


def _exponent(first: float, last: float) -> float:
    return math.log(last / first, 4)


def main(arguments: Iterable[str] | None = None) -> None:
    """Measure the axes named, or all, and print a line for each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("axes", nargs="*", choices=[*AXES, []])
    parser.add_argument("--step", choices=["before", "measured"])
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args(arguments)
    if given.step:
        axis = AXES[given.axes[0]]
        work = axis.measured if given.step == "measured" else axis.before
        assert work is not None
        _measure_here(work, given.folder)
        return
    print(f"{'axis':18} {'n':>9}  {'CPU s at n, 2n, 4n':>24} {'exp.':>5}  {'MB':>18} {'exp.':>5}")
    for name in given.axes or AXES:
        size = AXES[name].size
        found = [measure(name, size * times) for times in (1, 2, 4)]
        seconds, megabytes = zip(*found, strict=True)
        exponents = _exponent(seconds[0], seconds[2]), _exponent(megabytes[0], megabytes[2])
        times = " ".join(f"{s:7.2f}" for s in seconds)
        sizes = " ".join(f"{m:5.0f}" for m in megabytes)
        mark = "  above the target" if max(exponents) > TARGET else ""
        print(
            f"{name:18} {size:9,}  {times:>24} {exponents[0]:5.2f}  {sizes:>18} "
            f"{exponents[1]:5.2f}{mark}",
            flush=True,
        )


if __name__ == "__main__":
    main()
