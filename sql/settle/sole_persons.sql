-- One round of linking: who is the person of a member. That decides what dates an undated
-- diagnosis (dated_diagnoses.sql), and a diagnosis that no claim dates links nobody: so the rounds
-- go on until no link changes (changed_links.sql).
--
-- reads: run.every_link, run.every_undated, run.crowded_person,
--        run.unresolved_diagnosis (of the round before)
-- makes: run.sole_person

CREATE OR REPLACE TABLE run.sole_person AS
SELECT member_id, min(person_id) AS sole_person_id
FROM (FROM run.every_link
      UNION SELECT u.member_id, u.person_id
            FROM run.every_undated u
            ANTI JOIN run.unresolved_diagnosis USING (file_no, row_number)
            WHERE u.person_id IS NOT NULL)
WHERE person_id NOT IN (FROM run.crowded_person)
GROUP BY member_id HAVING count(*) = 1;
