-- Who is who, as far as every row says it for itself; undated diagnoses join in rounds (sql/settle/links.sql).
-- run.payer            grain: payer name as it stands, lower case. payer_id: the policy's payer, else the name itself.
-- run.found_link       grain: member_id and person_id that stand together in a row that is no undated diagnosis, and did in none
--                      of an earlier night; run.dated_link has all that do.
-- run.undated          grain: diagnosis row without a date.
-- run.claim_of_undated grain: claim row known on the as-of date whose claim such a diagnosis names.
-- inputs: every_TABLE, run.payer_name (name, payer_id), run.new_file (files that are looked at), $links_before and
-- $undated_before (what was found in the other files). $after: of those files only what is dated after that day and known
-- now is looked at. Claims after the as-of date are unknown.

CREATE OR REPLACE TABLE run.payer AS
SELECT name, coalesce(n.payer_id, name) AS payer_id
FROM (SELECT DISTINCT lower(payer) AS name FROM every_medical_claim
      UNION SELECT DISTINCT lower(payer) FROM every_pharmacy_claim
      UNION SELECT DISTINCT lower(payer) FROM every_eligibility
      UNION SELECT DISTINCT lower(payer) FROM every_authorization)
LEFT JOIN run.payer_name n USING (name);

CREATE OR REPLACE TABLE run.found_link AS
SELECT member_id, person_id
FROM (SELECT member_id, person_id FROM every_medical_claim
      WHERE file_no IN (FROM run.new_file) AND coalesce(claim_line_start_date, claim_start_date) <= $as_of
      UNION ALL SELECT member_id, person_id FROM every_medical_claim
                WHERE coalesce(claim_line_start_date, claim_start_date) > $after
                  AND coalesce(claim_line_start_date, claim_start_date) <= $as_of
      UNION ALL SELECT member_id, person_id FROM every_pharmacy_claim
                WHERE file_no IN (FROM run.new_file) AND dispensing_date <= $as_of
      UNION ALL SELECT member_id, person_id FROM every_pharmacy_claim
                WHERE dispensing_date > $after AND dispensing_date <= $as_of
      UNION ALL SELECT member_id, person_id FROM every_diagnosis
                WHERE file_no IN (FROM run.new_file) AND diagnosis_date IS NOT NULL
      UNION ALL SELECT member_id, person_id FROM every_eligibility WHERE file_no IN (FROM run.new_file)
      UNION ALL SELECT member_id, person_id FROM every_authorization WHERE file_no IN (FROM run.new_file)
      UNION ALL SELECT member_id, person_id FROM every_clinical_evidence WHERE file_no IN (FROM run.new_file))
WHERE person_id IS NOT NULL
EXCEPT FROM $links_before;

CREATE OR REPLACE VIEW run.dated_link AS FROM run.found_link UNION ALL FROM $links_before;

CREATE OR REPLACE TABLE run.undated AS
SELECT file_no, row_number, claim_id, member_id, person_id
FROM every_diagnosis
WHERE file_no IN (FROM run.new_file) AND diagnosis_date IS NULL
UNION ALL
FROM $undated_before;

CREATE OR REPLACE TABLE run.claim_of_undated AS
SELECT claim_id, member_id, person_id, coalesce(claim_line_start_date, claim_start_date) AS service_date
FROM every_medical_claim
WHERE claim_id IN (SELECT claim_id FROM run.undated) AND coalesce(claim_line_start_date, claim_start_date) <= $as_of
UNION ALL
SELECT claim_id, member_id, person_id, dispensing_date
FROM every_pharmacy_claim
WHERE claim_id IN (SELECT claim_id FROM run.undated) AND dispensing_date <= $as_of;

CREATE OR REPLACE TABLE run.unresolved (file_no INTEGER, row_number BIGINT);
