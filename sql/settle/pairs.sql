-- Which row of its line key each reversal takes back, each row once: of those of its amount one
-- that was not replaced and was paid before it, else the earliest; if it has no figures, the latest
-- before it.
-- Keys in which reversals compete in other ways than by order are left to
-- flows/settle/tangled.py.
--
-- reads: run.special_row, run.removed_row, run.taken_back
-- makes: run.taken_back (adds to it), run.tangled_row

CREATE OR REPLACE TEMP TABLE pairable_row AS
SELECT l.file_no, l.row_number, l.key_no, l.version, l.paid_rank, abs(l.paid_amount) AS amount,
       l.is_reversal, l.is_reversal AND l.states_nothing AS is_blank,
       coalesce(r.is_replaced, false) AS is_replaced
FROM run.special_row l
LEFT JOIN run.removed_row r USING (version)
ANTI JOIN run.taken_back t ON t.file_no = l.file_no AND t.row_number = l.row_number
WHERE l.is_live AND NOT coalesce(r.is_voided, false)
  AND l.key_no IN (SELECT key_no FROM run.special_row WHERE is_live AND is_reversal);

CREATE OR REPLACE TEMP TABLE pairable_key AS
SELECT key_no, count(*) FILTER (is_reversal) AS reversals,
       bool_or(is_blank OR is_replaced) AS depends_on_dates
FROM pairable_row GROUP BY key_no;

-- If no row was replaced, the earliest rows of an amount go, as many as there are reversals of it.
INSERT INTO run.taken_back
SELECT file_no, row_number
FROM (SELECT p.file_no, p.row_number,
             row_number() OVER (PARTITION BY p.key_no, p.amount, p.is_reversal ORDER BY p.version)
                 AS turn,
             count(*) FILTER (p.is_reversal) OVER same AS reversals,
             count(*) FILTER (NOT p.is_reversal) OVER same AS rows
      FROM pairable_row p
      JOIN pairable_key k ON k.key_no = p.key_no AND NOT k.depends_on_dates
      WINDOW same AS (PARTITION BY p.key_no, p.amount))
WHERE turn <= least(reversals, rows);

-- A single reversal chooses among all rows. A replaced one takes back replaced rows only.
INSERT INTO run.taken_back
SELECT unnest([v.file_no, r.file_no]), unnest([v.row_number, r.row_number])
FROM pairable_key k
JOIN pairable_row r ON r.key_no = k.key_no AND r.is_reversal
JOIN pairable_row v ON v.key_no = k.key_no AND NOT v.is_reversal
WHERE k.depends_on_dates AND k.reversals = 1
  AND (v.is_replaced OR NOT r.is_replaced)
  AND CASE WHEN r.is_blank THEN v.version < r.version
           ELSE v.amount IS NOT DISTINCT FROM r.amount END
QUALIFY row_number() OVER (
    PARTITION BY k.key_no
    ORDER BY CASE WHEN r.is_blank THEN -v.version END,
             v.is_replaced OR v.paid_rank >= r.paid_rank, v.version) = 1;

CREATE OR REPLACE TABLE run.tangled_row AS
SELECT p.* FROM pairable_row p
JOIN pairable_key k ON k.key_no = p.key_no AND k.depends_on_dates AND k.reversals > 1;
