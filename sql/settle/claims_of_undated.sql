-- Claim rows that undated diagnoses name, known on the as-of date.
--
-- reads: every_medical_claim, every_pharmacy_claim, run.every_undated,
--        run.every_link (in $asked_rows), run.asked_person (in $asked_rows)
-- makes: run.claim_of_undated
-- words: $as_of; $asked_undated and $asked_rows: conditions on diagnoses and on claim rows, whose
--        they are.

CREATE OR REPLACE TABLE run.claim_of_undated AS
SELECT claim_id, member_id, person_id, service_date
FROM every_medical_claim
WHERE $asked_rows AND service_date <= $as_of
  AND claim_id IN (SELECT claim_id FROM run.every_undated WHERE $asked_undated)
UNION ALL
SELECT claim_id, member_id, person_id, service_date
FROM every_pharmacy_claim
WHERE $asked_rows AND service_date <= $as_of
  AND claim_id IN (SELECT claim_id FROM run.every_undated WHERE $asked_undated);
