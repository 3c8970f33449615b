"""Words of labels and titles, made comparable: case, plurals, spelling, names in common use, and
words that say nothing.

A label is what a document calls a code. There are three kinds of word: fillers are left out;
common words (acute, malignant, a number) must agree but prove no kinship; the others are what a
disease is called by.
"""

import csv
import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

Words = frozenset[str]

_FILLERS = """
a an and any as at by for from in into its of on or other the to with without due nec nos not
elsewhere classified classifiable specified unspecified disease diseases disorder disorders syndrome
condition conditions cell cells site sites including related issue issues tissue tissues mellitus e
g i d
"""
_STAGES = """
adult adults advanced active aged child children confirmed controlled current diagnosed early
eligible established first high history inoperable intolerant line locally metastatic mild moderate
new newly onset patient patients paediatric pediatric ph philadelphia positive negative previously
progressive prior refractory relapse relapsed relapsing recurrent recurrence resectable risk second
severe severely stage treated treatment unresectable uncontrolled untreated year years
"""
_COMMON = """
abl acute bcr benign chronic complication complications congenital hereditary idiopathic left lower
malignant multiple neoplasm primary right secondary systemic type upper uncomplicated
"""
_LONG_SUFFIX = 8
_SHORT = 3
_ACRONYM = re.compile(r"[A-Z][A-Za-z]{0,1}[A-Z]{1,5}s?")
_IN_BRACKETS = re.compile(r"[(\[]([^()\[\]]*)[)\]]")
_OWN_ACRONYM = re.compile(r"\[[A-Z]{2,}\]|\([A-Z]{2,}\)")
_WORD = re.compile(r"[a-z0-9]+")
_NOT = re.compile(r"\bnon[- ]")
_PARTS = re.compile(r"\s*(?:/|;|\band/or\b|\bor\b|\band\b|,)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Name:
    """A name in common use: the words of ICD-10-CM for it, and further codes that it covers if
    it is the whole label."""

    name: str
    words: str
    codes: tuple[str, ...]

    @property
    def is_acronym(self) -> bool:
        """Written in capitals, and meant only so."""
        return self.name != self.name.lower()


@cache
def names() -> tuple[Name, ...]:
    """The shipped names, the longest first."""
    text = (files("audit_rules") / "code_sets" / "clinical_names.csv").read_text(encoding="utf-8")
    found = [
        Name(r["name"], r["words"], tuple(r["codes"].split()))
        for r in csv.DictReader(text.splitlines())
    ]
    return tuple(sorted(found, key=lambda n: (-len(n.name), n.name)))


@cache
def _spelling() -> tuple[re.Pattern[str], dict[str, str]]:
    """One pattern for all lower-case names that have words of their own, and those words."""
    by_name = {n.name: n.words for n in names() if n.words and not n.is_acronym}
    return re.compile(r"\b(" + "|".join(re.escape(n) for n in by_name) + r")s?\b"), by_name


@cache
def _stem(word: str) -> str:
    """A word without the ending of its plural or adjective."""
    if len(word) > _SHORT and word.endswith("ies"):
        word = word[:-3] + "y"
    elif len(word) > _SHORT and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    if len(word) >= _LONG_SUFFIX and word.endswith(("ic", "ia")):
        word = word[:-2]
    return word


_FILLER_STEMS = frozenset(_stem(w) for w in _FILLERS.split())
_STAGE_STEMS = frozenset(_stem(w) for w in _STAGES.split())
_COMMON_STEMS = frozenset(_stem(w) for w in _COMMON.split())


@cache
def words(text: str, *, stages: bool = True) -> Words:
    """The words of a text that count; without `stages`, words of severity, line and age are left
    out as well.

    An acronym in brackets repeats what comes before it, and is skipped.
    """
    plain = (
        unicodedata.normalize("NFKD", _OWN_ACRONYM.sub(" ", text))
        .encode("ascii", "ignore")
        .decode()
        .lower()
        .replace("'s", "")
    )
    pattern, by_name = _spelling()
    plain = _NOT.sub("non", pattern.sub(lambda m: by_name[m.group(1)], plain))
    left_out = _FILLER_STEMS if stages else _FILLER_STEMS | _STAGE_STEMS
    return frozenset(map(_stem, _WORD.findall(plain))) - left_out


def telling(found: Words) -> Words:
    """Words that name a disease: neither common nor a number nor a single letter."""
    return frozenset(w for w in found if w not in _COMMON_STEMS and not w.isdigit() and len(w) > 1)


def spelled_out(text: str, *, keep_unknown: bool) -> str:
    """A label with the acronyms that the table knows in words; others as they are, or left out."""
    known = {n.name: n.words for n in names() if n.is_acronym}

    def meaning(match: re.Match[str]) -> str:
        acronym = match.group(0)
        return (
            known.get(acronym)
            or known.get(acronym.rstrip("s"))
            or (acronym if keep_unknown else " ")
        )

    return _ACRONYM.sub(meaning, text)


@cache
def readings(label: str, *, keep_unknown: bool = False) -> tuple[str, ...]:
    """What a label may mean: the whole of it first, its parts between "/", "and", "or", and an
    acronym in brackets."""
    in_brackets = [b for b in _IN_BRACKETS.findall(label) if _ACRONYM.fullmatch(b.strip())]
    bare = label
    for bracket in in_brackets:
        bare = re.sub(r"\s*[(\[]" + re.escape(bracket) + r"[)\]]", "", bare)
    found = (
        spelled_out(r, keep_unknown=keep_unknown).strip()
        for r in (bare, *_PARTS.split(bare), *in_brackets)
    )
    return tuple(dict.fromkeys(r for r in found if r)) or (label,)


@cache
def covered_codes(reading: str) -> tuple[str, ...]:
    """Codes and ranges of a name in common use that is the whole of a reading."""
    meant = words(reading, stages=False)
    return tuple(c for n in names() if words(n.name, stages=False) == meant for c in n.codes)
