"""What can be done to a warehouse between and in nights: runs, decisions and purges."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from audit_rules.policy.library import SHIPPED_POLICIES
from flows.ledger.decisions import decide
from flows.ledger.written_decisions import Decision
from flows.request import RunRequest
from flows.summary import Summary
from flows.warehouse.purge import purge
from tests.support.extracts import ANY_ERROR_RATE, Row, as_csv
from tests.support.lakes import with_lake
from tests.support.nights import night
from tests.support.running import request_for
from tests.support.senders import ALIAS, SLASHED

ALIASES: dict[str, dict[str, str]] = {"plain": {}, "aliased": {ALIAS: "cigna"}, "dated": {}}
"""Config -> its payer aliases. Under `dated`, dates may be written with slashes."""
DATED = "dated"
_LIMIT = "limit = 180\n"
FileKey = tuple[str, str]
"""Table and hash of a file."""


@dataclass(frozen=True)
class Extract:
    """A file of a landing folder."""

    name: str
    table: str
    rows: tuple[Row, ...]

    @cached_property
    def text(self) -> str:
        return as_csv(self.rows)

    @cached_property
    def key(self) -> FileKey:
        return self.table, sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True)
class Run:
    """The options of one run; without a landing it judges again what is there.

    in_lake   whether its rows stay in a lake; otherwise they come into the warehouse.
    """

    number: int
    as_of: date
    landing: tuple[Extract, ...] | None
    config: str = "plain"
    other_policies: bool = False
    whole: bool = False
    in_lake: bool = False


@dataclass(frozen=True)
class Place:
    """A folder with a warehouse, and whatever its runs need and publish."""

    base: Path

    @property
    def warehouse(self) -> Path:
        return self.base / "audit.duckdb"

    def prepare(self) -> None:
        """Write the settings and policies that a run may name."""
        for name, aliases in ALIASES.items():
            dated = f'date_formats = ["{SLASHED}"]' if name == DATED else ""
            lines = [f'"{theirs}" = "{payer}"' for theirs, payer in aliases.items()]
            text = "\n".join([ANY_ERROR_RATE, dated, "[payer_aliases]", *lines, ""])
            (self.base / f"{name}.toml").write_text(text, encoding="utf-8")
        (self.base / "strict.toml").touch()
        policy = SHIPPED_POLICIES / "cigna-imatinib-quantity.toml"
        text = policy.read_text(encoding="utf-8")
        assert _LIMIT in text
        (self.base / "policies").mkdir()
        (self.base / "policies" / policy.name).write_text(text.replace(_LIMIT, "limit = 200\n"))

    def run(self, run: Run) -> Summary:
        """Make a run; if its results are there already, it compares them."""
        landing = None
        if run.landing is not None:
            landing = self.base / f"in{run.number}"
            landing.mkdir()
            for extract in run.landing:
                (landing / extract.name).write_text(extract.text, encoding="utf-8")
        request = self.request(run, landing)
        return night(with_lake(request, self.base / "lake") if run.in_lake else request)

    def request(self, run: Run, landing: Path | None = None) -> RunRequest:
        """The request of a run that leaves nothing in the lake."""
        return request_for(
            landing,
            self.base / "out",
            self.warehouse,
            run.as_of,
            self.base / f"{run.config}.toml",
            self.base / "policies" if run.other_policies else None,
            whole=run.whole,
        )


@dataclass(frozen=True)
class Decide:
    """Decisions about exceptions, and the last night before them."""

    after_night: date
    ids: tuple[str, ...]
    action: str
    until: date | None

    def do(self, place: Place) -> None:
        decisions = [Decision(i, "looked at") for i in self.ids]
        decide(place.warehouse, decisions, self.action, "a reviewer", self.until)


@dataclass(frozen=True)
class Purge:
    """A purge of everybody without a record since a day."""

    before: date

    def do(self, place: Place) -> None:
        purge(place.warehouse, self.before)


Operation = Run | Decide | Purge
