"""A purge removes the text of every quarantined record that names a person it removes."""

import csv
import io
import string
from datetime import date
from pathlib import Path

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


@pytest.mark.parametrize("delimiter", [",", "|", "#", "\x01", "_"])
def test_c3_no_quarantined_text_names_a_purged_member(tmp_path: Path, delimiter: str) -> None:
    """One readable old fill each; later a row of a bad quantity, and one that is too short."""
    stays = [_fill("stays", "2026-03-01", 900)]
    old = [_fill(one, "2024-03-01", n) for n, one in enumerate(IDS)]
    bad = [
        _fill(one, "2026-03-09", 100 + n, quantity="many") for n, one in enumerate((*IDS, "stays"))
    ]
    config = tmp_path / "config.toml"
    config.write_text(f'delimiter = "\\u{ord(delimiter):04x}"\nmax_error_rate = 1.0\n')
    nights = {FIRST: _text(stays + old, delimiter, short=False)}
    nights[SECOND] = _text(bad, delimiter, short=True)
    warehouse = tmp_path / "audit.duckdb"
    for day, text in nights.items():
        landing = write(tmp_path / f"in {day}", {"pharmacy_claim.csv": text})
        night(request_for(landing, tmp_path / "out", warehouse, day, config))
    before = [row[-1] for row in content(warehouse)["quarantine"]]
    assert len(before) == 2 * len(bad) and None not in before
    counts = purge(warehouse, DAY)
    assert (counts.members, counts.texts) == (len(IDS), 2 * len(IDS))
    texts = [row[-1] for row in content(warehouse)["quarantine"] if row[-1] is not None]
    assert len(texts) == 2 and all("stays" in text for text in texts)


AROUND = ("{} 30", "{}/30", "x ({})", "#{}#", "for {}.", "{}=30", "a'{}'", "{}\\30")


@pytest.mark.parametrize("one", ["MOLD", "M Two", "77", "Müller-7"])
def test_c3_an_id_within_a_value_of_another_record_is_found(tmp_path: Path, one: str) -> None:
    warehouse = tmp_path / "audit.duckdb"
    config = tmp_path / "config.toml"
    config.write_text("max_error_rate = 1.0\n")
    bad = [
        _fill("stays", "2026-03-09", 100 + n, quantity=around.format(one))
        for n, around in enumerate((*AROUND, "many"))
    ]
    for day, rows in (
        (FIRST, [_fill(one, "2024-03-01", 1), _fill("stays", "2026-03-01", 2)]),
        (SECOND, bad),
    ):
        text = _text(rows, ",", short=False)
        landing = write(tmp_path / f"in {day}", {"pharmacy_claim.csv": text})
        night(request_for(landing, tmp_path / "out", warehouse, day, config))
    assert purge(warehouse, DAY).texts == len(AROUND)
    texts = [row[-1] for row in content(warehouse)["quarantine"] if row[-1] is not None]
    assert len(texts) == 1 and "many" in texts[0]


def test_c3_an_id_in_a_longer_word_is_not_that_id() -> None:
    ids = Ids(["12", "a:b", 'say "so"'])
    assert ids.are_in("x,12,y") and ids.are_in("12") and ids.are_in("(a:b)")
    assert ids.are_in('1,"say ""so""",2')
    assert not Ids(["12", "a:b"]).are_in("x,123,a:bc,za:b,012")
