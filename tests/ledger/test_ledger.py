"""The exception ledger over thirty runs whose every event is predicted by hand; and its details."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from audit_rules.policy.library import SHIPPED_POLICIES
from flows.cli.app import main
from flows.errors import UsageError
from flows.ledger.decision_file import read_csv
from flows.ledger.decisions import decide
from flows.ledger.written_decisions import Decision
from flows.request import RunRequest
from flows.summary import Summary
from schemas.decisions import DISMISS, REOPEN
from tests.support.extracts import IMATINIB, Row, as_csv, good
from tests.support.few_rules import asking_few
from tests.support.nights import content, night, published
from tests.support.running import request_for

_few_rules = asking_few("AUTH01", "DUP01", "QTY01")

FIRST = date(2026, 3, 1)
NIGHTS = 30
LIMIT = 180  # tablets of one retail fill


def _day(number: int) -> date:
    return FIRST + timedelta(days=number)


def _fill(claim: str, quantity: int = LIMIT + 1, **changed: object) -> Row:
    """A fill of a member of its own; ten a tablet."""
    figures = {
        "quantity": quantity,
        "paid_amount": f"{quantity * 10}.00",
        "dispensing_date": "2026-02-01",
        "ndc_code": IMATINIB,
    }
    own = {
        "claim_id": claim,
        "member_id": f"M-{claim[0]}",
        "paid_date": "2026-02-02",
        "dispensing_channel": "retail",
    }
    return good("pharmacy_claim", **(figures | own | changed))


def _authorization(**changed: object) -> Row:
    return good(
        "authorization",
        **({"member_id": "M-J", "start_date": "2026-01-01", "end_date": "2026-12-31"} | changed),
    )


ARRIVALS: dict[int, dict[str, list[Row]]] = {
    0: {
        "pharmacy_claim": [_fill("A")],
        "authorization": [_authorization(authorization_id="A0", member_id="M-Z")],
    },
    1: {"pharmacy_claim": [_fill("B")]},
    2: {"pharmacy_claim": [_fill("C"), _fill("I")]},
    3: {"pharmacy_claim": [_fill("D"), _fill("J", quantity=30)]},
    4: {"pharmacy_claim": [_fill("E"), _fill("F")]},
    5: {"pharmacy_claim": [_fill("B", claim_status="reversed", paid_date="2026-03-05")]},
    6: {"pharmacy_claim": [_fill("G"), _fill("H")]},
    7: {"pharmacy_claim": [_fill("C", quantity=190, paid_date="2026-03-07")]},
    9: {"pharmacy_claim": [_fill("H", claim_status="reversed", paid_date="2026-03-09")]},
    12: {"pharmacy_claim": [_fill("H2", original_claim_id="H", paid_date="2026-03-12")]},
    14: {"pharmacy_claim": [_fill("I", quantity=LIMIT, paid_date="2026-03-14")]},
    17: {"authorization": [_authorization()]},
    18: {"pharmacy_claim": [_fill("F", quantity=200, paid_date="2026-03-18")]},
    20: {
        "pharmacy_claim": [
            _fill("G2", original_claim_id="G", claim_frequency_code="7", paid_date="2026-03-20")
        ]
    },
    21: {"pharmacy_claim": [_fill("I", paid_date="2026-03-21")]},
    22: {
        "authorization": [_authorization(end_date="2026-01-15")]
    },  # the same decision, closed before the fill
}
DECISIONS: dict[int, list[tuple[str, str, date | None]]] = {  # after that night
    8: [("D", DISMISS, _day(12))],
    10: [("E", DISMISS, None), ("F", DISMISS, None)],
    15: [("E", REOPEN, None)],
}
HIGHER_LIMIT = range(25, 27)  # nights of a policy that allows more

GONE_AND_BACK = [(25, "resolved", "policy_changed"), (27, "reopened", "found_again")]
PREDICTED: dict[str, list[tuple[int, str, str | None]]] = {
    "A": [(0, "new", None), *GONE_AND_BACK],
    "B": [(1, "new", None), (5, "resolved", "claim_reversed")],
    "C": [(2, "new", None), (7, "changed", "amount moved"), *GONE_AND_BACK],
    "D": [
        (3, "new", None),
        (9, "dismissed", "by_person"),
        (13, "reopened", "dismissal_expired"),
        *GONE_AND_BACK,
    ],
    "E": [
        (4, "new", None),
        (11, "dismissed", "by_person"),
        (16, "reopened", "by_person"),
        *GONE_AND_BACK,
    ],
    "F": [
        (4, "new", None),
        (11, "dismissed", "by_person"),
        (18, "changed", "amount moved"),
        *GONE_AND_BACK,
    ],
    "G": [(6, "new", None), (20, "resolved", "claim_reversed")],
    "G2": [(20, "changed", "rebilled"), *GONE_AND_BACK],
    "H": [(6, "new", None), (9, "resolved", "claim_reversed")],
    "H2": [(12, "changed", "rebilled"), *GONE_AND_BACK],
    "I": [
        (2, "new", None),
        (14, "resolved", "evidence_arrived"),
        (21, "reopened", "found_again"),
        *GONE_AND_BACK,
    ],
    "J": [(3, "new", None), (17, "resolved", "evidence_arrived"), (22, "reopened", "found_again")],
}
FIRST_SEEN = {
    "A": 0,
    "B": 1,
    "C": 2,
    "D": 3,
    "E": 4,
    "F": 4,
    "G": 6,
    "G2": 6,
    "H": 6,
    "H2": 6,
    "I": 2,
    "J": 3,
}
LAST_SEEN = dict.fromkeys(FIRST_SEEN, NIGHTS - 1) | {"B": 4, "G": 19, "H": 8}
AT_THE_END = dict.fromkeys(FIRST_SEEN, "open") | {"B": "resolved", "G": "resolved", "H": "resolved"}


def _followed(frame: pl.DataFrame) -> pl.DataFrame:
    """The exceptions that the story is about: too many tablets, and J's missing authorization."""
    rule = pl.when(pl.col("claim_id") == "J").then(pl.lit("AUTH01")).otherwise(pl.lit("QTY01"))
    return frame.filter(pl.col("rule_id") == rule)


