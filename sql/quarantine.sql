-- grain: failed check of severity error, in every file loaded so far.
-- inputs: every_quarantine, every_file; run.unresolved: undated diagnosis rows whose claim is not there (in this run)
SELECT f.table_name AS "table", f.name AS file, row_number, column_name AS "column", check_name AS "check", raw_record
FROM every_quarantine JOIN every_file f USING (file_no)
UNION ALL
SELECT f.table_name, f.name, u.row_number, 'claim_id', 'claim_date_unknown',
       CAST(to_json({'claim_id': d.claim_id, 'person_id': d.person_id, 'member_id': d.member_id,
                     'diagnosis_code': d.diagnosis_code, 'diagnosis_code_type': d.diagnosis_code_type,
                     'diagnosis_rank': d.diagnosis_rank}) AS VARCHAR)
FROM run.unresolved u JOIN every_diagnosis d USING (file_no, row_number) JOIN every_file f USING (file_no)
