"""Final action: histories for each sentence of its rules, and the SQL against a plain program."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from flows.settle.balance import TableCounts
from tests.support.extracts import AS_OF, Ran, Row, Settled, good, run
from tests.support.reference_final_action import ClaimRow, Fate, final_action

# An empty cell is null. Columns left out: claim 1, line 1, payer Cigna, paid 100.00, quantity 30,
# service 2026-01-05, file a, all else null. expect: the fate; `history PAID QUANTITY [FEE]` if
# figures are summed.
HISTORIES = """
## A single claim is history
| paid | expect |
| 100.00 | history 100.00 30 |

## A line without a price is history, counted as unpriced
| paid | expect |
| | history null 30 |

# 1. Duplicates

## Rows equal in every column after parsing count once
| paid | quantity | status | paid_date | expect |
| 10 | 30 | P | 2026-01-10 | history |
| 10.00 | 30.000 | paid | 20260110 | duplicate |
| 1e1 | 30. | PAID | 2026-01-10 | duplicate |

## A diagnosis with the dot equals the same without it, in any case
| dx | expect |
| C92.10 | history |
| c9210 | duplicate |

## Whitespace around a value and the word NULL make no difference
| original | dx | expect |
| | C92.10 | history |
| NULL | \u00a0C92.10 | duplicate |

## A payer's name in another case is the same payer
| payer | expect |
| Cigna | history |
| CIGNA | duplicate |

## The same row in two files counts once
| file | expect |
| a | history |
| b | duplicate |

## Rows that differ in any column are not duplicates
| plan | expect |
| PPO | superseded |
| HMO | history |

## A row that has a value the other lacks is not a duplicate
| plan | expect |
| | superseded |
| HMO | history |

## A reversal that comes twice is summed once
| paid | quantity | paid_date | expect |
| 100.00 | 30 | 2026-01-10 | history 60.00 20 |
| -40.00 | -10 | 2026-02-10 | reversed |
| -40.00 | -10 | 2026-02-10 | duplicate |

## A denied row that comes twice counts once
| status | expect |
| denied | denied |
| D | duplicate |

# 2. Denied

## A denied row is kept and is not history
| status | expect |
| Denied | denied |

## A denied row does not supersede an earlier version
| status | paid_date | expect |
| paid | 2026-01-10 | history |
| D | 2026-02-10 | denied |

## A denied negative row takes nothing from its line
| status | paid | quantity | expect |
| | 100.00 | 30 | history |
| denied | -100.00 | -30 | denied |

## A denied void removes nothing
| claim | status | freq | original | expect |
| 1 | | | | history |
| 9 | denied | 8 | 1 | denied |

## A denied replacement replaces nothing
| claim | status | freq | original | expect |
| 1 | | | | history |
| 2 | denied | 7 | 1 | denied |

## A denied row of a claim that is voided stays denied
| claim | line | status | freq | original | expect |
| 1 | 1 | | | | reversed |
| 1 | 2 | denied | | | denied |
| 9 | 1 | | 8 | 1 | reversed |

# 3. Voids

## A frequency 8 removes the claim it names, all its lines, and itself
| claim | line | freq | original | expect |
| 1 | 1 | 1 | | reversed |
| 1 | 2 | 1 | | reversed |
| 2 | 1 | 1 | | history |
| 9 | 1 | 8 | 1 | reversed |

## A reversed row with an original removes that claim and itself
| claim | line | status | original | expect |
| 1 | 1 | | | reversed |
| 1 | 2 | | | reversed |
| 9 | 1 | R | 1 | reversed |

## The letter X means reversed too
| claim | status | original | expect |
| 1 | | | reversed |
| 9 | x | 1 | reversed |

## A negative row with an original removes that claim, whatever the amount, and itself
| claim | line | paid | original | expect |
| 1 | 1 | 100.00 | | reversed |
| 1 | 2 | 50.00 | | reversed |
| 9 | 1 | -0.01 | 1 | reversed |

## A void may come before its original, and be paid before it
| claim | freq | original | paid_date | expect |
| 9 | 8 | 1 | 2026-01-01 | reversed |
| 1 | | | 2026-02-01 | reversed |

## A void may be in another file
| claim | freq | original | file | expect |
| 1 | | | b | reversed |
| 9 | 8 | 1 | a | reversed |

## A void of a claim that is not there removes itself and is counted
| claim | freq | original | expect |
| 1 | | | history |
| 9 | 8 | 77 | reversed unmatched |

## Every row of an unmatched void is counted
| claim | line | status | original | expect |
| 9 | 1 | reversed | 77 | reversed unmatched |
| 9 | 2 | reversed | 77 | reversed unmatched |

## A void without a price is a void
| claim | freq | paid | quantity | original | expect |
| 1 | | 100.00 | 30 | | reversed |
| 9 | 8 | | | 1 | reversed |

## Two voids of one claim both go
| claim | freq | original | expect |
| 1 | | | reversed |
| 8 | 8 | 1 | reversed |
| 9 | 8 | 1 | reversed |