@dataclass
class Story:
    """Thirty nights as they were run."""

    base: Path
    warehouse: Path
    summaries: list[Summary] = field(default_factory=list)
    events: dict[str, list[tuple[int, str, str | None]]] = field(default_factory=dict)

    def request(self, number: int, output: str = "out") -> RunRequest:
        """The run of one night."""
        landing = self.base / "nights" / f"{number:02d}"
        policies = self.base / "policies" if number in HIGHER_LIMIT else None
        return request_for(
            landing, self.base / output, self.warehouse, _day(number), policies=policies
        )

    def run(self, number: int) -> None:
        """One night, and what was decided after it."""
        landing = self.base / "nights" / f"{number:02d}"
        landing.mkdir(parents=True)
        for table, rows in ARRIVALS.get(number, {}).items():
            (landing / f"{table}.csv").write_text(as_csv(rows), encoding="utf-8")
        summary = night(self.request(number))
        self.summaries.append(summary)
        changes = _followed(pl.read_parquet(summary.folder / "changes.parquet"))
        for claim, status, why in changes.select("claim_id", "status", "why").iter_rows():
            self.events.setdefault(claim, []).append((number, status, why))
        exceptions = _followed(pl.read_parquet(summary.folder / "exceptions.parquet"))
        ids = dict(exceptions.select("claim_id", "exception_id").iter_rows())
        for claim, action, until in DECISIONS.get(number, []):
            with_reason = [Decision(ids[claim], "looked at")]
            assert (
                decide(
                    self.warehouse,
                    with_reason,
                    action,
                    "a reviewer",
                    until and max(until, date.today()),
                ).decisions
                == 1
            )
            if until:
                with duckdb.connect(
                    str(self.warehouse)
                ) as connection:  # the clock is not the story's
                    connection.execute(
                        "UPDATE decision SET until = ? WHERE until IS NOT NULL", [until]
                    )


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    base = tmp_path_factory.mktemp("thirty")
    (base / "policies").mkdir()
    text = (SHIPPED_POLICIES / "cigna-imatinib-quantity.toml").read_text(encoding="utf-8")
    assert text.count(f"limit = {LIMIT}\n") == 2
    (base / "policies" / "cigna-imatinib-quantity.toml").write_text(
        text.replace(f"limit = {LIMIT}\n", "limit = 900\n")
    )
    story = Story(base, base / "audit.duckdb")
    for number in range(NIGHTS):
        story.run(number)
    yield story


