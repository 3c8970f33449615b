"""A purge removes the text of every quarantined record that names a person it removes."""

import csv
import io
import string
from datetime import date, timedelta
from itertools import chain
from pathlib import Path

import duckdb
import pytest

from flows.warehouse.named_in import Ids
from flows.warehouse.purge import purge
from tests.support.extracts import Row, good, write
from tests.support.nights import content, night
from tests.support.running import request_for

pytestmark = pytest.mark.slow  # whole runs over hostile input

FIRST, SECOND, DAY = date(2026, 5, 1), date(2026, 5, 2), date(2025, 1, 1)
IDS = (
    *("MRN:12345", "12|345", "DOE, JOHN", "A\\B", 'the "one"', "a;b", "tilde~1", "x^y", "[7]"),
    *("semi#colon", "1-2", "under_score", "~", "Zoë 'Z'", "a\tb", "{k}", "q,", "plain"),
    *(f"a{mark}b{number}" for number, mark in enumerate(string.punctuation)),
)


def _fill(member: str, day: str, number: int, **changed: object) -> Row:
    return good(
        "pharmacy_claim", member_id=member, dispensing_date=day, claim_id=f"c-{number}", **changed
    )


def _text(rows: list[Row], delimiter: str, *, short: bool) -> str:
    """The rows as CSV; with `short`, each once more without its last value."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow(rows[0])
    for row in rows:
        writer.writerow(row.values())
        if short:
            writer.writerow([*row.values()][:-1])
    return out.getvalue()


DELIMITERS = (",", "|", "#", "\x01", "_")


@pytest.fixture(scope="module")
def purged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[list[str], list[str]]]:
    """Delimiter -> quarantined texts of its night before and after a purge of all members of IDS.

    One readable old fill each; then for each delimiter a night with a row of a bad quantity of each
    member, and one that is too short.
    """
    base = tmp_path_factory.mktemp("delimiters")
    warehouse, config = base / "audit.duckdb", base / "config.toml"

    def load(number: int, delimiter: str, rows: list[Row], *, short: bool) -> None:
        config.write_text(f'delimiter = "\\u{ord(delimiter):04x}"\nmax_error_rate = 1.0\n')
        text = _text(rows, delimiter, short=short)
        landing = write(base / f"in {number}", {f"pharmacy_claim_{number}.csv": text})
        day = FIRST + timedelta(days=number)
        night(request_for(landing, base / "out", warehouse, day, config))

    def texts() -> list[list[str]]:
        """By night, the texts of quarantined records that are still there."""
        found: list[list[str]] = [[] for _ in DELIMITERS]
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            query = """SELECT name, raw_record FROM quarantine JOIN file USING (file_no)
                WHERE raw_record IS NOT NULL ORDER BY ALL"""
            for name, text in connection.execute(query).fetchall():
                found[int(name[len("pharmacy_claim_") : -len(".csv")]) - 1].append(text)
        return found

    stays = _fill("stays", "2026-03-01", 900)
    load(0, ",", [stays, *(_fill(one, "2024-03-01", n) for n, one in enumerate(IDS))], short=False)
    bad = [
        _fill(one, "2026-03-09", 100 + n, quantity="many") for n, one in enumerate((*IDS, "stays"))
    ]
    for number, delimiter in enumerate(DELIMITERS, 1):
        load(number, delimiter, bad, short=True)
    before = texts()
    counts, after = purge(warehouse, DAY), texts()
    gone = sum(map(len, before)) - sum(map(len, after))
    assert (counts.members, counts.texts) == (len(IDS), gone)
    return dict(zip(DELIMITERS, zip(before, after, strict=True), strict=True))


@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_c3_no_quarantined_text_names_a_purged_member(
    delimiter: str, purged: dict[str, tuple[list[str], list[str]]]
) -> None:
    before, after = purged[delimiter]
    assert len(before) == 2 * (len(IDS) + 1)
    assert len(after) == 2 and all("stays" in text for text in after)


AROUND = ("{} 30", "{}/30", "x ({})", "#{}#", "for {}.", "{}=30", "a'{}'", "{}\\30")
WITHIN = ("MOLD", "M Two", "77", "Müller-7")


def test_c3_an_id_within_a_value_of_another_record_is_found(tmp_path: Path) -> None:
    warehouse = tmp_path / "audit.duckdb"
    config = tmp_path / "config.toml"
    config.write_text("max_error_rate = 1.0\n")
    quantities = {one: [around.format(one) for around in AROUND] for one in WITHIN}
    bad = [
        _fill("stays", "2026-03-09", 100 + n, quantity=quantity)
        for n, quantity in enumerate((*chain(*quantities.values()), "many"))
    ]
    for day, rows in (
        (
            FIRST,
            [
                *(_fill(one, "2024-03-01", n) for n, one in enumerate(WITHIN, 1)),
                _fill("stays", "2026-03-01", 9),
            ],
        ),
        (SECOND, bad),
    ):
        text = _text(rows, ",", short=False)
        landing = write(tmp_path / f"in {day}", {"pharmacy_claim.csv": text})
        night(request_for(landing, tmp_path / "out", warehouse, day, config))
    counts = purge(warehouse, DAY)
    texts = [row[-1] for row in content(warehouse)["quarantine"] if row[-1] is not None]
    assert len(texts) == 1 and "many" in texts[0], "the other texts name a purged member"
    assert counts.texts == len(AROUND) * len(WITHIN)


def test_c3_an_id_in_a_longer_word_is_not_that_id() -> None:
    ids = Ids(["12", "a:b", 'say "so"'])
    assert ids.are_in("x,12,y") and ids.are_in("12") and ids.are_in("(a:b)")
    assert ids.are_in('1,"say ""so""",2')
    assert not Ids(["12", "a:b"]).are_in("x,123,a:bc,za:b,012")
