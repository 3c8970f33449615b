"""A known file that was read under another config is read again, and its rows are replaced."""

import json
import random
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from flows.errors import InputRefused
from flows.intake.config import Config, read_config
from flows.intake.reading import AFTER_READING, Reading
from flows.intake.table_config import TableConfig
from flows.request import RunRequest
from flows.results.manifest import MANIFEST
from flows.summary import Summary
from flows.warehouse.layout import LEDGERS
from flows.warehouse.purge import purge
from schemas.tables import TABLES
from tests.support.extracts import ANY_ERROR_RATE, IMATINIB, Content, as_csv, good, write
from tests.support.few_rules import asking_few
from tests.support.nights import (
    content,
    night,
    notes_but_of_collecting,
    published,
    rerun_equals_standing,
    without_ledger,
)
from tests.support.running import AS_OF, request_for

_few_rules = asking_few("AUTH01", "DUP01", "QTY01")

PHARMACY = "pharmacy_claim.csv"
HEADER = "claim_id,member_id,payer,dispensing_date,ndc_code,quantity,paid_amount"
BOTH_WAYS = f"{HEADER}\nC1,M1,Cigna,02/01/2026,{IMATINIB},300,4000.00\n"
"""A fill of the first of February or of the second of January."""
DAY_FIRST, MONTH_FIRST = ('date_formats = ["%d/%m/%Y"]', 'date_formats = ["%m/%d/%Y"]')
NEXT = AS_OF + timedelta(days=1)


