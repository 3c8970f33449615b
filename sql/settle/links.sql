-- One round of linking: who is who, which decides what an undated diagnosis is dated by, which decides whether it links anybody.
-- run.sole_person      grain: member_id that goes with exactly one person_id: that person everywhere.
-- run.dated_diagnosis  grain: undated diagnosis row; diagnosis_date is the earliest service date of that person's claim of that
--                      id, null where there is no such claim.
-- run.unresolved       grain: undated diagnosis row without such a claim: it is quarantined, and links nobody.
-- inputs: run.dated_link, run.undated, run.claim_of_undated, run.unresolved of the round before.

CREATE OR REPLACE TABLE run.sole_person AS
SELECT member_id, min(person_id) AS sole_person_id
FROM (FROM run.dated_link
      UNION SELECT u.member_id, u.person_id FROM run.undated u ANTI JOIN run.unresolved USING (file_no, row_number)
            WHERE u.person_id IS NOT NULL)
GROUP BY member_id HAVING count(*) = 1;

CREATE OR REPLACE TABLE run.dated_diagnosis AS
SELECT u.file_no, u.row_number, c.service_date AS diagnosis_date
FROM (SELECT u.file_no, u.row_number, u.claim_id, coalesce(u.person_id, s.sole_person_id, u.member_id) AS person
      FROM run.undated u LEFT JOIN run.sole_person s USING (member_id)) u
LEFT JOIN (SELECT claim_id, coalesce(c.person_id, s.sole_person_id, c.member_id) AS person, min(service_date) AS service_date
           FROM run.claim_of_undated c LEFT JOIN run.sole_person s USING (member_id)
           GROUP BY ALL) c USING (claim_id, person);

CREATE OR REPLACE TABLE run.unresolved AS
SELECT file_no, row_number FROM run.dated_diagnosis WHERE diagnosis_date IS NULL;
