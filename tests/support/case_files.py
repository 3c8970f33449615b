"""Case files: every rule's answers on small claim histories, as tables in `tests/cases/<ID>.md`.

A file begins with `# ID name`; each `## sentence` is one case. Under it directives, then tables: a
line with the table's name, a header of the contract's columns, rows. A blank cell is null. Claim
tables may have the column `expect`: the answer of the file's rule on that line. Whatever is not
understood raises CaseError.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from schemas.outcomes import EXCEPTIONS, NOT_APPLICABLE, NOT_EVALUABLE, PASS
from schemas.tables import CLAIM_TABLES, TABLES

AS_OF = date(2026, 6, 30)
NO_ANSWER = "-"
_TITLE = re.compile(r"# ([A-Z]+\d\d) ([a-z0-9_.]+)")
_FIGURES = ("observed", "allowed", "amount")
_POLICY = re.compile(r"([a-z0-9]+(?:-[a-z0-9]+)*):\s+(.+)")

Row = dict[str, str]


class CaseError(Exception):
    """A case file that does not hold: file, line and what is wrong."""


@dataclass(frozen=True)
class ExpectedAnswer:
    """One expected answer; figures left out are not compared, and `None` means null."""

    outcome: str
    reason: str | None = None
    policy_id: str | None = None
    figures: dict[str, Decimal | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Expectation:
    """What is expected on one claim line: one answer per policy, or none at all."""

    claim_source: str
    payer: str
    claim_id: str
    line: int
    answers: tuple[ExpectedAnswer, ...]


@dataclass(frozen=True)
class Case:
    """One history and what the rule answers on it."""

    rule_id: str
    number: int
    sentence: str
    as_of: date
    absent: frozenset[str]
    is_alone: bool
    may_have_bad_rows: bool
    tables: dict[str, tuple[Row, ...]]
    expected: tuple[Expectation, ...]

    @property
    def tag(self) -> str:
        """Names the case in ids, so that the persons and claims of two cases cannot meet."""
        return f"{self.rule_id}.{self.number:02d}"


@dataclass(frozen=True)
class CaseFile:
    """The cases of one rule."""

    rule_id: str
    rule_name: str
    cases: tuple[Case, ...]

    def answers(self) -> set[tuple[str, str | None]]:
        """Every (outcome, reason) that some case expects."""
        return {(a.outcome, a.reason) for c in self.cases for e in c.expected for a in e.answers}


def read_case_file(path: Path) -> CaseFile:
    """The cases of a file. Raises CaseError."""
    parsed = parse_cases(path.read_text(encoding="utf-8"), path.name)
    if path.name != f"{parsed.rule_id}.md":
        raise CaseError(
            f"{path.name}: the title names {parsed.rule_id}. Name the file {parsed.rule_id}.md."
        )
    return parsed


def parse_cases(text: str, name: str = "cases") -> CaseFile:
    """The cases of a text. Raises CaseError."""
    lines = [(n, line.strip()) for n, line in enumerate(text.splitlines(), 1)]
    title = _TITLE.fullmatch(lines[0][1]) if lines else None
    if title is None:
        raise CaseError(
            f"{name}: the first line must be '# ID name', such as '# QTY01 quantity.per_fill'."
        )
    starts = [i for i, (_, line) in enumerate(lines) if line.startswith("## ")]
    if not starts:
        raise CaseError(f"{name}: no case. Begin one with '## sentence'.")
    for n, line in lines[1 : starts[0]]:
        if line.startswith(("|", "#")):
            raise CaseError(f"{name}:{n}: a table or heading before the first case.")
    blocks = [lines[a:b] for a, b in zip(starts, [*starts[1:], len(lines)], strict=True)]
    cases = tuple(_case(name, title[1], number, block) for number, block in enumerate(blocks, 1))
    sentences = [c.sentence for c in cases]
    twice = sorted({s for s in sentences if sentences.count(s) > 1})
    if twice:
        raise CaseError(f"{name}: two cases are called {twice[0]!r}.")
    return CaseFile(title[1], title[2], cases)


def _case(name: str, rule_id: str, number: int, block: list[tuple[int, str]]) -> Case:
    where, sentence = f"{name}:{block[0][0]}", block[0][1].removeprefix("## ").strip()
    body = [(f"{name}:{n}", line) for n, line in block[1:] if line]
    first = next((i for i, (_, line) in enumerate(body) if line in TABLES), len(body))
    as_of, absent, flags = _directives(body[:first])
    tables: dict[str, list[Row]] = {}
    expected: list[Expectation] = []
    for table, lines in _blocks(body[first:]):
        for row_where, row, expect in _rows(table, lines):
            tables.setdefault(table, []).append(row)
            expected += _expectation(row_where, table, row, expect)
    case = Case(
        rule_id,
        number,
        sentence,
        as_of,
        absent,
        "alone" in flags,
        "bad rows" in flags,
        {t: tuple(rows) for t, rows in tables.items()},
        tuple(expected),
    )
    _check(where, case)
    return case


def _directives(lines: list[tuple[str, str]]) -> tuple[date, frozenset[str], set[str]]:
    as_of, absent, flags = AS_OF, frozenset[str](), set[str]()
    for where, line in lines:
        if line.startswith("as of:"):
            as_of = _day(where, line.removeprefix("as of:").strip())
        elif line.startswith("absent:"):
            absent = frozenset(t.strip() for t in line.removeprefix("absent:").split(","))
        elif line in ("alone", "bad rows"):
            flags.add(line)
        else:
            raise CaseError(f"{where}: unknown directive or table {line!r}.")
    return as_of, absent, flags


def _blocks(lines: list[tuple[str, str]]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Every table's name with its lines."""
    starts = [i for i, (_, line) in enumerate(lines) if not line.startswith("|")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        where, table = lines[start]
        if table not in TABLES:
            raise CaseError(f"{where}: {table!r} is not a table. Directives come before tables.")
        if end - start < 4:
            raise CaseError(f"{where}: table {table} needs a header, a line of dashes and a row.")
        yield table, lines[start + 1 : end]


def _check(where: str, case: Case) -> None:
    if case.absent - set(TABLES) or case.absent & set(case.tables):
        raise CaseError(f"{where}: absent must name tables that this case has no rows of.")
    if not case.expected:
        raise CaseError(f"{where}: the case expects nothing.")
    owned = {
        (
            (t, row.get("payer", "").lower(), row.get("claim_id"), row["claim_line_number"]),
            row["member_id"],
        )
        for t in CLAIM_TABLES
        for row in case.tables.get(t, ())
    }
    if len(owned) > len({line for line, _ in owned}):
        raise CaseError(
            f"{where}: one claim line belongs to two members. Give each claim its own id."
        )
    keys = [(e.claim_source, e.payer.lower(), e.claim_id, e.line) for e in case.expected]
    if len(keys) != len(set(keys)):
        raise CaseError(
            f"{where}: two rows of one claim line expect something. Leave all but one blank."
        )


def _rows(table: str, lines: list[tuple[str, str]]) -> Iterator[tuple[str, Row, str]]:
    """Every row of a table with its place and its `expect` cell."""
    where, header = lines[0][0], _cells(lines[0][1])
    columns = {c.name for c in TABLES[table].columns}
    defaults = {
        c: v
        for c, v in (("member_id", "M"), ("claim_line_number", "1"))
        if c in columns - set(header)
    }
    known = columns | ({"expect"} if table in CLAIM_TABLES else set())
    unknown = [c for c in header if c not in known]
    if unknown or len(set(header)) < len(header):
        raise CaseError(
            f"{where}: {table} has no column {unknown[0]!r}."
            if unknown
            else f"{where}: a column is named twice."
        )
    if not all(re.fullmatch(r":?-+:?", c) for c in _cells(lines[1][1])):
        raise CaseError(f"{lines[1][0]}: expected a line of dashes under the header.")
    for row_where, line in lines[2:]:
        cells = _cells(line)
        if len(cells) != len(header):
            raise CaseError(f"{row_where}: {len(cells)} cells under {len(header)} columns.")
        row = dict(zip(header, cells, strict=True))
        expect = row.pop("expect", "")
        yield row_where, defaults | row, expect


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.removeprefix("|").removesuffix("|").split("|")]


