-- Who is judged in this run, and under which member ids their rows may be.
--
-- reads: every_medical_claim, every_pharmacy_claim, run.every_link, run.every_undated,
--        run.sole_person, run.person_of, run.audited_hcpcs, run.audited_ndc,
--        run.new_file (in $looked_at), run.affected_person (in $asked_for),
--        run.asked_person (in $asked_for),
--        kept.main.audited_member (in $audited_before), kept.main.cached_member (in $cached_before)
-- makes: run.audited_member, run.judged_person, run.judged_member, run.newly_cached_member,
--        run.cached_member
-- words: $asked_for and $only_prices: conditions on `person`; $looked_at: a condition on rows, the
--        files to read; $audited_before: what earlier runs found in the others; $as_of and
--        $after: of the others only rows dated after that day are read; $cached_before: the
--        members whose rows are cached.

CREATE OR REPLACE TABLE run.audited_member AS
SELECT member_id, person_id FROM every_medical_claim
WHERE $looked_at AND service_date <= $as_of
  AND (hcpcs_code IN (FROM run.audited_hcpcs) OR ndc_code IN (FROM run.audited_ndc))
UNION
SELECT member_id, person_id FROM every_medical_claim
WHERE service_date > $after AND service_date <= $as_of
  AND (hcpcs_code IN (FROM run.audited_hcpcs) OR ndc_code IN (FROM run.audited_ndc))
UNION
SELECT member_id, person_id FROM every_pharmacy_claim
WHERE $looked_at AND service_date <= $as_of AND ndc_code IN (FROM run.audited_ndc)
UNION
SELECT member_id, person_id FROM every_pharmacy_claim
WHERE service_date > $after AND service_date <= $as_of AND ndc_code IN (FROM run.audited_ndc)
UNION
FROM $audited_before;

CREATE OR REPLACE TABLE run.judged_person AS
SELECT person, hash(person) AS bucket, $only_prices AS only_prices
FROM (SELECT DISTINCT run.person_of(a.person_id, s.sole_person_id, a.member_id) AS person
      FROM run.audited_member a LEFT JOIN run.sole_person s USING (member_id))
WHERE $asked_for;

CREATE OR REPLACE TABLE run.judged_member AS
SELECT member_id, hash(member_id) AS member_hash, bucket, only_prices
FROM (SELECT member_id, person_id AS person FROM run.every_link
      WHERE person_id IN (SELECT person FROM run.judged_person)
      UNION
      SELECT member_id, person_id FROM run.every_undated
      WHERE person_id IN (SELECT person FROM run.judged_person)
      UNION
      SELECT person, person FROM run.judged_person)
JOIN run.judged_person USING (person);

CREATE OR REPLACE TABLE run.newly_cached_member AS
SELECT DISTINCT member_hash FROM run.judged_member WHERE member_hash NOT IN (FROM $cached_before);

CREATE OR REPLACE TABLE run.cached_member AS
FROM run.newly_cached_member UNION ALL FROM $cached_before;
