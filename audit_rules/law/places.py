"""Where a payer and a plan are, and what business they are in, as the config says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from audit_rules.law.clauses import LineOfBusiness
from schemas.folding import folded


class Place(NamedTuple):
    """What decides which law binds a plan; None: the config does not say it."""

    jurisdiction: str | None = None
    line_of_business: LineOfBusiness | None = None

    @property
    def is_known(self) -> bool:
        """Whether both are known."""
        return self.jurisdiction is not None and self.line_of_business is not None


@dataclass(frozen=True)
class Places:
    """The place of every payer and plan that the config names.

    names     folded spelling of a payer -> its id, for payers of policies and aliases.
    payers    id, or folded name, of a payer -> its place.
    plans     that and the folded name of a plan -> the plan's own place.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    payers: Mapping[str, Place] = field(default_factory=dict)
    plans: Mapping[tuple[str, str], Place] = field(default_factory=dict)

    @property
    def stated(self) -> tuple[str, ...]:
        """What is known of each payer and plan, a line each: equal if and only if that is."""
        payers = [((payer, ""), place) for payer, place in self.payers.items()]
        return tuple(
            f"{payer}|{plan}|{place.jurisdiction}|{place.line_of_business}"
            for (payer, plan), place in sorted([*payers, *self.plans.items()])
            if any(place)
        )

    def payer_id(self, payer: str) -> str:
        """The id of the payer of a policy; of any other its folded name."""
        name = folded(payer.strip())
        return self.names.get(name, name)

    def of(self, payer: str, plan: str | None) -> Place:
        """The place of a plan: its own, completed from its payer's."""
        payer_id = self.payer_id(payer)
        general = self.payers.get(payer_id, Place())
        own = self.plans.get((payer_id, folded((plan or "").strip())), Place())
        return Place(
            own.jurisdiction or general.jurisdiction,
            own.line_of_business or general.line_of_business,
        )
