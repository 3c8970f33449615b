"""Night after night: extracts late, out of order, twice or half written give one result."""

import csv
import random
import shutil
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.errors import InputRefused, UsageError
from flows.intake import load as loading
from flows.intake import scan_ahead
from flows.request import RunRequest
from flows.summary import Summary
from flows.warehouse.layout import SCHEMA_VERSION
from flows.warehouse.upgrade import upgrade
from tests.support.extracts import IMATINIB, Row, as_csv, good
from tests.support.hostile import ANY_ERROR_RATE, CSV, fill
from tests.support.hostile import csv as csv_of
from tests.support.nights import content, night, rerun_equals_standing, without_ledger
from tests.support.running import AS_OF, ROOT, request_for

pytestmark = pytest.mark.slow

RESULTS = ("exceptions.parquet", "worklist.parquet", "rule_coverage.parquet")

# Rows that must stay in one file: the order in the file decides between versions of one day, and in
# the other tables the latest load of a key wins.
TOGETHER = {
    "medical_claim": ("claim_id", "paid_date"),
    "pharmacy_claim": ("claim_id", "paid_date"),
    "authorization": ("authorization_id",),
    "eligibility": ("member_id", "payer", "enrollment_start_date"),
    "clinical_evidence": ("member_id", "evidence_date", "evidence_code"),
}

Chunk = tuple[str, tuple[str, ...], tuple[tuple[str, ...], ...]]


