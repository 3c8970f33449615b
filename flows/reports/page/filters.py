"""What the worklist of the page can be filtered by: a word per line and filter, and the choices."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from schemas.decisions import DISMISSED

_UNKNOWN = "unknown"

Words = Callable[[Mapping[str, Any]], str | None]
Filter = tuple[str, str, list[tuple[str, str]]]
"""Title, name, and the choices: a word of the lines and its text."""


def _word(text: str) -> str:
    """A text as one word, because the words of a line are separated by spaces."""
    return text.replace(" ", "\u00a0")


_FILTERS: dict[str, tuple[str, Words]] = {
    "outcome": ("Outcome", lambda line: line["outcome"] or DISMISSED),
    "status": ("Status", lambda line: line["status"]),
    "rules": ("Rule", lambda line: " ".join(line["rule_ids"])),
    "payer": ("Payer", lambda line: _word(line["payer_name"] or _UNKNOWN)),
    "drug": ("Drug", lambda line: _word(line["drug"] or _UNKNOWN)),
    "payee": ("Payee", lambda line: line["billing_npi"] or _UNKNOWN),
    "month": ("Month of service", lambda line: f"{line['service_date']:%Y-%m}"),
}


def words_of(line: Mapping[str, Any]) -> dict[str, str]:
    """Name of each filter -> the line's words for it, apart by blanks."""
    return {name: words(line) or "" for name, (_, words) in _FILTERS.items()}


def choices(
    lines: Iterable[Mapping[str, str]], questions: Mapping[str, str], order: Iterable[str]
) -> list[Filter]:
    """Every filter with the words that occur in the lines, from `words_of`.

    questions   rule id -> its question; order: the outcomes, strongest first.
    """
    rank = {outcome: number for number, outcome in enumerate(order)}
    words: dict[str, set[str]] = {name: set() for name in _FILTERS}
    for line in lines:
        for name, found in words.items():
            found.update(line[name].split(" "))
    filters = []
    for name, (title, _) in _FILTERS.items():
        in_order = sorted(words[name] - {""}, key=lambda w: (rank.get(w, len(rank)), w))
        filters.append((title, name, [(w, _text(w, questions.get(w))) for w in in_order]))
    return filters


def _text(word: str, question: str | None) -> str:
    text = word.replace("\u00a0", " ").replace("_", " ")
    return f"{text}: {question}" if question else text