def _day(where: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CaseError(f"{where}: {text!r} is not a date. Write YYYY-MM-DD.") from None


def _expectation(where: str, table: str, row: Row, expect: str) -> list[Expectation]:
    """The row's expectation, in a list of one; an empty list if nothing is to be checked."""
    if not expect:
        return []
    answers = (
        ()
        if expect == NO_ANSWER
        else tuple(_answer(where, part.strip()) for part in expect.split(";"))
    )
    source = table.removesuffix("_claim")
    return [
        Expectation(
            source,
            row.get("payer", ""),
            row.get("claim_id", ""),
            int(row["claim_line_number"]),
            answers,
        )
    ]


def _answer(where: str, text: str) -> ExpectedAnswer:
    named = _POLICY.fullmatch(text)
    policy_id, text = (named[1], named[2]) if named else (None, text)
    outcome, *words = text.split()
    reasons = [w for w in words if "=" not in w]
    needs_reason = outcome in (*EXCEPTIONS, NOT_EVALUABLE)
    if (
        outcome not in (*EXCEPTIONS, PASS, NOT_APPLICABLE, NOT_EVALUABLE)
        or len(reasons) != needs_reason
    ):
        raise CaseError(f"{where}: expect {text!r} is not understood.")
    figures: dict[str, Decimal | None] = {}
    for word in words:
        name, _, value = word.partition("=")
        if word in reasons:
            continue
        if outcome not in EXCEPTIONS or name not in _FIGURES or name in figures:
            raise CaseError(f"{where}: expect {text!r}: {word!r} has no place there.")
        try:
            figures[name] = None if value == "null" else Decimal(value)
        except InvalidOperation:
            raise CaseError(f"{where}: expect {text!r}: {value!r} is not a number.") from None
    return ExpectedAnswer(outcome, reasons[0] if reasons else None, policy_id, figures)