## A void leaves the other lines of its own claim alone
| claim | line | freq | original | expect |
| 1 | 1 | | | reversed |
| 9 | 1 | 8 | 1 | reversed |
| 9 | 2 | | | history |

## A void does not touch another payer's claim of the same id
| payer | claim | freq | original | expect |
| Cigna | 1 | | | history |
| MMM | 9 | 8 | 1 | reversed unmatched |

## Of two payers' claims with one id a void removes its own payer's
| payer | claim | freq | original | expect |
| Cigna | 1 | | | history |
| MMM | 1 | | | reversed |
| mmm | 9 | 8 | 1 | reversed |

## Names of one payer are one payer
| payer | claim | freq | original | expect |
| Cigna | 1 | | | reversed |
| Cigna Healthcare | 9 | 8 | 1 | reversed |

## A frequency 8 that names its own claim removes that claim, all its lines, and itself
| line | freq | original | expect |
| 1 | | | reversed |
| 2 | | | reversed |
| 1 | 8 | 1 | reversed |

## Any other row with an original is an ordinary claim
| claim | freq | original | expect |
| 1 | | | history |
| 2 | | 1 | history |
| 3 | 1 | 1 | history |
| 4 | 6 | 1 | history |

## A negative row of frequency 7 removes the claim it names and itself
| claim | freq | paid | original | expect |
| 1 | | 100.00 | | reversed |
| 2 | 7 | -100.00 | 1 | reversed |

# 3. Replacements

## A frequency 7 replaces the claim it names, all its lines
| claim | line | freq | original | expect |
| 1 | 1 | | | superseded |
| 1 | 2 | | | superseded |
| 2 | 1 | 7 | 1 | history |

## A replacement may come before its original, and be paid before it
| claim | freq | original | paid_date | expect |
| 2 | 7 | 1 | 2026-01-01 | history |
| 1 | | | 2026-02-01 | superseded |

## A frequency 7 without an original is an ordinary row
| line | freq | paid_date | expect |
| 1 | | 2026-01-10 | superseded |
| 2 | | 2026-01-10 | history |
| 1 | 7 | 2026-02-10 | history |

## A replacement of a claim that is not there is history
| claim | freq | original | expect |
| 2 | 7 | 77 | history |

## A replacement does not touch another payer's claim
| payer | claim | freq | original | expect |
| Cigna | 1 | | | history |
| MMM | 2 | 7 | 1 | history |

## A denied row of a replaced claim stays denied
| claim | line | status | freq | original | expect |
| 1 | 1 | | | | superseded |
| 1 | 2 | denied | | | denied |
| 2 | 1 | | 7 | 1 | history |

## A 7 that names its own claim replaces that claim's rows of an earlier paid_date, all lines
| line | freq | original | paid_date | expect |
| 1 | | | 2026-01-10 | superseded |
| 2 | | | 2026-01-10 | superseded |
| 1 | 7 | 1 | 2026-02-10 | history |

## A 7 that names its own claim leaves rows of a later paid_date alone
| line | freq | original | paid_date | expect |
| 1 | | | 2026-01-10 | superseded |
| 2 | | | 2026-03-10 | history |
| 1 | 7 | 1 | 2026-02-10 | history |

## A later paid_date wins over a 7 of its own claim, even if the 7 comes later
| line | freq | original | paid_date | expect |
| 1 | | | 2026-03-10 | history |
| 1 | 7 | 1 | 2026-02-10 | superseded |

## On one paid_date a 7 that names its own claim replaces the earlier rows, and no later one
| line | freq | original | paid_date | expect |
| 1 | | | 2026-02-10 | superseded |
| 2 | | | 2026-02-10 | superseded |
| 1 | 7 | 1 | 2026-02-10 | history |
| 3 | | | 2026-02-10 | history |

## Rows of an earlier file are earlier rows
| line | freq | original | file | expect |
| 1 | 7 | 1 | b | history |
| 2 | | | a | superseded |
| 3 | | | c | history |

## A null paid_date is the earliest: a dated 7 replaces undated rows, wherever they are
| line | freq | original | paid_date | expect |
| 1 | 7 | 1 | 2026-02-10 | history |
| 2 | | | | superseded |

## An undated 7 replaces undated earlier rows only
| line | freq | original | paid_date | expect |
| 1 | | | | superseded |
| 2 | | | 2026-01-10 | history |
| 3 | 7 | 1 | | history |

## Rows of one replacement do not replace each other
| claim | line | freq | original | paid_date | expect |
| 1 | 1 | | | 2026-01-10 | superseded |
| 1 | 1 | 7 | 1 | 2026-02-10 | history |
| 1 | 2 | 7 | 1 | 2026-02-10 | history |
| 2 | 1 | | | 2026-01-10 | superseded |
| 3 | 1 | 7 | 2 | 2026-02-10 | history |
| 3 | 2 | 7 | 2 | 2026-02-10 | history |

## Of several replacements of one claim the latest paid_date stays
| claim | freq | original | paid_date | expect |
| 1 | | | 2026-01-10 | superseded |
| 2 | 7 | 1 | 2026-03-10 | history |
| 3 | 7 | 1 | 2026-02-10 | superseded |
| 4 | 7 | 1 | | superseded |

