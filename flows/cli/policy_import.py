"""The command `policy import`."""

import re
from datetime import date
from pathlib import Path
from typing import Literal

from flows.errors import UsageError

PublicTable = Literal["mue", "ptp", "mcd", "asp-crosswalk", "asp", "leie"]
Setting = Literal["practitioner", "outpatient"]


def import_table(
    table: PublicTable,
    *files: Path,
    output: Path,
    release: date,
    payer: str,
    payer_name: list[str] | None = None,
    only: list[str] | None = None,
    article: list[str] | None = None,
    setting: Setting = "practitioner",
) -> None:
    """Write a policy file from a table that CMS or the OIG publishes, with its CSV files.

    The same release gives the same bytes; a later one, into the same folder, ends rows by date.

    Parameters
    ----------
    table
        the table: Medically Unlikely Edits, NCCI procedure-to-procedure edits, articles of the
        Medicare Coverage Database, ASP NDC-HCPCS crosswalk (asp for short), excluded providers
    files
        its files as published: CSV, TXT, XLSX or ZIP
    output
        the folder for the policy file, to be named with --policies
    release
        the first day of the release, YYYY-MM-DD
    payer
        the id of the payer that follows the table
    payer_name
        a spelling of that payer in extracts; may be repeated
    only
        a code of lines to be judged, or its beginning with an asterisk, such as 'J*'; may be
        repeated (not mcd, leie; default: all)
    article
        the id of an article, such as A59915; may be repeated (mcd; default: all)
    setting
        whose edits the files hold (ptp)
    """
    from audit_rules.public_tables.order import Order
    from flows.importing.policies import import_table as write

    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", payer):
        raise UsageError("--payer is an id of a-z, 0-9 and single hyphens, such as medicare.")
    if not files:
        raise UsageError("FILES is missing. See claims-audit policy import --help.")
    order = Order(
        release,
        payer,
        tuple(payer_name or ()),
        tuple(only or ()),
        tuple(article or ()),
        setting,
    )
    print(write(table, files, output, order))