class Warehouse:
    """A warehouse in a folder of its own, on which a test runs nights."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.nights = 0

    @property
    def file(self) -> Path:
        return self.base / "audit.duckdb"

    def request(
        self, files: dict[str, Content] | None, config: str = "", as_of: date = AS_OF
    ) -> RunRequest:
        """The request of a run that is given these files; None: no input."""
        self.nights += 1
        landing = write(self.base / f"in{self.nights}", files) if files is not None else None
        if landing:
            landing.mkdir(parents=True, exist_ok=True)
        settings = self.base / f"{self.nights}.toml"
        self.base.mkdir(exist_ok=True)
        settings.write_text(config, encoding="utf-8")
        return request_for(landing, self.base / "out", self.file, as_of, settings)

    def night(
        self, files: dict[str, Content] | None, config: str = "", as_of: date = AS_OF
    ) -> Summary:
        """Run it."""
        return night(self.request(files, config, as_of))

    def service_dates(self) -> list[str]:
        """The service dates of pharmacy claims, in their order."""
        with duckdb.connect(str(self.file), read_only=True) as connection:
            query = "SELECT dispensing_date FROM pharmacy_claim ORDER BY ALL"
            return [f"{day}" for (day,) in connection.execute(query).fetchall()]


@pytest.fixture
def new(tmp_path: Path) -> Callable[[], Warehouse]:
    """Makes a warehouse in a new folder."""
    made = []

    def make() -> Warehouse:
        made.append(Warehouse(tmp_path / f"w{len(made)}"))
        return made[-1]

    return make


@pytest.mark.slow
def test_b1_a_changed_config_reads_known_files_again(new: Callable[[], Warehouse]) -> None:
    corrected, fresh = new(), new()
    wrong = corrected.night({PHARMACY: BOTH_WAYS}, DAY_FIRST)
    assert corrected.service_dates() == ["2026-01-02"]
    again = corrected.night({PHARMACY: BOTH_WAYS}, MONTH_FIRST)
    assert corrected.service_dates() == ["2026-02-01"]
    assert (again.read_again, again.passed_over, again.loaded_files) == ((PHARMACY,), (), 0)
    assert (
        notes_but_of_collecting(again)[0].endswith(f"by another version: {PHARMACY}.")
        and again.rows_read == 1
    )
    rebuilt = fresh.night({PHARMACY: BOTH_WAYS}, MONTH_FIRST)
    assert again.run_id == rebuilt.run_id != wrong.run_id
    assert published(again.folder) == published(rebuilt.folder)


ISO = BOTH_WAYS.replace("02/01/2026", "2026-02-01")
OF_TABLES: dict[str, tuple[str, str, str]] = {
    "pharmacy_claim": (
        ISO.replace("paid_amount", "paid_amount,days").replace("4000.00", "4000.00,30"),
        "",
        '[columns.pharmacy_claim]\ndays = "days_supply"',
    ),
    "medical_claim": (
        as_csv([good("medical_claim", service_unit_quantity="300 units")]),
        "[tables.medical_claim.columns]\nservice_unit_quantity = \"'1'\"",
        "[tables.medical_claim.columns]\n"
        "service_unit_quantity = \"split_part(service_unit_quantity, ' ', 1)\"",
    ),
    "eligibility": (
        as_csv([good("eligibility", enrollment_end_date="none")]),
        "",
        '[tables.eligibility]\nnull_words = ["none"]',
    ),
    "authorization": (
        as_csv([good("authorization")]).partition("\n")[0] + "\n" + as_csv([good("authorization")]),
        "",
        "[tables.authorization]\nskip_lines = 1",
    ),
    "diagnosis": (
        as_csv([good("diagnosis")]) + "TRAILER,1\n",
        "",
        '[tables.diagnosis]\nfooter = "TRAILER"',
    ),
}
"""Table -> a file, and settings of its own that read it wrong, then right."""
CORRECTIONS: dict[str, tuple[dict[str, Content], str, str]] = {
    "encoding": (
        {PHARMACY: ISO.replace("Cigna", "C\u00edgna").encode("cp1252")},
        'encoding = "cp850"',
        'encoding = "cp1252"',
    ),
    "date_formats": ({PHARMACY: BOTH_WAYS}, "", MONTH_FIRST),
    "one of each table": (
        {f"{table}.csv": text for table, (text, _, _) in OF_TABLES.items()},
        "\n".join(wrong for _, wrong, _ in OF_TABLES.values()),
        "\n".join(right for _, _, right in OF_TABLES.values()),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("setting", CORRECTIONS)
def test_b1_whatever_setting_is_corrected_the_warehouse_is_as_if_it_had_been_right(
    new: Callable[[], Warehouse], setting: str
) -> None:
    files, wrong, right = CORRECTIONS[setting]
    wrong, right = (ANY_ERROR_RATE + settings for settings in (wrong, right))
    corrected, fresh = new(), new()
    corrected.night(files, wrong)
    read_wrong = {name: _read(corrected, name) for name in files}
    again = corrected.night(files, right)
    rebuilt = fresh.night(files, right)
    assert again.read_again == tuple(sorted(files)) and again.run_id == rebuilt.run_id
    assert published(again.folder) == published(rebuilt.folder)
    kept, other = content(corrected.file), content(fresh.file)
    assert all(kept[name] == other[name] for name in ("file", "quarantine", "warning"))
    for name in files:
        assert read_wrong[name] != _read(corrected, name), name


def _read(warehouse: Warehouse, name: str) -> tuple[object, ...]:
    """The rows of a file, and what was quarantined of it."""
    found = content(warehouse.file)
    table = name.removesuffix(".csv")
    columns = [column.split()[0] for column in LEDGERS["file"].split(",")]
    place = columns.index("name"), columns.index("file_no")
    (number,) = (row[place[1]] for row in found["file"] if row[place[0]] == name)
    return found[table], [row for row in found["quarantine"] if row[0] == number]


@pytest.mark.slow
def test_b1_a_file_that_is_not_given_again_stays_as_it_was_read(
    new: Callable[[], Warehouse],
) -> None:
    one, fresh = new(), new()
    one.night({PHARMACY: BOTH_WAYS}, DAY_FIRST)
    quiet = one.night({}, MONTH_FIRST)
    assert one.service_dates() == ["2026-01-02"]
    assert quiet.read_again == () and notes_but_of_collecting(quiet)[0].startswith(
        "Files that were read under another config"
    )
    assert quiet.run_id != fresh.night({PHARMACY: BOTH_WAYS}, MONTH_FIRST).run_id


@pytest.mark.slow
def test_b1_a_file_read_again_keeps_its_name_its_night_and_its_place_among_the_loads(
    new: Callable[[], Warehouse],
) -> None:
    one = new()
    one.night({"pharmacy_claim_b.csv": BOTH_WAYS}, DAY_FIRST)
    before = content(one.file)["file"]
    later = one.night({"pharmacy_claim_a.csv": BOTH_WAYS}, MONTH_FIRST, NEXT)
    after = content(one.file)["file"]
    assert later.read_again == ("pharmacy_claim_a.csv",)
    columns = [column.split()[0] for column in LEDGERS["file"].split(",")]
    under = columns.index("read_under")
    others = [[row[:under] + row[under + 1 :] for row in rows] for rows in (before, after)]
    assert others[0] == others[1] and after != before
    # the first night sees the file, as it is read now
    again = one.request(None, MONTH_FIRST)
    assert night(again).rows_read == 1
    rerun_equals_standing(again)


@pytest.mark.slow
def test_b1_a_file_read_again_by_an_earlier_night_is_not_remembered_as_it_was(
    new: Callable[[], Warehouse],
) -> None:
    one, fresh = new(), new()
    twice = BOTH_WAYS + ISO.splitlines()[1]  # one row twice, if the month comes first
    nights: list[tuple[dict[str, Content], date]] = [
        ({"pharmacy_claim_1.csv": f"{twice}\n"}, AS_OF),
        ({"pharmacy_claim_2.csv": ISO.replace("C1,M1", "C2,M2")}, NEXT),
        ({"pharmacy_claim_3.csv": ISO.replace("C1,M1", "C3,M3")}, NEXT + timedelta(days=1)),
    ]
    for files, day in nights[:2]:
        one.night(files, DAY_FIRST, day)
    one.night(nights[0][0], MONTH_FIRST, AS_OF)
    found = one.night(nights[2][0], MONTH_FIRST, nights[2][1])
    for files, day in nights:
        rebuilt = fresh.night(files, MONTH_FIRST, day)
    manifests = [json.loads((s.folder / MANIFEST).read_bytes()) for s in (found, rebuilt)]
    assert manifests[0]["files"] == manifests[1]["files"]
    assert manifests[0]["tables"] == manifests[1]["tables"]
    assert found.exceptions == rebuilt.exceptions


@pytest.mark.slow
def test_b1_any_history_of_nights_and_configs_ends_as_if_each_file_had_been_read_right(
    new: Callable[[], Warehouse],
) -> None:
    """Nights forward and back, under either config, with files given once, again or never again."""
    chance = random.Random(0)
    one, fresh = new(), new()
    files: dict[str, Content] = {
        f"pharmacy_claim_{i}.csv": BOTH_WAYS.replace("C1,M1", f"C{i // 2},M{i // 2}").replace(
            "02/01", f"02/0{1 + i // 2}"
        )
        + (f"C{i // 2},M{i // 2},Cigna,2026-03-0{1 + i},{IMATINIB},{300 + i},90.00\n")
        for i in range(4)
    }
    names = list(files)
    loaded: list[tuple[str, date]] = []
    for number, name in enumerate(names):
        given = {name: files[name]}
        given |= {old: files[old] for old, _ in loaded if chance.random() < 0.3}
        day = AS_OF + timedelta(days=number)
        one.night(given, chance.choice((DAY_FIRST, MONTH_FIRST)), day)
        loaded.append((name, day))
        if number and chance.random() < 0.5:
            old, earlier = chance.choice(loaded)
            again = one.request({old: files[old]}, chance.choice((DAY_FIRST, MONTH_FIRST)), earlier)
            night(again)
            rerun_equals_standing(again)
    last = AS_OF + timedelta(days=len(names))
    found = one.night(files, MONTH_FIRST, last)
    for name, day in loaded:
        fresh.night({name: files[name]}, MONTH_FIRST, day)
    rebuilt = fresh.night({}, MONTH_FIRST, last)
    for table in ("exceptions", "worklist", "rule_coverage", "quarantine", "warnings"):
        tables = [without_ledger(s.folder / f"{table}.parquet") for s in (found, rebuilt)]
        assert tables[0].equals(tables[1]), table
    assert content(one.file)["file"] == content(fresh.file)["file"]


@pytest.mark.slow
def test_b1_a_file_from_which_a_purge_removed_persons_is_not_read_again(
    new: Callable[[], Warehouse],
) -> None:
    one = new()
    old = BOTH_WAYS + BOTH_WAYS.splitlines()[1].replace("C1,M1", "C9,M9").replace("2026", "2020")
    files: dict[str, Content] = {"pharmacy_claim_1.csv": f"{old}\n"}
    one.night(files, DAY_FIRST)
    assert purge(one.file, date(2025, 1, 1)).members == 1
    again = one.night(files, MONTH_FIRST)
    assert one.service_dates() == ["2026-01-02"] and again.read_again == ()
    assert again.passed_over == ("pharmacy_claim_1.csv",)
    assert "purge" in notes_but_of_collecting(again)[0]


@pytest.mark.slow
def test_b1_a_file_that_cannot_be_read_under_the_new_config_stays_and_is_named(
    new: Callable[[], Warehouse],
) -> None:
    one = new()
    one.night({PHARMACY: BOTH_WAYS}, MONTH_FIRST)
    before = content(one.file)
    with pytest.raises(InputRefused, match=r"loaded before, under another config.*move it out"):
        one.night({PHARMACY: BOTH_WAYS}, f'{MONTH_FIRST}\ndelimiter = "|"')
    assert content(one.file) == before


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.parquet"])
def test_b1_every_setting_counts_as_one_of_reading_unless_it_is_listed(
    table: str, name: str
) -> None:
    other = {
        "date_formats": ("%m/%d/%Y",),
        "delimiter": "|",
        "encoding": "cp1252",
        "columns": {table: {"theirs": TABLES[table].columns[0].name}},
        "tables": {table: {"null_words": ("none",)}},
    }
    assert other.keys() | AFTER_READING == Config.model_fields.keys() | {"tables.files"}
    plain = Reading(Config()).of(table, name)
    assert plain == Reading(read_config(None)).of(table, name)
    for key, value in other.items():
        differs = Reading(Config(**{key: value})).of(table, name) != plain
        without_effect = {"delimiter", "encoding"} if name.endswith("parquet") else set()
        without_effect |= {"date_formats"} if table == "provider" else set()
        assert differs == (key not in without_effect), key
    of_table: dict[str, object] = {
        "delimiter": "|",
        "encoding": "cp1252",
        "date_formats": ("%m/%d/%Y",),
        "null_words": ("none",),
        "skip_lines": 1,
        "footer": "TRAILER",
        "header": ("a", "b"),
        "columns": {TABLES[table].columns[0].name: "a || b"},
    }
    assert of_table.keys() | {"files"} == TableConfig.model_fields.keys()
    for key, value in (of_table | {"files": ("RX_*.txt",)}).items():
        config = Config(tables={table: TableConfig(**{key: value})})  # type: ignore[arg-type]
        without_effect = {"files"} | ({"date_formats"} if table == "provider" else set())
        if name.endswith("parquet"):
            without_effect |= {"delimiter", "encoding", "skip_lines", "footer", "header"}
        assert (Reading(config).of(table, name) != plain) == (key not in without_effect), key
        others = [other for other in TABLES if other != table]
        assert Reading(config).of(others[0], name) == Reading(Config()).of(others[0], name)
    assert Reading(Config(encoding="UTF8")).of(table, name) == plain
    assert Reading(Config(max_error_rate=1.0)).of(table, name) == plain
