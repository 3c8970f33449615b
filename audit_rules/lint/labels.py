"""Whether a label can mean a code: its words against the code's title, inclusion terms, and those
of its headers.

fits         every word of the label is said of the code.
plausible    some are, and no other code is called what the label says.
elsewhere    another code is called what the label says, and this one is not.
unknown      the label's words say nothing that the classification knows.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from audit_rules.lint.words import Words, covered_codes, readings, telling, words
from audit_rules.reference.icd10cm import Icd10cm

Fit = Literal["fits", "plausible", "elsewhere", "unknown"]
_CATEGORY = 3
_RANGE = re.compile(r"\([A-Z0-9]{3}-[A-Z0-9]{3}\)")
_LONGEST_INDEXED = 7
_PARTS_NEED = 2
_REST = re.compile(r"\b(unspecified|other|not elsewhere classified)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Verdict:
    """How a label fits a code, and the code that it fits better."""

    fit: Fit
    better: str | None = None


class Labels:
    """Labels judged by the words of the classification."""

    def __init__(self, icd: Icd10cm) -> None:
        """Words are taken from the classification as they are asked for."""
        self._icd = icd
        self._own: dict[str, list[Words]] = {}
        self._vocabulary: dict[str, Words] = {}
        self._judged: dict[tuple[str, str], Verdict] = {}

    def judge(self, label: str, code: str) -> Verdict:
        """The kindest verdict over the label's readings; `elsewhere` only if none of them fits
        or is plausible."""
        if (label, code) not in self._judged:
            self._judged[label, code] = self._kindest(label, code)
        return self._judged[label, code]

    def _kindest(self, label: str, code: str) -> Verdict:
        whole, *parts = readings(label)
        verdicts = [self._judge(whole, code)]
        for part in parts:
            verdict = self._judge(part, code)
            if verdict.fit == "fits" or len(words(part, stages=False)) >= _PARTS_NEED:
                verdicts.append(verdict)
        for fit in ("fits", "plausible", "elsewhere"):
            found = next((v for v in verdicts if v.fit == fit), None)
            if found:
                return found
        return Verdict("unknown")

    def names(self, label: str, code: str) -> bool:
        """The label is what the code, or one of its inclusion terms, is called: it says no more
        than that."""
        return any(
            telling(meant) and any(meant <= own for own in self.own(code))
            for meant in (words(reading) for reading in readings(label, keep_unknown=True))
        )

    def titles(self, code: str) -> list[Words]:
        """The words of the titles of a code and its headers, of those that name a disease."""
        named = [
            c
            for c in self._icd.lineage(code)
            if not self._icd.entries[c].is_block and not self.is_the_rest(c)
        ]
        return [self.own(c)[0] for c in named if telling(self.own(c)[0])]

    def is_the_rest(self, code: str) -> bool:
        """A code for what its siblings do not say: unspecified, or other."""
        return bool(_REST.search(self._icd.title(code)))

    def own(self, code: str) -> list[Words]:
        """The words of the code's title, and of each inclusion term."""
        if code not in self._own:
            entry = self._icd.entries[code]
            self._own[code] = [words(text) for text in (entry.title, *entry.also)]
        return self._own[code]

    def _judge(self, reading: str, code: str) -> Verdict:
        meant = words(reading, stages=False)
        if not meant:
            return Verdict("unknown")
        said, block = self.vocabulary(code), self._block(code)
        if (
            meant <= said
            or self._is_under(code, covered_codes(reading))
            or (meant <= block and telling(meant) == telling(block))
        ):
            return Verdict("fits")
        if any(meant <= self.vocabulary(c) for c in self._icd.below(code)):
            return Verdict("fits")
        known = frozenset(w for w in meant if w in self._index or not telling(frozenset({w})))
        if not telling(known):
            return Verdict("unknown")
        better = self._called(known, code) if known == meant else None
        if telling(known) & (said | block):
            kind_of_it = any(title <= meant for title in self.titles(code))
            sure = (
                better
                and (not kind_of_it or better[:_CATEGORY] == code[:_CATEGORY])
                and self._adds(better, known) <= 1
            )
            return Verdict("elsewhere", better) if sure else Verdict("plausible")
        return Verdict("elsewhere", better) if better else Verdict("unknown")

    def vocabulary(self, code: str) -> Words:
        """Everything said of a code: its own words and those of its headers."""
        if code not in self._vocabulary:
            headers = [c for c in self._icd.lineage(code) if not self._icd.entries[c].is_block]
            self._vocabulary[code] = frozenset(
                w for c in headers for own in self.own(c) for w in own
            )
        return self._vocabulary[code]

    def _block(self, code: str) -> Words:
        """The words of the heading over the code's category."""
        top = self._icd.entries[self._icd.lineage(code)[-1]]
        return words(_RANGE.sub("", top.title)) if top.is_block else frozenset()

    def _is_under(self, code: str, prefixes: tuple[str, ...]) -> bool:
        return any(_within(code, p) for p in prefixes)

    def _called(self, meant: Words, code: str) -> str | None:
        """The code that is called so, with the fewest words more; a lone word, or the same
        category, asks for it in the title."""
        candidates = set.intersection(*(self._index[w] for w in telling(meant))) - set(
            self._icd.below(code)
        )
        found = []
        for candidate in candidates:
            title_only = len(meant) == 1 or candidate[:_CATEGORY] == code[:_CATEGORY]
            if any(
                meant <= own
                for own in (self.own(candidate)[:1] if title_only else self.own(candidate))
            ):
                found.append(
                    (
                        self._adds(candidate, meant),
                        len(candidate),
                        self._icd.place(candidate),
                        candidate,
                    )
                )
        return min(found)[-1] if found else None

    def _adds(self, code: str, meant: Words) -> int:
        """How many telling words the code is called by besides those meant."""
        return min(len(telling(own - meant)) for own in self.own(code) if meant <= own)

    @cached_property
    def _index(self) -> dict[str, set[str]]:
        """Telling word -> codes that are called by it."""
        index: dict[str, set[str]] = {}
        for code, entry in self._icd.entries.items():
            if entry.is_block or len(code) > _LONGEST_INDEXED:
                continue
            for word in {w for own in self.own(code) for w in telling(own)}:
                index.setdefault(word, set()).add(code)
        return index


def _within(code: str, prefix: str) -> bool:
    """The code is that of the prefix or below it; a prefix may be a range of categories, such as
    C00-C96."""
    first, _, last = prefix.partition("-")
    return first <= code[:_CATEGORY] <= last if last else code.startswith(prefix)