def _chunks() -> list[Chunk]:
    """The sample in pieces that may arrive in any order: table, header, rows."""
    chunks = []
    for path in sorted((ROOT / "data" / "sample").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as stream:
            header, *rows = [tuple(row) for row in csv.reader(stream)]
        groups: dict[object, list[tuple[str, ...]]] = defaultdict(list)
        for number, row in enumerate(rows):
            key = TOGETHER.get(path.stem)
            groups[tuple(row[header.index(c)] for c in key) if key else number].append(row)
        chunks += [(path.stem, header, tuple(group)) for group in groups.values()]
    return chunks


def _write(landing: Path, chunks: list[Chunk], suffix: str = "") -> None:
    landing.mkdir(parents=True)
    files: dict[str, list[tuple[str, ...]]] = {}
    for table, header, rows in chunks:
        files.setdefault(table, [header]).extend(rows)
    for table, lines in files.items():
        with (landing / f"{table}{suffix}.csv").open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerows(lines)


def _results(folder: Path) -> tuple[str, ...]:
    """The rows of the results, whenever an exception was found first."""
    return tuple(without_ledger(folder / name).write_json() for name in RESULTS)


def _any_error_rate(base: Path) -> Path:
    """A few rows are a large share of a small file."""
    (base / "config.toml").write_text(ANY_ERROR_RATE, encoding="utf-8")
    return base / "config.toml"


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    base = tmp_path_factory.mktemp("at once")
    _write(base / "in", _chunks())
    return _results(
        night(
            request_for(
                base / "in", base / "out", base / "audit.duckdb", AS_OF, _any_error_rate(base)
            )
        ).folder
    )


@given(seed=st.integers(0, 2**32), nights=st.integers(2, 4))
@settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_any_split_and_order_of_nights_gives_the_result_of_a_single_load(
    tmp_path_factory: pytest.TempPathFactory, at_once: tuple[str, ...], seed: int, nights: int
) -> None:
    base, chance = tmp_path_factory.mktemp("split"), random.Random(seed)
    chunks = _chunks()
    chance.shuffle(chunks)
    parts: list[list[Chunk]] = [[] for _ in range(nights)]
    for chunk in chunks:
        chance.choice(parts).append(chunk)
    for number, part in enumerate(parts):
        _write(base / str(number), part, suffix=f"_{chance.randrange(100)}")
        day = AS_OF - timedelta(days=nights - 1 - number)
        request = request_for(
            base / str(number), base / "out", base / "audit.duckdb", day, _any_error_rate(base)
        )
        summary = night(request)
    assert _results(summary.folder) == at_once
    rerun_equals_standing(request)


VERSIONS = {"A": ("5000.00", "4000.00"), "B": ("7.77", "4000.00")}
"""Claim -> what its two versions were paid."""


@pytest.fixture(scope="module")
def either_order(tmp_path_factory: pytest.TempPathFactory) -> list[pl.DataFrame]:
    """The exceptions of two nights that bring a version of each claim, and of the reverse order."""
    found = []
    for order in ((0, 1), (1, 0)):
        base = tmp_path_factory.mktemp("versions")
        for number in order:
            rows = [
                good(
                    "pharmacy_claim",
                    claim_id=claim,
                    member_id=claim,
                    quantity=500,
                    ndc_code=IMATINIB,
                    paid_amount=amounts[number],
                )
                for claim, amounts in VERSIONS.items()
            ]
            _land(base, f"in{number}", "pharmacy_claim", *rows)
            summary = night(_request(base, f"in{number}"))
        found.append(pl.read_parquet(summary.folder / "exceptions.parquet"))
    return found


@pytest.mark.parametrize("claim", VERSIONS)
def test_the_order_of_nights_does_not_choose_between_versions_of_one_day(
    claim: str, either_order: list[pl.DataFrame]
) -> None:
    """Of two versions of a line, paid on one day in files of one name, the same one always wins."""
    one, other = (exceptions.filter(claim_id=claim) for exceptions in either_order)
    assert one.height and one["paid_amount"].n_unique() == 1
    assert one.equals(other)


# ---------------------------------------------------------------- what lands


def _request(base: Path, landing: str | None = "in", as_of: date = AS_OF) -> RunRequest:
    return request_for(
        base / landing if landing else None, base / "out", base / "audit.duckdb", as_of
    )


def _land(base: Path, name: str = "in", table: str = "pharmacy_claim", *rows: Row) -> None:
    (base / name).mkdir(exist_ok=True)
    (base / name / f"{table}.csv").write_text(as_csv(rows or [good(table)]), encoding="utf-8")


@pytest.fixture(scope="module")
def one_night(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Summary]:
    """The folder and summary of a night that loaded one claim."""
    base = tmp_path_factory.mktemp("one night")
    _land(base)
    return base, night(_request(base))


@pytest.fixture
def first(one_night: tuple[Path, Summary], tmp_path: Path) -> Summary:
    """The summary of a first night; tmp_path holds a copy of it."""
    base, summary = one_night
    shutil.copytree(base, tmp_path, dirs_exist_ok=True)
    return summary


def test_without_an_input_what_is_there_is_judged_again(tmp_path: Path, first: Summary) -> None:
    again = night(_request(tmp_path, None))
    assert again.run_id == first.run_id and again.was_there and again.loaded_files == 0


def test_without_an_input_there_must_be_a_warehouse(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no warehouse yet"):
        night(_request(tmp_path, None))


def test_a_first_night_needs_a_claim_table(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputRefused, match="No claim table"):
        night(_request(tmp_path, "empty"))


@pytest.mark.usefixtures("first")
def test_an_empty_landing_folder_is_a_finished_night(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    quiet = night(_request(tmp_path, "empty", AS_OF + timedelta(days=1)))
    assert (quiet.loaded_files, quiet.changes, quiet.previous_run) == (0, {}, AS_OF.isoformat())


@pytest.mark.usefixtures("first")
def test_a_night_may_bring_no_claims(tmp_path: Path) -> None:
    _land(tmp_path, "later", "eligibility")
    assert night(_request(tmp_path, "later")).loaded_files == 1


def test_a_file_still_growing_is_left_for_the_next_night_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "pharmacy_claim_a.csv").write_bytes(csv_of(fill(1), fill(2)))
    (tmp_path / "in" / "pharmacy_claim_b.csv").write_bytes(csv_of(fill(3)))
    hash_of = scan_ahead.sha256_of

    def growing(path: Path) -> str:
        found = hash_of(path)
        if path.name == "pharmacy_claim_b.csv":
            with path.open("ab") as stream:
                stream.write((fill(4) + "\n").encode())
        return found

    monkeypatch.setattr(scan_ahead, "sha256_of", growing)
    first = night(_request(tmp_path))
    assert (first.growing, first.loaded_files, first.rows_read) == (("pharmacy_claim_b.csv",), 1, 2)
    monkeypatch.setattr(scan_ahead, "sha256_of", hash_of)
    second = night(_request(tmp_path, "in", AS_OF + timedelta(days=1)))
    assert (second.growing, second.passed_over, second.rows_read) == (
        (),
        ("pharmacy_claim_a.csv",),
        4,
    )


@pytest.mark.usefixtures("first")
def test_a_file_that_breaks_because_it_grows_is_left_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "next").mkdir()
    path = tmp_path / "next" / CSV
    path.write_bytes(csv_of(fill(1), fill(2)))
    load_file = loading.load_file

    def torn(*arguments: object) -> None:
        with path.open("ab") as stream:
            stream.write(b'"')
        load_file(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(loading, "load_file", torn)
    assert night(_request(tmp_path, "next")).growing == (CSV,)


# ---------------------------------------------------------------- what is known when


def test_an_earlier_night_knows_nothing_of_later_loads(tmp_path: Path) -> None:
    """By load, not by service date: the second file's fills are older than the first night."""
    _land(tmp_path, "one", "pharmacy_claim", good("pharmacy_claim", claim_id="1"))
    _land(tmp_path, "two", "pharmacy_claim", good("pharmacy_claim", claim_id="2"))
    earlier, later = AS_OF - timedelta(days=1), AS_OF
    first = night(_request(tmp_path, "one", earlier))
    assert night(_request(tmp_path, "two", later)).rows_read == 2
    assert night(_request(tmp_path, None, earlier)).run_id == first.run_id
    # given to the earlier night as well, the second file was known then
    assert night(_request(tmp_path, "two", earlier)).rows_read == 2
    assert night(_request(tmp_path, None, earlier)).rows_read == 2


BRAND = good("pharmacy_claim", ndc_code="00078040134", dispensing_date="2026-04-10")
TRIAL = {"evidence_code": "generic_trial", "evidence_date": "2026-04-01"}
CORRECTIONS: dict[str, tuple[Row, Row]] = {
    "authorization": ({"status": "approved"}, {"status": "denied"}),
    "eligibility": ({"enrollment_end_date": None}, {"enrollment_end_date": "2025-12-31"}),
    "clinical_evidence": (
        TRIAL | {"evidence_value": "documented"},
        TRIAL | {"evidence_value": "attested"},
    ),
}
"""Table -> two rows of one key, of a member of that name with a fill of a brand."""


@pytest.fixture(scope="module")
def loads(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.DataFrame]:
    """The exceptions of loads of one or the other rows, alone, and of each after the other."""
    base = tmp_path_factory.mktemp("loads")
    for number, name in enumerate(("one", "other")):
        fills = [BRAND | {"claim_id": table, "member_id": table} for table in CORRECTIONS]
        _land(base, name, "pharmacy_claim", *fills)
        for table, rows in CORRECTIONS.items():
            _land(base, name, table, good(table, member_id=table, **rows[number]))
    alone = {name: _found(base, name) for name in ("one", "other")}
    return alone | {
        "one after other": _found(base, "one", after="other"),
        "other after one": _found(base, "other", after="one"),
    }


def _found(base: Path, landing: str, after: str | None = None) -> pl.DataFrame:
    """The exceptions of a load into an empty warehouse, or into a copy of that of another load."""
    name = f"{after}-{landing}" if after else landing
    if after:
        shutil.copy(base / f"{after}.duckdb", base / f"{name}.duckdb")
    request = request_for(base / landing, base / f"out {name}", base / f"{name}.duckdb", AS_OF)
    return pl.read_parquet(night(request).folder / "exceptions.parquet")


@pytest.mark.parametrize("table", CORRECTIONS)
def test_the_latest_load_of_a_key_wins(table: str, loads: dict[str, pl.DataFrame]) -> None:
    """As if the earlier row had never been there, whichever of the two it is."""
    found = {name: exceptions.filter(member_id=table) for name, exceptions in loads.items()}
    assert not found["one"].equals(found["other"])
    assert found["other after one"].equals(found["other"])
    assert found["one after other"].equals(found["one"])


def test_two_rows_of_a_key_in_one_load_both_count(tmp_path: Path) -> None:
    _land(tmp_path)
    _land(
        tmp_path,
        "in",
        "authorization",
        good("authorization", status="denied"),
        good("authorization"),
    )
    folder = night(_request(tmp_path)).folder
    exceptions = pl.read_parquet(folder / "exceptions.parquet")
    assert "AUTH01" not in set(exceptions["rule_id"])


# ---------------------------------------------------------------- the warehouse's form


_BEFORE_LAKES = 12


@pytest.mark.parametrize("version", range(1, _BEFORE_LAKES))
def test_a_warehouse_of_an_earlier_version_is_brought_up_to_date(
    tmp_path: Path, version: int, first: Summary
) -> None:
    tables = content(tmp_path / "audit.duckdb").keys()
    with duckdb.connect(str(tmp_path / "audit.duckdb")) as connection:  # as that version left it
        connection.execute("ALTER TABLE undated_diagnosis RENAME TO undated")
        connection.execute("ALTER TABLE stated_link RENAME TO found_link")
        connection.execute("ALTER TABLE cached_medical_claim RENAME TO medical_claim_gathered")
        connection.execute("ALTER TABLE remembered RENAME judged_under TO texts")
        for column in ("read_under", "given_columns", "footer_lines", "origins"):
            connection.execute(f"ALTER TABLE file DROP COLUMN {column}")
        connection.execute("ALTER TABLE purge DROP COLUMN gone")
        connection.execute("DROP TABLE lake_file")
        if version < 3:
            connection.execute("DROP TABLE purge")
        if version == 1:
            connection.execute("DROP VIEW ledger")
            for table in ("night", "night_text", "ledger_event", "decision"):
                connection.execute(f"DROP TABLE {table}")
            connection.execute("ALTER TABLE file DROP COLUMN night")
            connection.execute("ALTER TABLE file DROP COLUMN load_no")
        connection.execute("UPDATE meta SET schema_version = ?", [version])
    again = night(_request(tmp_path))  # how that version read the file is unknown
    assert again.run_id == first.run_id and again.rows_read == 1
    assert again.read_again == (CSV,) and again.loaded_files == 0
    upgraded = content(tmp_path / "audit.duckdb")
    assert upgraded["meta"] == [(SCHEMA_VERSION,)]
    assert upgraded.keys() == tables


def test_a_warehouse_without_a_list_of_files_in_lakes_is_given_one_and_else_left_alone(
    tmp_path: Path, first: Summary
) -> None:
    before = content(tmp_path / "audit.duckdb")
    with duckdb.connect(str(tmp_path / "audit.duckdb")) as connection:
        connection.execute("DROP TABLE lake_file")
        connection.execute("UPDATE meta SET schema_version = ?", [_BEFORE_LAKES])
        journal = connection.execute("FROM journal ORDER BY ALL").fetchall()
    upgrade(tmp_path / "audit.duckdb")
    assert content(tmp_path / "audit.duckdb") == before
    with duckdb.connect(str(tmp_path / "audit.duckdb"), read_only=True) as connection:
        assert connection.execute("FROM journal ORDER BY ALL").fetchall() == journal
    again = night(_request(tmp_path))
    assert (again.run_id, again.read_again, again.judged_again) == (first.run_id, (), 0)


@pytest.mark.usefixtures("first")
def test_a_warehouse_of_a_later_version_is_refused(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "audit.duckdb")) as connection:
        connection.execute("UPDATE meta SET schema_version = schema_version + 1")
    with pytest.raises(UsageError, match=f"schema version {SCHEMA_VERSION + 1}"):
        night(_request(tmp_path, None))


def test_counts_of_values_that_an_earlier_version_kept_among_the_warnings_are_none(
    tmp_path: Path, first: Summary
) -> None:
    before = content(tmp_path / "audit.duckdb")
    with duckdb.connect(str(tmp_path / "audit.duckdb")) as connection:  # as version 8 left it
        connection.execute("DROP TABLE value_count")
        connection.execute("INSERT INTO warning VALUES (1, 'ndc_code', 'values_checked', 7, 0)")
        connection.execute("UPDATE meta SET schema_version = 8")
    upgrade(tmp_path / "audit.duckdb")
    after = content(tmp_path / "audit.duckdb")
    assert after["warning"] == before["warning"]
    assert after["value_count"] == [(1, "ndc_code", 7)]
