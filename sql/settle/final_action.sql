-- Final action of one claim table: what becomes of every row that is not plain history.
--
-- reads: every_$table, $rows, run.file_order, run.payer
-- makes: run.${table}_fate, run.replaced_${table}
-- words: $table; $rows: every row, or those of the claims that must be settled again, each claim
--        with all claims it is chained to; $as_of; $quantity, $fee: expressions over a row;
--        $columns: all that a row says; $paid_bound, $quantity_bound: the smallest figures too
--        large for a row; $positive_void: the warning about voids with an amount above zero.

CREATE OR REPLACE TEMP TABLE repeated_key AS
SELECT row_hash FROM $rows GROUP BY row_hash HAVING count(*) > 1;

CREATE OR REPLACE TEMP TABLE repeated_place AS
SELECT place FROM every_$table WHERE row_hash IN (FROM repeated_key);

-- Of rows that are equal in every column the first counts.
CREATE OR REPLACE TEMP TABLE duplicate_row AS
WITH repeated AS MATERIALIZED (
    SELECT * FROM every_$table
    WHERE place IN (FROM repeated_place) AND row_hash IN (FROM repeated_key))
SELECT t.file_no, t.row_number
FROM repeated t
JOIN run.file_order f USING (file_no)
JOIN run.payer p ON p.name = lower(t.payer)
QUALIFY row_number() OVER (PARTITION BY p.payer_id, $columns
                           ORDER BY f.file_rank, t.row_number) > 1;

-- Claims that name another, and the claims they name: all their lines are looked at together.
CREATE OR REPLACE TEMP TABLE chained_claim AS
SELECT DISTINCT unnest([claim_id, original_claim_id]) AS claim_id
FROM $rows WHERE original_claim_id IS NOT NULL;

-- Rows that need more than a look at themselves. `position` orders rows by file, then row number.
CREATE OR REPLACE TEMP TABLE special_row AS
SELECT t.file_no, t.row_number, p.payer_id, t.claim_id, t.claim_line_number, t.original_claim_id,
       t.paid_date, t.paid_amount, $quantity AS quantity, $fee AS fee,
       coalesce(t.paid_date, DATE '0001-01-01') AS paid_rank,
       row_number() OVER (ORDER BY f.file_rank, t.row_number) AS position,
       d.file_no IS NOT NULL AS is_duplicate,
       coalesce(t.claim_status = 'denied', false) AS is_denied,
       coalesce(t.claim_status = 'reversed', false) OR coalesce(t.paid_amount < 0, false)
           AS is_negative,
       coalesce(t.claim_frequency_code, '') AS frequency,
       t.service_date > $as_of AS is_after_as_of
FROM $rows t
JOIN run.file_order f USING (file_no)
JOIN run.payer p ON p.name = lower(t.payer)
LEFT JOIN duplicate_row d ON d.file_no = t.file_no AND d.row_number = t.row_number
WHERE t.row_hash IN (FROM repeated_key)
   OR t.claim_status IN ('denied', 'reversed') OR t.paid_amount < 0 OR t.claim_frequency_code = '8'
   OR t.claim_id IN (FROM chained_claim);

CREATE OR REPLACE TEMP TABLE live_row AS
SELECT *,
       original_claim_id = claim_id AS names_itself,
       is_negative OR (frequency = '8' AND original_claim_id IS NULL) AS is_reversal,
       original_claim_id IS NOT NULL AND (frequency = '8' OR is_negative)
           AND NOT (original_claim_id = claim_id AND is_negative) AS is_void,
       original_claim_id IS NOT NULL AND frequency = '7' AND NOT is_negative AS is_replacement
FROM special_row
WHERE NOT is_duplicate AND NOT is_after_as_of AND NOT is_denied;

-- One replacement = rows of one claim and paid date that name one original. The latest stays.
CREATE OR REPLACE TEMP TABLE replacement AS
SELECT payer_id, original_claim_id, claim_id, paid_rank, min(position) AS first_position,
       row_number() OVER (PARTITION BY payer_id, original_claim_id
                          ORDER BY paid_rank DESC, max(position) DESC) = 1 AS stays
FROM live_row
WHERE is_replacement
GROUP BY payer_id, original_claim_id, claim_id, paid_rank;

-- Claims that other claims remove as a whole: the claim that one replaces, and those that lose
-- against it. Listed if all those others are removed so too: only they can run in a circle.
CREATE OR REPLACE TABLE run.replaced_$table AS
WITH replaced AS (
    SELECT payer_id, original_claim_id AS claim_id, claim_id AS replaced_by
    FROM replacement WHERE stays AND claim_id <> original_claim_id
    UNION
    SELECT r.payer_id, r.claim_id, s.claim_id
    FROM replacement r
    JOIN replacement s
      ON s.stays AND s.payer_id = r.payer_id AND s.original_claim_id = r.original_claim_id
    WHERE NOT r.stays AND r.claim_id <> r.original_claim_id AND r.claim_id <> s.claim_id),
ended AS (
    SELECT payer_id, claim_id FROM replaced b
    WHERE NOT EXISTS (FROM replaced n WHERE n.payer_id = b.payer_id AND n.claim_id = b.replaced_by))
FROM replaced ANTI JOIN ended USING (payer_id, claim_id);