@pytest.mark.slow
def test_every_event_of_thirty_nights_is_the_one_predicted(story: Story) -> None:
    assert story.events == PREDICTED


@pytest.mark.slow
def test_a_night_without_changes_has_no_events(story: Story) -> None:
    busy = {number for events in PREDICTED.values() for number, *_ in events}
    for number in range(1, NIGHTS):
        assert bool(story.summaries[number].changes) == (number in busy), number
        assert story.summaries[number].previous_run == _day(number - 1).isoformat()
    assert story.summaries[0].previous_run is None


@pytest.mark.slow
def test_the_ledger_has_the_status_of_every_exception(story: Story) -> None:
    with duckdb.connect(str(story.warehouse), read_only=True) as connection:
        ledger = _followed(connection.sql("FROM ledger").pl())
    last = {row["claim_id"]: row for row in ledger.iter_rows(named=True)}
    assert {claim: row["first_seen"] for claim, row in last.items()} == {
        c: _day(n) for c, n in FIRST_SEEN.items()
    }
    assert {claim: row["last_seen"] for claim, row in last.items()} == {
        c: _day(n) for c, n in LAST_SEEN.items()
    }
    assert {claim: row["status"] for claim, row in last.items()} == AT_THE_END
    ids = {claim: row["exception_id"] for claim, row in last.items()}
    assert (last["G2"]["continues"], last["H2"]["continues"], last["A"]["continues"]) == (
        ids["G"],
        ids["H"],
        None,
    )


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 9, 13, 20, 26])
def test_a_run_of_an_earlier_date_gives_its_results_again_byte_for_byte(
    story: Story, number: int
) -> None:
    before = content(story.warehouse)
    again = night(story.request(number, f"again {number}"))
    assert again.run_id == story.summaries[number].run_id
    of_then = {
        n: b
        for n, b in published(story.base / "out").items()
        if n.startswith(f"run={again.run_id}/")
    }
    assert published(story.base / f"again {number}") == of_then
    assert content(story.warehouse) == before


# ---------------------------------------------------------------- two nights


