"""The kinds, in the order in which the catalogue lists them."""

from collections.abc import Sequence
from types import ModuleType
from typing import Protocol, cast

from audit_rules.engine.rule import Described
from audit_rules.kinds import (
    auth10_authorization,
    code10_coding,
    dose10_dose_basis,
    file10_on_file,
    int10_interval,
    qty10_quantity,
    sch10_schedule,
    who10_who,
)
from audit_rules.kinds.setting import KindResult, Setting


class KindModule(Described, Protocol):
    """A module of a kind: its fixed facts as a rule, and its test."""

    def test(self, setting: Setting) -> KindResult:
        """Test terms of one shape on every line of their sets."""
        ...


_MODULES: tuple[ModuleType, ...] = (
    qty10_quantity,
    int10_interval,
    sch10_schedule,
    file10_on_file,
    who10_who,
    auth10_authorization,
    dose10_dose_basis,
    code10_coding,
)
KIND_MODULES: tuple[KindModule, ...] = tuple(cast(KindModule, m) for m in _MODULES)
BY_KIND: dict[str, KindModule] = {m.RULE.asks[0].kind: m for m in KIND_MODULES}


def described(rule_id: str, reason: str | None, rules: Sequence[Described]) -> Described:
    """The module that answers under a rule id; of an id that a document gave, the kind's that has
    the reason, or the first."""
    every = [*rules, *KIND_MODULES]
    by_id = [m for m in every if m.RULE.id == rule_id]
    by_reason = [m for m in KIND_MODULES if reason in m.RULE.says]
    return (by_id or by_reason or list(KIND_MODULES))[0]
