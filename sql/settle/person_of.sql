-- The one place that says who the person of a row is.
--
-- makes: run.person_of
-- words: $own: an expression over person_id, null if that links nobody.

-- sole_person_id: that of run.sole_person.
CREATE OR REPLACE MACRO run.person_of(person_id, sole_person_id, member_id) AS
    coalesce($own, sole_person_id, member_id);
