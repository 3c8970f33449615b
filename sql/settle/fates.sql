-- What becomes of every row that is not plain, and what a run must warn about.
--
-- reads: run.special_row, run.removed_row, run.taken_back, run.counted_row
-- makes: run.${table}_fate, run.${table}_warning
-- words: $table; $paid_bound, $quantity_bound: the smallest figures too large for a row;
--        $positive_void: the warning about voids with an amount above zero.

CREATE OR REPLACE TEMP TABLE settled_row AS
SELECT s.*, t.file_no IS NOT NULL OR coalesce(r.is_voided, false) AS is_gone,
       coalesce(r.is_replaced, false) AS is_replaced
FROM run.special_row s
LEFT JOIN run.removed_row r USING (version)
LEFT JOIN run.taken_back t ON t.file_no = s.file_no AND t.row_number = s.row_number
WHERE s.is_live;

-- The reversals of a line key that found no row to take back: their figures are taken from the row
-- that wins.
CREATE OR REPLACE TEMP TABLE left_over AS
SELECT key_no, sum(abs(paid_amount)) AS paid_amount, bool_or(paid_amount IS NULL) AS paid_unknown,
       sum(abs(quantity)) AS quantity, bool_or(quantity IS NULL) AS quantity_unknown,
       sum(abs(fee)) AS fee
FROM settled_row WHERE is_reversal AND NOT is_gone AND NOT is_replaced
GROUP BY key_no;

-- The one place that nets. A figure of more digits than a row can have is unknown, as no table
-- could hold it.
CREATE OR REPLACE TEMP TABLE winner AS
SELECT version, is_netted, is_taken,
       CASE WHEN abs(paid_left) < $paid_bound THEN paid_left END AS paid_amount,
       CASE WHEN abs(fee_left) < $paid_bound THEN fee_left END AS fee,
       CASE WHEN abs(quantity_left) < $quantity_bound THEN quantity_left END AS quantity
FROM (SELECT l.version, o.key_no IS NOT NULL AS is_netted,
             CASE WHEN NOT coalesce(o.paid_unknown, false)
                  THEN l.paid_amount - coalesce(o.paid_amount, 0) END AS paid_left,
             CASE WHEN NOT coalesce(o.quantity_unknown, false)
                  THEN l.quantity - coalesce(o.quantity, 0) END AS quantity_left,
             l.fee - coalesce(o.fee, 0) AS fee_left,
             is_netted AND coalesce(CASE WHEN quantity_left IS NULL THEN paid_left <= 0
                                         ELSE quantity_left <= 0 END, false) AS is_taken
      FROM (SELECT * FROM settled_row WHERE NOT is_reversal AND NOT is_gone AND NOT is_replaced
            QUALIFY row_number() OVER (PARTITION BY key_no ORDER BY version DESC) = 1) l
      LEFT JOIN left_over o USING (key_no));

CREATE OR REPLACE TEMP TABLE shared_key AS
SELECT payer_id, claim_id, claim_line_number
FROM settled_row GROUP BY ALL HAVING count(DISTINCT person) > 1;

CREATE OR REPLACE TABLE run.${table}_fate AS
SELECT s.file_no, s.row_number,
       CASE WHEN s.is_duplicate THEN 'duplicate'
            WHEN NOT s.is_live THEN s.plain_fate
            WHEN w.version IS NOT NULL
            THEN CASE WHEN w.is_taken THEN 'reversed' ELSE 'history' END
            WHEN l.is_gone OR (l.is_reversal AND NOT l.is_replaced) THEN 'reversed'
            ELSE 'superseded' END AS fate,
       coalesce(w.is_netted, false) AS is_netted,
       CASE WHEN w.version IS NULL THEN s.paid_amount ELSE w.paid_amount END AS paid_amount,
       CASE WHEN w.version IS NULL THEN s.fee ELSE w.fee END AS fee,
       CASE WHEN w.version IS NULL THEN s.quantity ELSE w.quantity END AS quantity,
       s.plain_fate,
       s.paid_amount IS NULL AS is_unpriced,
       k.claim_id IS NOT NULL AS shares_key
FROM run.special_row s
LEFT JOIN settled_row l USING (version)
LEFT JOIN winner w USING (version)
LEFT JOIN shared_key k ON k.payer_id = s.payer_id AND k.claim_id = s.claim_id
                      AND k.claim_line_number = s.claim_line_number
UNION ALL BY NAME
-- a plain row that a reversal under another claim id takes back
SELECT t.file_no, t.row_number, 'reversed' AS fate, false AS is_netted, 'history' AS plain_fate,
       false AS is_unpriced, false AS shares_key
FROM run.taken_back t
ANTI JOIN run.special_row s ON s.file_no = t.file_no AND s.row_number = t.row_number;

CREATE OR REPLACE TABLE run.${table}_warning AS
WITH mixed_line AS (
    SELECT key_no, count(DISTINCT service_date) > 1 AS has_dates,
           count(DISTINCT product) > 1 AS has_products
    FROM settled_row GROUP BY key_no HAVING has_dates OR has_products)
SELECT s.file_no, s.row_number, c.check_name
FROM run.counted_row c JOIN run.special_row s USING (version)
UNION ALL
SELECT file_no, row_number, '$positive_void'
FROM settled_row WHERE frequency = '8' AND NOT is_negative AND paid_amount > 0
UNION ALL
SELECT file_no, row_number, 'key_of_several_persons'
FROM settled_row SEMI JOIN shared_key USING (payer_id, claim_id, claim_line_number)
UNION ALL
SELECT file_no, row_number, 'key_of_several_dates'
FROM settled_row SEMI JOIN (FROM mixed_line WHERE has_dates) USING (key_no)
UNION ALL
SELECT file_no, row_number, 'key_of_several_products'
FROM settled_row SEMI JOIN (FROM mixed_line WHERE has_products) USING (key_no);
