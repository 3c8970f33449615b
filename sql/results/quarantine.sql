-- Failed checks of severity error in every file loaded so far, one row each.
--
-- reads: every_quarantine, every_file, every_diagnosis, run.unresolved_diagnosis
-- words: $claim_date_unknown: the check that a diagnosis without its claim fails.

WITH rejects AS (  -- records that could not be split into columns: no readable record counts them
    SELECT file_no,
           row_number - row_number() OVER (PARTITION BY file_no ORDER BY row_number)
               AS readable_before
    FROM every_quarantine WHERE column_name IS NULL)
SELECT f.table_name AS "table", f.name AS file, row_number, column_name AS "column",
       check_name AS "check", raw_record
FROM every_quarantine JOIN every_file f USING (file_no)
UNION ALL
SELECT f.table_name, f.name,
       u.row_number + (SELECT count(*) FROM rejects r
                       WHERE r.file_no = u.file_no AND r.readable_before < u.row_number),
       'claim_id', $claim_date_unknown,
       CAST(to_json({'claim_id': d.claim_id, 'person_id': d.person_id, 'member_id': d.member_id,
                     'diagnosis_code': d.diagnosis_code,
                     'diagnosis_code_type': d.diagnosis_code_type,
                     'diagnosis_rank': d.diagnosis_rank}) AS VARCHAR)
FROM run.unresolved_diagnosis u
JOIN every_diagnosis d USING (file_no, row_number)
JOIN every_file f USING (file_no)
