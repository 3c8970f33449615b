-- Members who are another person than in the remembered run, or no longer anybody else.
--
-- reads: run.sole_person, kept.main.sole_person
-- makes: run.relinked_member

CREATE OR REPLACE TABLE run.relinked_member AS
SELECT member_id, b.sole_person_id AS person_before, s.sole_person_id AS person_now
FROM kept.main.sole_person b FULL JOIN run.sole_person s USING (member_id)
WHERE b.sole_person_id IS DISTINCT FROM s.sole_person_id;
