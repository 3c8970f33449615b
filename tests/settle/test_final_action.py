"""Final action: histories for each sentence of its rules, and the SQL against a plain program."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from flows.settle.balance import TableCounts
from tests.support.extracts import Ran, Row, Settled, good, run

# An empty cell is null. Columns left out: claim 1, line 1, payer Cigna, paid 100.00, quantity 30,
# service 2026-01-05, file a, all else null. expect: the fate; `history PAID QUANTITY [FEE]` if
# figures are netted; then what the row is counted as.
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
| 9 | 8 | 77 | reversed unmatched_reversal |

## Every row of an unmatched void is counted
| claim | line | status | original | expect |
| 9 | 1 | reversed | 77 | reversed unmatched_reversal |
| 9 | 2 | reversed | 77 | reversed unmatched_reversal |

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

## A void does not affect another payer's claim of the same id
| payer | claim | freq | original | expect |
| Cigna | 1 | | | history |
| MMM | 9 | 8 | 1 | reversed unmatched_reversal |

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

## Replacements of a claim that is not there are history, each for itself, and are counted
| claim | freq | original | paid_date | expect |
| 2 | 7 | 77 | 2026-02-10 | history unmatched_replacement |
| 3 | 7 | 77 | 2026-03-10 | history unmatched_replacement |

## A denied claim is not there to be replaced
| claim | status | freq | original | paid_date | expect |
| 1 | denied | | | 2026-01-10 | denied |
| 2 | | 7 | 1 | 2026-02-10 | history unmatched_replacement |
| 3 | | 7 | 1 | 2026-03-10 | history unmatched_replacement |

## A replacement of another person's claim finds no claim
| claim | member | freq | original | expect |
| 1 | A | | | history |
| 2 | B | 7 | 1 | history unmatched_replacement |

## A void of another person's claim finds no claim
| claim | member | freq | original | expect |
| 1 | A | | | history |
| 1 | B | | | reversed |
| 9 | B | 8 | 1 | reversed |
| 8 | C | 8 | 1 | reversed unmatched_reversal |

## A claim id that goes with two persons is a claim of each
| member | paid | quantity | paid_date | expect |
| A | 100.00 | 30 | 2026-01-10 | history |
| B | 90.00 | 30 | 2026-02-10 | history 60.00 20 |
| B | -30.00 | -10 | 2026-03-10 | reversed |

## Two members of one person are one person
| member | person | paid | paid_date | expect |
| A | P | 100.00 | 2026-01-10 | superseded |
| B | P | 90.00 | 2026-02-10 | history |

## A row without a person is of the one person its member goes with
| member | person | paid | paid_date | expect |
| A | P | 100.00 | 2026-01-10 | superseded |
| A | | 90.00 | 2026-02-10 | history |

## A replacement does not affect another payer's claim
| payer | claim | freq | original | expect |
| Cigna | 1 | | | history |
| MMM | 2 | 7 | 1 | history unmatched_replacement |

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

## A reversal takes back the version that bears its amount
| paid | quantity | paid_date | expect |
| 100.00 | 30 | 2026-01-10 | reversed |
| 80.00 | 30 | 2026-02-10 | history 80.00 30 |
| -100.00 | -30 | 2026-03-10 | reversed |

## A reversal and a new billing leave the new billing
| paid | quantity | paid_date | expect |
| 100.00 | 30 | 2026-01-10 | reversed |
| -100.00 | -30 | 2026-02-10 | reversed |
| 70.00 | 20 | 2026-02-10 | history 70.00 20 |

## Among rows that are not reversals, paid_date decides which is the latest
| paid | quantity | paid_date | plan | expect |
| -100.00 | -30 | 2026-03-10 | | reversed |
| 70.00 | 20 | 2026-02-10 | HMO | history 70.00 20 |
| 80.00 | 20 | 2026-01-20 | HMO | superseded |
| 100.00 | 30 | 2026-01-10 | PPO | reversed |

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
| 100.00 | 30 | history -0.01 0.001 |
| -100.01 | -29.999 | reversed |

## A row that is taken back goes whole, whatever the quantities
| paid | quantity | expect |
| 100.00 | 30 | reversed |
| -100.00 | -29.999 | reversed |

## A reversal on its own is reversed
| paid | quantity | expect |
| -100.00 | -30 | reversed unmatched_reversal |

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

## A reversal may take back a version that a 7 of the same claim replaced
| freq | original | paid | quantity | paid_date | expect |
| | | 100.00 | 30 | 2026-01-10 | reversed |
| 7 | 1 | 80.00 | 30 | 2026-02-10 | history 80.00 30 |
| | | -100.00 | -30 | 2026-03-10 | reversed |

## A reversal may take back a version that a later replacement under the same claim_id replaced
| claim | freq | original | paid | quantity | paid_date | expect |
| 1 | | | 100.00 | 30 | 2026-01-10 | superseded |
| 2 | 7 | 1 | 90.00 | 30 | 2026-02-10 | reversed |
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
| MMM | -100.00 | -30 | reversed unmatched_reversal |

# 4. Which row a reversal takes back

## Of rows of one amount the earliest that was paid before the reversal goes, each once
| paid | quantity | paid_date | expect |
| 100.00 | 30 | 2026-01-10 | reversed |
| 100.00 | 20 | 2026-02-10 | reversed |
| 100.00 | 10 | 2026-03-10 | history 100.00 10 |
| -100.00 | -30 | 2026-04-10 | reversed |
| -100.00 | -30 | 2026-05-10 | reversed |

## A reversal that was paid before its row takes it back all the same
| paid | paid_date | expect |
| 100.00 | 2026-02-10 | reversed |
| -100.00 | 2026-01-10 | reversed |

## A row that stands and was paid before goes first, then the earliest, replaced or not
| freq | original | paid | quantity | paid_date | expect |
| | | 100.00 | 30 | 2026-01-10 | superseded |
| 7 | 1 | 100.00 | 20 | 2026-02-10 | reversed |
| | | -100.00 | -20 | 2026-03-10 | reversed |

## On the day of the replacement, its original is taken back
| freq | original | paid | quantity | paid_date | expect |
| | | 100.00 | 30 | 2026-01-10 | reversed |
| 7 | 1 | 100.00 | 20 | 2026-02-10 | history 100.00 20 |
| | | -100.00 | -30 | 2026-02-10 | reversed |

## The second reversal of one amount takes the replaced row
| freq | original | paid | quantity | paid_date | expect |
| | | 100.00 | 30 | 2026-01-10 | reversed |
| 7 | 1 | 100.00 | 20 | 2026-02-10 | reversed |
| | | -100.00 | -20 | 2026-03-10 | reversed |
| | | -100.00 | -30 | 2026-03-10 | reversed |

## A partial reversal that a 7 replaced takes nothing from the replacement
| freq | original | paid | quantity | paid_date | expect |
| | | 120.00 | 30 | 2026-01-10 | superseded |
| | | -40.00 | -10 | 2026-01-20 | superseded |
| 7 | 1 | 110.00 | 30 | 2026-02-10 | history 110.00 30 |

## A reversal that a 7 replaced takes back replaced rows only
| freq | original | paid | quantity | paid_date | expect |
| | | 120.00 | 30 | 2026-01-10 | superseded |
| | | -110.00 | -30 | 2026-01-20 | superseded |
| 7 | 1 | 110.00 | 30 | 2026-02-10 | history 110.00 30 |

## On its own paid_date a 7 replaces the rows before its last row
| line | freq | original | paid | paid_date | expect |
| 1 | 7 | 1 | 90.00 | 2026-02-10 | history |
| 2 | | | 70.00 | 2026-02-10 | superseded |
| 3 | 7 | 1 | 80.00 | 2026-02-10 | history |
| 4 | | | 60.00 | 2026-02-10 | history |

## A reversal without an amount and a quantity takes back the latest row before it
| status | paid | quantity | paid_date | expect |
| | 100.00 | 30 | 2026-01-10 | superseded |
| | 90.00 | 20 | 2026-02-10 | reversed |
| reversed | | 0 | 2026-03-10 | reversed |
| | 80.00 | 10 | 2026-04-10 | history 80.00 10 |

## One without figures and one with an amount each take a row
| status | paid | quantity | paid_date | expect |
| | 100.00 | 30 | 2026-01-10 | reversed |
| | 100.00 | 20 | 2026-02-10 | reversed |
| reversed | | | 2026-03-10 | reversed |
| | -100.00 | -30 | 2026-04-10 | reversed |

## A negative quantity without an amount is a reversal of a row without one
| paid | quantity | paid_date | expect |
| | 30 | 2026-01-10 | reversed |
| | -30 | 2026-02-10 | reversed |
| 0 | 30 | 2026-03-10 | reversed |
| 0 | -30 | 2026-04-10 | reversed |
| | 20 | 2026-05-10 | history null 20 |

## Reversals left over are taken from the latest version, and leave the others superseded
| paid | quantity | paid_date | expect |
| 100.00 | 30 | 2026-01-10 | superseded |
| 90.00 | 30 | 2026-02-10 | reversed |
| -50.00 | -15 | 2026-03-10 | reversed |
| -60.00 | -15 | 2026-04-10 | reversed |

# 3. Matched by content

## A reversal under a claim id of its own takes back the one line of its content
| claim | paid | quantity | expect |
| 1 | 100.00 | 30 | reversed |
| 2 | -100.00 | 10 | reversed matched_by_content |

## Not a row of another amount, date, person or payer, nor one of its own kind
| claim | paid | service | member | payer | status | expect |
| 1 | 90.00 | | | | | history |
| 2 | 100.00 | 2026-01-06 | | | | history |
| 3 | 100.00 | | B | | | history |
| 4 | 100.00 | | | MMM | | history |
| 5 | 100.00 | | | | reversed | reversed unmatched_reversal |
| 6 | -100.00 | | | | | reversed unmatched_reversal |

## Not one of two lines of its content
| claim | paid | expect |
| 1 | 100.00 | history |
| 2 | 100.00 | history |
| 3 | -100.00 | reversed unmatched_reversal |

## A reversal that is matched by content takes back a line with all its versions
| claim | paid | plan | expect |
| 1 | 100.00 | HMO | reversed |
| 1 | 100.00 | PPO | reversed |
| 3 | -100.00 | | reversed matched_by_content |

## A line bears the amount of its latest version, and goes whole
| claim | paid | paid_date | expect |
| 1 | 90.00 | 2026-01-10 | reversed |
| 1 | 100.00 | 2026-02-10 | reversed |
| 3 | -100.00 | 2026-03-10 | reversed matched_by_content |

## Not a line whose latest version bears another amount, has another date or another product
| claim | paid | paid_date | service | product | expect |
| 1 | 100.00 | 2026-01-10 | | | superseded |
| 1 | 90.00 | 2026-02-10 | | | history |
| 2 | 100.00 | 2026-01-10 | | | superseded |
| 2 | 100.00 | 2026-02-10 | 2026-01-06 | | history |
| 4 | 100.00 | 2026-01-10 | | | superseded |
| 4 | 100.00 | 2026-02-10 | | J9229 | history |
| 3 | -100.00 | 2026-03-10 | | | reversed unmatched_reversal |

## A line goes with the reversals of its own
| claim | paid | quantity | paid_date | expect |
| 1 | 100.00 | 30 | 2026-01-10 | reversed |
| 1 | -40.00 | -10 | 2026-02-10 | reversed |
| 3 | -100.00 | -30 | 2026-03-10 | reversed matched_by_content |

## Of what a replacement left of a line, the replaced rows stay superseded
| claim | freq | original | paid | paid_date | expect |
| 1 | | | 90.00 | 2026-01-10 | superseded |
| 1 | 7 | 1 | 100.00 | 2026-02-10 | reversed |
| 3 | | | -100.00 | 2026-03-10 | reversed matched_by_content |

## Two lines of one claim are two lines
| claim | line | paid | expect |
| 1 | 1 | 100.00 | history |
| 1 | 2 | 100.00 | history |
| 3 | 1 | -100.00 | reversed unmatched_reversal |

## A line number of two persons is a line of each
| claim | member | paid | expect |
| 1 | A | 100.00 | reversed |
| 1 | B | 100.00 | history |
| 3 | A | -100.00 | reversed matched_by_content |

## Of two such reversals the first takes the line
| claim | paid | paid_date | expect |
| 1 | 100.00 | | reversed |
| 2 | -100.00 | 2026-02-10 | reversed unmatched_reversal |
| 3 | -100.00 | 2026-01-10 | reversed matched_by_content |

## Not a row that was voided, replaced or denied
| claim | freq | original | status | paid | expect |
| 1 | | | | 100.00 | reversed |
| 2 | 8 | 1 | | 90.00 | reversed |
| 3 | | | | 100.00 | superseded |
| 4 | 7 | 3 | | 90.00 | history |
| 5 | | | denied | 100.00 | denied |
| 6 | | | | -100.00 | reversed unmatched_reversal |

## A reversal whose claim has another row takes nothing of another claim
| claim | line | paid | expect |
| 1 | 1 | 100.00 | history |
| 2 | 1 | -100.00 | reversed |
| 2 | 2 | 50.00 | history |

# The as-of date

## A service date after the as-of date is unknown; the as-of date itself is known
| claim | service | expect |
| 1 | 2026-06-30 | history |
| 2 | 2026-07-01 | after_as_of |

## A paid_date after the as-of date is unknown, and so the earliest
| paid_date | expect |
| 2026-01-10 | history |
| 2026-07-10 | superseded |

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
| 9 | 8 | 1 | 2026-06-30 | reversed unmatched_reversal |

## A denied row after the as-of date is unknown
| status | service | expect |
| denied | 2026-07-01 | after_as_of |

## A row after the as-of date that comes twice counts once
| service | expect |
| 2026-07-01 | after_as_of |
| 2026-07-01 | duplicate |
"""