CREATE OR REPLACE TEMP TABLE removal AS
-- a void removes the claim it names, and itself
SELECT l.position, 'reversed' AS fate, false AS same_claim
FROM live_row l
WHERE l.is_void
   OR EXISTS (FROM live_row v WHERE v.is_void AND v.payer_id = l.payer_id
                                AND v.original_claim_id = l.claim_id)
UNION ALL
-- a replacement removes the claim it names, or the earlier rows of its own claim
SELECT l.position, 'superseded', r.claim_id = r.original_claim_id
FROM live_row l
JOIN replacement r
  ON r.stays AND r.payer_id = l.payer_id AND r.original_claim_id = l.claim_id
WHERE r.claim_id <> r.original_claim_id
   OR l.paid_rank < r.paid_rank
   OR (l.paid_rank = r.paid_rank AND NOT (l.is_replacement AND l.names_itself)
       AND l.position < r.first_position)
UNION ALL
-- the other replacements of that claim go with all their lines
SELECT l.position, 'superseded', r.claim_id = s.claim_id
FROM live_row l
JOIN replacement r ON NOT r.stays AND r.payer_id = l.payer_id AND r.claim_id = l.claim_id
JOIN replacement s
  ON s.stays AND s.payer_id = r.payer_id AND s.original_claim_id = r.original_claim_id
WHERE r.claim_id <> r.original_claim_id
  AND (r.claim_id <> s.claim_id OR l.paid_rank = r.paid_rank);

CREATE OR REPLACE TEMP TABLE removed_row AS
SELECT position, min(fate) AS fate, bool_and(same_claim) AS same_claim
FROM removal GROUP BY position;

-- What is left of each line key. Rows superseded under the same claim id still count in a sum.
CREATE OR REPLACE TEMP TABLE remaining_row AS
SELECT l.*, r.fate,
       last_value(l.position) OVER key_order = l.position AS is_latest
FROM live_row l
LEFT JOIN removed_row r USING (position)
WHERE r.fate IS NULL OR (r.fate = 'superseded' AND r.same_claim)
WINDOW key_order AS (PARTITION BY payer_id, claim_id, claim_line_number
                     ORDER BY r.fate IS NULL, NOT is_reversal, paid_rank, l.position
                     ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING);

CREATE OR REPLACE TEMP TABLE line_key AS
SELECT payer_id, claim_id, claim_line_number,
       bool_or(is_reversal AND fate IS NULL) AS has_reversal,
       bool_and(is_reversal OR fate IS NOT NULL) AS is_reversal_only,
       sum(CASE WHEN is_reversal THEN -abs(paid_amount) ELSE paid_amount END) AS paid_sum,
       sum(CASE WHEN is_reversal THEN -abs(fee) ELSE fee END) AS fee_sum,
       sum(CASE WHEN is_reversal THEN -abs(quantity) ELSE quantity END) AS quantity_sum,
       bool_or(paid_amount IS NULL) AS paid_unknown,
       bool_or(quantity IS NULL) AS quantity_unknown
FROM remaining_row
GROUP BY payer_id, claim_id, claim_line_number
HAVING bool_or(fate IS NULL);

-- The one place that nets: the figures of a key with a reversal are its sums, else the row's own.
-- A sum of more digits than a row can have is unknown, as no table could hold it.
CREATE OR REPLACE TABLE run.${table}_fate AS
SELECT s.file_no, s.row_number,
       CASE WHEN s.is_duplicate THEN 'duplicate'
            WHEN s.is_after_as_of THEN 'after_as_of'
            WHEN s.is_denied THEN 'denied'
            WHEN r.fate IS NOT NULL THEN r.fate
            WHEN NOT k.has_reversal THEN CASE WHEN l.is_latest THEN 'history' ELSE 'superseded' END
            WHEN k.is_reversal_only THEN 'reversed'
            WHEN CASE WHEN k.quantity_unknown THEN coalesce(k.paid_sum, 0) <= 0
                      ELSE k.quantity_sum <= 0 END THEN 'reversed'
            WHEN l.is_latest THEN 'history'
            WHEN l.is_reversal THEN 'reversed'
            ELSE 'superseded' END AS fate,
       coalesce(k.has_reversal, false) AS is_netted,
       CASE WHEN NOT is_netted THEN s.paid_amount
            WHEN NOT k.paid_unknown AND abs(k.paid_sum) < $paid_bound
            THEN k.paid_sum END AS paid_amount,
       CASE WHEN NOT is_netted THEN s.fee
            WHEN abs(k.fee_sum) < $paid_bound THEN k.fee_sum END AS fee,
       CASE WHEN NOT is_netted THEN s.quantity
            WHEN NOT k.quantity_unknown AND abs(k.quantity_sum) < $quantity_bound
                THEN k.quantity_sum END AS quantity,
       v.is_void AND NOT EXISTS (FROM live_row o WHERE o.payer_id = v.payer_id
                                                   AND o.claim_id = v.original_claim_id)
           AS is_unmatched_reversal,
       s.is_after_as_of,
       s.paid_amount IS NULL AS is_unpriced,
       CASE WHEN v.frequency = '8' AND NOT v.is_negative AND v.paid_amount > 0
            THEN '$positive_void' END AS warning
FROM special_row s
LEFT JOIN live_row v USING (position)
LEFT JOIN removed_row r USING (position)
LEFT JOIN remaining_row l USING (position)
LEFT JOIN line_key k
  ON k.payer_id = s.payer_id AND k.claim_id = s.claim_id
 AND k.claim_line_number = s.claim_line_number;
