-- run.audited_member   grain: member_id and person_id of a line of an audited drug (as far as SQL can tell: a superset).
-- run.affected_person  grain: person with such a line, of those asked for.
-- run.affected_member  grain: member_id under which rows of such a person may stand, with its hash.
-- run.gathered_member    grain: hash of a member whose rows are gathered: of such a member, and those $gathered_before.
-- run.ungathered_member  grain: hash of one whose rows no night gathered before.
-- inputs: every_medical_claim, every_pharmacy_claim, run.dated_link, run.undated, run.sole_person, run.audited_hcpcs,
-- run.audited_ndc. $asked_for: a condition on `person`. $audited_before: what was found in the files that $looked_at leaves
-- out; $after: of those only what is dated after that day and known on $as_of is looked at.

CREATE OR REPLACE TABLE run.audited_member AS
SELECT member_id, person_id FROM every_medical_claim
WHERE $looked_at AND coalesce(claim_line_start_date, claim_start_date) <= $as_of
  AND (hcpcs_code IN (FROM run.audited_hcpcs) OR ndc_code IN (FROM run.audited_ndc))
UNION
SELECT member_id, person_id FROM every_medical_claim
WHERE coalesce(claim_line_start_date, claim_start_date) > $after AND coalesce(claim_line_start_date, claim_start_date) <= $as_of
  AND (hcpcs_code IN (FROM run.audited_hcpcs) OR ndc_code IN (FROM run.audited_ndc))
UNION
SELECT member_id, person_id FROM every_pharmacy_claim
WHERE $looked_at AND dispensing_date <= $as_of AND ndc_code IN (FROM run.audited_ndc)
UNION
SELECT member_id, person_id FROM every_pharmacy_claim
WHERE dispensing_date > $after AND dispensing_date <= $as_of AND ndc_code IN (FROM run.audited_ndc)
UNION
FROM $audited_before;

CREATE OR REPLACE TABLE run.affected_person AS
SELECT DISTINCT person
FROM (SELECT coalesce(c.person_id, s.sole_person_id, c.member_id) AS person
      FROM run.audited_member c LEFT JOIN run.sole_person s USING (member_id))
WHERE $asked_for;

CREATE OR REPLACE TABLE run.affected_member AS
SELECT member_id, hash(member_id) AS member_hash
FROM (SELECT member_id FROM run.dated_link WHERE person_id IN (FROM run.affected_person)
      UNION
      SELECT member_id FROM run.undated WHERE person_id IN (FROM run.affected_person)
      UNION
      SELECT person FROM run.affected_person);

CREATE OR REPLACE TABLE run.ungathered_member AS
SELECT DISTINCT member_hash FROM run.affected_member WHERE member_hash NOT IN (FROM $gathered_before);

CREATE OR REPLACE TABLE run.gathered_member AS FROM run.ungathered_member UNION ALL FROM $gathered_before;
