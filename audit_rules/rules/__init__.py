"""The rules, in the order in which the catalogue lists them."""

from audit_rules.rule import RuleModule
from audit_rules.rules import (
    cyc01_cycles_without_response,
    cyc02_maximum_cycles,
    cyc03_cycles_before_transplant,
    cyc04_dose_interval,
    dose01_daily_maximum,
    dose02_tablet_strength,
    dx01_diagnosis_coverage,
    gen01_brand_without_generic_trial,
    qty01_quantity_per_fill,
    qty02_split_fills,
    reg01_philadelphia_status,
    reg02_remission_at_start,
    safe01_veno_occlusive_disease,
    safe02_monitoring,
    unit01_units_per_date,
    unit02_units_vials,
)

RULES: tuple[RuleModule, ...] = (
    dx01_diagnosis_coverage,
    qty01_quantity_per_fill,
    qty02_split_fills,
    dose01_daily_maximum,
    dose02_tablet_strength,
    gen01_brand_without_generic_trial,
    cyc01_cycles_without_response,
    cyc02_maximum_cycles,
    cyc03_cycles_before_transplant,
    cyc04_dose_interval,
    unit01_units_per_date,
    unit02_units_vials,
    safe01_veno_occlusive_disease,
    safe02_monitoring,
    reg01_philadelphia_status,
    reg02_remission_at_start,
)
