-- Checks of severity warning per file and column, in every file loaded so far; and rows of claims
-- that final action removed although somebody should look at them.
--
-- reads: every_warning, every_file, every_quarantine, run.medical_claim_fate,
--        run.pharmacy_claim_fate
-- words: $in_a_circle: the warning about the claim that a row names; others are about amounts.

WITH rejects AS (  -- records that could not be split into columns: no readable record counts them
    SELECT file_no,
           row_number - row_number() OVER (PARTITION BY file_no ORDER BY row_number)
               AS readable_before
    FROM every_quarantine WHERE column_name IS NULL),
removed AS (
    SELECT file_no, warning AS check_name, count(*) AS rows, min(row_number) AS first_position
    FROM (SELECT file_no, row_number, warning FROM run.medical_claim_fate
          UNION ALL SELECT file_no, row_number, warning FROM run.pharmacy_claim_fate)
    WHERE warning IS NOT NULL GROUP BY ALL)
SELECT f.table_name AS "table", f.name AS file, column_name AS "column", check_name AS "check",
       rows, first_row_number
FROM every_warning JOIN every_file f USING (file_no)
UNION ALL
SELECT f.table_name, f.name,
       CASE check_name WHEN '$in_a_circle' THEN 'original_claim_id' ELSE 'paid_amount' END,
       check_name, rows,
       first_position + (SELECT count(*) FROM rejects r
                         WHERE r.file_no = v.file_no AND r.readable_before < v.first_position)
FROM removed v JOIN every_file f USING (file_no)
