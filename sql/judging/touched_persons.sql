-- run.touched_person  grain: person whose answers may not be those of the remembered night: with new rows, rows that came to be
--                     known, claims whose final action may have moved, a person key that moved, a decision that was replaced,
--                     or a provider whose specialties moved.
-- inputs: every_TABLE, run.sole_person, run.moved_member, run.new_file, run.TABLE_touched, run.moved_npi.
-- $after: the night before; $as_of: this one.

CREATE OR REPLACE TABLE run.touched_person AS
WITH touched AS (
    SELECT member_id, person_id FROM run.medical_claim_touched
    UNION SELECT member_id, person_id FROM run.pharmacy_claim_touched
    UNION SELECT member_id, person_id FROM every_diagnosis WHERE file_no IN (FROM run.new_file)
    UNION SELECT member_id, person_id FROM every_diagnosis WHERE diagnosis_date > $after AND diagnosis_date <= $as_of
    UNION SELECT member_id, person_id FROM every_clinical_evidence WHERE file_no IN (FROM run.new_file)
    UNION SELECT member_id, person_id FROM every_clinical_evidence WHERE evidence_date > $after AND evidence_date <= $as_of
    UNION SELECT member_id, person_id FROM every_eligibility WHERE file_no IN (FROM run.new_file)
    UNION SELECT member_id, person_id FROM every_authorization
          WHERE authorization_id IN (SELECT authorization_id FROM every_authorization WHERE file_no IN (FROM run.new_file))
    UNION SELECT member_id, person_id FROM every_medical_claim WHERE rendering_npi IN (FROM run.moved_npi)
    UNION SELECT member_id, person_id FROM every_medical_claim WHERE billing_npi IN (FROM run.moved_npi)
    UNION SELECT member_id, person_id FROM every_pharmacy_claim WHERE prescribing_provider_npi IN (FROM run.moved_npi)
    UNION SELECT member_id, person_id FROM every_pharmacy_claim WHERE dispensing_provider_npi IN (FROM run.moved_npi))
SELECT coalesce(t.person_id, s.sole_person_id, t.member_id) AS person FROM touched t LEFT JOIN run.sole_person s USING (member_id)
UNION SELECT unnest([member_id, before, now]) FROM run.moved_member;

DELETE FROM run.touched_person WHERE person IS NULL;
