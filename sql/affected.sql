-- run.affected_person  grain: person with a line of an audited drug (as far as SQL can tell: a superset), of those asked for.
-- run.affected_member  grain: member_id under which rows of such a person may stand, with its hash.
-- inputs: every_medical_claim, every_pharmacy_claim, run.dated_link, run.undated, run.sole_person, run.audited_hcpcs,
-- run.audited_ndc. $asked_for: a condition on `person`.

CREATE OR REPLACE TABLE run.affected_person AS
SELECT DISTINCT person
FROM (SELECT coalesce(c.person_id, s.sole_person_id, c.member_id) AS person
      FROM (SELECT member_id, person_id FROM every_medical_claim
            WHERE coalesce(claim_line_start_date, claim_start_date) <= $as_of
              AND (hcpcs_code IN (FROM run.audited_hcpcs) OR ndc_code IN (FROM run.audited_ndc))
            UNION ALL
            SELECT member_id, person_id FROM every_pharmacy_claim
            WHERE dispensing_date <= $as_of AND ndc_code IN (FROM run.audited_ndc)) c
      LEFT JOIN run.sole_person s USING (member_id))
WHERE $asked_for;

CREATE OR REPLACE TABLE run.affected_member AS
SELECT member_id, hash(member_id) AS member_hash
FROM (SELECT l.member_id FROM (FROM run.dated_link UNION SELECT member_id, person_id FROM run.undated) l
      JOIN run.affected_person a ON a.person = l.person_id
      UNION
      SELECT a.person FROM run.affected_person a);
