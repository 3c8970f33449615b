-- Persons that go with so many members that they are not persons. In each round of linking.
--
-- reads: run.every_link, run.every_undated, run.unresolved_diagnosis (of the round before)
-- makes: run.crowded_person
-- words: $most_members: how many members one person may have.

CREATE OR REPLACE TABLE run.crowded_person AS
SELECT person_id
FROM (SELECT member_id, person_id FROM run.every_link
      UNION SELECT u.member_id, u.person_id
            FROM run.every_undated u
            ANTI JOIN run.unresolved_diagnosis USING (file_no, row_number))
WHERE person_id IS NOT NULL
GROUP BY person_id HAVING count(*) > $most_members;