TABLE_NAMES = ("medical_claim", "pharmacy_claim")
COUNTED_ELSEWHERE = (
    "replacements_in_a_circle",
    "positive_voids",
    "key_of_several_persons",
    "key_of_several_dates",
    "key_of_several_products",
)
COUNTED = ("unmatched_reversal", "unmatched_replacement", "matched_by_content")
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
        "product": "hcpcs_code",
        "dx": "diagnosis_code_1",
    },
    "pharmacy_claim": {
        "quantity": "quantity",
        "service": "dispensing_date",
        "product": "ndc_code",
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
    cells = {
        k: v for k, v in cells.items() if v or k not in ("service", "payer", "line", "product")
    }
    values: dict[str, object] = {
        "ndc_code": good("pharmacy_claim")["ndc_code"],
        "claim_start_date": None,
        "paid_date": None,
    }
    for name, cell in (DEFAULTS | cells).items():
        if column := (NAMES | OWN_NAMES[table]).get(name):
            values[column] = cell.replace("NULL", "").replace("\u00a0", "") and cell
    values["claim_id"] = f"{history.number}.{cells.get('claim', '1')}"
    values["member_id"] = f"{history.number}.{cells.get('member', '')}"
    values["person_id"] = f"{history.number}.{cells['person']}" if cells.get("person") else None
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
    fate, *words = cells["expect"].split()
    counted_as = next((word for word in words if word in COUNTED), None)
    figures = [word for word in words if word not in COUNTED]
    if fate != "history":
        return Settled(fate, None, None, counted_as=counted_as)
    own = DEFAULTS | cells
    texts = figures or [own["paid"], own["quantity"], own.get("fee", "")]
    paid, quantity, fee, *_ = [*(None if t in ("null", "") else Decimal(t) for t in texts), None]
    has_fee = table == "pharmacy_claim" and own.get("fee")
    return Settled(fate, paid, quantity, fee if has_fee else None, counted_as)


def shown(table: str, cells: dict[str, str], got: Settled) -> Settled:
    """Figures count on history rows only, and a fee if the history gives fees."""
    if got.fate != "history":
        return Settled(got.fate, None, None, counted_as=got.counted_as)
    return Settled(
        got.fate,
        got.paid_amount,
        got.quantity,
        got.fee if table == "pharmacy_claim" and cells.get("fee") else None,
        got.counted_as,
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
    counted = Counter(e.counted_as for _, e in fates)
    unpriced = sum(e.fate == "history" and e.paid_amount is None for _, e in fates)

    (counts,) = (t for t in together.ran.balance.tables if t.table == table)
    assert replace(counts, **dict.fromkeys(COUNTED_ELSEWHERE, 0)) == TableCounts(
        table,
        accepted=len(fates) - n["duplicate"],
        history=n["history"],
        superseded=n["superseded"],
        reversed=n["reversed"],
        denied=n["denied"],
        after_as_of=n["after_as_of"],
        unpriced=unpriced,
        unmatched_reversals=counted["unmatched_reversal"],
        unmatched_replacements=counted["unmatched_replacement"],
        matched_by_content=counted["matched_by_content"],
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


def test_a_void_of_one_claim_table_does_not_affect_the_other(tmp_path: Path) -> None:
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
    assert [s.counted_as for s in ran.settled("pharmacy_claim").values()] == ["unmatched_reversal"]


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


def test_an_absent_line_number_is_line_1_also_next_to_a_file_that_has_it(tmp_path: Path) -> None:
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


@pytest.mark.slow
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


@pytest.mark.slow
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


def test_a_key_of_several_persons_dates_or_products_is_warned_about(tmp_path: Path) -> None:
    """Versions of one line, if their person is one: a prescription number is not a claim id."""
    fill = [good("pharmacy_claim", claim_id=c, member_id=f"M{c}") for c in "1234"]
    ran = run(
        tmp_path,
        {
            "pharmacy_claim.csv": [
                fill[0],
                fill[0] | {"member_id": "other"},
                fill[1],
                fill[1] | {"dispensing_date": "2026-02-05"},
                fill[2],
                fill[2] | {"ndc_code": "47335047583"},
                fill[2] | {"ndc_code": "47335047583", "claim_status": "denied"},
                fill[3],
                fill[3] | {"quantity": "20", "claim_line_number": "2", "member_id": "another"},
            ]
        },
    )

    assert ran.warned("pharmacy_claim") == [
        ("claim_id", "key_of_several_dates", 2, 3),
        ("claim_id", "key_of_several_persons", 2, 1),
        ("claim_id", "key_of_several_products", 2, 5),
    ]
    assert sorted(fates_of(ran, "pharmacy_claim")) == [
        *["denied"],
        *["history"] * 6,
        *["superseded"] * 2,
    ]
    (counts,) = (t for t in ran.balance.tables if t.table == "pharmacy_claim")
    assert (counts.key_of_several_persons, counts.key_of_several_dates) == (2, 2)


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
