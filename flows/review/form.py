"""The form in which a person decides: read as `decide` reads a row, refused field by field."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qs

from flows.ledger.seen import Seen
from flows.ledger.written_decisions import Decision, WrittenDecision, read_written
from flows.review.ledger_now import LedgerNow
from flows.review.queue import Line
from schemas.decisions import MAY_END, MEANINGS, NEED_REASON, RECOVERED

TEXTS = ("action", "amount", "reason", "until", "decided_on", "decided_by")
_PLACE = "The form"
_MOST_FIELDS = 500


Fields = Mapping[str, list[str]]
"""Name of each field of a form -> its values."""


def fields_of(body: bytes) -> Fields:
    """The fields of a form that a browser has sent. Raises ValueError if it is not one."""
    return parse_qs(
        body.decode("utf-8"),
        keep_blank_values=True,
        strict_parsing=True,
        errors="strict",
        max_num_fields=_MOST_FIELDS,
    )


@dataclass(frozen=True)
class Form:
    """What was typed: a text per field, and the findings that are ticked.

    seen   what the page had shown of the ledger: the number of the last decision, and the run.
    """

    texts: dict[str, str]
    ticked: tuple[str, ...]
    seen: str = ""

    @classmethod
    def blank(cls, line: Line, ledger: LedgerNow, reviewer: str) -> "Form":
        """The form of a line before anything is typed: every finding is ticked."""
        texts = dict.fromkeys(TEXTS, "") | {"decided_by": reviewer}
        return cls(texts, tuple(f["exception_id"] for f in line.findings), _seen(line, ledger))

    @classmethod
    def of_fields(cls, fields: Fields, reviewer: str) -> "Form":
        """The form that a browser has sent.

        reviewer   who decides, whatever the form says; empty: as it says.
        """
        texts = {name: fields.get(name, [""])[-1].strip() for name in TEXTS}
        texts |= {"decided_by": reviewer} if reviewer else {}
        return cls(texts, tuple(fields.get("finding", ())), fields.get("seen", [""])[-1])

    def renewed(self, line: Line, ledger: LedgerNow) -> "Form":
        """The same form on a page that shows what the ledger says now."""
        return replace(self, seen=_seen(line, ledger))


def read_form(form: Form, line: Line, problems: dict[str, str]) -> tuple[list[Decision], Seen]:
    """The decisions that a form says, one per finding that is ticked, and what was seen.

    Adds to `problems` a sentence for each field that says too little, by its name.
    """
    texts = form.texts
    rules = {f["exception_id"]: f["rule_id"] for f in line.findings}
    ticked = [exception_id for exception_id in form.ticked if exception_id in rules]
    problems |= dict(_missing(texts, ticked))
    sentences: list[str] = []
    said = read_written(WrittenDecision(place=_PLACE, **texts), sentences)
    for sentence in sentences:
        problems.setdefault(_field_of(sentence), sentence.removeprefix(f"{_PLACE}: "))
    number, _, run_id = form.seen.partition(" ")
    is_number = number.isascii() and number.isdigit()
    seen = Seen(tuple(rules), int(number) if is_number else -1, run_id)
    return [replace(said, exception_id=i, place=rules[i]) for i in ticked], seen


def _missing(texts: Mapping[str, str], ticked: list[str]) -> dict[str, str]:
    """A sentence for each field that is empty and must not be."""
    action = texts["action"]
    found = {}
    if not ticked:
        found["finding"] = "Tick at least one finding."
    if action not in MEANINGS:
        found["action"] = "Choose a decision."
    if action in NEED_REASON and not texts["reason"]:
        found["reason"] = f"Say why: {action} needs a reason."
    if action == RECOVERED and not texts["amount"]:
        found["amount"] = "Say how much came back, such as 1250.00."
    if action == RECOVERED and len(ticked) > 1:
        found["finding"] = (
            "Tick the one finding under which the money came back: the amount is added to each "
            "that is ticked."
        )
    if texts["amount"] and action in MEANINGS and action != RECOVERED:
        found["amount"] = f"Only {RECOVERED} has an amount: choose that, or empty this field."
    if texts["until"] and action in MEANINGS and action not in MAY_END:
        named = " and ".join(MAY_END).replace("_", " ")
        found["until"] = f"Only {named} have a last day: empty this field."
    if not texts["decided_by"]:
        found["decided_by"] = "Say who decides."
    return found


def _field_of(sentence: str) -> str:
    """The field that a sentence of `read_written` is about."""
    return next((name for name in TEXTS if name in sentence), "action")


def _seen(line: Line, ledger: LedgerNow) -> str:
    ids = [f["exception_id"] for f in line.findings]
    return f"{ledger.last_decision(ids)} {ledger.run_id}"