## The other replacements are superseded with all lines, also those that name no original
| claim | line | freq | original | paid_date | expect |
| 1 | 1 | | | 2026-01-10 | superseded |
| 2 | 1 | 7 | 1 | 2026-02-10 | superseded |
| 2 | 2 | 1 | | 2026-02-10 | superseded |
| 3 | 1 | 7 | 1 | 2026-03-10 | history |

## Of two replacements under one claim_id the later paid_date stays; the other goes with its lines
| claim | line | freq | original | paid_date | expect |
| 1 | 1 | | | 2026-01-10 | superseded |
| 2 | 1 | 7 | 1 | 2026-02-10 | superseded |
| 2 | 2 | 7 | 1 | 2026-02-10 | superseded |
| 2 | 1 | 7 | 1 | 2026-03-10 | history |

## A replacement by another claim and one by the claim itself: the later one stays
| claim | freq | original | paid_date | expect |
| 1 | | | 2026-01-10 | superseded |
| 1 | 7 | 1 | 2026-03-10 | history |
| 2 | 7 | 1 | 2026-02-10 | superseded |
| 3 | | | 2026-01-10 | superseded |
| 3 | 7 | 3 | 2026-02-10 | superseded |
| 4 | 7 | 3 | 2026-03-10 | history |

## A replaced replacement: of a chain the last link stays
| claim | freq | original | paid_date | expect |
| 1 | | | 2026-01-10 | superseded |
| 2 | 7 | 1 | 2026-02-10 | superseded |
| 3 | 7 | 2 | 2026-03-10 | history |

## A removed original stays gone when its replacement is voided
| claim | freq | original | paid_date | expect |
| 1 | | | 2026-01-10 | superseded |
| 2 | 7 | 1 | 2026-02-10 | reversed |
| 9 | 8 | 2 | 2026-03-10 | reversed |

## Nothing of a chain comes back when its last link is voided
| claim | freq | original | paid_date | expect |
| 1 | | | 2026-01-10 | superseded |
| 2 | 7 | 1 | 2026-02-10 | superseded |
| 3 | 7 | 2 | 2026-03-10 | reversed |
| 9 | 8 | 3 | 2026-04-10 | reversed |

## The other replacements stay superseded when the one that stayed is voided
| claim | freq | original | paid_date | expect |
| 1 | | | 2026-01-10 | superseded |
| 2 | 7 | 1 | 2026-02-10 | superseded |
| 3 | 7 | 1 | 2026-03-10 | reversed |
| 9 | 8 | 3 | 2026-04-10 | reversed |

# 4. Line keys without a reversal

## The latest paid_date wins, wherever it is
| paid | paid_date | expect |
| 90.00 | 2026-03-10 | history |
| 100.00 | 2026-01-10 | superseded |
| 80.00 | 2026-02-10 | superseded |

## A null paid_date is the earliest
| paid_date | expect |
| 2026-01-10 | history |
| | superseded |

## On one paid_date the later file wins
| paid | file | expect |
| 100.00 | b | history |
| 90.00 | a | superseded |

## The later file is the later relative path, as text
| paid | file | expect |
| 100.00 | 9 | history |
| 90.00 | 10 | superseded |
| 80.00 | folder/z | superseded |

## The paid_date comes before the file
| paid | paid_date | file | expect |
| 100.00 | 2026-02-10 | a | history |
| 90.00 | 2026-01-10 | b | superseded |

## In one file the later row wins
| paid | expect |
| 100.00 | superseded |
| 90.00 | history |

## Lines and payers are keys of their own
| payer | line | expect |
| Cigna | 1 | history |
| Cigna | 2 | history |
| MMM | 1 | history |

# 4. Line keys with a reversal

## Amounts, fees and quantities are summed; the latest row that is not a reversal represents them
| paid | quantity | fee | paid_date | expect |
| 100.00 | 30 | 5.00 | 2026-01-10 | history 60.00 20 3.50 |
| -40.00 | -10 | -1.50 | 2026-02-10 | reversed |

## Superseded versions are included in the sum
| paid | quantity | paid_date | expect |
| 100.00 | 30 | 2026-01-10 | superseded |
| 80.00 | 30 | 2026-02-10 | history 80.00 30 |
| -100.00 | -30 | 2026-03-10 | reversed |

## A reversal and a new billing leave the new billing
| paid | quantity | paid_date | expect |
| 100.00 | 30 | 2026-01-10 | superseded |
| -100.00 | -30 | 2026-02-10 | reversed |
| 70.00 | 20 | 2026-02-10 | history 70.00 20 |

## Among rows that are not reversals, paid_date decides which is the latest
| paid | quantity | paid_date | plan | expect |
| -100.00 | -30 | 2026-03-10 | | reversed |
| 70.00 | 20 | 2026-02-10 | HMO | history 70.00 20 |
| 100.00 | 30 | 2026-01-10 | PPO | superseded |

## A status reversed counts each figure as minus its absolute value
| status | paid | quantity | fee | expect |
| | 100.00 | 30 | 5.00 | history 60.00 20 4.00 |
| reversed | 40.00 | 10 | 1.00 | reversed |

