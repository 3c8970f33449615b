-- run.moved_member  grain: member_id that is another person, or nobody else any longer, since the remembered night.
-- inputs: kept.main.sole_person, run.sole_person.

CREATE OR REPLACE TABLE run.moved_member AS
SELECT member_id, b.sole_person_id AS before, s.sole_person_id AS now
FROM kept.main.sole_person b FULL JOIN run.sole_person s USING (member_id)
WHERE b.sole_person_id IS DISTINCT FROM s.sole_person_id;
