-- Rows of claims of one claim table whose final action may differ from the remembered run: claims
-- with a new row, a row or paid date that is now known, or a row whose person has changed since;
-- every claim they are chained to, and what a reversal under a claim id of its own may take back.
--
-- reads: every_$table, run.new_file, run.sole_person, run.relinked_member, run.person_of,
--        $lone_before
-- makes: run.affected_$table
-- words: $table; $as_of; $after: the remembered as-of date; $columns: what final action looks at;
--        $product, $plain_fate: expressions over a row; $lone_before: the reversals of that kind
--        that the remembered run found.

CREATE OR REPLACE TEMP TABLE relinked_person AS
SELECT DISTINCT unnest([member_id, person_before, person_now]) AS person FROM run.relinked_member;

CREATE OR REPLACE TEMP TABLE relinked AS
SELECT member_id FROM run.relinked_member
UNION SELECT member_id FROM run.sole_person WHERE sole_person_id IN (FROM relinked_person);

CREATE OR REPLACE TEMP TABLE claim_pair AS
WITH chain AS (SELECT DISTINCT claim_id, original_claim_id FROM every_$table
               WHERE original_claim_id IS NOT NULL AND original_claim_id <> claim_id)
SELECT claim_id AS one, original_claim_id AS other FROM chain
UNION SELECT original_claim_id, claim_id FROM chain;

CREATE OR REPLACE TEMP TABLE newly_known_place AS
SELECT place FROM every_$table WHERE service_date > $after AND service_date <= $as_of
UNION SELECT place FROM every_$table WHERE paid_date > $after AND paid_date <= $as_of;

CREATE OR REPLACE TEMP TABLE chained_claim AS
WITH RECURSIVE reached AS (
    SELECT claim_id FROM every_$table WHERE file_no IN (FROM run.new_file)
    UNION
    SELECT claim_id FROM every_$table
    WHERE place IN (FROM newly_known_place)
      AND (service_date > $after AND service_date <= $as_of
           OR paid_date > $after AND paid_date <= $as_of)
    UNION
    SELECT claim_id FROM every_$table WHERE member_id IN (FROM relinked)
    UNION
    SELECT claim_id FROM every_$table WHERE person_id IN (FROM relinked_person)
    UNION
    SELECT p.other FROM reached r JOIN claim_pair p ON p.one = r.claim_id)
SELECT claim_id FROM reached;

CREATE OR REPLACE TEMP TABLE chained_place AS
SELECT place FROM every_$table WHERE claim_id IN (FROM chained_claim);

CREATE OR REPLACE TEMP TABLE chained_row AS
SELECT $columns FROM every_$table
WHERE place IN (FROM chained_place) AND claim_id IN (FROM chained_claim);

-- Reversals that name no claim and are all there is of theirs, now or in the remembered run.
CREATE OR REPLACE TEMP TABLE lone_reversal AS
SELECT any_value(claim_id) AS claim_id, person, any_value(service_date) AS service_date,
       any_value(product) AS product, abs(any_value(paid_amount)) AS amount
FROM (SELECT t.claim_id, t.payer,
             run.person_of(t.person_id, s.sole_person_id, t.member_id) AS person,
             t.service_date, $product AS product, t.paid_amount,
             original_claim_id IS NULL AND (claim_status = 'reversed' OR paid_amount < 0)
                 AS is_reversal
      FROM chained_row t LEFT JOIN run.sole_person s ON s.member_id = t.member_id
      WHERE $plain_fate = 'history')
GROUP BY claim_id, person, payer
HAVING bool_and(coalesce(is_reversal, false))
UNION
SELECT claim_id, person, service_date, product, amount FROM $lone_before;

CREATE OR REPLACE TEMP TABLE asked_row AS
SELECT t.file_no, t.row_number, t.place, r.claim_id AS reversal, r.person
FROM lone_reversal r
JOIN (SELECT t.*, $product AS product FROM every_$table t) t
  ON t.service_date = r.service_date AND t.product = r.product AND t.paid_amount = r.amount;

CREATE OR REPLACE TEMP TABLE content_pair AS
SELECT a.reversal AS one, t.claim_id AS other
FROM (SELECT * FROM every_$table WHERE place IN (SELECT place FROM asked_row)) t
JOIN asked_row a USING (file_no, row_number)
LEFT JOIN run.sole_person s ON s.member_id = t.member_id
WHERE run.person_of(t.person_id, s.sole_person_id, t.member_id) = a.person;

-- Claims that a reversal's content adds to the chained ones: few or none.
CREATE OR REPLACE TEMP TABLE added_claim AS
WITH RECURSIVE
pair AS (FROM claim_pair UNION FROM content_pair UNION SELECT other, one FROM content_pair),
reached AS (
    SELECT claim_id FROM chained_claim
    UNION
    SELECT p.other FROM reached r JOIN pair p ON p.one = r.claim_id)
SELECT claim_id FROM reached WHERE claim_id NOT IN (FROM chained_claim);

CREATE OR REPLACE TEMP TABLE added_place AS
SELECT place FROM every_$table WHERE claim_id IN (FROM added_claim);

CREATE OR REPLACE TABLE run.affected_$table AS
FROM chained_row
UNION ALL
SELECT $columns FROM every_$table
WHERE place IN (FROM added_place) AND claim_id IN (FROM added_claim);