## A negative row with a positive quantity takes that quantity away
| paid | quantity | expect |
| 100.00 | 30 | reversed |
| -100.00 | 30 | reversed |

## A quantity of 0 means reversed
| paid | quantity | expect |
| 100.00 | 30 | reversed |
| -90.00 | -30 | reversed |

## A quantity below 0 means reversed
| paid | quantity | expect |
| 100.00 | 30 | reversed |
| -90.00 | -30.001 | reversed |

## A quantity above 0 stays history even if nothing is paid
| paid | quantity | expect |
| 100.00 | 30 | history 0.00 0.001 |
| -100.00 | -29.999 | reversed |

## A reversal on its own is reversed
| paid | quantity | expect |
| -100.00 | -30 | reversed |

## With a quantity that is null, a summed amount of 0 means reversed
| paid | quantity | expect |
| 100.00 | 30 | reversed |
| -100.00 | | reversed |

## With a quantity that is null, a summed amount below 0 means reversed
| paid | quantity | expect |
| 100.00 | | reversed |
| -100.01 | -30 | reversed |

## With a quantity that is null, a summed amount above 0 is history of unknown quantity
| paid | quantity | expect |
| 100.00 | 30 | history 0.01 null |
| -99.99 | | reversed |

## A fee that is null counts as 0 in the sum
| paid | quantity | fee | expect |
| 100.00 | 30 | 5.00 | history 60.00 20 5.00 |
| -40.00 | -10 | | reversed |

## A reversal without an amount leaves the price unknown
| status | paid | quantity | expect |
| | 100.00 | 30 | history null 20 |
| reversed | | 10 | reversed |

## A frequency 8 without an original is a reversal of its own line key
| line | freq | paid | quantity | expect |
| 1 | | 100.00 | 30 | history 60.00 20 |
| 2 | | 100.00 | 30 | history |
| 1 | 8 | 40.00 | 10 | reversed |

## A frequency 8 without an original that takes all means reversed
| freq | paid | quantity | expect |
| | 100.00 | 30 | reversed |
| 8 | 100.00 | 30 | reversed |

## A negative row that names its own claim reverses its own line only
| line | original | paid | quantity | expect |
| 1 | | 100.00 | 30 | reversed |
| 2 | | 100.00 | 30 | history |
| 1 | 1 | -100.00 | -30 | reversed |

## A reversed row of frequency 8 that names its own claim reverses its own line only
| line | status | freq | original | paid | quantity | expect |
| 1 | | | | 100.00 | 30 | history 60.00 20 |
| 2 | | | | 100.00 | 30 | history |
| 1 | reversed | 8 | 1 | 40.00 | 10 | reversed |

## A reversed row of frequency 7 that names its own claim reverses its own line only
| line | status | freq | original | paid | quantity | paid_date | expect |
| 1 | | | | 100.00 | 30 | 2026-01-10 | history 60.00 20 |
| 2 | | | | 100.00 | 30 | 2026-01-10 | history |
| 1 | reversed | 7 | 1 | 40.00 | 10 | 2026-02-10 | reversed |

## A reversal counts against versions that a 7 of the same claim superseded
| freq | original | paid | quantity | paid_date | expect |
| | | 100.00 | 30 | 2026-01-10 | superseded |
| 7 | 1 | 80.00 | 30 | 2026-02-10 | history 80.00 30 |
| | | -100.00 | -30 | 2026-03-10 | reversed |

## A reversal counts against versions that a later replacement under the same claim_id superseded
| claim | freq | original | paid | quantity | paid_date | expect |
| 1 | | | 100.00 | 30 | 2026-01-10 | superseded |
| 2 | 7 | 1 | 90.00 | 30 | 2026-02-10 | superseded |
| 2 | 7 | 1 | 80.00 | 30 | 2026-03-10 | history 80.00 30 |
| 2 | | | -90.00 | -30 | 2026-04-10 | reversed |

## A reversal does not bring back a line that a 7 of the same claim left out
| line | freq | original | paid | quantity | paid_date | expect |
| 1 | | | 100.00 | 30 | 2026-01-10 | superseded |
| 2 | | | 50.00 | 30 | 2026-01-10 | superseded |
| 1 | 7 | 1 | 90.00 | 30 | 2026-02-10 | history |
| 2 | | | -20.00 | -10 | 2026-03-10 | reversed |

## A reversal takes nothing from another payer's line
| payer | paid | quantity | expect |
| Cigna | 100.00 | 30 | history |
| MMM | -100.00 | -30 | reversed |

# The as-of date

## A service date after the as-of date is unknown; the as-of date itself is known
| claim | service | expect |
| 1 | 2026-06-30 | history |
| 2 | 2026-07-01 | after_as_of |

## A paid_date after the as-of date changes nothing
| paid_date | expect |
| 2026-01-10 | superseded |
| 2026-07-10 | history |

## A void after the as-of date does not void
| claim | freq | original | service | expect |
| 1 | | | 2026-06-30 | history |
| 9 | 8 | 1 | 2026-07-01 | after_as_of |

