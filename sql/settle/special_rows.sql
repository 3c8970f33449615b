-- Rows of one claim table that need more than a look at themselves: exact copies, versions of one
-- line, and claims that a row takes back or replaces. All others are what they are if looked at
-- alone: plain.
--
-- reads: every_$table, $rows, run.repeated_hash, run.file_order, run.payer, run.sole_person,
--        run.person_of
-- makes: run.special_row
-- words: $table; $rows: every row, or those of the claims that must be settled again, each claim
--        with all claims it is chained to; $as_of; $quantity, $fee, $product, $plain_fate:
--        expressions over a row; $columns: what a row says besides its payer, person, member and
--        claim.

-- Claims of which all lines are looked at together: those that name another, those they name, and
-- those with a reversal that names none and may be all there is of its claim.
CREATE OR REPLACE TEMP TABLE chained_claim AS
SELECT DISTINCT unnest([claim_id, original_claim_id]) AS claim_id
FROM $rows
WHERE original_claim_id IS NOT NULL OR claim_status = 'reversed' OR paid_amount < 0;

CREATE OR REPLACE TEMP TABLE chosen AS
SELECT t.file_no, t.row_number, t.place, t.row_hash, p.payer_id, t.person_id, t.member_id,
       t.claim_id, t.claim_line_number, t.original_claim_id, t.claim_status, t.claim_frequency_code,
       t.service_date, t.paid_date, t.paid_amount,
       $product AS product, $quantity AS quantity, $fee AS fee
FROM $rows t
JOIN run.payer p ON p.name = lower(t.payer)
WHERE t.row_hash IN (FROM run.repeated_hash)
   OR t.claim_status = 'reversed' OR t.paid_amount < 0
   OR t.claim_frequency_code = '8'
   OR ($quantity < 0 AND coalesce(t.paid_amount, 0) = 0)
   OR t.claim_id IN (FROM chained_claim);

-- Equal rows have one member and one amount, which most versions of a line have not.
CREATE OR REPLACE TEMP TABLE repeated_row AS
SELECT file_no, row_number, place, payer_id, person_id, member_id, claim_id FROM chosen
WHERE row_hash IN (FROM run.repeated_hash)
QUALIFY count(*) OVER (PARTITION BY row_hash, member_id, paid_amount) > 1;

-- Of rows that are equal in every column the first counts.
CREATE OR REPLACE TEMP TABLE duplicate_row AS
WITH repeated AS MATERIALIZED (
    SELECT * FROM every_$table WHERE place IN (SELECT place FROM repeated_row))
SELECT t.file_no, t.row_number
FROM repeated t
JOIN repeated_row r ON r.file_no = t.file_no AND r.row_number = t.row_number
JOIN run.file_order f ON f.file_no = t.file_no
QUALIFY row_number() OVER (PARTITION BY r.payer_id, r.person_id, r.member_id, r.claim_id, $columns
                           ORDER BY f.file_rank, t.row_number) > 1;

-- `version` orders rows by paid date (unknown first), then file, then row number, and names them.
-- `key_no` names the line key: payer, person, claim and line; that of a row whose hash no other row
-- has is its own.
CREATE OR REPLACE TABLE run.special_row AS
WITH looked_at AS MATERIALIZED (
    SELECT t.file_no, t.row_number, t.row_hash, t.payer_id,
           run.person_of(t.person_id, s.sole_person_id, t.member_id) AS person,
           t.claim_id, t.claim_line_number, t.original_claim_id, t.service_date,
           t.product, t.paid_amount, t.quantity, t.fee,
           $plain_fate AS plain_fate,
           CASE WHEN t.paid_date <= $as_of THEN t.paid_date ELSE DATE '0001-01-01' END AS paid_rank,
           row_number() OVER (ORDER BY paid_rank, f.file_rank, t.row_number) AS version,
           d.file_no IS NOT NULL AS is_duplicate,
           coalesce(t.claim_status = 'reversed', false) OR coalesce(t.paid_amount < 0, false)
               AS is_negative,
           coalesce(t.claim_frequency_code, '') AS frequency
    FROM chosen t
    JOIN run.file_order f USING (file_no)
    LEFT JOIN run.sole_person s ON s.member_id = t.member_id
    LEFT JOIN duplicate_row d ON d.file_no = t.file_no AND d.row_number = t.row_number),
shared_key AS (
    SELECT version,
           min(version) OVER (PARTITION BY payer_id, person, claim_id, claim_line_number) AS key_no
    FROM looked_at WHERE row_hash IN (FROM run.repeated_hash))
SELECT l.* EXCLUDE (row_hash),
       NOT is_duplicate AND plain_fate = 'history' AS is_live,
       coalesce(k.key_no, l.version) AS key_no,
       coalesce(original_claim_id = claim_id, false) AS names_itself,
       is_negative OR (coalesce(quantity, 0) < 0 AND coalesce(paid_amount, 0) = 0)
           OR (frequency = '8' AND original_claim_id IS NULL) AS is_reversal,
       coalesce(paid_amount, 0) = 0 AND coalesce(quantity, 0) = 0 AS states_nothing,
       original_claim_id IS NOT NULL AND (frequency = '8' OR is_negative)
           AND NOT (names_itself AND is_negative) AS is_void,
       original_claim_id IS NOT NULL AND frequency = '7' AND NOT is_negative AS is_replacement
FROM looked_at l LEFT JOIN shared_key k USING (version);
