-- Who is who, as far as each row says so itself. Undated diagnoses join later, in rounds
-- (sole_persons.sql). Claims after the as-of date are unknown.
--
-- reads: every_medical_claim, every_pharmacy_claim, every_diagnosis, every_eligibility,
--        every_authorization, every_clinical_evidence, run.new_file,
--        kept.main.stated_link (in $links_before), kept.main.undated_diagnosis (in $undated_before)
-- makes: run.stated_link, run.every_link, run.undated_diagnosis, run.every_undated,
--        run.unresolved_diagnosis
-- words: $as_of; $links_before and $undated_before: what earlier runs found in the files that are
--        not new; $is_new: a condition, that they did not find that link; $after: of those files
--        only rows dated after that day are read.

-- A medical claim has its date from two columns: unless found by its place, the engine reads of
-- every row who it is about.
CREATE OR REPLACE TEMP TABLE newly_known_place AS
SELECT place FROM every_medical_claim WHERE service_date > $after AND service_date <= $as_of;

CREATE OR REPLACE TABLE run.stated_link AS
SELECT DISTINCT member_id, person_id
FROM (SELECT member_id, person_id FROM every_medical_claim
      WHERE file_no IN (FROM run.new_file) AND service_date <= $as_of
      UNION ALL SELECT member_id, person_id FROM every_medical_claim
                WHERE place IN (FROM newly_known_place)
                  AND service_date > $after AND service_date <= $as_of
      UNION ALL SELECT member_id, person_id FROM every_pharmacy_claim
                WHERE file_no IN (FROM run.new_file) AND service_date <= $as_of
      UNION ALL SELECT member_id, person_id FROM every_pharmacy_claim
                WHERE service_date > $after AND service_date <= $as_of
      UNION ALL SELECT member_id, person_id FROM every_diagnosis
                WHERE file_no IN (FROM run.new_file) AND diagnosis_date IS NOT NULL
      UNION ALL SELECT member_id, person_id FROM every_eligibility
                WHERE file_no IN (FROM run.new_file)
      UNION ALL SELECT member_id, person_id FROM every_authorization
                WHERE file_no IN (FROM run.new_file)
      UNION ALL SELECT member_id, person_id FROM every_clinical_evidence
                WHERE file_no IN (FROM run.new_file)) link
WHERE person_id IS NOT NULL AND $is_new;

CREATE OR REPLACE VIEW run.every_link AS FROM run.stated_link UNION ALL FROM $links_before;

CREATE OR REPLACE TABLE run.undated_diagnosis AS
SELECT file_no, row_number, claim_id, member_id, person_id
FROM every_diagnosis
WHERE file_no IN (FROM run.new_file) AND diagnosis_date IS NULL;

CREATE OR REPLACE VIEW run.every_undated AS
FROM run.undated_diagnosis UNION ALL FROM $undated_before;

-- Before the first round no diagnosis is known to be without its claim.
CREATE OR REPLACE TABLE run.unresolved_diagnosis (file_no INTEGER, row_number BIGINT);
