-- The end of a round of linking: the diagnoses that no claim dates, and those that link others in
-- the next round than in this one.
--
-- reads: run.every_link, run.every_undated, run.dated_diagnosis,
--        run.unresolved_diagnosis (of the round before)
-- makes: run.unresolved_diagnosis, run.changed_link

CREATE OR REPLACE TEMP TABLE unresolved_before AS FROM run.unresolved_diagnosis;

CREATE OR REPLACE TABLE run.unresolved_diagnosis AS
SELECT file_no, row_number FROM run.dated_diagnosis WHERE diagnosis_date IS NULL;

CREATE OR REPLACE TABLE run.changed_link AS
SELECT file_no, row_number
FROM (FROM run.unresolved_diagnosis EXCEPT FROM unresolved_before
      UNION ALL (FROM unresolved_before EXCEPT FROM run.unresolved_diagnosis))
JOIN run.every_undated USING (file_no, row_number)
ANTI JOIN run.every_link USING (member_id, person_id)
WHERE person_id IS NOT NULL;
