-- Members who are another person than in the remembered run, or no longer anybody else; and members
-- of a person that has become crowded since, or no longer is.
--
-- reads: run.sole_person, run.every_link, run.every_undated, run.crowded_person,
--        kept.main.sole_person, kept.main.crowded_person
-- makes: run.relinked_member

CREATE OR REPLACE TEMP TABLE changed_crowd AS
(FROM run.crowded_person EXCEPT FROM kept.main.crowded_person)
UNION ALL (FROM kept.main.crowded_person EXCEPT FROM run.crowded_person);

CREATE OR REPLACE TABLE run.relinked_member AS
SELECT member_id, b.sole_person_id AS person_before, s.sole_person_id AS person_now
FROM kept.main.sole_person b FULL JOIN run.sole_person s USING (member_id)
WHERE b.sole_person_id IS DISTINCT FROM s.sole_person_id
UNION
SELECT member_id, person_id, person_id
FROM (SELECT member_id, person_id FROM run.every_link
      UNION SELECT member_id, person_id FROM run.every_undated)
SEMI JOIN changed_crowd USING (person_id);
