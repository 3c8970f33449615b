-- Diagnosis rows without a date take the earliest service date of that person's claim of that id.
-- Claims after the as-of date are unknown.
-- run.dated_diagnosis  grain: undated diagnosis row. diagnosis_date is null where there is no such claim.
-- inputs: every_diagnosis, every_medical_claim, every_pharmacy_claim, run.sole_person

CREATE OR REPLACE TABLE run.undated AS
SELECT d.file_no, d.row_number, d.claim_id, coalesce(d.person_id, s.sole_person_id, d.member_id) AS person
FROM every_diagnosis d LEFT JOIN run.sole_person s USING (member_id)
WHERE d.diagnosis_date IS NULL;

CREATE OR REPLACE TABLE run.dated_diagnosis AS
SELECT u.file_no, u.row_number, c.service_date AS diagnosis_date
FROM run.undated u
LEFT JOIN (
    SELECT claim_id, person, min(service_date) AS service_date
    FROM (SELECT m.claim_id, coalesce(m.person_id, s.sole_person_id, m.member_id) AS person,
                 coalesce(m.claim_line_start_date, m.claim_start_date) AS service_date
          FROM every_medical_claim m LEFT JOIN run.sole_person s USING (member_id)
          WHERE m.claim_id IN (SELECT claim_id FROM run.undated)
            AND coalesce(m.claim_line_start_date, m.claim_start_date) <= $as_of
          UNION ALL
          SELECT p.claim_id, coalesce(p.person_id, s.sole_person_id, p.member_id), p.dispensing_date
          FROM every_pharmacy_claim p LEFT JOIN run.sole_person s USING (member_id)
          WHERE p.claim_id IN (SELECT claim_id FROM run.undated) AND p.dispensing_date <= $as_of)
    GROUP BY claim_id, person
) c USING (claim_id, person);

CREATE OR REPLACE TABLE run.unresolved AS
SELECT file_no, row_number FROM run.dated_diagnosis WHERE diagnosis_date IS NULL;