## A replacement after the as-of date does not replace
| claim | freq | original | service | expect |
| 1 | | | 2026-06-30 | history |
| 2 | 7 | 1 | 2026-07-01 | after_as_of |

## A later version or reversal after the as-of date does nothing to its line
| paid | service | paid_date | expect |
| 100.00 | 2026-06-30 | 2026-01-10 | history |
| -100.00 | 2026-07-01 | 2026-02-10 | after_as_of |
| 80.00 | 2026-07-01 | 2026-02-10 | after_as_of |

## A void of a claim after the as-of date finds no claim
| claim | freq | original | service | expect |
| 1 | | | 2026-07-01 | after_as_of |
| 9 | 8 | 1 | 2026-06-30 | reversed unmatched |

## A denied row after the as-of date is unknown
| status | service | expect |
| denied | 2026-07-01 | after_as_of |

## A row after the as-of date that comes twice counts once
| service | expect |
| 2026-07-01 | after_as_of |
| 2026-07-01 | duplicate |
"""

TABLE_NAMES = ("medical_claim", "pharmacy_claim")
DEFAULTS = {
    "claim": "1",
    "line": "1",
    "payer": "Cigna",
    "paid": "100.00",
    "quantity": "30",
    "service": "2026-01-05",
    "file": "a",
}
NAMES = {
    "line": "claim_line_number",
    "payer": "payer",
    "paid": "paid_amount",
    "paid_date": "paid_date",
    "plan": "plan",
    "status": "claim_status",
    "freq": "claim_frequency_code",
}
OWN_NAMES = {
    "medical_claim": {
        "quantity": "service_unit_quantity",
        "service": "claim_line_start_date",
        "dx": "diagnosis_code_1",
    },
    "pharmacy_claim": {
        "quantity": "quantity",
        "service": "dispensing_date",
        "dx": "diagnosis_code",
        "fee": "dispensing_fee",
    },
}


@dataclass(frozen=True)
class History:
    """One history: its sentence, its number, and its rows' cells."""

    sentence: str
    number: int
    rows: tuple[dict[str, str], ...]


def histories(text: str) -> Iterator[History]:
    """The histories of a text of headings and tables."""
    for number, block in enumerate(text.split("\n## ")[1:]):
        sentence, header, *lines = [
            line for line in block.splitlines() if line and not line.startswith("# ")
        ]
        names, *cells = [
            [cell.strip(" ") for cell in line.strip("| ").split("|")] for line in (header, *lines)
        ]
        padded = [
            [*[""] * (len(names) - len(row)), *row] for row in cells
        ]  # a blank first cell was stripped away
        yield History(sentence, number, tuple(dict(zip(names, row, strict=True)) for row in padded))


def claim_row(table: str, history: History, cells: dict[str, str]) -> Row:
    """The row of an extract; ids carry the history's number, so that histories do not meet."""
    values: dict[str, object] = {
        "ndc_code": good("pharmacy_claim")["ndc_code"],
        "claim_start_date": None,
        "paid_date": None,
    }
    for name, cell in (DEFAULTS | cells).items():
        if column := (NAMES | OWN_NAMES[table]).get(name):
            values[column] = cell.replace("NULL", "").replace("\u00a0", "") and cell
    values["claim_id"] = f"{history.number}.{cells.get('claim', '1')}"
    original = cells.get("original", "")
    values["original_claim_id"] = f"{history.number}.{original}" if original.isdigit() else original
    return good(table, **values)


def file_name(table: str, file: str) -> str:
    return f"{table}/{file.removeprefix('folder/')}.csv" if "/" in file else f"{table}_{file}.csv"


CASES = tuple(histories(HISTORIES))


@dataclass(frozen=True)
class Together:
    """All histories in one run, and where each of their rows is."""

    ran: Ran
    settled: dict[str, dict[tuple[str, int], Settled]]
    places: dict[
        tuple[str, int, int], tuple[str, int]
    ]  # table, history, row of the history -> file, row number

    def of(self, table: str, history: History) -> list[Settled]:
        return [
            self.settled[table][self.places[table, history.number, i]]
            for i in range(len(history.rows))
        ]


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Together:
    files: dict[str, list[Row]] = {}
    places = {}
    for table in TABLE_NAMES:
        for history in CASES:
            for i, cells in enumerate(history.rows):
                name = file_name(table, cells.get("file", "a"))
                rows = files.setdefault(name, [])
                rows.append(claim_row(table, history, cells))
                places[table, history.number, i] = (name, len(rows))
    ran = run(tmp_path_factory.mktemp("histories"), files)
    return Together(ran, {table: ran.settled(table) for table in TABLE_NAMES}, places)


def expected(table: str, cells: dict[str, str]) -> Settled:
    """What the `expect` cell says; figures that it does not give are the row's own, if history."""
    fate, *figures = cells["expect"].split()
    if fate != "history":
        return Settled(fate, None, None, unmatched="unmatched" in figures)
    own = DEFAULTS | cells
    texts = figures or [own["paid"], own["quantity"], own.get("fee", "")]
    paid, quantity, fee, *_ = [*(None if t in ("null", "") else Decimal(t) for t in texts), None]
    return Settled(
        fate, paid, quantity, fee if table == "pharmacy_claim" and own.get("fee") else None
    )


