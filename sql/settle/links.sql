-- One round of linking. Who is who decides what dates an undated diagnosis, and a diagnosis that no
-- claim dates links nobody: so the rounds go on until no link changes.
--
-- reads: run.every_link, run.every_undated, run.claim_of_undated, run.person_of,
--        run.crowded_person, run.unresolved_diagnosis (of the round before)
-- makes: run.sole_person, run.dated_diagnosis, run.unresolved_diagnosis, run.changed_link

CREATE OR REPLACE TEMP TABLE unresolved_before AS FROM run.unresolved_diagnosis;

CREATE OR REPLACE TABLE run.sole_person AS
SELECT member_id, min(person_id) AS sole_person_id
FROM (FROM run.every_link
      UNION SELECT u.member_id, u.person_id
            FROM run.every_undated u ANTI JOIN unresolved_before USING (file_no, row_number)
            WHERE u.person_id IS NOT NULL)
WHERE person_id NOT IN (FROM run.crowded_person)
GROUP BY member_id HAVING count(*) = 1;

CREATE OR REPLACE TABLE run.dated_diagnosis AS
WITH diagnosis AS (
    SELECT u.file_no, u.row_number, u.claim_id,
           run.person_of(u.person_id, s.sole_person_id, u.member_id) AS person
    FROM run.every_undated u LEFT JOIN run.sole_person s USING (member_id)),
claim AS (
    SELECT c.claim_id, run.person_of(c.person_id, s.sole_person_id, c.member_id) AS person,
           min(c.service_date) AS service_date
    FROM run.claim_of_undated c LEFT JOIN run.sole_person s USING (member_id)
    GROUP BY ALL)
SELECT d.file_no, d.row_number, c.service_date AS diagnosis_date
FROM diagnosis d LEFT JOIN claim c USING (claim_id, person);

CREATE OR REPLACE TABLE run.unresolved_diagnosis AS
SELECT file_no, row_number FROM run.dated_diagnosis WHERE diagnosis_date IS NULL;

CREATE OR REPLACE TABLE run.changed_link AS
SELECT file_no, row_number
FROM (FROM run.unresolved_diagnosis EXCEPT FROM unresolved_before
      UNION ALL (FROM unresolved_before EXCEPT FROM run.unresolved_diagnosis))
JOIN run.every_undated USING (file_no, row_number)
ANTI JOIN run.every_link USING (member_id, person_id)
WHERE person_id IS NOT NULL;
