-- Persons whose answers may differ from those of the remembered run: with new rows, rows that are
-- now known, claims whose final action may differ, another person key, a decision that was
-- replaced, or a provider with a new specialty. If this as-of date was run before, also persons
-- with an exception that was resolved or rebilled then: the ledger says so again, and looks at
-- their claims to say why.
--
-- reads: every_medical_claim, every_pharmacy_claim, every_diagnosis, every_clinical_evidence,
--        every_eligibility, every_authorization, every_ledger_event, run.new_file,
--        run.affected_medical_claim, run.affected_pharmacy_claim, run.every_link, run.sole_person,
--        run.relinked_member, run.changed_provider, run.person_of
-- makes: run.affected_person
-- words: $as_of; $after: the remembered as-of date.

CREATE OR REPLACE TABLE run.affected_person AS
WITH in_ledger AS (
    SELECT member_id FROM every_ledger_event
    WHERE night = $as_of AND (status = 'resolved' OR continues IS NOT NULL)),
affected AS (
    SELECT member_id, person_id FROM run.affected_medical_claim
    UNION SELECT member_id, person_id FROM run.affected_pharmacy_claim
    UNION SELECT member_id, person_id FROM every_diagnosis WHERE file_no IN (FROM run.new_file)
    UNION SELECT member_id, person_id FROM every_diagnosis
          WHERE diagnosis_date > $after AND diagnosis_date <= $as_of
    UNION SELECT member_id, person_id FROM every_clinical_evidence
          WHERE file_no IN (FROM run.new_file)
    UNION SELECT member_id, person_id FROM every_clinical_evidence
          WHERE evidence_date > $after AND evidence_date <= $as_of
    UNION SELECT member_id, person_id FROM every_eligibility WHERE file_no IN (FROM run.new_file)
    UNION SELECT member_id, person_id FROM every_eligibility
          WHERE birth_date > $after AND birth_date <= $as_of
    UNION SELECT member_id, person_id FROM every_authorization
          WHERE authorization_id IN (SELECT authorization_id FROM every_authorization
                                     WHERE file_no IN (FROM run.new_file))
    UNION SELECT member_id, NULL FROM in_ledger
    UNION SELECT member_id, person_id FROM run.every_link WHERE member_id IN (FROM in_ledger)
    UNION SELECT member_id, person_id FROM every_medical_claim
          WHERE rendering_npi IN (FROM run.changed_provider)
    UNION SELECT member_id, person_id FROM every_medical_claim
          WHERE billing_npi IN (FROM run.changed_provider)
    UNION SELECT member_id, person_id FROM every_pharmacy_claim
          WHERE prescribing_provider_npi IN (FROM run.changed_provider)
    UNION SELECT member_id, person_id FROM every_pharmacy_claim
          WHERE dispensing_provider_npi IN (FROM run.changed_provider))
SELECT person, false AS only_prices
FROM (SELECT run.person_of(a.person_id, s.sole_person_id, a.member_id) AS person
      FROM affected a LEFT JOIN run.sole_person s USING (member_id)
      UNION SELECT unnest([member_id, person_before, person_now]) FROM run.relinked_member);

DELETE FROM run.affected_person WHERE person IS NULL;