@pytest.fixture(scope="module")
def first_night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base folder with the warehouse of a night in which A was found."""
    base = tmp_path_factory.mktemp("first")
    (base / "in").mkdir()
    (base / "in" / "pharmacy_claim.csv").write_text(as_csv([_fill("A")]), encoding="utf-8")
    night(request_for(base / "in", base / "out", base / "audit.duckdb", FIRST))
    return base


@pytest.fixture
def two_nights(first_night: Path, tmp_path: Path) -> Path:
    """A copy of the folder of the first night, for the second."""
    shutil.copytree(first_night, tmp_path, dirs_exist_ok=True)
    return tmp_path


def _ids(base: Path) -> list[str]:
    with duckdb.connect(str(base / "audit.duckdb"), read_only=True) as connection:
        return [
            i
            for (i,) in connection.execute("SELECT exception_id FROM ledger ORDER BY 1").fetchall()
        ]


def _statuses(base: Path) -> set[str]:
    with duckdb.connect(str(base / "audit.duckdb"), read_only=True) as connection:
        return {s for (s,) in connection.execute("SELECT DISTINCT status FROM ledger").fetchall()}


@pytest.mark.slow
def test_a_dismissal_shows_in_the_ledger_at_once_and_in_the_next_nights_changes(
    two_nights: Path,
) -> None:
    (two_nights / "decisions.csv").write_text(
        "exception_id,reason\n" + "".join(f"{i},paid in error\n" for i in _ids(two_nights))
    )
    words = [
        "--warehouse",
        str(two_nights / "audit.duckdb"),
        "--by",
        "reviewer",
        "--file",
        str(two_nights / "decisions.csv"),
    ]
    assert main(["dismiss", *words]) == 0
    assert _statuses(two_nights) == {"dismissed"}
    second = night(request_for(None, two_nights / "out", two_nights / "audit.duckdb", _day(1)))
    assert second.changes == {"dismissed": len(_ids(two_nights))}
    changes = pl.read_parquet(second.folder / "changes.parquet")
    assert set(changes["decision_reason"]) == {"paid in error"} and set(changes["decided_by"]) == {
        "reviewer"
    }
    assert pl.read_parquet(second.folder / "exceptions.parquet").height == len(
        _ids(two_nights)
    )  # the report stays complete
    assert main(["reopen", *words]) == 0
    assert _statuses(two_nights) == {"reopened"}
    assert night(
        request_for(None, two_nights / "out", two_nights / "audit.duckdb", _day(2))
    ).changes == {"reopened": len(_ids(two_nights))}


WRONG = [
    ([Decision("0" * 32, "x")], "me", "The ledger has no exception with that id"),
    ([], "me", "No exception is named"),
    ([Decision("0" * 32, None)], "me", "dismiss without a reason"),
    ([Decision("0" * 32, "x")], " ", "not said who decides"),
]


@pytest.mark.parametrize(("decisions", "by", "words"), WRONG)
def test_a_decision_that_does_not_hold_changes_nothing(
    two_nights: Path, decisions: list[Decision], by: str, words: str
) -> None:
    before = content(two_nights / "audit.duckdb")
    with pytest.raises(UsageError, match=words):
        decide(two_nights / "audit.duckdb", decisions, DISMISS, by)
    assert content(two_nights / "audit.duckdb") == before


def test_a_decision_file_needs_its_column(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("id\nx\n")
    with pytest.raises(UsageError, match="no column exception_id"):
        read_csv(tmp_path / "d.csv")
    with pytest.raises(UsageError, match="cannot be read"):
        read_csv(tmp_path / "gone.csv")


def test_a_dismissal_cannot_end_in_the_past(two_nights: Path) -> None:
    with pytest.raises(UsageError, match="in the past"):
        decide(
            two_nights / "audit.duckdb",
            [Decision(_ids(two_nights)[0], "x")],
            DISMISS,
            "me",
            date(2020, 1, 1),
        )


@pytest.mark.slow
def test_another_run_of_a_date_replaces_its_events(two_nights: Path) -> None:
    before = content(two_nights / "audit.duckdb")
    shutil.rmtree(two_nights / "out")
    again = night(
        request_for(two_nights / "in", two_nights / "out", two_nights / "audit.duckdb", FIRST)
    )
    assert again.previous_run is None and set(again.changes) == {"new"}
    assert content(two_nights / "audit.duckdb") == before


@pytest.mark.slow
def test_another_run_of_a_date_says_again_why_an_exception_was_resolved(tmp_path: Path) -> None:
    """The second run brings rows of another member, and judges only that one and those named."""
    warehouse = tmp_path / "audit.duckdb"

    def run(number: int, folder: str, rows: list[Row]) -> list[tuple[str, str, str | None]]:
        landing = tmp_path / folder
        landing.mkdir()
        (landing / "pharmacy_claim.csv").write_text(as_csv(rows), encoding="utf-8")
        made = night(request_for(landing, tmp_path / "out", warehouse, _day(number)))
        changes = _followed(pl.read_parquet(made.folder / "changes.parquet"))
        return sorted(changes.select("claim_id", "status", "why").rows())

    assert run(0, "first", [_fill("A"), _fill("B")]) == [("A", "new", None), ("B", "new", None)]
    fewer = _fill("A", quantity=LIMIT, paid_date="2026-03-02")
    assert run(1, "second", [fewer]) == [("A", "resolved", "evidence_arrived")]
    assert run(1, "third", [_fill("C")]) == [
        ("A", "resolved", "evidence_arrived"),
        ("C", "new", None),
    ]
