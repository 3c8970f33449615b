-- The dates of undated diagnoses: the earliest of the claim that each names of its person.
--
-- reads: run.every_undated, run.claim_of_undated, run.sole_person, run.person_of,
--        run.every_link (in $asked_undated), run.asked_person (in $asked_undated)
-- makes: run.dated_diagnosis
-- words: $asked_undated: a condition on diagnoses, whose they are.

CREATE OR REPLACE TABLE run.dated_diagnosis AS
WITH diagnosis AS (
    SELECT u.file_no, u.row_number, u.claim_id,
           run.person_of(u.person_id, s.sole_person_id, u.member_id) AS person
    FROM (FROM run.every_undated WHERE $asked_undated) u
    LEFT JOIN run.sole_person s USING (member_id)),
claim AS (
    SELECT c.claim_id, run.person_of(c.person_id, s.sole_person_id, c.member_id) AS person,
           min(c.service_date) AS service_date
    FROM run.claim_of_undated c LEFT JOIN run.sole_person s USING (member_id)
    GROUP BY ALL)
SELECT d.file_no, d.row_number, c.service_date AS diagnosis_date
FROM diagnosis d LEFT JOIN claim c USING (claim_id, person);
