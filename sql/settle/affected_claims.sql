-- Rows of claims of one claim table whose final action may differ from the remembered run: claims
-- with a new row or a row that is now known, and every claim they are chained to.
--
-- reads: every_$table, run.new_file
-- makes: run.affected_$table
-- words: $table; $as_of; $after: the remembered as-of date; $columns: what final action looks at.

CREATE OR REPLACE TEMP TABLE affected_claim AS
WITH RECURSIVE
chain AS (SELECT DISTINCT claim_id, original_claim_id FROM every_$table
          WHERE original_claim_id <> claim_id),
pair AS (SELECT claim_id AS one, original_claim_id AS other FROM chain
         UNION SELECT original_claim_id, claim_id FROM chain),
reached AS (
    SELECT claim_id FROM every_$table WHERE file_no IN (FROM run.new_file)
    UNION
    SELECT claim_id FROM every_$table WHERE service_date > $after AND service_date <= $as_of
    UNION
    SELECT p.other FROM reached r JOIN pair p ON p.one = r.claim_id)
SELECT claim_id FROM reached;

CREATE OR REPLACE TEMP TABLE affected_place AS
SELECT place FROM every_$table WHERE claim_id IN (FROM affected_claim);

CREATE OR REPLACE TABLE run.affected_$table AS
SELECT $columns FROM every_$table
WHERE place IN (FROM affected_place) AND claim_id IN (FROM affected_claim);
