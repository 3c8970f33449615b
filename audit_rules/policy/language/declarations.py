"""What a document declares, by name, and which sets each of its terms is about."""

from dataclasses import dataclass, field

from audit_rules.policy.language.sets import Codes, Fact, Payer, Products
from audit_rules.policy.language.spans import Window
from audit_rules.policy.language.terms import LanguageTerm


@dataclass(frozen=True)
class Declarations:
    """The sets, code lists, facts and payers of one document.

    sets              declared sets by name, in the order of the file.
    row_sets          sets that rows of a table make, by name: one code each.
    rows              term_id -> file and row, of terms that a table makes.
    default_of        the document's own `of`.
    diagnosis_window  where a diagnosis may be dated if its condition has no window.
    """

    sets: dict[str, Products] = field(default_factory=dict)
    row_sets: dict[str, Products] = field(default_factory=dict)
    rows: dict[str, str] = field(default_factory=dict)
    codes: dict[str, Codes] = field(default_factory=dict)
    facts: dict[str, Fact] = field(default_factory=dict)
    payers: tuple[Payer, ...] = ()
    default_of: tuple[str, ...] = ()
    diagnosis_window: Window | None = None

    @property
    def every_set(self) -> dict[str, Products]:
        """Every set by name, those of rows too."""
        return self.row_sets | self.sets

    def sets_of(self, term: LanguageTerm) -> list[Products]:
        """The sets whose lines a term judges, in the order of the file."""
        if term.names_no_set:
            return []
        names = term.of or self.default_of or tuple(self.sets)
        found = (self.sets.get(name) or self.row_sets.get(name) for name in names)
        return [one for one in found if one is not None]
