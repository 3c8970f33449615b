-- Who is who.
-- run.payer        grain: payer name as it stands, lower case. payer_id: the policy's payer, else the name itself.
-- run.link         grain: member_id and person_id that stand together in a row.
-- run.sole_person  grain: member_id that goes with exactly one person_id: that person everywhere.
-- inputs: every_TABLE, run.payer_name (name, payer_id), run.unresolved (diagnosis rows that are quarantined).
-- Claims after the as-of date are unknown, and quarantined rows link no persons.

CREATE OR REPLACE TABLE run.payer AS
SELECT name, coalesce(n.payer_id, name) AS payer_id
FROM (SELECT DISTINCT lower(payer) AS name FROM every_medical_claim
      UNION SELECT DISTINCT lower(payer) FROM every_pharmacy_claim
      UNION SELECT DISTINCT lower(payer) FROM every_eligibility
      UNION SELECT DISTINCT lower(payer) FROM every_authorization)
LEFT JOIN run.payer_name n USING (name);

CREATE OR REPLACE TABLE run.link AS
SELECT DISTINCT member_id, person_id
FROM (SELECT member_id, person_id FROM every_medical_claim
      WHERE coalesce(claim_line_start_date, claim_start_date) <= $as_of
      UNION ALL SELECT member_id, person_id FROM every_pharmacy_claim WHERE dispensing_date <= $as_of
      UNION ALL SELECT member_id, person_id FROM every_diagnosis d
                WHERE NOT EXISTS (FROM run.unresolved u WHERE u.file_no = d.file_no AND u.row_number = d.row_number)
      UNION ALL SELECT member_id, person_id FROM every_eligibility
      UNION ALL SELECT member_id, person_id FROM every_authorization
      UNION ALL SELECT member_id, person_id FROM every_clinical_evidence)
WHERE person_id IS NOT NULL;

CREATE OR REPLACE TABLE run.sole_person AS
SELECT member_id, min(person_id) AS sole_person_id FROM run.link GROUP BY member_id HAVING count(*) = 1;