def shown(table: str, cells: dict[str, str], got: Settled) -> Settled:
    """Figures count on history rows only, and a fee if the history gives fees."""
    if got.fate != "history":
        return Settled(got.fate, None, None, unmatched=got.unmatched)
    return Settled(
        got.fate,
        got.paid_amount,
        got.quantity,
        got.fee if table == "pharmacy_claim" and cells.get("fee") else None,
    )


@pytest.mark.parametrize("table", TABLE_NAMES)
@pytest.mark.parametrize("history", CASES, ids=lambda h: h.sentence)
def test_history(together: Together, history: History, table: str) -> None:
    got = together.of(table, history)

    assert [shown(table, c, g) for c, g in zip(history.rows, got, strict=True)] == [
        expected(table, c) for c in history.rows
    ]


@pytest.mark.parametrize("table", TABLE_NAMES)
def test_the_counts_are_the_sums_of_the_fates(together: Together, table: str) -> None:
    fates = [(cells, expected(table, cells)) for history in CASES for cells in history.rows]
    n = Counter(e.fate for _, e in fates)
    unpriced = sum(e.fate == "history" and e.paid_amount is None for _, e in fates)

    (counts,) = (t for t in together.ran.balance.tables if t.table == table)
    assert replace(counts, replacements_in_a_circle=0, positive_voids=0) == TableCounts(
        table,
        accepted=len(fates) - n["duplicate"],
        history=n["history"],
        superseded=n["superseded"],
        reversed=n["reversed"],
        denied=n["denied"],
        after_as_of=n["after_as_of"],
        unpriced=unpriced,
        unmatched_reversals=sum(e.unmatched for _, e in fates),
    )
    in_file = Counter(file_name(table, cells.get("file", "a")) for cells, _ in fates)
    repeated = Counter(
        file_name(table, cells.get("file", "a")) for cells, e in fates if e.fate == "duplicate"
    )
    files = [f for f in together.ran.balance.files if f.table == table]
    assert {(f.file, f.rows_read, f.accepted, f.quarantined, f.duplicates) for f in files} == {
        (name, rows, rows - repeated[name], 0, repeated[name]) for name, rows in in_file.items()
    }


@pytest.mark.parametrize("table", TABLE_NAMES)
def test_the_rules_are_given_the_history_with_its_figures(together: Together, table: str) -> None:
    lines = [
        (
            f"{history.number}.{cells.get('claim', '1')}",
            int(cells.get("line", "1")),
            e.paid_amount,
            e.quantity,
        )
        for history in CASES
        for cells in history.rows
        if (e := expected(table, cells)).fate == "history"
    ]
    extracted = together.ran.extracted()
    frame = extracted.medical if table == "medical_claim" else extracted.pharmacy
    given_lines = [
        (row["claim_id"], row["claim_line_number"], row["paid_amount"], row["quantity"])
        for row in frame.to_dicts()
        if row["fate"] == "history"
    ]
    assert sorted(given_lines, key=str) == sorted(
        (
            (
                c,
                n,
                None if p is None else p.quantize(Decimal("0.01")),
                None if q is None else q.quantize(Decimal("0.001")),
            )
            for c, n, p, q in lines
        ),
        key=str,
    )


def fates_of(ran: Ran, table: str) -> list[str]:
    """Fates in order of file and row."""
    return [settled.fate for _, settled in sorted(ran.settled(table).items())]


def test_a_void_of_one_claim_table_does_not_touch_the_other(tmp_path: Path) -> None:
    ran = run(
        tmp_path,
        {
            "medical_claim.csv": [good("medical_claim", claim_id="1")],
            "pharmacy_claim.csv": [
                good(
                    "pharmacy_claim", claim_id="9", claim_frequency_code="8", original_claim_id="1"
                )
            ],
        },
    )

    assert fates_of(ran, "medical_claim") == ["history"]
    assert [s.unmatched for s in ran.settled("pharmacy_claim").values()] == [True]


def test_the_service_date_of_a_medical_line_is_the_line_date_else_the_claim_date(
    tmp_path: Path,
) -> None:
    ran = run(
        tmp_path,
        {
            "medical_claim.csv": [
                good(
                    "medical_claim",
                    claim_id="1",
                    claim_start_date="2026-06-30",
                    claim_line_start_date="2026-07-01",
                ),
                good(
                    "medical_claim",
                    claim_id="2",
                    claim_start_date="2026-07-01",
                    claim_line_start_date="2026-06-30",
                ),
                good(
                    "medical_claim",
                    claim_id="3",
                    claim_start_date="2026-07-01",
                    claim_line_start_date=None,
                ),
                good(
                    "medical_claim",
                    claim_id="4",
                    claim_start_date="2026-06-30",
                    claim_line_start_date=None,
                ),
            ]
        },
    )

    assert fates_of(ran, "medical_claim") == ["after_as_of", "history", "after_as_of", "history"]


