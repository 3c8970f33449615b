"""The public tables that can be imported, by the word of the command line."""

from audit_rules.public_tables import asp, leie, mcd, mue, ptp
from audit_rules.public_tables.order import Writer

WRITERS: dict[str, Writer] = {
    "mue": mue.write,
    "ptp": ptp.write,
    "mcd": mcd.write,
    "asp-crosswalk": asp.write,
    "asp": asp.write,
    "leie": leie.write,
}
