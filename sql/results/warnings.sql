-- Checks of severity warning per file and column, in every file loaded so far; and rows of claims
-- that final action removed or could not place, for somebody to look at; rows of persons who link
-- nobody; and authorizations with words that nothing answers to.
--
-- reads: every_warning, every_file, every_quarantine, run.medical_claim_warning,
--        run.pharmacy_claim_warning, run.person_warning, run.word_warning
-- words: $column_of: a map from the warnings that need more than one row to the columns they are
--        about.

WITH rejects AS (  -- records that could not be split into columns: no readable record counts them
    SELECT file_no,
           row_number - row_number() OVER (PARTITION BY file_no ORDER BY row_number)
               AS readable_before
    FROM every_quarantine WHERE column_name IS NULL),
removed AS (
    SELECT file_no, check_name, count(*) AS rows, min(row_number) AS first_position
    FROM (FROM run.medical_claim_warning UNION ALL FROM run.pharmacy_claim_warning)
    GROUP BY ALL
    UNION ALL FROM run.person_warning
    UNION ALL FROM run.word_warning)
SELECT f.table_name AS "table", f.name AS file, column_name AS "column", check_name AS "check",
       rows, first_row_number
FROM every_warning JOIN every_file f USING (file_no)
UNION ALL
SELECT f.table_name, f.name,
       $column_of[check_name],
       check_name, rows,
       first_position + (SELECT count(*) FROM rejects r
                         WHERE r.file_no = v.file_no AND r.readable_before < v.first_position)
FROM removed v JOIN every_file f USING (file_no)