def test_the_as_of_date_decides_in_each_run_what_is_known(tmp_path: Path) -> None:
    rows = [
        good("pharmacy_claim", claim_id="1", dispensing_date="2026-03-01"),
        good(
            "pharmacy_claim",
            claim_id="9",
            dispensing_date="2026-03-02",
            claim_frequency_code="8",
            original_claim_id="1",
        ),
    ]
    before = run(tmp_path / "a", {"pharmacy_claim.csv": rows}, as_of=date(2026, 3, 1))
    after = run(tmp_path / "b", {"pharmacy_claim.csv": rows}, as_of=date(2026, 3, 2))

    assert fates_of(before, "pharmacy_claim") == ["history", "after_as_of"]
    assert fates_of(after, "pharmacy_claim") == ["reversed", "reversed"]


def test_an_absent_line_number_is_line_1_also_beside_a_file_that_has_it(tmp_path: Path) -> None:
    without = {
        k: v
        for k, v in good("pharmacy_claim", paid_date="2026-01-10").items()
        if k != "claim_line_number"
    }
    ran = run(
        tmp_path,
        {
            "pharmacy_claim_a.csv": [without, without | {"claim_id": "2"}],
            "pharmacy_claim_b.csv": [
                good("pharmacy_claim", paid_date="2026-01-10"),
                good("pharmacy_claim", claim_id="2", paid_date="2026-02-10"),
            ],
        },
    )

    assert fates_of(ran, "pharmacy_claim") == ["history", "superseded", "duplicate", "history"]


def test_a_column_that_one_file_lacks_is_null_there(tmp_path: Path) -> None:
    ran = run(
        tmp_path,
        {
            "pharmacy_claim_a.csv": [good("pharmacy_claim")],
            "pharmacy_claim_b.csv": [good("pharmacy_claim", plan=None, daw_code="NULL")],
            "eligibility_a.csv": [good("eligibility")],
            "eligibility_b.csv": [good("eligibility", plan=None)],
        },
    )

    assert fates_of(ran, "pharmacy_claim") == ["history", "duplicate"]
    assert [
        (f.file, f.accepted, f.duplicates) for f in ran.balance.files if f.table == "eligibility"
    ] == [
        ("eligibility_a.csv", 1, 0),
        ("eligibility_b.csv", 0, 1),
    ]


def test_rows_of_earlier_runs_take_part(tmp_path: Path) -> None:
    run(
        tmp_path,
        {
            "pharmacy_claim_b.csv": [
                good("pharmacy_claim", claim_id="1"),
                good("pharmacy_claim", claim_id="2"),
            ]
        },
    ).keep()
    ran = run(
        tmp_path,
        {
            "pharmacy_claim_a.csv": [
                good("pharmacy_claim", claim_id="1"),
                good(
                    "pharmacy_claim", claim_id="9", claim_frequency_code="8", original_claim_id="2"
                ),
            ]
        },
        landing="second",
    )

    assert ran.settled("pharmacy_claim")["pharmacy_claim_a.csv", 2].fate == "reversed"
    assert ran.settled("pharmacy_claim")["pharmacy_claim_b.csv", 2].fate == "reversed"
    assert sum(f.duplicates for f in ran.balance.files) == 1
    assert [
        (t.accepted, t.history, t.reversed)
        for t in ran.balance.tables
        if t.table == "pharmacy_claim"
    ] == [(3, 1, 2)]


def test_the_later_file_is_the_later_path_though_it_was_loaded_in_an_earlier_run(
    tmp_path: Path,
) -> None:
    run(tmp_path, {"pharmacy_claim_b.csv": [good("pharmacy_claim", paid_amount="100.00")]}).keep()
    ran = run(
        tmp_path,
        {"pharmacy_claim_a.csv": [good("pharmacy_claim", paid_amount="90.00")]},
        landing="second",
    )

    assert fates_of(ran, "pharmacy_claim") == ["superseded", "history"]


@pytest.mark.parametrize(
    "table", ["diagnosis", "eligibility", "authorization", "clinical_evidence", "provider"]
)
def test_exact_duplicates_of_other_tables_are_counted_per_file(tmp_path: Path, table: str) -> None:
    other = {"provider": "npi", "diagnosis": "diagnosis_code"}.get(table, "member_id")
    ran = run(
        tmp_path,
        {
            "pharmacy_claim.csv": [good("pharmacy_claim")],
            f"{table}_a.csv": [
                good(table),
                good(table),
                good(table, **{other: "1003000126" if table == "provider" else "D47.1"}),
            ],
            f"{table}_b.csv": [good(table, extra="")],
        },
    )

    assert [
        (f.rows_read, f.accepted, f.quarantined, f.duplicates)
        for f in ran.balance.files
        if f.table == table
    ] == [
        (3, 2, 0, 1),
        (1, 0, 0, 1),
    ]


# The SQL against the reference, over random histories of two payers' claims 1 to 4.


