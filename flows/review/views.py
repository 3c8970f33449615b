"""What the pages say: the list, a line, its explanation, and a refusal."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import polars as pl

from audit_rules.kinds.registry import described
from audit_rules.rules import CATALOGUE
from audit_rules.wording import question
from flows.replay.explain_text import RowText
from flows.reports.colours import IN_CHARTS, IN_DARK
from flows.reports.html import templates
from flows.reports.ledger import in_vain_text
from flows.reports.money import dollars
from flows.reports.wording import (
    asked_once_text,
    barred_part_text,
    basis_of_row,
    collecting_text,
    figures_text,
    ledger_text,
    left_out_by_side,
    shown_facts,
    texts_by_side,
)
from flows.review.form import Form
from flows.review.queue import PER_PAGE, Choice, Line, Queue
from schemas.decisions import DISMISSED, MAY_END, MEANINGS, NEED_REASON
from schemas.notes import counted
from schemas.outcomes import ADVISORY, SETTLED_BY

_BEHIND = (
    "A run holds the warehouse. This is what it held before; decisions can be recorded when the "
    "run has ended."
)


class Reader(NamedTuple):
    """Who reads the page.

    reviewer     who decides; empty: the form asks.
    form_token   what a form must bring back.
    said         what the page says first, of the decision before.
    """

    reviewer: str
    can_decide: bool
    form_token: str
    said: str = ""


def list_page(queue: Queue, choice: Choice, reader: Reader, found: list[Line] | None = None) -> str:
    """The lines that are chosen, a page at a time, with the filters and the sums.

    found   the lines with the id that was asked for, in their place, all on one page.
    """
    chosen = queue.chosen(choice) if found is None else found
    last = max(1, -(-len(chosen) // PER_PAGE)) if found is None else 1
    page = min(choice.page, last)
    shown = chosen[(page - 1) * PER_PAGE : page * PER_PAGE] if found is None else found
    amounts = {name: dollars(amount) for name, amount in queue.sums(chosen).items()}
    at_risk = amounts.pop("amount_at_risk")
    return _render(
        "list.html",
        title="Review queue",
        wanted=found is not None,
        run=queue.run,
        lines=shown,
        filters=queue.filters,
        choice=choice,
        query=choice.query(page),
        count=f"{len(chosen):,} of {len(queue.lines):,} lines, {at_risk} at risk",
        amounts=amounts,
        page=page,
        pages=last,
        previous_page=choice.query(page - 1) if page > 1 else None,
        next_page=choice.query(page + 1) if page < last else None,
        **_around(queue, reader),
    )


def line_page(
    queue: Queue,
    line: Line,
    choice: Choice,
    form: Form,
    problems: Mapping[str, str],
    reader: Reader,
) -> str:
    """A line with its findings, evidence, history and form.

    problems   a sentence for each field that is refused; that of "" is about the whole form.
    """
    chosen = queue.chosen(choice)
    before, after = neighbours(chosen, line)
    position = next((n for n, other in enumerate(chosen, 1) if other.place == line.place), None)
    return _render(
        "line.html",
        title=f"Line {position} of {len(chosen)}" if position else "A line",
        position=position,
        of=len(chosen),
        line=line,
        row=line.row,
        before=before,
        after=after,
        query=choice.query(),
        findings=list(_findings(queue, line)),
        history=_history(queue, line),
        meanings=MEANINGS,
        need_reason=NEED_REASON,
        may_end=MAY_END,
        form=form,
        problems=problems,
        **_around(queue, reader),
    )


def neighbours(chosen: list[Line], line: Line) -> tuple[Line | None, Line | None]:
    """The lines before and after a line among those chosen, in the order of work."""
    before = [other for other in chosen if other.place < line.place]
    after = [other for other in chosen if other.place > line.place]
    return (before[-1] if before else None), (after[0] if after else None)


def explanation_page(
    queue: Queue, line: Line, choice: Choice, rows: list[RowText], reader: Reader
) -> str:
    """What every rule says about a line."""
    return _render(
        "explanation.html",
        title="Every rule on this line",
        line=line,
        row=line.row,
        query=choice.query(),
        rows=rows,
        **_around(queue, reader),
    )


def refusal_page(title: str, sentence: str) -> str:
    """Why nothing is shown."""
    return _render("refusal.html", title=title, sentence=sentence)


def style() -> str:
    """The style of every page: the one of a run's page, and what forms need as well."""
    page = templates("flows.reports.page").get_template("page.css").render()
    return f"{page}\n{_render('review.css', colours=IN_CHARTS, dark=IN_DARK)}"


def recorded_text(asked: Mapping[str, str]) -> str:
    """What the next page says of decisions that were recorded, by its query; else nothing."""
    action, count = asked.get("recorded", ""), asked.get("count", "")
    if action not in MEANINGS or not (count.isascii() and count.isdigit()):
        return ""
    word = action.replace("_", " ")
    number = int(count)
    if not number:
        return f"The ledger had this decision already ({word}); it was not recorded again."
    vain = asked.get("in_vain", "")
    more = in_vain_text(int(vain)) if vain.isascii() and vain.isdigit() and int(vain) else ""
    return (
        f"Recorded: {word}, on {counted(number, 'finding')}. The next run shows it. {more}".strip()
    )


def _around(queue: Queue, reader: Reader) -> dict[str, Any]:
    """What stands on each page."""
    behind = _BEHIND if queue.is_behind else ""
    later = ""
    if queue.ledger.run_id != queue.run.run_id:
        later = f"A later night, {queue.ledger.run_id}, has run on this warehouse."
    return reader._asdict() | {"warnings": [text for text in (behind, later) if text]}


def _findings(queue: Queue, line: Line) -> Iterator[dict[str, Any]]:
    """Each exception of a line in words, in the order of the line."""
    ids = [f["exception_id"] for f in line.findings]
    rows = queue.run.exceptions.filter(pl.col("exception_id").is_in(ids))
    found = {row["exception_id"]: row for row in rows.iter_rows(named=True)}
    live = [f for f in line.findings if f["status"] != DISMISSED and f["outcome"] != ADVISORY]
    published = queue.run.lines.row(line.place, named=True)
    for finding in line.findings:
        row = found[finding["exception_id"]]
        row |= {"status": finding["status"], "decision": finding["decision"]}
        others = len([f for f in live if f["exception_id"] != row["exception_id"]])
        is_dismissed = row["status"] == DISMISSED
        money = (
            asked_once_text(row, others, published),
            collecting_text(row, queue.run.citations),
            barred_part_text(row, published),
        )
        yield {
            **row,
            "to_decide": finding["to_decide"],
            "question": question(described(row["rule_id"], row["reason"], CATALOGUE)),
            "is_dismissed": is_dismissed,
            "figures": figures_text(row),
            "basis": basis_of_row(row),
            "money": [] if is_dismissed else [text for text in money if text],
            "sides": texts_by_side(shown_facts(row)),
            "more": left_out_by_side(row),
            "settled_by": SETTLED_BY[row["outcome"]],
            "ledger": ledger_text(row),
        }


def _history(queue: Queue, line: Line) -> list[dict[str, Any]]:
    """Every decision about the findings of a line, the latest first."""
    made = [
        decision | {"rule_id": finding["rule_id"]}
        for finding in line.findings
        for decision in queue.ledger.made.get(finding["exception_id"], ())
    ]
    return sorted(made, key=lambda decision: -int(decision["decision_no"]))


def _render(name: str, **shown: Any) -> str:
    return templates("flows.review").get_template(name).render(shown)