def reference_row(row: Row) -> ClaimRow:
    texts = {name: None if value is None else str(value) for name, value in row.items()}
    paid, quantity, fee = (
        None if text is None else Decimal(text)
        for text in (texts["paid_amount"], texts["quantity"], texts["dispensing_fee"])
    )
    return ClaimRow(
        texts["payer"] or "",
        texts["claim_id"] or "",
        int(texts["claim_line_number"] or 1),
        date.fromisoformat(texts["dispensing_date"] or ""),
        texts["claim_status"],
        texts["claim_frequency_code"],
        texts["original_claim_id"],
        paid,
        quantity,
        fee,
        date.fromisoformat(texts["paid_date"]) if texts["paid_date"] else None,
    )


def random_history(rnd: random.Random) -> list[Row]:
    """Up to eight rows of a few claims, drawn from few values; some are exact copies."""
    claims = rnd.choice([["1"], ["1", "2"], ["1", "2"], ["1", "2", "3"], ["1", "2", "3", "4"]])
    choices: dict[str, list[str | None]] = {
        "file": ["a", "b"],
        "payer": rnd.choice([["Cigna"], ["Cigna"], ["Cigna", "MMM"]]),
        "claim_id": [*claims],
        "claim_line_number": rnd.choice([["1"], ["1", "2"], ["1", "2", "3"]]),
        "dispensing_date": rnd.choice(
            [["2026-01-05"], ["2026-01-05"], ["2026-06-30", "2026-07-01"]]
        ),
        "claim_status": rnd.choice(
            [[None], [None, "reversed"], [None, "paid", "denied", "reversed"]]
        ),
        "claim_frequency_code": rnd.choice(
            [[None, "7"], [None, "7", "8"], ["7"], [None, "1", "7", "8"]]
        ),
        "original_claim_id": rnd.choice(
            [
                [None, *claims],
                ["1", None],
                ["1"],
                [None, None, None, *claims],
                [None, "1", "2", "9"],
            ]
        ),
        "paid_amount": rnd.choice(
            [
                ["100.00"],
                ["100.00", "80", "-40.00"],
                ["100.00", "-100"],
                ["100", None, "-100", "0", "80"],
            ]
        ),
        "quantity": rnd.choice(
            [["30"], ["30", "10"], ["30", "10", "0", None], ["30", None, "-30", "0"]]
        ),
        "dispensing_fee": [None, "2.00", "-2.00"],
        "paid_date": rnd.choice(
            [[None], ["2026-01-10", "2026-02-10"], [None, "2026-01-10", "2026-02-10", "2026-03-10"]]
        ),
    }
    rows: list[Row] = [
        {name: rnd.choice(of) for name, of in choices.items()} for _ in range(rnd.randint(1, 7))
    ]
    return [*rows, *rnd.sample(rows, rnd.choice([0, 0, 1]))]


def as_medical(row: Row) -> Row:
    names = {"dispensing_date": "claim_line_start_date", "quantity": "service_unit_quantity"}
    return {names.get(k, k): v for k, v in row.items() if k != "dispensing_fee"}


def figures(table: str, fate: Fate | Settled, paid: Decimal | None) -> tuple[object, ...]:
    """What both sides must agree on; figures on history rows only, a fee that is null as 0."""
    name = fate.name if isinstance(fate, Fate) else fate.fate
    if name != "history":
        return name, fate.unmatched
    return (
        name,
        fate.unmatched,
        paid,
        fate.quantity,
        (fate.fee or 0) if table == "pharmacy_claim" else 0,
    )


@pytest.mark.slow
@settings(max_examples=5, deadline=None, derandomize=True, database=None, phases=[Phase.generate])
@given(seed=st.integers(0, 2**32 - 1))
def test_random_histories_balance_and_settle_as_the_contract_says(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    """The counts balance (else the run raises); each row has one fate, that of the reference."""
    rnd = random.Random(seed)
    files: dict[str, list[Row]] = {}
    drawn: list[list[tuple[Row, tuple[str, int]]]] = []
    for number in range(300):  # ids carry the history's number, so that histories do not meet
        rows = []
        for row in sorted(random_history(rnd), key=lambda r: str(r["file"])):
            named = row | {
                k: f"{number}.{row[k]}"
                for k in ("claim_id", "original_claim_id")
                if row[k] is not None
            }
            written = {k: v for k, v in named.items() if k != "file"}
            for table, shaped in (
                ("medical_claim", as_medical(written)),
                ("pharmacy_claim", written),
            ):
                files.setdefault(f"{table}_{row['file']}.csv", []).append(good(table, **shaped))
            rows.append(
                (named, (f"_{row['file']}.csv", len(files[f"pharmacy_claim_{row['file']}.csv"])))
            )
        drawn.append(rows)

    ran = run(tmp_path_factory.mktemp("random"), files)

    for table in TABLE_NAMES:
        settled = ran.settled(table)
        assert len(settled) == sum(map(len, drawn))
        for rows in drawn:
            no_fee = {} if table == "pharmacy_claim" else {"dispensing_fee": None}
            fates = final_action([reference_row(row | no_fee) for row, _ in rows], AS_OF)
            got = [settled[table + file, n] for _, (file, n) in rows]
            assert [figures(table, g, g.paid_amount) for g in got] == [
                figures(table, f, f.paid) for f in fates
            ], [r for r, _ in rows]
